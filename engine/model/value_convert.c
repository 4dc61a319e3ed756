/*
 * engine/model/value_convert.c
 *
 * Conversions between types by the cast rules of the expression language.
 * Source: SSIS "Cast (SSIS Expression)" and "Integration Services Data Types";
 * the matrix of legal casts is published as an image only, so the one here is
 * ours and stands in docs/expressions.md.
 *
 * Process: runner, client, loader.  Works on the caller's values and contexts
 * only; nothing is shared and nothing is left behind by a crash.
 */
#include "engine/model/value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/model/value_datetime.h"
#include "engine/model/value_datetime_text.h"
#include "engine/model/value_decimal.h"
#include "engine/model/value_decimal_text.h"

/* What the steps below need to know. */
typedef struct Conversion
{
	TALLOC_CTX *context;
	const SoValue *value;
	const SoTypeSpecification *specification;
	SoValue *result;
	SoError *error;
} Conversion;

SoTypeSpecification
so_type_specification(SoDataType type)
{
	SoTypeSpecification specification;

	memset(&specification, 0, sizeof(specification));
	specification.type = type;
	specification.length = -1;
	specification.precision = -1;
	specification.scale = -1;
	return specification;
}

static bool
out_of_range(const Conversion *conversion)
{
	char *text = so_value_to_text(NULL, conversion->value);
	const SoTypeSpecification *to = conversion->specification;

	if (to->type == SO_TYPE_NUMERIC && to->precision >= 0)
		so_error_set(
			conversion->error, SO_ERR_VALUE_OUT_OF_RANGE, NULL,
			"%.60s does not fit into DT_NUMERIC with %d digits, %d of them after the point",
			text != NULL ? text : "", to->precision, to->scale);
	else
		so_error_set(conversion->error, SO_ERR_VALUE_OUT_OF_RANGE, NULL,
					 "%.60s does not fit into %s", text != NULL ? text : "",
					 so_data_type_name(to->type));
	talloc_free(text);
	return false;
}

static bool
no_conversion(const Conversion *conversion)
{
	return so_error_set(conversion->error, SO_ERR_VALUE_NOT_CONVERTIBLE, NULL,
						"a value of type %s cannot be converted to %s",
						so_data_type_name(conversion->value->type),
						so_data_type_name(conversion->specification->type));
}

bool
so_value_can_convert(SoDataType from, SoDataType to)
{
	bool from_text = so_data_type_is_character(from);
	bool to_text = so_data_type_is_character(to);

	if (from == SO_TYPE_NONE || to == SO_TYPE_NONE)
		return false;
	if (from == to || to == SO_TYPE_OBJECT || from == SO_TYPE_OBJECT)
		return true;
	if (from_text || to_text)
		return true;
	if (so_data_type_is_number(from) || from == SO_TYPE_BOOL)
		return so_data_type_is_number(to) || to == SO_TYPE_BOOL ||
			   (to == SO_TYPE_DATE && from != SO_TYPE_BOOL);
	if (so_datetime_is_type(from))
		return so_datetime_is_type(to) || (from == SO_TYPE_DATE && so_data_type_is_number(to));
	if (so_data_type_is_binary(from))
		return so_data_type_is_binary(to) || to == SO_TYPE_GUID;
	return from == SO_TYPE_GUID && so_data_type_is_binary(to);
}

/* ---- numbers ------------------------------------------------------------ */

/* Any number or Boolean as an exact decimal; false when a real is too large. */
static bool
number_to_decimal(const SoValue *value, SoDecimal *decimal)
{
	if (so_data_type_is_signed(value->type))
		*decimal = so_decimal_from_integer(value->as.integer);
	else if (so_data_type_is_unsigned(value->type))
		*decimal = so_decimal_from_unsigned(value->as.unsigned_integer);
	else if (so_data_type_is_decimal(value->type))
		*decimal = value->as.decimal;
	else if (value->type == SO_TYPE_BOOL)
		*decimal = so_decimal_from_integer(value->as.boolean ? -1 : 0);
	else
		return so_decimal_from_real(value->as.real, decimal);
	return true;
}

static bool
number_to_integer(const Conversion *conversion)
{
	const SoValue *value = conversion->value;
	SoDataType type = conversion->specification->type;
	int bits = so_data_type_integer_size(type) * 8;
	int64_t integer;
	uint64_t unsigned_integer;
	SoDecimal decimal;

	if (!number_to_decimal(value, &decimal))
		return out_of_range(conversion);
	if (so_data_type_is_signed(type))
	{
		if (!so_decimal_to_integer(&decimal, &integer))
			return out_of_range(conversion);
		if (bits < 64 &&
			(integer < -(INT64_C(1) << (bits - 1)) || integer >= INT64_C(1) << (bits - 1)))
			return out_of_range(conversion);
		*conversion->result = so_value_integer(type, integer);
		return true;
	}
	if (!so_decimal_to_unsigned(&decimal, &unsigned_integer))
		return out_of_range(conversion);
	if (bits < 64 && unsigned_integer >= UINT64_C(1) << bits)
		return out_of_range(conversion);
	*conversion->result = so_value_unsigned(type, unsigned_integer);
	return true;
}

static bool
number_to_real(const Conversion *conversion)
{
	const SoValue *value = conversion->value;
	SoDataType type = conversion->specification->type;
	double real;

	if (so_data_type_is_signed(value->type))
		real = (double) value->as.integer;
	else if (so_data_type_is_unsigned(value->type))
		real = (double) value->as.unsigned_integer;
	else if (so_data_type_is_decimal(value->type))
		real = so_decimal_to_real(&value->as.decimal);
	else if (value->type == SO_TYPE_BOOL)
		real = value->as.boolean ? -1 : 0;
	else
		real = value->as.real;
	if (type == SO_TYPE_R4 && !isfinite((float) real))
		return out_of_range(conversion);
	*conversion->result = so_value_real(type, real);
	return true;
}

/* Fit a decimal into CY, DECIMAL or NUMERIC with the parameters of the cast. */
static bool
fit_decimal(const Conversion *conversion, SoDecimal decimal)
{
	const SoTypeSpecification *to = conversion->specification;
	int precision = to->precision >= 0 ? to->precision : SO_DECIMAL_DIGITS;

	if (to->type != SO_TYPE_CY && to->scale >= 0 &&
		!so_decimal_rescale(&decimal, to->scale, SO_DECIMAL_TRUNCATE))
		return out_of_range(conversion);
	if (!so_value_decimal(to->type, &decimal, conversion->result))
		return out_of_range(conversion);
	if (to->type == SO_TYPE_NUMERIC)
	{
		if (decimal.digits >= so_decimal_power(precision))
			return out_of_range(conversion);
		conversion->result->precision = (uint8_t) precision;
	}
	/* DECIMAL gives up fractional digits silently, but not those that were asked for. */
	if (to->type == SO_TYPE_DECIMAL && to->scale >= 0 && conversion->result->scale != to->scale)
		return out_of_range(conversion);
	return true;
}

static bool
convert_number(const Conversion *conversion)
{
	const SoValue *value = conversion->value;
	SoDataType type = conversion->specification->type;
	SoDecimal decimal;
	SoDateTime datetime;
	SoValue real;

	if (so_data_type_is_integer(type))
		return number_to_integer(conversion);
	if (so_data_type_is_real(type))
		return number_to_real(conversion);
	if (!number_to_decimal(value, &decimal))
	{
		if (type != SO_TYPE_BOOL)
			return out_of_range(conversion);
		decimal = so_decimal_from_integer(1);
	}
	if (type == SO_TYPE_BOOL)
	{
		/* A real may be smaller than any decimal and still not be zero. */
		*conversion->result = so_value_boolean(
			so_data_type_is_real(value->type) ? value->as.real != 0 : decimal.digits != 0);
		return true;
	}
	if (so_data_type_is_decimal(type))
		return fit_decimal(conversion, decimal);
	/* What is left is DATE. */
	if (!so_value_convert(conversion->context, value, SO_TYPE_R8, &real, conversion->error))
		return false;
	if (!so_datetime_from_ole(real.as.real, &datetime))
		return out_of_range(conversion);
	*conversion->result = so_value_datetime(type, &datetime, 7);
	return true;
}

/* ---- dates -------------------------------------------------------------- */

static int64_t
clock_microseconds(const SoTypeSpecification *specification)
{
	struct timespec now;

	if (specification->has_clock)
		return specification->now_microseconds;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static bool
convert_date(const Conversion *conversion)
{
	const SoValue *value = conversion->value;
	const SoTypeSpecification *to = conversion->specification;
	SoDateTime datetime = value->as.datetime;
	int scale = to->scale >= 0 ? to->scale : so_datetime_max_scale(to->type);
	SoValue number;

	if (!so_datetime_is_type(to->type))
	{
		SoTypeSpecification plain = *to;

		number = so_value_real(SO_TYPE_R8, so_datetime_to_ole(&datetime));
		return so_value_convert_to(conversion->context, &number, &plain, conversion->result,
								   conversion->error);
	}
	if (!so_datetime_adapt(&datetime, value->type, to->type, scale,
						   so_datetime_has_date(value->type) ? 0 : clock_microseconds(to)))
		return out_of_range(conversion);
	*conversion->result = so_value_datetime(to->type, &datetime, scale);
	return true;
}

/* ---- texts and bytes ---------------------------------------------------- */

/* Bytes of the first count characters. */
static size_t
characters_length(const char *text, size_t length, int count)
{
	size_t at = 0;

	if (count < 0)
		return length;
	while (at < length && count > 0)
	{
		at++;
		while (at < length && ((unsigned char) text[at] & 0xC0) == 0x80)
			at++;
		count--;
	}
	return at;
}

/* Texts of casts differ from canonical ones where SSIS has a form of its own. */
static char *
cast_text(TALLOC_CTX *context, const SoValue *value)
{
	char *text;

	if (value->type == SO_TYPE_BOOL)
		return talloc_strdup(context, value->as.boolean ? "True" : "False");
	if (value->type == SO_TYPE_FILETIME)
	{
		SoDateTime whole = value->as.datetime;
		char buffer[SO_DATETIME_TEXT_SIZE];

		so_datetime_cut(&whole, 0);
		return talloc_asprintf(context, "%s:%03d",
							   so_datetime_format(SO_TYPE_DBTIMESTAMP, &whole, 0, buffer),
							   (int) (value->as.datetime.ticks % SO_TICKS_PER_SECOND / 10000));
	}
	text = so_value_to_text(context, value);
	if (value->type == SO_TYPE_GUID && text != NULL)
	{
		char *braced = talloc_asprintf(context, "{%s}", text);

		talloc_free(text);
		for (char *at = braced; at != NULL && *at != '\0'; at++)
		{
			if (*at >= 'a' && *at <= 'f')
				*at = (char) (*at - 'a' + 'A');
		}
		return braced;
	}
	return text;
}

static bool
convert_to_text(const Conversion *conversion)
{
	const SoValue *value = conversion->value;
	const SoTypeSpecification *to = conversion->specification;
	char *made = NULL;
	const char *text = value->as.text.bytes;
	size_t length = value->as.text.length;

	if (!so_data_type_is_character(value->type))
	{
		made = cast_text(conversion->context, value);
		text = made != NULL ? made : "";
		length = strlen(text);
	}
	length = characters_length(text, length, to->length);
	*conversion->result = so_value_bytes(conversion->context, to->type, text, length);
	talloc_free(made);
	return true;
}

static bool
convert_from_text(const Conversion *conversion)
{
	const SoTypeSpecification *to = conversion->specification;
	SoValue parsed;
	SoDataType type = to->type;

	/* The text ends at its first zero byte for every type that is not a text. */
	if (!so_value_from_text(conversion->context, type, conversion->value->as.text.bytes, &parsed,
							conversion->error))
		return false;
	/* Now the parameters: a second conversion from the type to itself. */
	return so_value_convert_to(conversion->context, &parsed, to, conversion->result,
							   conversion->error);
}

static bool
convert_binary(const Conversion *conversion)
{
	const SoValue *value = conversion->value;
	const SoTypeSpecification *to = conversion->specification;
	const char *bytes = value->as.text.bytes;
	size_t length = value->as.text.length;

	if (value->type == SO_TYPE_GUID)
	{
		bytes = (const char *) value->as.guid;
		length = sizeof(value->as.guid);
	}
	if (to->type == SO_TYPE_GUID)
	{
		if (length != sizeof(value->as.guid))
			return out_of_range(conversion);
		*conversion->result = so_value_null(SO_TYPE_GUID);
		conversion->result->is_null = false;
		memcpy(conversion->result->as.guid, bytes, length);
		return true;
	}
	if (to->length >= 0 && length > (size_t) to->length)
		length = (size_t) to->length;
	*conversion->result = so_value_bytes(conversion->context, to->type, bytes, length);
	return true;
}

/* ---- objects ------------------------------------------------------------ */

static bool
convert_object(const Conversion *conversion)
{
	SoValue scalar;
	json_t *json;

	if (conversion->specification->type == SO_TYPE_OBJECT)
	{
		json = so_value_to_json(conversion->value);
		*conversion->result = so_value_object(conversion->context, json);
		json_decref(json);
		return true;
	}
	if (so_data_type_is_character(conversion->specification->type) &&
		!json_is_string(conversion->value->as.object))
		return convert_to_text(conversion);
	if (!so_value_from_json(conversion->context, conversion->specification->type,
							conversion->value->as.object, &scalar, conversion->error))
		return false;
	return so_value_convert_to(conversion->context, &scalar, conversion->specification,
							   conversion->result, conversion->error);
}

bool
so_value_convert_to(TALLOC_CTX *context, const SoValue *value,
					const SoTypeSpecification *specification, SoValue *result, SoError *error)
{
	Conversion conversion = {context, value, specification, result, error};
	SoDataType to = specification->type;

	if (value->is_null)
	{
		*result = so_value_null(to);
		return true;
	}
	if (!so_value_can_convert(value->type, to))
		return no_conversion(&conversion);
	if (value->type == SO_TYPE_OBJECT || to == SO_TYPE_OBJECT)
		return convert_object(&conversion);
	if (so_data_type_is_character(to))
		return convert_to_text(&conversion);
	if (so_data_type_is_character(value->type))
		return convert_from_text(&conversion);
	if (so_data_type_is_number(value->type) || value->type == SO_TYPE_BOOL)
		return convert_number(&conversion);
	if (so_datetime_is_type(value->type))
		return convert_date(&conversion);
	if (value->type == SO_TYPE_GUID && to == SO_TYPE_GUID)
	{
		*result = *value;
		return true;
	}
	return convert_binary(&conversion);
}

bool
so_value_convert(TALLOC_CTX *context, const SoValue *value, SoDataType type, SoValue *result,
				 SoError *error)
{
	SoTypeSpecification specification = so_type_specification(type);

	return so_value_convert_to(context, value, &specification, result, error);
}
