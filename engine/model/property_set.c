/*
 * engine/model/property_set.c
 *
 * Converts values to the kinds of properties: for defaults, property
 * expressions, --set and overrides.  Documents are stricter (read_object.c).
 *
 * Process: runner, client, loader.  Works on an object of the caller; a failed
 * conversion leaves the object as it was.
 */
#include "engine/model/property.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "common/duration.h"

const char *
so_property_kind_text(SoPropertyKind kind)
{
	switch (kind)
	{
		case SO_PROPERTY_STRING:
		case SO_PROPERTY_TEXT:
			return "a text";
		case SO_PROPERTY_BOOLEAN:
			return "true or false";
		case SO_PROPERTY_INT32:
			return "a whole number of 32 bits";
		case SO_PROPERTY_INT64:
			return "a whole number";
		case SO_PROPERTY_DOUBLE:
			return "a number";
		case SO_PROPERTY_DURATION:
			return "a duration such as 30s, 5min or 01:30:00, or a number of seconds";
		case SO_PROPERTY_GUID:
			return "a UUID";
		case SO_PROPERTY_ENUM:
			return "one of a list of names";
		case SO_PROPERTY_DATA_TYPE:
			return "the name of a type";
		case SO_PROPERTY_VALUE:
			return "a text, a number, true or false";
		case SO_PROPERTY_EXPRESSION:
			return "an expression, as a text";
		case SO_PROPERTY_VARIABLE:
			return "the name of a variable";
		case SO_PROPERTY_CONNECTION:
			return "the name of a connection manager";
		case SO_PROPERTY_OBJECT:
			return "an object";
		case SO_PROPERTY_OBJECT_LIST:
			return "a list of objects";
		case SO_PROPERTY_STRING_LIST:
			return "a list of texts";
		case SO_PROPERTY_STRING_MAP:
			return "an object whose values are texts";
		case SO_PROPERTY_VALUE_MAP:
			return "an object whose values are texts, numbers, true or false";
		case SO_PROPERTY_JSON:
			return "any value";
	}
	return "a value";
}

int
so_enum_index(const char *const *names, const char *name)
{
	for (int i = 0; names[i] != NULL; i++)
	{
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

static bool
is_text(const SoValue *value)
{
	return value->type == SO_TYPE_WSTR || value->type == SO_TYPE_STR ||
		   value->type == SO_TYPE_TEXT || value->type == SO_TYPE_NTEXT;
}

/* Texts are read, other values cast. */
static bool
convert_to(TALLOC_CTX *context, const SoValue *value, SoDataType type, SoValue *result,
		   SoError *error)
{
	if (is_text(value))
		return so_value_from_text(context, type, value->as.text.bytes, result, error);
	return so_value_convert(context, value, type, result, error);
}

/* Names, and numbers as SSIS's enumerations have them ("need the number, not the name"). */
static bool
convert_enum(TALLOC_CTX *context, const SoProperty *property, const SoValue *value, SoValue *result,
			 SoError *error)
{
	SoValue number;
	int count = 0;
	int index = -1;

	while (property->enum_names[count] != NULL)
		count++;
	if (is_text(value))
	{
		for (int i = 0; i < count && index < 0; i++)
		{
			if (strcasecmp(property->enum_names[i], value->as.text.bytes) == 0)
				index = i;
		}
	}
	if (index < 0)
	{
		if (!convert_to(context, value, SO_TYPE_I8, &number, error))
			return false;
		/* DTSForcedExecResult begins with None = -1 */
		index =
			number.as.integer < -1 || number.as.integer > count
				? -1
				: (int) number.as.integer + (strcmp(property->name, "force_execution_result") == 0);
		if (index < 0 || index >= count)
			return so_error_set(error, SO_ERR_DOCUMENT_PROPERTY, property->name,
								"%" PRId64 " is not a number of this property", number.as.integer);
	}
	*result = so_value_integer(SO_TYPE_I4, index);
	return true;
}

static bool
convert_duration(TALLOC_CTX *context, const SoProperty *property, const SoValue *value,
				 SoValue *result, SoError *error)
{
	SoValue seconds;
	int64_t milliseconds;

	if (is_text(value))
	{
		if (!so_duration_parse(value->as.text.bytes, property->name, &milliseconds, error))
			return false;
	}
	else
	{
		if (!so_value_convert(context, value, SO_TYPE_R8, &seconds, error))
			return false;
		/* the same bound as durations in text: 36500 days */
		if (!(seconds.as.real >= 0 && seconds.as.real <= 36500.0 * 86400))
			return so_error_set(error, SO_ERR_DOCUMENT_PROPERTY, property->name,
								"a duration is neither negative nor longer than 36500 days");
		milliseconds = (int64_t) (seconds.as.real * 1000 + 0.5);
	}
	*result = so_value_integer(SO_TYPE_I8, milliseconds);
	return true;
}

static bool
convert_named(TALLOC_CTX *context, const SoProperty *property, const SoValue *value,
			  SoValue *result, SoError *error)
{
	char *text = so_value_to_text(context, value);

	if (property->kind == SO_PROPERTY_DATA_TYPE)
	{
		SoDataType type = so_data_type_from_name(text);
		const char *name = type == SO_TYPE_NONE ? NULL : so_data_type_variable_name(type);

		if (name == NULL)
			return so_error_set(error, SO_ERR_DOCUMENT_PROPERTY, property->name,
								"\"%s\" is not a type", text);
		*result = so_value_string(context, name);
		return true;
	}
	if (property->kind == SO_PROPERTY_GUID)
	{
		SoValue guid;

		if (!so_value_from_text(context, SO_TYPE_GUID, text, &guid, error))
			return false;
		text = so_value_to_text(context, &guid);
	}
	*result = so_value_string(context, text);
	return true;
}

static bool
convert_scalar(TALLOC_CTX *context, const SoProperty *property, const SoValue *value,
			   SoValue *result, SoError *error)
{
	switch (property->kind)
	{
		case SO_PROPERTY_STRING:
		case SO_PROPERTY_TEXT:
		case SO_PROPERTY_EXPRESSION:
		case SO_PROPERTY_VARIABLE:
		case SO_PROPERTY_CONNECTION:
		case SO_PROPERTY_GUID:
		case SO_PROPERTY_DATA_TYPE:
			return convert_named(context, property, value, result, error);
		case SO_PROPERTY_BOOLEAN:
			return convert_to(context, value, SO_TYPE_BOOL, result, error);
		case SO_PROPERTY_INT32:
			return convert_to(context, value, SO_TYPE_I4, result, error);
		case SO_PROPERTY_INT64:
			return convert_to(context, value, SO_TYPE_I8, result, error);
		case SO_PROPERTY_DOUBLE:
			return convert_to(context, value, SO_TYPE_R8, result, error);
		case SO_PROPERTY_DURATION:
			return convert_duration(context, property, value, result, error);
		case SO_PROPERTY_ENUM:
			return convert_enum(context, property, value, result, error);
		case SO_PROPERTY_VALUE:
			*result = so_value_copy(context, value);
			return true;
		default:
			return so_error_set(error, SO_ERR_DOCUMENT_PROPERTY, property->name,
								"it holds %s and cannot be set by an expression or an override",
								so_property_kind_text(property->kind));
	}
}

bool
so_field_convert(TALLOC_CTX *context, SoField *field, const SoValue *value, SoError *error)
{
	SoError reason;
	SoValue result;

	so_error_clear(&reason);
	if (value->is_null || value->type == SO_TYPE_NONE)
		return so_error_set(error, SO_ERR_DOCUMENT_PROPERTY, field->property->name,
							"property \"%s\" cannot be NULL", field->property->name);
	if (!convert_scalar(context, field->property, value, &result, &reason))
	{
		so_error_set(error, SO_ERR_DOCUMENT_PROPERTY, field->property->name,
					 "property \"%s\" takes %s: %s", field->property->name,
					 so_property_kind_text(field->property->kind), reason.message);
		return false;
	}
	field->value = result;
	return true;
}

bool
so_object_set(SoObject *object, const char *name, const SoValue *value, SoError *error)
{
	SoField *field = so_object_field(object, name);

	if (field == NULL)
		return so_error_set(error, SO_ERR_DOCUMENT_PROPERTY, name, "%s has no property \"%s\"",
							object->type->title, name);
	if (!so_field_convert(object, field, value, error))
		return false;
	field->is_set = true;
	return true;
}
