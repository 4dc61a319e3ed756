/*
 * engine/model/schema.c
 *
 * Writes the JSON Schema of documents; see schema.h.  schema_property.c has the
 * part about single properties.
 *
 * A schema cannot say everything that the loader checks (names, references,
 * expressions); what it refuses the loader refuses too.
 *
 * Process: client.  Reads constant tables only.
 */
#include "engine/model/schema.h"

#include <string.h>

#include "common/protocol.h"
#include "engine/model/loader.h"
#include "engine/model/schema_property.h"
#include "engine/tasks/task.h"

#define DIALECT "http://json-schema.org/draft-07/schema#"

static json_t *
list_of(const char *definition)
{
	return json_pack("{s:s, s:o}", "type", "array", "items", so_schema_reference(definition));
}

static json_t *
event_handlers(void)
{
	json_t *properties = json_object();

	for (const char *const *event = so_event_names(); *event != NULL; event++)
		json_object_set_new(properties, *event, so_schema_reference("event_handler"));
	return json_pack("{s:s, s:b, s:o}", "type", "object", "additionalProperties", 0, "properties",
					 properties);
}

/* The schema of a structural key; type is the object that has it. */
static json_t *
structure_schema(const char *key, const SoObjectType *type)
{
	if (strcmp(key, "format_version") == 0)
		return json_pack("{s:i}", "const", SO_PACKAGE_FORMAT_VERSION);
	if (strcmp(key, "type") == 0)
		return json_pack("{s:s}", "const", type->name);
	if (strcmp(key, "after") == 0)
		return so_schema_reference("after");
	if (strcmp(key, "parameters") == 0)
		return list_of("parameter");
	if (strcmp(key, "variables") == 0)
		return list_of("variable");
	if (strcmp(key, "connections") == 0)
		return list_of("connection");
	if (strcmp(key, "enumerator") == 0)
		return so_schema_reference("enumerator");
	if (strcmp(key, "executables") == 0)
		return list_of("executable");
	if (strcmp(key, "precedence_constraints") == 0)
		return list_of("precedence_constraint");
	if (strcmp(key, "event_handlers") == 0)
		return event_handlers();
	return so_schema_expressions(type);
}

static void
put_structure(json_t *schema, const SoObjectType *type, unsigned holder)
{
	json_t *properties = json_object_get(schema, "properties");
	json_t *required = json_object_get(schema, "required");

	for (const SoStructureKey *key = so_structure_keys(); key->name != NULL; key++)
	{
		json_t *json;

		if (!(key->holders & holder))
			continue;
		json = structure_schema(key->name, type);
		if (json_object_get(json, "$ref") != NULL)
			json = json_pack("{s:[o]}", "allOf", json); /* members beside $ref do not count */
		json_object_set_new(json, "description", json_string(key->description));
		json_object_set_new(properties, key->name, json);
		if (strcmp(key->name, "type") == 0 || strcmp(key->name, "enumerator") == 0)
			json_array_append_new(required, json_string(key->name));
	}
}

/* Type and structure in one closed object, under name in definitions. */
static json_t *
define(json_t *definitions, const char *name, const SoObjectType *type, unsigned holder)
{
	json_t *schema = so_schema_object(type, definitions, holder != 0);

	if (holder != 0)
		put_structure(schema, type, holder);
	if (json_array_size(json_object_get(schema, "required")) == 0)
		json_object_del(schema, "required");
	json_object_set_new(definitions, name, schema);
	return schema;
}

/* An object whose "type" decides: names[i] selects definition prefix.names[i]. */
typedef struct Choice
{
	json_t *names;
	json_t *rules;
} Choice;

static void
add_choice(Choice *choice, const char *name, const char *definition)
{
	json_array_append_new(choice->names, json_string(name));
	json_array_append_new(choice->rules,
						  json_pack("{s:{s:[s], s:{s:{s:s}}}, s:o}", "if", "required", "type",
									"properties", "type", "const", name, "then",
									so_schema_reference(definition)));
}

static void
finish_choice(json_t *definitions, const char *name, Choice *choice, const char *description)
{
	json_object_set_new(
		definitions, name,
		json_pack("{s:s, s:s, s:[s], s:{s:{s:s, s:o}}, s:o}", "type", "object", "description",
				  description, "required", "type", "properties", "type", "description",
				  "What kind of object this is; it decides which other properties there are.",
				  "enum", choice->names, "allOf", choice->rules));
}

static void
define_connections(json_t *definitions)
{
	Choice choice = {json_array(), json_array()};

	for (const SoObjectType *const *type = so_connection_types(); *type != NULL; type++)
	{
		char name[80];

		snprintf(name, sizeof(name), "connection.%s", (*type)->name);
		define(definitions, name, *type, SO_HOLDER_CONNECTION);
		add_choice(&choice, (*type)->name, name);
	}
	finish_choice(definitions, "connection", &choice, "A connection manager.");
}

static void
define_enumerators(json_t *definitions)
{
	Choice choice = {json_array(), json_array()};

	for (const SoObjectType *const *type = so_enumerator_types(); *type != NULL; type++)
	{
		char name[80];

		snprintf(name, sizeof(name), "enumerator.%s", (*type)->name);
		define(definitions, name, *type, SO_HOLDER_ENUMERATOR);
		add_choice(&choice, (*type)->name, name);
	}
	finish_choice(definitions, "enumerator", &choice, "What a Foreach loop goes through.");
}

static void
define_executables(json_t *definitions)
{
	Choice choice = {json_array(), json_array()};

	for (const SoObjectType *const *type = so_container_types(); *type != NULL; type++)
	{
		define(definitions, (*type)->name, *type,
			   *type == &so_object_type_foreach_loop ? SO_HOLDER_FOREACH : SO_HOLDER_CONTAINER);
		add_choice(&choice, (*type)->name, (*type)->name);
	}
	for (const SoTaskType *const *task = so_task_types(); *task != NULL; task++)
	{
		const SoObjectType *type = (*task)->object_type;

		define(definitions, type->name, type, SO_HOLDER_TASK);
		add_choice(&choice, type->name, type->name);
	}
	define(definitions, so_object_type_opaque.name, &so_object_type_opaque, SO_HOLDER_TASK);
	add_choice(&choice, so_object_type_opaque.name, so_object_type_opaque.name);
	finish_choice(definitions, "executable", &choice, "A task or a container.");
}

/* The short form of constraints. */
static void
define_after(json_t *definitions)
{
	json_t *item = so_schema_object(&so_object_type_precedence_constraint, definitions, false);
	json_t *properties = json_object_get(item, "properties");
	json_t *on = json_copy(json_object_get(properties, "value"));
	json_t *one;

	json_object_del(properties, "from");
	json_object_del(properties, "to");
	json_object_del(properties, "value");
	json_object_set_new(properties, "executable",
						json_pack("{s:s, s:s}", "type", "string", "description",
								  "Name or id of the sibling that comes first."));
	json_object_set_new(properties, "on", on);
	json_object_set_new(properties, "any",
						json_pack("{s:s, s:s}", "type", "boolean", "description",
								  "true: this one is enough; the same as logical_and: false."));
	json_object_set_new(item, "required", json_pack("[s]", "executable"));
	json_object_set_new(definitions, "after_object", item);
	one = json_pack("{s:[{s:s, s:s}, o]}", "anyOf", "type", "string", "description",
					"Name or id of a sibling that must have succeeded.",
					so_schema_reference("after_object"));
	json_object_set_new(definitions, "after_one", one);
	json_object_set_new(definitions, "after",
						json_pack("{s:[o, {s:s, s:o}, {s:s, s:b, s:[s], s:{s:{s:s, s:s, s:o}}}]}",
								  "anyOf", so_schema_reference("after_one"), "type", "array",
								  "items", so_schema_reference("after_one"), "type", "object",
								  "additionalProperties", 0, "required", "any", "properties", "any",
								  "description", "One of these is enough.", "type", "array",
								  "items", so_schema_reference("after_one")));
}

static json_t *
root(const char *definition, const char *title, const char *description, json_t *definitions)
{
	return json_pack("{s:s, s:s, s:s, s:[o], s:o}", "$schema", DIALECT, "title", title,
					 "description", description, "allOf", so_schema_reference(definition),
					 "definitions", definitions);
}

json_t *
so_schema_package(void)
{
	json_t *definitions = json_object();
	json_t *handler;

	define(definitions, "package", &so_object_type_package, SO_HOLDER_PACKAGE);
	define(definitions, "parameter", &so_object_type_parameter, 0);
	define(definitions, "variable", &so_object_type_variable, 0);
	define_connections(definitions);
	define_executables(definitions);
	define_enumerators(definitions);
	define(definitions, "precedence_constraint", &so_object_type_precedence_constraint, 0);
	define_after(definitions);
	handler = define(definitions, "event_handler", &so_object_type_event_handler,
					 SO_HOLDER_EVENT_HANDLER);
	json_object_del(json_object_get(handler, "properties"), "name");
	json_object_del(handler, "required");
	return root("package", "scaleout package", "A package of scaleout, in YAML or JSON.",
				definitions);
}

json_t *
so_schema_project(void)
{
	json_t *definitions = json_object();

	define(definitions, "project", &so_object_type_project, SO_HOLDER_PROJECT);
	define(definitions, "parameter", &so_object_type_parameter, 0);
	define_connections(definitions);
	return root("project", "scaleout project",
				"project.yaml: what the packages of one folder share.", definitions);
}
