/*
 * engine/control_flow/task_outputs.c
 *
 * The outputs of a task as JSON and back.
 *
 * Process: runner and client, in the task's thread; works on the task's copies.
 */
#include "engine/control_flow/task_outputs.h"

#include "engine/control_flow/task_run.h"

SoTaskIdentity
so_task_identity(const SoTaskRun *run)
{
	SoTaskIdentity identity = {.chain_id = run->chain_id != NULL ? run->chain_id : "",
							   .attempt = run->attempt,
							   .path = run->marker_path != NULL ? run->marker_path : "",
							   .items = run->items != NULL ? run->items : ""};

	return identity;
}

static json_t *
value_to_json(const SoValue *value)
{
	json_t *json = json_object();

	json_object_set_new(json, "type", json_string(so_data_type_name(value->type)));
	if (value->type == SO_TYPE_OBJECT && !value->is_null)
		json_object_set(json, "json", value->as.object);
	else if (!value->is_null)
	{
		char *text = so_value_to_text(NULL, value);

		json_object_set_new(json, "text", json_string(text));
		talloc_free(text);
	}
	return json;
}

static bool
value_from_json(TALLOC_CTX *context, const json_t *json, SoValue *value, SoError *error)
{
	const char *type = json_string_value(json_object_get(json, "type"));
	json_t *text = json_object_get(json, "text");
	json_t *object = json_object_get(json, "json");
	SoDataType data_type = type != NULL ? so_data_type_from_name(type) : SO_TYPE_NONE;

	if (data_type == SO_TYPE_NONE)
		return so_error_set(error, SO_ERR_EXACTLY_ONCE_MARKER, NULL,
							"the outputs in a marker cannot be read");
	if (object != NULL)
		*value = so_value_object(context, object);
	else if (!json_is_string(text))
		*value = so_value_null(data_type);
	else if (so_data_type_is_character(data_type))
		*value =
			so_value_bytes(context, data_type, json_string_value(text), json_string_length(text));
	else
		return so_value_from_text(context, data_type, json_string_value(text), value, error);
	return true;
}

json_t *
so_task_outputs(SoTaskRun *run)
{
	json_t *json = json_object();
	json_t *variables = json_object();

	for (int i = 0; i < run->variable_count; i++)
	{
		if (run->variables[i].changed)
			json_object_set_new(variables, run->variables[i].name,
								value_to_json(&run->variables[i].value));
	}
	json_object_set_new(json, "variables", variables);
	if (run->has_execution_value)
		json_object_set_new(json, "execution_value", value_to_json(&run->execution_value));
	if (run->row_count >= 0)
		json_object_set_new(json, "row_count", json_integer(run->row_count));
	return json;
}

bool
so_task_set_outputs(SoTaskRun *run, const json_t *outputs, SoError *error)
{
	json_t *variables = json_object_get(outputs, "variables");
	const json_t *execution_value = json_object_get(outputs, "execution_value");
	const json_t *row_count = json_object_get(outputs, "row_count");
	const char *name;
	json_t *json;
	SoValue value;

	json_object_foreach(variables, name, json)
	{
		if (!value_from_json(run->context, json, &value, error) ||
			!so_task_set_variable(run, name, &value, error))
			return false;
	}
	if (execution_value != NULL)
	{
		if (!value_from_json(run->context, execution_value, &value, error))
			return false;
		so_task_set_execution_value(run, &value);
	}
	if (json_is_integer(row_count))
		so_task_set_row_count(run, json_integer_value(row_count));
	return true;
}
