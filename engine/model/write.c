/*
 * engine/model/write.c
 *
 * Canonical JSON: format_version first, properties in table order without
 * those at their default, then the structure.  The same package always gives
 * the same bytes, and loading them gives the same package.
 *
 * Process: runner, client, loader.  Reads the model only.
 */
#include "engine/model/load.h"

#include <stdlib.h>
#include <string.h>

#include "common/duration.h"
#include "common/protocol.h"
#include "engine/model/object_types.h"

static json_t *object_to_json(const SoObject *object, const char *left_out);

static bool
is_default(const SoField *field)
{
	const SoProperty *property = field->property;
	TALLOC_CTX *scratch;
	const SoObject *fresh;
	bool same;
	SoObjectType type = {"", "", "", NULL, NULL};
	SoProperty table[2];

	if (property->default_text == NULL)
		return false;
	memset(table, 0, sizeof(table));
	table[0] = *property;
	type.properties = table;
	scratch = talloc_new(NULL);
	fresh = so_object_new(scratch, &type);
	same = so_value_same(&fresh->fields[0].value, &field->value);
	talloc_free(scratch);
	return same;
}

static json_t *
map_to_json(const SoField *field)
{
	json_t *json = json_object();

	for (int i = 0; i < field->count; i++)
	{
		if (field->property->kind == SO_PROPERTY_STRING_MAP)
			json_object_set_new(json, field->names[i], json_string(field->strings[i]));
		else
			json_object_set_new(json, field->names[i], so_value_to_json(&field->values[i]));
	}
	return json;
}

static json_t *
list_to_json(const SoField *field)
{
	json_t *json = json_array();

	for (int i = 0; i < field->count; i++)
		json_array_append_new(json, field->property->kind == SO_PROPERTY_STRING_LIST
										? json_string(field->strings[i])
										: object_to_json(field->objects[i], NULL));
	return json;
}

static json_t *
field_to_json(const SoField *field)
{
	char duration[40];

	switch (field->property->kind)
	{
		case SO_PROPERTY_OBJECT:
			return object_to_json(field->object, NULL);
		case SO_PROPERTY_OBJECT_LIST:
		case SO_PROPERTY_STRING_LIST:
			return list_to_json(field);
		case SO_PROPERTY_STRING_MAP:
		case SO_PROPERTY_VALUE_MAP:
			return map_to_json(field);
		case SO_PROPERTY_JSON:
			return json_deep_copy(field->json);
		case SO_PROPERTY_ENUM:
			return json_string(field->property->enum_names[field->value.as.integer]);
		case SO_PROPERTY_DURATION:
			return json_string(
				so_duration_format(field->value.as.integer, duration, sizeof(duration)));
		default:
			return so_value_to_json(&field->value);
	}
}

/* left_out: a property that the caller writes or that must not be written. */
static void
put_properties(json_t *json, const SoObject *object, const char *left_out)
{
	for (int i = 0; i < object->field_count; i++)
	{
		const SoField *field = &object->fields[i];
		const char *name = field->property->name;

		if (!field->is_set || (left_out != NULL && strcmp(name, left_out) == 0) ||
			is_default(field))
			continue;
		json_object_set_new(json, name, field_to_json(field));
	}
}

static json_t *
object_to_json(const SoObject *object, const char *left_out)
{
	json_t *json = json_object();

	put_properties(json, object, left_out);
	return json;
}

/* In table order, whatever the order in the document. */
static void
put_expressions(json_t *json, const SoObjectType *type, const SoPropertyExpression *list, int count)
{
	int properties = so_object_type_property_count(type);
	json_t *map;

	if (count == 0)
		return;
	map = json_object();
	for (int i = 0; i < properties; i++)
	{
		const SoProperty *property = so_object_type_property(type, i);

		for (int j = 0; j < count; j++)
		{
			if (list[j].property == property)
				json_object_set_new(map, property->name, json_string(list[j].text));
		}
	}
	json_object_set_new(json, "expressions", map);
}

static void
put_list(json_t *json, const char *key, json_t *list)
{
	if (json_array_size(list) > 0)
		json_object_set_new(json, key, list);
	else
		json_decref(list);
}

/* The value of a secret is dropped: what stands in a document is not a secret. */
static json_t *
parameters_to_json(SoParameter *const *parameters, int count)
{
	json_t *list = json_array();

	for (int i = 0; i < count; i++)
	{
		const SoParameter *parameter = parameters[i];
		json_t *json = object_to_json(parameter->object, "value");

		if (parameter->has_default && !parameter->sensitive)
			json_object_set_new(json, "value", so_value_to_json(&parameter->value));
		json_array_append_new(list, json);
	}
	return list;
}

static json_t *
variables_to_json(const SoExecutable *executable)
{
	json_t *list = json_array();

	for (int i = 0; i < executable->variable_count; i++)
	{
		const SoVariable *variable = executable->variables[i];
		json_t *json = object_to_json(variable->object, "value");

		if (so_object_is_set(variable->object, "value"))
			json_object_set_new(json, "value", so_value_to_json(&variable->value));
		json_array_append_new(list, json);
	}
	return list;
}

static json_t *
typed_to_json(const SoObject *object, const SoPropertyExpression *expressions, int count)
{
	json_t *json = json_object();

	json_object_set_new(json, "type", json_string(object->type->name));
	put_properties(json, object, NULL);
	put_expressions(json, object->type, expressions, count);
	return json;
}

static json_t *
connections_to_json(SoConnectionManager *const *connections, int count)
{
	json_t *list = json_array();

	for (int i = 0; i < count; i++)
		json_array_append_new(list,
							  typed_to_json(connections[i]->object, connections[i]->expressions,
											connections[i]->expression_count));
	return list;
}

static json_t *executable_to_json(const SoExecutable *executable);

/* What every executable holds, after its properties. */
static void
put_content(json_t *json, const SoExecutable *executable)
{
	json_t *list = json_array();

	put_list(json, "variables", variables_to_json(executable));
	if (executable->enumerator != NULL)
		json_object_set_new(json, "enumerator",
							typed_to_json(executable->enumerator,
										  executable->enumerator_expressions,
										  executable->enumerator_expression_count));
	put_expressions(json, executable->object->type, executable->expressions,
					executable->expression_count);
	for (int i = 0; i < executable->child_count; i++)
		json_array_append_new(list, executable_to_json(executable->children[i]));
	put_list(json, "executables", list);
	list = json_array();
	for (int i = 0; i < executable->constraint_count; i++)
		json_array_append_new(list, object_to_json(executable->constraints[i]->object, NULL));
	put_list(json, "precedence_constraints", list);
	if (executable->event_handler_count > 0)
	{
		json_t *handlers = json_object();

		for (int i = 0; i < executable->event_handler_count; i++)
			json_object_set_new(handlers, executable->event_handlers[i]->name,
								executable_to_json(executable->event_handlers[i]));
		json_object_set_new(json, "event_handlers", handlers);
	}
}

static json_t *
executable_to_json(const SoExecutable *executable)
{
	json_t *json = json_object();

	if (executable->kind != SO_KIND_EVENT_HANDLER)
	{
		json_object_set_new(json, "name", json_string(executable->name));
		json_object_set_new(json, "type", json_string(executable->object->type->name));
	}
	put_properties(json, executable->object, "name");
	put_content(json, executable);
	return json;
}

json_t *
so_package_to_json(const SoPackage *package)
{
	json_t *json = json_object();

	json_object_set_new(json, "format_version", json_integer(SO_PACKAGE_FORMAT_VERSION));
	put_properties(json, package->root->object, NULL);
	put_list(json, "parameters", parameters_to_json(package->parameters, package->parameter_count));
	put_list(json, "connections",
			 connections_to_json(package->connections, package->connection_count));
	put_content(json, package->root);
	return json;
}

static int
compare_packages(const void *left, const void *right)
{
	const SoPackage *a = *(const SoPackage *const *) left;
	const SoPackage *b = *(const SoPackage *const *) right;

	return strcmp(a->name, b->name);
}

json_t *
so_project_to_json(const SoProject *project)
{
	size_t count = (size_t) project->package_count;
	json_t *json = json_object();
	json_t *own = project->object != NULL ? object_to_json(project->object, NULL) : json_object();
	json_t *packages = json_object();
	SoPackage **sorted = talloc_array(NULL, SoPackage *, count + 1);

	put_list(own, "parameters", parameters_to_json(project->parameters, project->parameter_count));
	put_list(own, "connections",
			 connections_to_json(project->connections, project->connection_count));
	for (size_t i = 0; i < count; i++)
		sorted[i] = project->packages[i];
	qsort(sorted, count, sizeof(SoPackage *), compare_packages);
	for (size_t i = 0; i < count; i++)
		json_object_set_new(packages, sorted[i]->name, so_package_to_json(sorted[i]));
	talloc_free(sorted);
	json_object_set_new(json, "format_version", json_integer(SO_PACKAGE_FORMAT_VERSION));
	json_object_set_new(json, "name", json_string(project->name));
	json_object_set_new(json, "project", own);
	json_object_set_new(json, "packages", packages);
	return json;
}
