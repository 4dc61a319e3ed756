/*
 * engine/model/schema_property.c
 *
 * JSON Schema of single properties and of objects without structure.
 *
 * Process: client.  Reads constant tables only.
 */
#include "engine/model/schema_property.h"

#include <stdio.h>
#include <string.h>

#define UUID_PATTERN                                                                               \
	"^[{(]?[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}[)}]?$"

json_t *
so_schema_reference(const char *definition)
{
	char path[160];

	snprintf(path, sizeof(path), "#/definitions/%s", definition);
	return json_pack("{s:s}", "$ref", path);
}

static json_t *
names_schema(const char *const *names)
{
	json_t *list = json_array();

	for (; *names != NULL; names++)
		json_array_append_new(list, json_string(*names));
	return json_pack("{s:o}", "enum", list);
}

static json_t *
data_type_schema(void)
{
	json_t *list = json_array();

	for (int type = SO_TYPE_NONE + 1; type < SO_TYPE_COUNT; type++)
	{
		const char *name = so_data_type_variable_name((SoDataType) type);
		bool known = false;

		for (size_t i = 0; name != NULL && i < json_array_size(list); i++)
			known = known || strcmp(json_string_value(json_array_get(list, i)), name) == 0;
		if (name != NULL && !known)
			json_array_append_new(list, json_string(name));
	}
	return json_pack("{s:o}", "enum", list);
}

/*
 * The definition of an object inside one of type owner; made when it is met
 * first.  The owner is part of its name: Execute SQL and Execute Package both
 * have parameter bindings, and they are not the same.
 */
static json_t *
item_schema(const SoObjectType *owner, const SoObjectType *type, json_t *definitions)
{
	char name[140];

	snprintf(name, sizeof(name), "%s.%s", owner->name, type->name);
	if (json_object_get(definitions, name) == NULL)
	{
		/* a place first: a type may contain itself */
		json_object_set_new(definitions, name, json_object());
		json_object_set_new(definitions, name, so_schema_object(type, definitions, false));
	}
	return so_schema_reference(name);
}

static json_t *
kind_schema(const SoObjectType *owner, const SoProperty *property, json_t *definitions)
{
	switch (property->kind)
	{
		case SO_PROPERTY_BOOLEAN:
			return json_pack("{s:s}", "type", "boolean");
		case SO_PROPERTY_INT32:
			return json_pack("{s:s, s:I, s:I}", "type", "integer", "minimum",
							 (json_int_t) INT32_MIN, "maximum", (json_int_t) INT32_MAX);
		case SO_PROPERTY_INT64:
			return json_pack("{s:s}", "type", "integer");
		case SO_PROPERTY_DOUBLE:
			return json_pack("{s:s}", "type", "number");
		case SO_PROPERTY_DURATION:
			return json_pack("{s:[s, s]}", "type", "string", "number");
		case SO_PROPERTY_GUID:
			return json_pack("{s:s, s:s}", "type", "string", "pattern", UUID_PATTERN);
		case SO_PROPERTY_ENUM:
			return names_schema(property->enum_names);
		case SO_PROPERTY_DATA_TYPE:
			return data_type_schema();
		case SO_PROPERTY_VALUE:
			return json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean");
		case SO_PROPERTY_OBJECT:
			return json_pack("{s:[o]}", "allOf",
							 item_schema(owner, property->item_type, definitions));
		case SO_PROPERTY_OBJECT_LIST:
			return json_pack("{s:s, s:o}", "type", "array", "items",
							 item_schema(owner, property->item_type, definitions));
		case SO_PROPERTY_STRING_LIST:
			return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
		case SO_PROPERTY_STRING_MAP:
			return json_pack("{s:s, s:{s:s}}", "type", "object", "additionalProperties", "type",
							 "string");
		case SO_PROPERTY_VALUE_MAP:
			return json_pack("{s:s, s:{s:[s, s, s]}}", "type", "object", "additionalProperties",
							 "type", "string", "number", "boolean");
		case SO_PROPERTY_JSON:
			return json_object();
		default:
			return json_pack("{s:s}", "type", "string");
	}
}

static void
put_default(json_t *schema, const SoObject *defaults, const SoProperty *property)
{
	const SoField *field = so_object_field(defaults, property->name);

	if (property->default_text == NULL || property->kind >= SO_PROPERTY_OBJECT)
		return;
	if (property->kind == SO_PROPERTY_ENUM || property->kind == SO_PROPERTY_DURATION)
		json_object_set_new(schema, "default", json_string(property->default_text));
	else
		json_object_set_new(schema, "default", so_value_to_json(&field->value));
}

/* {"required": [name]}, or set by an expression, or in a file. */
static json_t *
required_schema(const SoProperty *property, bool has_expressions)
{
	json_t *ways = json_pack("[{s:[s]}]", "required", property->name);
	char file_name[160];

	if (property->kind == SO_PROPERTY_TEXT)
	{
		snprintf(file_name, sizeof(file_name), "%s_file", property->name);
		json_array_append_new(ways, json_pack("{s:[s]}", "required", file_name));
	}
	if (has_expressions && !(property->flags & SO_PROPERTY_NO_EXPRESSION) &&
		property->kind < SO_PROPERTY_OBJECT && property->kind != SO_PROPERTY_EXPRESSION)
		json_array_append_new(ways,
							  json_pack("{s:[s], s:{s:{s:[s]}}}", "required", "expressions",
										"properties", "expressions", "required", property->name));
	return json_pack("{s:o}", "anyOf", ways);
}

/* What an editor shows: what the property means, and how it is written. */
static json_t *
description_of(const SoProperty *property)
{
	if (property->example == NULL)
		return json_string(property->description);
	return json_sprintf("%s\nExample: %s", property->description, property->example);
}

static void
put_property(json_t *schema, const SoProperty *property, json_t *definitions,
			 const SoObject *defaults, bool has_expressions)
{
	json_t *properties = json_object_get(schema, "properties");
	json_t *json = kind_schema(defaults->type, property, definitions);
	char file_name[160];

	json_object_set_new(json, "description", description_of(property));
	put_default(json, defaults, property);
	json_object_set_new(properties, property->name, json);
	if (property->kind == SO_PROPERTY_TEXT)
	{
		char text[240];

		snprintf(file_name, sizeof(file_name), "%s_file", property->name);
		snprintf(text, sizeof(text),
				 "Path of a file with the text of %s, relative to this document's folder.",
				 property->name);
		json_object_set_new(properties, file_name,
							json_pack("{s:s, s:s}", "type", "string", "description", text));
	}
	if (!(property->flags & SO_PROPERTY_REQUIRED))
		return;
	if (!has_expressions || (property->flags & SO_PROPERTY_NO_EXPRESSION) != 0)
	{
		if (property->kind != SO_PROPERTY_TEXT)
		{
			json_array_append_new(json_object_get(schema, "required"), json_string(property->name));
			return;
		}
	}
	if (json_object_get(schema, "allOf") == NULL)
		json_object_set_new(schema, "allOf", json_array());
	json_array_append_new(json_object_get(schema, "allOf"),
						  required_schema(property, has_expressions));
}

json_t *
so_schema_object(const SoObjectType *type, json_t *definitions, bool has_expressions)
{
	json_t *schema = json_pack("{s:s, s:s, s:s, s:[], s:b, s:{}}", "title", type->title,
							   "description", type->description, "type", "object", "required",
							   "additionalProperties", 0, "properties");
	SoObject *defaults = so_object_new(NULL, type);
	int count = so_object_type_property_count(type);

	for (int i = 0; i < count; i++)
		put_property(schema, so_object_type_property(type, i), definitions, defaults,
					 has_expressions);
	talloc_free(defaults);
	return schema;
}

json_t *
so_schema_expressions(const SoObjectType *type)
{
	json_t *properties = json_object();
	int count = so_object_type_property_count(type);

	for (int i = 0; i < count; i++)
	{
		const SoProperty *property = so_object_type_property(type, i);

		if ((property->flags & (SO_PROPERTY_NO_EXPRESSION | SO_PROPERTY_READ_ONLY)) ||
			property->kind >= SO_PROPERTY_OBJECT || property->kind == SO_PROPERTY_EXPRESSION)
			continue;
		json_object_set_new(
			properties, property->name,
			json_pack("{s:s, s:s}", "type", "string", "description", property->description));
	}
	return json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0, "properties",
					 properties);
}
