/*
 * engine/model/reference.c
 *
 * Tables of properties as Markdown; see reference.h.
 *
 * Process: client.  Reads constant tables only.
 */
#include "engine/model/reference.h"

#include <string.h>

#include "engine/model/loader.h"
#include "engine/model/system_variables.h"
#include "engine/tasks/task.h"

#define BEGIN_MARK "<!-- generated: "
#define END_MARK   "<!-- end of generated part -->"

const SoObjectType *
so_reference_type(const char *name)
{
	static const SoObjectType *const single[] = {&so_object_type_executable,
												 &so_object_type_package,
												 &so_object_type_event_handler,
												 &so_object_type_opaque,
												 &so_object_type_precedence_constraint,
												 &so_object_type_variable,
												 &so_object_type_parameter,
												 &so_object_type_variable_mapping,
												 &so_object_type_project,
												 &so_object_type_connection,
												 NULL};
	const SoTaskType *task;

	for (int i = 0; single[i] != NULL; i++)
	{
		if (strcmp(single[i]->name, name) == 0)
			return single[i];
	}
	if (strncmp(name, "connection.", 11) == 0)
		return so_connection_type_find(name + 11);
	if (strncmp(name, "enumerator.", 11) == 0)
		return so_enumerator_type_find(name + 11);
	if (so_container_type_find(name) != NULL)
		return so_container_type_find(name);
	task = so_task_type_find(name);
	return task != NULL ? task->object_type : NULL;
}

/* Appends text with what Markdown tables cannot have replaced. */
static char *
append_cell(char *out, const char *text)
{
	for (; *text != '\0'; text++)
	{
		if (*text == '|')
			out = talloc_strdup_append_buffer(out, "\\|");
		else
			out = talloc_strndup_append_buffer(out, *text == '\n' ? " " : text, 1);
	}
	return out;
}

static char *
append_kind(char *out, const SoProperty *property)
{
	static const char *const names[] = {[SO_PROPERTY_STRING] = "text",
										[SO_PROPERTY_TEXT] = "long text",
										[SO_PROPERTY_BOOLEAN] = "boolean",
										[SO_PROPERTY_INT32] = "int32",
										[SO_PROPERTY_INT64] = "int64",
										[SO_PROPERTY_DOUBLE] = "number",
										[SO_PROPERTY_DURATION] = "duration",
										[SO_PROPERTY_GUID] = "UUID",
										[SO_PROPERTY_ENUM] = "",
										[SO_PROPERTY_DATA_TYPE] = "type",
										[SO_PROPERTY_VALUE] = "scalar",
										[SO_PROPERTY_EXPRESSION] = "expression",
										[SO_PROPERTY_VARIABLE] = "variable",
										[SO_PROPERTY_CONNECTION] = "connection",
										[SO_PROPERTY_OBJECT] = "object",
										[SO_PROPERTY_OBJECT_LIST] = "list of objects",
										[SO_PROPERTY_STRING_LIST] = "list of texts",
										[SO_PROPERTY_STRING_MAP] = "map of texts",
										[SO_PROPERTY_VALUE_MAP] = "map of scalars",
										[SO_PROPERTY_JSON] = "any"};

	out = talloc_strdup_append_buffer(out, names[property->kind]);
	for (int i = 0; property->enum_names != NULL && property->enum_names[i] != NULL; i++)
		out = talloc_asprintf_append_buffer(out, "%s`%s`", i == 0 ? "" : ", ",
											property->enum_names[i]);
	if (property->flags & SO_PROPERTY_REQUIRED)
		out = talloc_strdup_append_buffer(out, "; required");
	if (property->flags & SO_PROPERTY_NO_EXPRESSION || property->kind >= SO_PROPERTY_OBJECT)
		out = talloc_strdup_append_buffer(out, "; literal");
	return out;
}

static char *
append_properties(char *out, const SoObjectType *type)
{
	if (type->properties->name == NULL)
		return talloc_strdup_append_buffer(out, "No properties of its own.\n");
	out = talloc_strdup_append_buffer(
		out, "| property | type | default | meaning |\n| --- | --- | --- | --- |\n");
	for (const SoProperty *property = type->properties; property->name != NULL; property++)
	{
		out = talloc_asprintf_append_buffer(out, "| `%s` | ", property->name);
		out = append_kind(out, property);
		if (property->default_text == NULL)
			out = talloc_strdup_append_buffer(out, " | | ");
		else if (property->default_text[0] == '\0')
			out = talloc_strdup_append_buffer(out, " | empty | ");
		else
			out = talloc_asprintf_append_buffer(out, " | `%s` | ", property->default_text);
		out = append_cell(out, property->description);
		if (property->example != NULL && strchr(property->example, '\n') == NULL)
		{
			out = talloc_strdup_append_buffer(out, " Example: `");
			out = append_cell(out, property->example);
			out = talloc_strdup_append_buffer(out, "`");
		}
		out = talloc_strdup_append_buffer(out, " |\n");
		if (property->item_type != NULL)
			out = talloc_asprintf_append_buffer(out, "| | | | *members of `%s`: see %s below* |\n",
												property->name, property->item_type->title);
	}
	/* the types inside, once each */
	for (const SoProperty *property = type->properties; property->name != NULL; property++)
	{
		bool seen = false;

		for (const SoProperty *before = type->properties; before != property; before++)
			seen = seen || before->item_type == property->item_type;
		if (property->item_type == NULL || seen)
			continue;
		out = talloc_asprintf_append_buffer(out, "\n%s (`%s`): ", property->item_type->title,
											property->name);
		out = talloc_strdup_append_buffer(out, property->item_type->description);
		out = talloc_strdup_append_buffer(out, "\n\n");
		out = append_properties(out, property->item_type);
	}
	return out;
}

static char *
append_structure(char *out)
{
	static const struct
	{
		unsigned holder;
		const char *name;
	} holders[] = {{SO_HOLDER_PACKAGE, "package"},
				   {SO_HOLDER_PROJECT, "project.yaml"},
				   {SO_HOLDER_CONTAINER, "containers"},
				   {SO_HOLDER_FOREACH, "Foreach loop"},
				   {SO_HOLDER_TASK, "tasks"},
				   {SO_HOLDER_EVENT_HANDLER, "event handlers"},
				   {SO_HOLDER_CONNECTION, "connections"},
				   {SO_HOLDER_ENUMERATOR, "enumerators"}};

	out = talloc_strdup_append_buffer(
		out, "| key | value | where | meaning |\n| --- | --- | --- | --- |\n");
	for (const SoStructureKey *key = so_structure_keys(); key->name != NULL; key++)
	{
		bool first = true;

		out = talloc_asprintf_append_buffer(out, "| `%s` | %s | ", key->name, key->kind);
		for (size_t i = 0; i < sizeof(holders) / sizeof(holders[0]); i++)
		{
			if (!(key->holders & holders[i].holder))
				continue;
			out = talloc_asprintf_append_buffer(out, "%s%s", first ? "" : ", ", holders[i].name);
			first = false;
		}
		out = talloc_strdup_append_buffer(out, " | ");
		out = append_cell(out, key->description);
		out = talloc_strdup_append_buffer(out, " Example: `");
		out = append_cell(out, key->example);
		out = talloc_strdup_append_buffer(out, "` |\n");
	}
	return out;
}

static char *
append_events(char *out)
{
	out = talloc_strdup_append_buffer(out, "| event | in SSIS |\n| --- | --- |\n");
	for (const char *const *event = so_event_names(); *event != NULL; event++)
		out = talloc_asprintf_append_buffer(out, "| `%s` | %s |\n", *event,
											so_event_ssis_name(*event));
	return out;
}

static char *
append_system_variables(char *out)
{
	out = talloc_strdup_append_buffer(
		out, "| variable | type | visible | meaning |\n| --- | --- | --- | --- |\n");
	for (const SoSystemVariable *variable = so_system_variables(); variable->name != NULL;
		 variable++)
	{
		out = talloc_asprintf_append_buffer(out, "| `System::%s` | %s | %s%s | ", variable->name,
											so_data_type_variable_name(variable->type),
											variable->scope == SO_SYSTEM_PACKAGE ? "everywhere"
											: variable->scope == SO_SYSTEM_TASK  ? "in tasks"
											: variable->events == NULL ? "in event handlers"
																	   : "in",
											variable->events != NULL ? variable->events : "");
		out = append_cell(out, variable->description);
		out = talloc_strdup_append_buffer(out, " |\n");
	}
	return out;
}

static char *
append_data_types(char *out)
{
	out = talloc_strdup_append_buffer(
		out, "| type | in expressions | value at the start |\n| --- | --- | --- |\n");
	for (int i = SO_TYPE_NONE + 1; i < SO_TYPE_COUNT; i++)
	{
		const char *name = so_data_type_variable_name((SoDataType) i);
		TALLOC_CTX *scratch = talloc_new(NULL);
		SoValue value = so_value_default(scratch, (SoDataType) i);
		char *text = so_value_to_text(scratch, &value);

		if (name != NULL && so_data_type_from_name(name) == (SoDataType) i)
			out = talloc_asprintf_append_buffer(
				out, "| `%s` | `%s` | %s%s%s |\n", name, so_data_type_name((SoDataType) i),
				text[0] != '\0' ? "`" : "", text[0] != '\0' ? text : "empty",
				text[0] != '\0' ? "`" : "");
		talloc_free(scratch);
	}
	return out;
}

/* NULL when name means nothing */
static char *
append_part(char *out, const char *name)
{
	const SoObjectType *type;

	if (strcmp(name, "structure") == 0)
		return append_structure(out);
	if (strcmp(name, "events") == 0)
		return append_events(out);
	if (strcmp(name, "system_variables") == 0)
		return append_system_variables(out);
	if (strcmp(name, "data_types") == 0)
		return append_data_types(out);
	type = so_reference_type(name);
	return type != NULL ? append_properties(out, type) : NULL;
}

char *
so_reference_refresh(TALLOC_CTX *context, const char *text, char **unknown)
{
	char *out = talloc_strdup(context, "");
	const char *begin;

	*unknown = NULL;
	while ((begin = strstr(text, BEGIN_MARK)) != NULL)
	{
		const char *name = begin + strlen(BEGIN_MARK);
		const char *name_end = strstr(name, " -->");
		const char *end = strstr(begin, END_MARK);
		char *part;
		char *next;

		if (name_end == NULL || end == NULL)
		{
			*unknown = talloc_strdup(context, END_MARK);
			return NULL;
		}
		part = talloc_strndup(context, name, (size_t) (name_end - name));
		out = talloc_strndup_append_buffer(out, text, (size_t) (name_end + 4 - text));
		out = talloc_strdup_append_buffer(out, "\n");
		next = append_part(out, part);
		if (next == NULL)
		{
			*unknown = part;
			return NULL;
		}
		out = talloc_strdup_append_buffer(next, END_MARK);
		text = end + strlen(END_MARK);
	}
	return talloc_strdup_append_buffer(out, text);
}
