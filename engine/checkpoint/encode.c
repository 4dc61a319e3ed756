/*
 * engine/checkpoint/encode.c
 *
 * JSON of a checkpoint's parts.  Values travel as canonical text with their
 * type, so that every number and date comes back as it was.
 *
 * Process: runner and client, control thread only.  Works on the caller's
 * memory; what is read may come from a file that anybody wrote, so every
 * field is checked.
 */
#include "engine/checkpoint/checkpoint.h"

#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {"unit", "item", "decision"};
static const char *const setting_names[] = {"parameter", "override", "connection"};
static const char *const result_names[] = {"success", "failure", "completion", "canceled"};

/* ---- to JSON ---- */

static json_t *
value_to_json(const SoValue *value)
{
	const char *type = so_data_type_name(value->type);
	json_t *json = json_object();
	char *text;

	json_object_set_new(json, "type", json_string(type != NULL ? type : ""));
	if (value->is_null)
		return json;
	if (value->type == SO_TYPE_OBJECT)
	{
		json_object_set_new(json, "json", json_deep_copy(value->as.object));
		return json;
	}
	text = so_value_to_text(NULL, value);
	json_object_set_new(json, "text", json_string(text != NULL ? text : ""));
	talloc_free(text);
	return json;
}

json_t *
so_checkpoint_record_to_json(const SoCheckpointRecord *record)
{
	json_t *json = json_object();

	json_object_set_new(json, "kind", json_string(kind_names[record->kind]));
	json_object_set_new(json, "id", json_string(record->id));
	if (record->item[0] != '\0')
		json_object_set_new(json, "item", json_string(record->item));
	json_object_set_new(json, "path", json_string(record->path));
	json_object_set_new(json, "result", json_string(result_names[record->result & 3]));
	if (record->has_execution_value)
		json_object_set_new(json, "execution_value", value_to_json(&record->execution_value));
	json_object_set_new(json, "attempt", json_integer(record->attempt));
	json_object_set_new(json, "finished_us", json_integer(record->finished_us));
	return json;
}

json_t *
so_checkpoint_variable_to_json(const SoCheckpointVariable *variable)
{
	json_t *json = value_to_json(&variable->value);

	json_object_set_new(json, "executable", json_string(variable->executable_id));
	json_object_set_new(json, "name", json_string(variable->name));
	return json;
}

static json_t *
setting_to_json(const SoCheckpointSetting *setting)
{
	json_t *json = json_object();

	json_object_set_new(json, "kind", json_string(setting_names[setting->kind]));
	json_object_set_new(json, "name", json_string(setting->name));
	if (setting->text != NULL)
		json_object_set_new(json, "text", json_string(setting->text));
	return json;
}

json_t *
so_checkpoint_header_to_json(const SoCheckpointState *state)
{
	json_t *json = json_object();
	json_t *settings = json_array();

	json_object_set_new(json, "format", json_integer(SO_CHECKPOINT_FORMAT));
	json_object_set_new(json, "package_id", json_string(state->package_id));
	json_object_set_new(json, "package_name", json_string(state->package_name));
	json_object_set_new(json, "name", json_string(state->name));
	json_object_set_new(json, "content_hash", json_string(state->content_hash));
	json_object_set_new(json, "chain_id", json_string(state->chain_id));
	json_object_set_new(json, "attempt", json_integer(state->attempt));
	json_object_set_new(json, "created_us", json_integer(state->created_us));
	json_object_set_new(json, "updated_us", json_integer(state->updated_us));
	json_object_set_new(json, "start_us", json_integer(state->start_us));
	for (int i = 0; i < state->setting_count; i++)
		json_array_append_new(settings, setting_to_json(&state->settings[i]));
	json_object_set_new(json, "settings", settings);
	return json;
}

json_t *
so_checkpoint_state_to_json(const SoCheckpointState *state)
{
	json_t *json = so_checkpoint_header_to_json(state);
	json_t *variables = json_array();
	json_t *records = json_array();

	for (int i = 0; i < state->variable_count; i++)
		json_array_append_new(variables, so_checkpoint_variable_to_json(&state->variables[i]));
	for (int i = 0; i < state->record_count; i++)
		json_array_append_new(records, so_checkpoint_record_to_json(&state->records[i]));
	json_object_set_new(json, "variables", variables);
	json_object_set_new(json, "records", records);
	return json;
}

/* ---- from JSON ---- */

static bool
malformed(SoError *error, const char *what)
{
	so_error_set(error, SO_ERR_CHECKPOINT_ALTERED, NULL, "the checkpoint has no valid \"%s\"",
				 what);
	return false;
}

static bool
read_text(TALLOC_CTX *context, const json_t *json, const char *key, const char **text,
		  SoError *error)
{
	const json_t *member = json_object_get(json, key);

	if (!json_is_string(member))
		return malformed(error, key);
	*text = talloc_strdup(context, json_string_value(member));
	return *text != NULL || malformed(error, key);
}

static bool
read_integer(const json_t *json, const char *key, int64_t least, int64_t most, int64_t *number,
			 SoError *error)
{
	const json_t *member = json_object_get(json, key);

	if (!json_is_integer(member) || json_integer_value(member) < least ||
		json_integer_value(member) > most)
		return malformed(error, key);
	*number = json_integer_value(member);
	return true;
}

static bool
read_name(const json_t *json, const char *key, const char *const *names, int count, int *index,
		  SoError *error)
{
	const char *text = json_string_value(json_object_get(json, key));

	for (*index = 0; text != NULL && *index < count; (*index)++)
	{
		if (strcmp(names[*index], text) == 0)
			return true;
	}
	return malformed(error, key);
}

static bool
read_value(TALLOC_CTX *context, const json_t *json, SoValue *value, SoError *error)
{
	const char *type = json_string_value(json_object_get(json, "type"));
	const json_t *text = json_object_get(json, "text");
	json_t *object = json_object_get(json, "json");
	SoDataType data_type = type != NULL ? so_data_type_from_name(type) : SO_TYPE_NONE;

	if (data_type == SO_TYPE_NONE)
		return malformed(error, "type");
	if (object != NULL && data_type == SO_TYPE_OBJECT)
		*value = so_value_object(context, object);
	else if (!json_is_string(text))
		*value = so_value_null(data_type);
	else if (so_data_type_is_character(data_type))
		*value =
			so_value_bytes(context, data_type, json_string_value(text), json_string_length(text));
	else if (!so_value_from_text(context, data_type, json_string_value(text), value, error))
		return malformed(error, "text");
	return true;
}

bool
so_checkpoint_record_from_json(TALLOC_CTX *context, const json_t *json, SoCheckpointRecord *record,
							   SoError *error)
{
	const json_t *item = json_object_get(json, "item");
	const json_t *value = json_object_get(json, "execution_value");
	int64_t attempt;
	int kind;
	int result;

	memset(record, 0, sizeof(*record));
	if (!read_name(json, "kind", kind_names, 3, &kind, error) ||
		!read_name(json, "result", result_names, 4, &result, error) ||
		!read_text(context, json, "id", &record->id, error) ||
		!read_text(context, json, "path", &record->path, error) ||
		!read_integer(json, "attempt", 0, INT32_MAX, &attempt, error) ||
		!read_integer(json, "finished_us", 0, INT64_MAX, &record->finished_us, error))
		return false;
	record->kind = (SoCheckpointRecordKind) kind;
	record->result = (SoExecutionResult) result;
	record->attempt = (int) attempt;
	record->item = talloc_strdup(context, json_is_string(item) ? json_string_value(item) : "");
	record->has_execution_value = value != NULL;
	return value == NULL || read_value(context, value, &record->execution_value, error);
}

bool
so_checkpoint_variable_from_json(TALLOC_CTX *context, const json_t *json,
								 SoCheckpointVariable *variable, SoError *error)
{
	return read_text(context, json, "executable", &variable->executable_id, error) &&
		   read_text(context, json, "name", &variable->name, error) &&
		   read_value(context, json, &variable->value, error);
}

static bool
read_setting(TALLOC_CTX *context, const json_t *json, SoCheckpointSetting *setting, SoError *error)
{
	const json_t *text = json_object_get(json, "text");
	int kind;

	if (!read_name(json, "kind", setting_names, 3, &kind, error) ||
		!read_text(context, json, "name", &setting->name, error))
		return false;
	setting->kind = (SoCheckpointSettingKind) kind;
	setting->text = json_is_string(text) ? talloc_strdup(context, json_string_value(text)) : NULL;
	return true;
}

bool
so_checkpoint_header_from_json(TALLOC_CTX *context, const json_t *json, SoCheckpointState *state,
							   SoError *error)
{
	const json_t *settings = json_object_get(json, "settings");
	int64_t format;
	int64_t attempt;

	memset(state, 0, sizeof(*state));
	if (!read_integer(json, "format", 1, INT32_MAX, &format, error))
		return false;
	if (format > SO_CHECKPOINT_FORMAT)
		return so_error_set(error, SO_ERR_CHECKPOINT_NEWER, NULL,
							"the checkpoint has format %lld, this version knows %d",
							(long long) format, SO_CHECKPOINT_FORMAT);
	state->format = (int) format;
	if (!read_text(context, json, "package_id", &state->package_id, error) ||
		!read_text(context, json, "package_name", &state->package_name, error) ||
		!read_text(context, json, "name", &state->name, error) ||
		!read_text(context, json, "content_hash", &state->content_hash, error) ||
		!read_text(context, json, "chain_id", &state->chain_id, error) ||
		!read_integer(json, "attempt", 0, INT32_MAX, &attempt, error) ||
		!read_integer(json, "created_us", 0, INT64_MAX, &state->created_us, error) ||
		!read_integer(json, "updated_us", 0, INT64_MAX, &state->updated_us, error) ||
		!read_integer(json, "start_us", 0, INT64_MAX, &state->start_us, error))
		return false;
	if (!json_is_array(settings))
		return malformed(error, "settings");
	state->attempt = (int) attempt;
	state->setting_count = (int) json_array_size(settings);
	state->settings = talloc_zero_array(context, SoCheckpointSetting, state->setting_count + 1);
	for (int i = 0; i < state->setting_count; i++)
	{
		if (!read_setting(context, json_array_get(settings, (size_t) i), &state->settings[i],
						  error))
			return false;
	}
	return true;
}

static bool
read_lists(TALLOC_CTX *context, const json_t *json, SoCheckpointState *state, SoError *error)
{
	const json_t *variables = json_object_get(json, "variables");
	const json_t *records = json_object_get(json, "records");

	if (!json_is_array(variables))
		return malformed(error, "variables");
	if (!json_is_array(records))
		return malformed(error, "records");
	state->variable_count = (int) json_array_size(variables);
	state->variables = talloc_zero_array(context, SoCheckpointVariable, state->variable_count + 1);
	for (int i = 0; i < state->variable_count; i++)
	{
		if (!so_checkpoint_variable_from_json(context, json_array_get(variables, (size_t) i),
											  &state->variables[i], error))
			return false;
	}
	state->record_count = (int) json_array_size(records);
	state->records = talloc_zero_array(context, SoCheckpointRecord, state->record_count + 1);
	for (int i = 0; i < state->record_count; i++)
	{
		if (!so_checkpoint_record_from_json(context, json_array_get(records, (size_t) i),
											&state->records[i], error))
			return false;
	}
	return true;
}

SoCheckpointState *
so_checkpoint_state_from_json(TALLOC_CTX *context, const json_t *json, SoError *error)
{
	SoCheckpointState *state = talloc_zero(context, SoCheckpointState);

	if (so_checkpoint_header_from_json(state, json, state, error) &&
		read_lists(state, json, state, error))
		return state;
	talloc_free(state);
	return NULL;
}
