/*
 * engine/model/value_text.c
 *
 * Values to canonical text and back.
 *
 * Process: runner, client, loader.  Works on the caller's values and contexts
 * only; nothing is shared and nothing is left behind by a crash.
 */
#include "engine/model/value.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/model/value_datetime.h"
#include "engine/model/value_datetime_text.h"
#include "engine/model/value_decimal.h"
#include "engine/model/value_decimal_text.h"

#define EXCERPT_LENGTH 60

/* ---- writing ------------------------------------------------------------ */

/* The shortest text that reads back as the same number of the same width. */
static char *
real_text(TALLOC_CTX *context, SoDataType type, double real)
{
	char text[40];
	int digits = type == SO_TYPE_R4 ? 6 : 15;

	for (;; digits++)
	{
		snprintf(text, sizeof(text), "%.*g", digits, real);
		if (digits >= 17 ||
			(type == SO_TYPE_R4 ? (double) strtof(text, NULL) : strtod(text, NULL)) == real)
			break;
	}
	return talloc_strdup(context, text);
}

static char *
guid_text(TALLOC_CTX *context, const uint8_t *guid)
{
	return talloc_asprintf(
		context, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", guid[0],
		guid[1], guid[2], guid[3], guid[4], guid[5], guid[6], guid[7], guid[8], guid[9], guid[10],
		guid[11], guid[12], guid[13], guid[14], guid[15]);
}

static char *
bytes_text(TALLOC_CTX *context, const char *bytes, size_t length)
{
	static const char hex[] = "0123456789abcdef";
	char *text = talloc_size(context, length * 2 + 3);
	char *out = text;

	if (text == NULL)
		return NULL;
	*out++ = '\\';
	*out++ = 'x';
	for (size_t i = 0; i < length; i++)
	{
		*out++ = hex[((unsigned char) bytes[i]) >> 4];
		*out++ = hex[((unsigned char) bytes[i]) & 15];
	}
	*out = '\0';
	return text;
}

static char *
object_text(TALLOC_CTX *context, const json_t *object)
{
	char *dumped = json_dumps(object, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
	char *text = talloc_strdup(context, dumped != NULL ? dumped : "");

	free(dumped);
	return text;
}

char *
so_value_to_text(TALLOC_CTX *context, const SoValue *value)
{
	char buffer[SO_DATETIME_TEXT_SIZE];

	if (value->is_null)
		return talloc_strdup(context, "");
	switch (value->type)
	{
		case SO_TYPE_BOOL:
			return talloc_strdup(context, value->as.boolean ? "true" : "false");
		case SO_TYPE_R4:
		case SO_TYPE_R8:
			return real_text(context, value->type, value->as.real);
		case SO_TYPE_GUID:
			return guid_text(context, value->as.guid);
		case SO_TYPE_OBJECT:
			return object_text(context, value->as.object);
		case SO_TYPE_BYTES:
		case SO_TYPE_IMAGE:
			return bytes_text(context, value->as.text.bytes, value->as.text.length);
		case SO_TYPE_NONE:
		case SO_TYPE_COUNT:
			return talloc_strdup(context, "");
		default:
			break;
	}
	if (so_data_type_is_signed(value->type))
		return talloc_asprintf(context, "%lld", (long long) value->as.integer);
	if (so_data_type_is_unsigned(value->type))
		return talloc_asprintf(context, "%llu", (unsigned long long) value->as.unsigned_integer);
	if (so_data_type_is_decimal(value->type))
		return talloc_strdup(context, so_decimal_format(&value->as.decimal, buffer));
	if (so_datetime_is_type(value->type))
		return talloc_strdup(
			context, so_datetime_format(value->type, &value->as.datetime, value->scale, buffer));
	return talloc_memdup(context, value->as.text.bytes, value->as.text.length + 1);
}

/* ---- reading ------------------------------------------------------------ */

/* What a text of the type looks like, for messages. */
static const char *
expected_form(SoDataType type)
{
	if (so_datetime_is_type(type))
		return so_datetime_form(type);
	if (type == SO_TYPE_BOOL)
		return "true or false";
	if (type == SO_TYPE_GUID)
		return "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx with hexadecimal digits";
	if (so_data_type_is_binary(type))
		return "\\x followed by pairs of hexadecimal digits";
	if (type == SO_TYPE_OBJECT)
		return "JSON";
	if (so_data_type_is_integer(type))
		return "a whole number";
	return "a number";
}

static bool
malformed(SoDataType type, const char *text, SoError *error)
{
	bool cut = strlen(text) > EXCERPT_LENGTH;

	so_error_set(error, SO_ERR_VALUE_MALFORMED, NULL,
				 "\"%.*s%s\" is not a value of type %s; expected %s", EXCERPT_LENGTH, text,
				 cut ? "..." : "", so_data_type_name(type), expected_form(type));
	return false;
}

static bool
too_large(SoDataType type, const char *text, SoError *error)
{
	return so_error_set(error, SO_ERR_VALUE_OUT_OF_RANGE, NULL, "%.*s does not fit into %s",
						EXCERPT_LENGTH, text, so_data_type_name(type));
}

static bool
boolean_from_text(const char *text, size_t length, SoValue *value)
{
	static const char *const words[][2] = {
		{"false", "true"}, {"f", "t"}, {"no", "yes"}, {"off", "on"}, {"0", "1"}, {"0", "-1"},
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		for (int truth = 0; truth < 2; truth++)
		{
			if (strlen(words[i][truth]) == length &&
				strncasecmp(words[i][truth], text, length) == 0)
			{
				*value = so_value_boolean(truth == 1);
				return true;
			}
		}
	}
	return false;
}

static bool
integer_from_text(SoDataType type, const char *text, size_t length, SoValue *value, SoError *error)
{
	size_t digits = 0;
	size_t start = length > 0 && (text[0] == '+' || text[0] == '-') ? 1 : 0;
	SoDecimal decimal;
	SoValue parsed;

	while (start + digits < length && text[start + digits] >= '0' && text[start + digits] <= '9')
		digits++;
	if (digits == 0 || start + digits != length)
		return malformed(type, text, error);
	if (so_decimal_parse(text, length, &decimal) != 1 ||
		!so_value_decimal(SO_TYPE_NUMERIC, &decimal, &parsed))
		return too_large(type, text, error);
	return so_value_convert(NULL, &parsed, type, value, error);
}

static bool
number_from_text(SoDataType type, const char *text, size_t length, SoValue *value, SoError *error)
{
	SoDecimal decimal;
	int status;

	if (so_data_type_is_integer(type))
		return integer_from_text(type, text, length, value, error);
	status = so_decimal_parse(text, length, &decimal);
	if (status == 0)
		return malformed(type, text, error);
	if (so_data_type_is_real(type))
	{
		/* Not from the decimal: that one cannot hold 1e300. The text has the form of a number. */
		double real = strtod(text, NULL);

		if (!isfinite(real) || (type == SO_TYPE_R4 && !isfinite((float) real)))
			return too_large(type, text, error);
		*value = so_value_real(type, real);
		return true;
	}
	if (status < 0 || !so_value_decimal(type, &decimal, value))
		return too_large(type, text, error);
	return true;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
guid_from_text(const char *text, size_t length, SoValue *value)
{
	int count = 0;

	if (length == 38 && text[0] == '{' && text[37] == '}')
	{
		text++;
		length -= 2;
	}
	if (length != 36)
		return false;
	*value = so_value_null(SO_TYPE_GUID);
	value->is_null = false;
	for (size_t i = 0; i < length; i++)
	{
		if (i == 8 || i == 13 || i == 18 || i == 23)
		{
			if (text[i] != '-')
				return false;
			continue;
		}
		if (hex_digit(text[i]) < 0)
			return false;
		value->as.guid[count / 2] = (uint8_t) (value->as.guid[count / 2] << 4 | hex_digit(text[i]));
		count++;
	}
	return true;
}

/* "\x0aff" or "0x0aff". */
static bool
binary_from_text(TALLOC_CTX *context, SoDataType type, const char *text, size_t length,
				 SoValue *value)
{
	size_t count;

	if (length < 2 || (text[0] != '\\' && text[0] != '0') || (text[1] != 'x' && text[1] != 'X') ||
		length % 2 != 0)
		return false;
	count = length / 2 - 1;
	for (size_t i = 2; i < length; i++)
	{
		if (hex_digit(text[i]) < 0)
			return false;
	}
	/* The text is at least as long as the bytes: copy it, then write the bytes over it. */
	*value = so_value_bytes(context, type, text, count);
	if (value->is_null)
		return false;
	for (size_t i = 0; i < count; i++)
		value->as.text.bytes[i] =
			(char) (hex_digit(text[2 + i * 2]) << 4 | hex_digit(text[3 + i * 2]));
	return true;
}

static bool
object_from_text(TALLOC_CTX *context, const char *text, SoValue *value, SoError *error)
{
	json_error_t json_error;
	json_t *object = json_loads(text, JSON_DECODE_ANY, &json_error);

	if (object == NULL)
	{
		malformed(SO_TYPE_OBJECT, text, error);
		return so_error_detail(error, "The JSON is wrong at line %d, column %d: %s.",
							   json_error.line, json_error.column, json_error.text);
	}
	*value = so_value_object(context, object);
	json_decref(object);
	return true;
}

bool
so_value_from_text(TALLOC_CTX *context, SoDataType type, const char *text, SoValue *value,
				   SoError *error)
{
	const char *start = text;
	size_t length;
	SoDateTime datetime;

	if (so_data_type_is_character(type))
	{
		*value = so_value_bytes(context, type, text, strlen(text));
		return true;
	}
	if (type == SO_TYPE_OBJECT)
		return object_from_text(context, text, value, error);
	while (*start == ' ' || *start == '\t' || *start == '\n' || *start == '\r')
		start++;
	length = strlen(start);
	while (length > 0 && strchr(" \t\n\r", start[length - 1]) != NULL)
		length--;
	if (so_data_type_is_number(type))
		return number_from_text(type, start, length, value, error);
	if (so_datetime_is_type(type) && so_datetime_parse(type, start, &datetime))
	{
		*value = so_value_datetime(type, &datetime, 7);
		return true;
	}
	if ((type == SO_TYPE_BOOL && boolean_from_text(start, length, value)) ||
		(type == SO_TYPE_GUID && guid_from_text(start, length, value)) ||
		(so_data_type_is_binary(type) && binary_from_text(context, type, start, length, value)))
		return true;
	return malformed(type, text, error);
}
