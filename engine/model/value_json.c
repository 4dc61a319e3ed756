/*
 * engine/model/value_json.c
 *
 * Values to JSON and back.  Numbers that JSON's readers may not keep exactly
 * (decimals, integers above 2^63) travel as strings.
 *
 * Process: runner, client, loader.  Works on the caller's values and contexts
 * only; nothing is shared and nothing is left behind by a crash.
 */
#include "engine/model/value.h"

#include <stdlib.h>
#include <string.h>

/* A JSON string; bytes that are not UTF-8 become U+FFFD, a zero byte too. */
static json_t *
string_to_json(const char *text, size_t length)
{
	json_t *string = memchr(text, '\0', length) == NULL ? json_stringn(text, length) : NULL;
	char *clean;
	size_t used = 0;

	if (string != NULL)
		return string;
	clean = talloc_size(NULL, length * 3 + 1);
	if (clean == NULL)
		return NULL;
	for (size_t i = 0; i < length;)
	{
		size_t size = 1;
		json_t *probe = NULL;

		/* The shortest prefix that is valid UTF-8 is one character. */
		for (; text[i] != '\0' && size <= 4 && i + size <= length; size++)
		{
			probe = json_stringn(text + i, size);
			if (probe != NULL)
				break;
		}
		if (probe != NULL)
		{
			memcpy(clean + used, text + i, size);
			used += size;
			i += size;
			json_decref(probe);
			continue;
		}
		memcpy(clean + used, "\xEF\xBF\xBD", 3);
		used += 3;
		i++;
	}
	string = json_stringn(clean, used);
	talloc_free(clean);
	return string;
}

json_t *
so_value_to_json(const SoValue *value)
{
	char *text;
	json_t *result;

	if (value->is_null)
		return json_null();
	if (value->type == SO_TYPE_BOOL)
		return json_boolean(value->as.boolean);
	if (so_data_type_is_signed(value->type))
		return json_integer(value->as.integer);
	if (so_data_type_is_unsigned(value->type) && value->as.unsigned_integer <= INT64_MAX)
		return json_integer((json_int_t) value->as.unsigned_integer);
	if (value->type == SO_TYPE_R8)
		return json_real(value->as.real);
	if (value->type == SO_TYPE_R4)
	{
		/* 0.1, not the double next to the float next to 0.1. */
		text = so_value_to_text(NULL, value);
		result = json_real(text != NULL ? strtod(text, NULL) : value->as.real);
		talloc_free(text);
		return result;
	}
	if (value->type == SO_TYPE_OBJECT)
		return json_deep_copy(value->as.object);
	if (so_data_type_is_character(value->type))
		return string_to_json(value->as.text.bytes, value->as.text.length);
	text = so_value_to_text(NULL, value);
	result = text != NULL ? json_string(text) : NULL;
	talloc_free(text);
	return result;
}

static const char *
json_kind(const json_t *json)
{
	switch (json_typeof(json))
	{
		case JSON_OBJECT:
			return "an object";
		case JSON_ARRAY:
			return "a list";
		case JSON_STRING:
			return "a string";
		case JSON_INTEGER:
		case JSON_REAL:
			return "a number";
		case JSON_TRUE:
		case JSON_FALSE:
			return "a Boolean";
		default:
			return "null";
	}
}

static bool
unexpected(SoDataType type, const json_t *json, SoError *error)
{
	const char *name = so_data_type_variable_name(type);

	so_error_set(error, SO_ERR_VALUE_MALFORMED, NULL, "%s is not a value of type %s",
				 json_kind(json), name != NULL ? name : so_data_type_name(type));
	if (so_data_type_is_character(type))
		so_error_hint(error, "Write the text in double quotes.");
	return false;
}

/* The type that a JSON scalar has by itself. */
static SoDataType
natural_type(const json_t *json)
{
	switch (json_typeof(json))
	{
		case JSON_STRING:
			return SO_TYPE_WSTR;
		case JSON_INTEGER:
			return json_integer_value(json) >= INT32_MIN && json_integer_value(json) <= INT32_MAX
					   ? SO_TYPE_I4
					   : SO_TYPE_I8;
		case JSON_REAL:
			return SO_TYPE_R8;
		case JSON_TRUE:
		case JSON_FALSE:
			return SO_TYPE_BOOL;
		default:
			return SO_TYPE_OBJECT;
	}
}

bool
so_value_from_json(TALLOC_CTX *context, SoDataType type, const json_t *json, SoValue *value,
				   SoError *error)
{
	SoValue number;

	if (json == NULL || json_is_null(json))
	{
		*value = so_value_null(type);
		return true;
	}
	if (type == SO_TYPE_NONE)
		type = natural_type(json);
	if (type == SO_TYPE_OBJECT)
	{
		json_t *copy = json_deep_copy(json);

		*value = so_value_object(context, copy);
		json_decref(copy);
		return true;
	}
	if (json_is_string(json))
	{
		if (so_data_type_is_character(type))
		{
			*value =
				so_value_bytes(context, type, json_string_value(json), json_string_length(json));
			return true;
		}
		return so_value_from_text(context, type, json_string_value(json), value, error);
	}
	if (json_is_boolean(json) && type == SO_TYPE_BOOL)
	{
		*value = so_value_boolean(json_is_true(json));
		return true;
	}
	if (!json_is_number(json) || !so_data_type_is_number(type))
		return unexpected(type, json, error);
	if (json_is_real(json) && so_data_type_is_integer(type))
		return unexpected(type, json, error);
	number = json_is_integer(json) ? so_value_integer(SO_TYPE_I8, json_integer_value(json))
								   : so_value_real(SO_TYPE_R8, json_real_value(json));
	return so_value_convert(context, &number, type, value, error);
}
