/*
 * runner/task_message.c
 *
 * Reads the TASK frame's JSON.
 *
 * Process: runner, control thread; no state.  Values may be secrets: errors name
 * members, never values.
 */
#include "runner/task_message.h"

#include <string.h>

#include "engine/model/load.h"

static bool
malformed(const char *member, SoError *error)
{
	return so_error_set(error, SO_ERR_RUN_TASK_MESSAGE, member,
						"member \"%s\" of the task is missing or malformed", member);
}

/* [{"<name_key>": ..., "value": ...}]; members whose value is null are left out. */
static bool
read_assignments(TALLOC_CTX *context, json_t *json, const char *member, const char *name_key,
				 const SoAssignment **list, int *count, SoError *error)
{
	json_t *array = json_object_get(json, member);
	SoAssignment *assignments;
	json_t *item;
	size_t i;

	*list = NULL;
	*count = 0;
	if (array == NULL || json_is_null(array))
		return true;
	if (!json_is_array(array))
		return malformed(member, error);
	assignments = talloc_zero_array(context, SoAssignment, json_array_size(array) + 1);
	json_array_foreach(array, i, item)
	{
		json_t *name = json_object_get(item, name_key);
		json_t *value = json_object_get(item, "value");

		if (!json_is_string(name) || (!json_is_string(value) && !json_is_null(value)))
			return malformed(member, error);
		if (json_is_null(value))
			continue;
		assignments[*count].name = json_string_value(name);
		assignments[*count].text = json_string_value(value);
		(*count)++;
	}
	*list = assignments;
	return true;
}

static bool
load_project(TALLOC_CTX *context, json_t *json, SoTaskMessage *message, SoError *error)
{
	SoDiagnostics findings = {0};
	json_t *document = json_object_get(json, "project_document");

	if (!json_is_object(document))
		return malformed("project_document", error);
	message->project = so_load_project_json(context, document, &findings);
	if (message->project != NULL && findings.error_count == 0)
		return true;
	so_error_set(error, SO_ERR_RUN_DOCUMENT_INVALID, message->package_name,
				 "the project document has %d errors", findings.error_count);
	return so_error_detail(error, "%s", so_diagnostics_to_text(context, &findings));
}

bool
so_task_message_read(TALLOC_CTX *context, json_t *json, SoTaskMessage *message, SoError *error)
{
	SoRunOptions *options = &message->options;
	json_t *level = json_object_get(json, "logging_level");

	memset(message, 0, sizeof(*message));
	so_run_options_init(options);
	message->package_name = json_string_value(json_object_get(json, "package"));
	if (message->package_name == NULL)
		return malformed("package", error);
	if (!json_is_integer(json_object_get(json, "execution_id")))
		return malformed("execution_id", error);
	options->server_execution_id = json_integer_value(json_object_get(json, "execution_id"));
	if (level != NULL && !json_is_integer(level))
		return malformed("logging_level", error);
	if (level != NULL)
		options->logging_level = (int) json_integer_value(level);
	options->execution_instance_guid = json_string_value(json_object_get(json, "task"));
	options->work_folder = json_string_value(json_object_get(json, "work_folder"));
	options->chain_id =
		json_string_value(json_object_get(json_object_get(json, "checkpoint"), "chain_id"));
	options->attempt = (int) json_integer_value(json_object_get(json, "attempt"));
	if (!read_assignments(context, json, "parameters", "name", &options->parameters,
						  &options->parameter_count, error) ||
		!read_assignments(context, json, "property_overrides", "path", &options->property_overrides,
						  &options->property_override_count, error) ||
		!read_assignments(context, json, "connection_strings", "name", &options->connection_strings,
						  &options->connection_string_count, error))
		return false;
	return load_project(context, json, message, error);
}
