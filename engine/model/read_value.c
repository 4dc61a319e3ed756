/*
 * engine/model/read_value.c
 *
 * Reads one value of a document by the kind of its property.  Stricter than
 * property expressions: a number is not a text, "yes" is not true.
 *
 * Process: runner, client, loader.  First pass of a load; one owner.
 */
#include "engine/model/loader.h"

#include <inttypes.h>
#include <string.h>

#include "common/duration.h"
#include "common/nearest.h"

static int
release_json(json_t **holder)
{
	json_decref(*holder);
	return 0;
}

/* field->json lives as long as the object. */
static void
keep_json(SoObject *object, SoField *field, json_t *json)
{
	json_t **holder = talloc(object, json_t *);

	*holder = json;
	talloc_set_destructor(holder, release_json);
	field->json = json;
}

static void
wrong_kind(SoLoader *loader, const SoNode *node, const char *name, const char *expected)
{
	const char *hint = NULL;

	if (node->is_plain && node->kind != SO_NODE_NULL && node->kind != SO_NODE_STRING &&
		strstr(expected, "text") != NULL && !loader->hide_values)
		hint = talloc_asprintf(loader->findings_context, "Write it in quotes: \"%s\".", node->text);
	else if (node->kind == SO_NODE_STRING && strcmp(expected, "true or false") == 0)
		hint = "Write true or false, without quotes; yes, no, on and off are texts.";
	else if (node->kind == SO_NODE_STRING && !node->is_plain && strstr(expected, "number") != NULL)
		hint = "Write the number without quotes.";
	so_loader_error(loader, node, SO_ERR_DOCUMENT_WRONG_TYPE, hint, "%s: expected %s, found %s",
					name, expected, so_node_kind_text(node));
}

SoValue
so_loader_scalar(TALLOC_CTX *context, const SoNode *node)
{
	switch (node->kind)
	{
		case SO_NODE_BOOLEAN:
			return so_value_boolean(node->boolean);
		case SO_NODE_INTEGER:
			if (node->integer >= INT32_MIN && node->integer <= INT32_MAX)
				return so_value_integer(SO_TYPE_I4, node->integer);
			return so_value_integer(SO_TYPE_I8, node->integer);
		case SO_NODE_REAL:
			return so_value_real(SO_TYPE_R8, node->real);
		case SO_NODE_STRING:
			return so_value_string_length(context, node->text, node->length);
		default:
			return so_value_null(SO_TYPE_NONE);
	}
}

static bool
read_enum(SoLoader *loader, const SoNode *node, const SoProperty *property, SoValue *value)
{
	int index = node->kind == SO_NODE_STRING ? so_enum_index(property->enum_names, node->text) : -1;
	SoNearest nearest;
	char *names;

	if (index >= 0)
	{
		*value = so_value_integer(SO_TYPE_I4, index);
		return true;
	}
	names = talloc_strdup(loader->findings_context, "");
	so_nearest_begin(&nearest, node->text != NULL ? node->text : "");
	for (int i = 0; property->enum_names[i] != NULL; i++)
	{
		names = talloc_asprintf_append_buffer(names, "%s%s", i == 0 ? "" : ", ",
											  property->enum_names[i]);
		if (node->kind == SO_NODE_STRING)
			so_nearest_offer(&nearest, property->enum_names[i]);
	}
	so_loader_error(
		loader, node, SO_ERR_DOCUMENT_INVALID_VALUE, so_loader_hint(loader, NULL, nearest.name),
		"%s: expected one of %s; found %s%s%s", property->name, names,
		node->text != NULL ? "\"" : "", node->text != NULL ? node->text : so_node_kind_text(node),
		node->text != NULL ? "\"" : "");
	return false;
}

static bool
read_data_type(SoLoader *loader, const SoNode *node, const SoProperty *property, SoObject *object,
			   SoValue *value)
{
	SoDataType type =
		node->kind == SO_NODE_STRING ? so_data_type_from_name(node->text) : SO_TYPE_NONE;
	const char *name = type != SO_TYPE_NONE ? so_data_type_variable_name(type) : NULL;
	SoNearest nearest;

	if (name != NULL)
	{
		*value = so_value_string(object, name);
		return true;
	}
	so_nearest_begin(&nearest, node->text != NULL ? node->text : "");
	for (int i = SO_TYPE_NONE + 1; i < SO_TYPE_COUNT; i++)
	{
		const char *known = so_data_type_variable_name((SoDataType) i);

		if (known != NULL && node->kind == SO_NODE_STRING)
			so_nearest_offer(&nearest, known);
	}
	so_loader_error(loader, node, SO_ERR_DOCUMENT_INVALID_VALUE,
					so_loader_hint(loader,
								   "Types are boolean, int32, int64, double, decimal, string, "
								   "datetime, object and others; docs/packages.md lists them.",
								   nearest.name),
					"%s: \"%s\" is not a type", property->name,
					node->text != NULL ? node->text : so_node_kind_text(node));
	return false;
}

static bool
read_integer(SoLoader *loader, const SoNode *node, const SoProperty *property, SoValue *value)
{
	bool small = property->kind == SO_PROPERTY_INT32;

	if (node->kind != SO_NODE_INTEGER)
	{
		wrong_kind(loader, node, property->name, so_property_kind_text(property->kind));
		return false;
	}
	if (small && (node->integer < INT32_MIN || node->integer > INT32_MAX))
	{
		so_loader_error(loader, node, SO_ERR_DOCUMENT_INVALID_VALUE,
						"Write a number from -2147483648 to 2147483647.",
						"%s: %" PRId64 " does not fit in 32 bits", property->name, node->integer);
		return false;
	}
	*value = so_value_integer(small ? SO_TYPE_I4 : SO_TYPE_I8, node->integer);
	return true;
}

static bool
read_duration(SoLoader *loader, const SoNode *node, SoField *field, SoObject *object)
{
	SoValue value = so_loader_scalar(object, node);
	SoError error;

	if (value.is_null || value.type == SO_TYPE_BOOL)
	{
		wrong_kind(loader, node, field->property->name,
				   so_property_kind_text(SO_PROPERTY_DURATION));
		return false;
	}
	if (!so_field_convert(object, field, &value, &error))
	{
		so_loader_error(loader, node, SO_ERR_DOCUMENT_INVALID_VALUE, NULL, "%s", error.message);
		return false;
	}
	return true;
}

static bool
read_guid(SoLoader *loader, const SoNode *node, SoField *field, SoObject *object)
{
	SoValue text;
	SoError error;

	if (node->kind == SO_NODE_STRING)
	{
		text = so_value_string(object, node->text);
		if (so_field_convert(object, field, &text, &error))
			return true;
	}
	so_loader_error(loader, node, SO_ERR_DOCUMENT_INVALID_VALUE,
					"Write a UUID such as 0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11; uuidgen makes one.",
					"%s: expected a UUID, found %s", field->property->name,
					node->text != NULL ? node->text : so_node_kind_text(node));
	return false;
}

/* true when field->value is filled. */
static bool
read_scalar(SoLoader *loader, const SoNode *node, SoObject *object, SoField *field)
{
	const SoProperty *property = field->property;
	const char *expected = so_property_kind_text(property->kind);

	switch (property->kind)
	{
		case SO_PROPERTY_BOOLEAN:
			if (node->kind != SO_NODE_BOOLEAN)
				break;
			field->value = so_value_boolean(node->boolean);
			return true;
		case SO_PROPERTY_INT32:
		case SO_PROPERTY_INT64:
			return read_integer(loader, node, property, &field->value);
		case SO_PROPERTY_DOUBLE:
			if (node->kind != SO_NODE_INTEGER && node->kind != SO_NODE_REAL)
				break;
			field->value = so_value_real(
				SO_TYPE_R8, node->kind == SO_NODE_REAL ? node->real : (double) node->integer);
			return true;
		case SO_PROPERTY_DURATION:
			return read_duration(loader, node, field, object);
		case SO_PROPERTY_GUID:
			return read_guid(loader, node, field, object);
		case SO_PROPERTY_ENUM:
			return read_enum(loader, node, property, &field->value);
		case SO_PROPERTY_DATA_TYPE:
			return read_data_type(loader, node, property, object, &field->value);
		case SO_PROPERTY_VALUE:
			if (node->text == NULL || node->kind == SO_NODE_NULL)
				break;
			field->value = so_loader_scalar(object, node);
			return true;
		default: /* texts of all sorts */
			loader->hide_values = (property->flags & SO_PROPERTY_SECRET) != 0;
			if (node->kind != SO_NODE_STRING)
				break;
			field->value = so_value_string_length(object, node->text, node->length);
			loader->hide_values = false;
			return true;
	}
	wrong_kind(loader, node, property->name, expected);
	loader->hide_values = false;
	return false;
}

static void
read_object_list(SoLoader *loader, const SoNode *node, SoObject *object, SoField *field)
{
	if (!so_loader_expect(loader, node, SO_NODE_SEQUENCE, field->property->name))
		return;
	field->objects = talloc_zero_array(object, SoObject *, node->count);
	for (int i = 0; i < node->count; i++)
		field->objects[field->count++] =
			so_loader_read_object(loader, node->items[i], field->property->item_type, NULL, NULL);
}

static void
read_string_list(SoLoader *loader, const SoNode *node, SoObject *object, SoField *field)
{
	if (!so_loader_expect(loader, node, SO_NODE_SEQUENCE, field->property->name))
		return;
	field->strings = talloc_zero_array(object, char *, node->count);
	for (int i = 0; i < node->count; i++)
	{
		if (node->items[i]->kind == SO_NODE_STRING)
			field->strings[field->count++] = talloc_strdup(field->strings, node->items[i]->text);
		else
			wrong_kind(loader, node->items[i], field->property->name, "a text");
	}
}

static void
read_map(SoLoader *loader, const SoNode *node, SoObject *object, SoField *field)
{
	bool texts = field->property->kind == SO_PROPERTY_STRING_MAP;

	if (!so_loader_expect(loader, node, SO_NODE_MAPPING, field->property->name))
		return;
	field->names = talloc_zero_array(object, char *, node->count);
	if (texts)
		field->strings = talloc_zero_array(object, char *, node->count);
	else
		field->values = talloc_zero_array(object, SoValue, node->count);
	for (int i = 0; i < node->count; i++)
	{
		const SoNode *item = node->items[i];

		if (texts ? item->kind != SO_NODE_STRING : item->text == NULL || item->kind == SO_NODE_NULL)
		{
			wrong_kind(loader, item, node->keys[i]->text,
					   texts ? "a text" : so_property_kind_text(SO_PROPERTY_VALUE));
			continue;
		}
		field->names[field->count] = talloc_strdup(field->names, node->keys[i]->text);
		if (texts)
			field->strings[field->count] = talloc_strdup(field->strings, item->text);
		else
			field->values[field->count] = so_loader_scalar(field->values, item);
		field->count++;
	}
}

void
so_loader_read_field(SoLoader *loader, const SoNode *node, SoObject *object, SoField *field)
{
	field->is_set = true;
	field->line = node->line;
	field->column = node->column;
	switch (field->property->kind)
	{
		case SO_PROPERTY_OBJECT:
			field->object =
				so_loader_read_object(loader, node, field->property->item_type, NULL, NULL);
			break;
		case SO_PROPERTY_OBJECT_LIST:
			read_object_list(loader, node, object, field);
			break;
		case SO_PROPERTY_STRING_LIST:
			read_string_list(loader, node, object, field);
			break;
		case SO_PROPERTY_STRING_MAP:
		case SO_PROPERTY_VALUE_MAP:
			read_map(loader, node, object, field);
			break;
		case SO_PROPERTY_JSON:
			keep_json(object, field, so_node_to_json(node));
			break;
		default:
			if (!read_scalar(loader, node, object, field) && field->property->default_text == NULL)
				field->value =
					so_value_string(object, ""); /* a finding exists; keep readers safe */
			break;
	}
}

/* ---- values of variables and parameters ---- */

static bool
is_numeric(SoDataType type)
{
	return type >= SO_TYPE_I1 && type <= SO_TYPE_NUMERIC;
}

/* Numbers that JSON and YAML readers may round can be written as texts too. */
static bool
may_be_text(SoDataType type)
{
	return type == SO_TYPE_I8 || type == SO_TYPE_UI8 || type == SO_TYPE_CY ||
		   type == SO_TYPE_DECIMAL || type == SO_TYPE_NUMERIC || !is_numeric(type);
}

static const char *
expected_text(SoDataType type)
{
	if (type == SO_TYPE_BOOL)
		return "true or false";
	return is_numeric(type) ? "a number" : "a text";
}

bool
so_loader_typed_value(SoLoader *loader, TALLOC_CTX *context, const SoNode *node, SoDataType type,
					  SoValue *value)
{
	SoError error;
	char decimal[32];
	const char *text = node->text;
	bool fits;

	if (type == SO_TYPE_OBJECT)
	{
		json_t *json = so_node_to_json(node);

		*value = so_value_object(context, json);
		json_decref(json);
		return true;
	}
	switch (node->kind)
	{
		case SO_NODE_BOOLEAN:
			fits = type == SO_TYPE_BOOL;
			break;
		case SO_NODE_INTEGER:
			fits = is_numeric(type);
			snprintf(decimal, sizeof(decimal), "%" PRId64, node->integer); /* 0x1f, +5 */
			text = decimal;
			break;
		case SO_NODE_REAL:
			fits = is_numeric(type);
			break;
		case SO_NODE_STRING:
			fits = type != SO_TYPE_BOOL && may_be_text(type);
			break;
		default:
			fits = false;
			break;
	}
	if (!fits)
	{
		wrong_kind(loader, node, "value", expected_text(type));
		return false;
	}
	if (!so_value_from_text(context, type, text, value, &error))
	{
		so_loader_error(loader, node, SO_ERR_DOCUMENT_INVALID_VALUE,
						error.code == SO_ERR_VALUE_OUT_OF_RANGE
							? "Write another number, or give a type that holds it, such as int64."
							: error.hint,
						"value: %s",
						loader->hide_values ? "it does not fit the type" : error.message);
		return false;
	}
	return true;
}
