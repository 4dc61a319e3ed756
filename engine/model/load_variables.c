/*
 * engine/model/load_variables.c
 *
 * Variables of executables, parameters of packages and projects.
 *
 * Process: runner, client, loader.  First pass of a load; one owner.
 */
#include "engine/model/loader.h"

#include <ctype.h>
#include <string.h>

/* Letter or underscore, then letters, digits, underscores, as @Name wants it; UTF-8 letters too. */
static bool
is_identifier(const char *name)
{
	if (!isalpha((unsigned char) *name) && *name != '_' && !(*name & 0x80))
		return false;
	for (; *name != '\0'; name++)
	{
		if (!isalnum((unsigned char) *name) && *name != '_' && !(*name & 0x80))
			return false;
	}
	return true;
}

/* Names that an expression could not reach are refused; brackets reach everything else. */
static bool
check_name(SoLoader *loader, const SoObject *object, const SoField *field, const char *name)
{
	if (name[0] != '\0' && strpbrk(name, "[]:\n\r\t") == NULL)
		return true;
	so_loader_error_at(loader, object, field, SO_ERR_DOCUMENT_INVALID_VALUE,
					   "Use letters, digits and underscores.", "\"%s\" cannot be the name of a %s",
					   name, object->type->name);
	return false;
}

/* "User::rows" -> namespace and name */
static void
split_name(SoLoader *loader, SoVariable *variable)
{
	SoObject *object = variable->object;
	SoField *name = so_object_field(object, "name");
	SoField *name_space = so_object_field(object, "namespace");
	const char *text = so_object_string(object, "name");
	const char *separator = strstr(text, "::");

	if (separator != NULL)
	{
		if (name_space->is_set)
			so_loader_error_at(loader, object, name, SO_ERR_DOCUMENT_INVALID_VALUE,
							   "Write one of the two.",
							   "the namespace stands in name and in namespace");
		name_space->value = so_value_string_length(object, text, (size_t) (separator - text));
		name_space->is_set = true;
		name->value = so_value_string(object, separator + 2);
	}
	variable->name = talloc_strdup(variable, so_object_string(object, "name"));
	variable->name_space = talloc_strdup(variable, so_object_string(object, "namespace"));
	check_name(loader, object, name, variable->name);
	if (!is_identifier(variable->name_space))
		so_loader_error_at(loader, object, name_space, SO_ERR_DOCUMENT_INVALID_VALUE,
						   "Use letters, digits and underscores.", "\"%s\" cannot be a namespace",
						   variable->name_space);
	else if (strcmp(variable->name_space, "System") == 0)
		so_loader_error_at(loader, object, name_space, SO_ERR_DOCUMENT_INVALID_VALUE, "Use User.",
						   "namespace System belongs to the engine");
}

/* Defaults that depend on other members: written out, so that the canonical form says them. */
static void
set_flags(SoVariable *variable)
{
	SoObject *object = variable->object;
	SoField *evaluate = so_object_field(object, "evaluate_as_expression");
	SoField *dump = so_object_field(object, "include_in_debug_dump");

	variable->expression = talloc_strdup(variable, so_object_string(object, "expression"));
	if (!evaluate->is_set)
		evaluate->value = so_value_boolean(variable->expression != NULL);
	variable->evaluate_as_expression = evaluate->value.as.boolean && variable->expression != NULL;
	if (!dump->is_set)
		dump->value =
			so_value_boolean(variable->type != SO_TYPE_WSTR && !variable->evaluate_as_expression);
	variable->include_in_debug_dump = dump->value.type == SO_TYPE_BOOL && dump->value.as.boolean;
	variable->read_only = so_object_boolean(object, "read_only");
	variable->raise_changed_event = so_object_boolean(object, "raise_changed_event");
}

static SoVariable *
read_variable(SoLoader *loader, const SoNode *node, SoExecutable *owner)
{
	SoVariable *variable = talloc_zero(owner, SoVariable);
	const SoNode *value = so_node_member(node, "value");
	const char *type;

	variable->object = so_loader_read_object(loader, node, &so_object_type_variable, NULL, NULL);
	if (so_object_string(variable->object, "name") == NULL)
	{
		talloc_free(variable);
		return NULL; /* reported as missing */
	}
	type = so_object_string(variable->object, "type");
	variable->type = type != NULL ? so_data_type_from_name(type) : SO_TYPE_NONE;
	split_name(loader, variable);
	variable->value = so_value_null(variable->type);
	if (variable->type != SO_TYPE_NONE)
	{
		if (value == NULL ||
			!so_loader_typed_value(loader, variable, value, variable->type, &variable->value))
			variable->value = so_value_default(variable, variable->type);
	}
	set_flags(variable);
	so_loader_identify(loader, variable->object,
					   talloc_asprintf(variable, "%s.Variables[%s::%s]", owner->path,
									   variable->name_space, variable->name));
	return variable;
}

void
so_loader_read_variables(SoLoader *loader, const SoNode *node, SoExecutable *owner)
{
	if (node == NULL || !so_loader_expect(loader, node, SO_NODE_SEQUENCE, "variables") ||
		so_loader_too_long(loader, node, SO_MAX_MEMBERS, "variables"))
		return;
	for (int i = 0; i < node->count; i++)
	{
		SoVariable *variable = read_variable(loader, node->items[i], owner);
		char *path;

		if (variable == NULL)
			continue;
		path = talloc_asprintf(variable, "%s.Variables[%s::%s]", owner->path, variable->name_space,
							   variable->name);
		if (json_object_get(loader->paths, path) != NULL)
			so_loader_error(loader, node->items[i], SO_ERR_DOCUMENT_DUPLICATE_NAME, NULL,
							"there is a variable %s::%s already", variable->name_space,
							variable->name);
		else
			json_object_set_new(loader->paths, path, json_true());
		owner->variables =
			so_loader_append(owner, owner->variables, &owner->variable_count, variable);
	}
}

/* ---- parameters ---- */

static void
read_parameter_value(SoLoader *loader, const SoNode *node, SoParameter *parameter)
{
	const SoNode *value = so_node_member(node, "value");
	SoField *field = so_object_field(parameter->object, "value");

	parameter->value = so_value_null(parameter->type);
	if (parameter->type == SO_TYPE_NONE)
		return;
	if (value == NULL)
	{
		if (!parameter->required)
			parameter->value = so_value_default(parameter, parameter->type);
		return;
	}
	loader->hide_values = parameter->sensitive;
	parameter->has_default =
		so_loader_typed_value(loader, parameter, value, parameter->type, &parameter->value);
	loader->hide_values = false;
	if (parameter->sensitive)
		so_loader_warning_at(loader, parameter->object, field, SO_ERR_DOCUMENT_SECRET,
							 "Leave the value out and give it for the execution or in the catalog; "
							 "the canonical form drops it.",
							 "the value of the sensitive parameter %s stands in the document",
							 parameter->name);
}

static SoParameter *
read_parameter(SoLoader *loader, const SoNode *node, TALLOC_CTX *owner, const char *path_prefix)
{
	SoParameter *parameter = talloc_zero(owner, SoParameter);
	SoObject *object;
	const char *type;

	parameter->object = object =
		so_loader_read_object(loader, node, &so_object_type_parameter, NULL, NULL);
	if (so_object_string(object, "name") == NULL)
	{
		talloc_free(parameter);
		return NULL;
	}
	parameter->name = talloc_strdup(parameter, so_object_string(object, "name"));
	check_name(loader, object, so_object_field(object, "name"), parameter->name);
	parameter->description = talloc_strdup(parameter, so_object_string(object, "description"));
	parameter->required = so_object_boolean(object, "required");
	parameter->sensitive = so_object_boolean(object, "sensitive");
	type = so_object_string(object, "type");
	parameter->type = type != NULL ? so_data_type_from_name(type) : SO_TYPE_NONE;
	if (parameter->type == SO_TYPE_OBJECT)
	{
		so_loader_error_at(
			loader, object, so_object_field(object, "type"), SO_ERR_DOCUMENT_INVALID_VALUE,
			"Use string and let a task take it apart.", "a parameter cannot be of type object");
		parameter->type = SO_TYPE_NONE;
	}
	read_parameter_value(loader, node, parameter);
	so_loader_identify(loader, object,
					   talloc_asprintf(parameter, "%s[%s]", path_prefix, parameter->name));
	return parameter;
}

void
so_loader_read_parameters(SoLoader *loader, const SoNode *node, TALLOC_CTX *owner,
						  const char *path_prefix, SoParameter ***list, int *count)
{
	if (node == NULL || !so_loader_expect(loader, node, SO_NODE_SEQUENCE, "parameters") ||
		so_loader_too_long(loader, node, SO_MAX_MEMBERS, "parameters"))
		return;
	for (int i = 0; i < node->count; i++)
	{
		SoParameter *parameter = read_parameter(loader, node->items[i], owner, path_prefix);
		char *path;

		if (parameter == NULL)
			continue;
		path = talloc_asprintf(parameter, "%s[%s]", path_prefix, parameter->name);
		if (json_object_get(loader->paths, path) != NULL)
			so_loader_error(loader, node->items[i], SO_ERR_DOCUMENT_DUPLICATE_NAME, NULL,
							"there is a parameter %s already", parameter->name);
		else
			json_object_set_new(loader->paths, path, json_true());
		*list = so_loader_append(owner, *list, count, parameter);
	}
}
