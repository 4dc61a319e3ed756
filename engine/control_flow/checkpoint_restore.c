/*
 * engine/control_flow/checkpoint_restore.c
 *
 * What a restart takes from the checkpoint: configuration, parameters,
 * variables, System::StartTime.
 *
 * Process: runner and client, control thread only.  Changes the run-time state
 * only, before anything runs.
 */
#include "engine/control_flow/unit_checkpoint.h"

#include <string.h>
#include <strings.h>

#include "engine/control_flow/setup.h"

bool
so_checkpoint_restore_is_own(const char *name)
{
	return strncasecmp(name, "\\Package.Properties[", strlen("\\Package.Properties[")) == 0 &&
		   strcasestr(name, "checkpoint") != NULL;
}

static const char *
text_of(const SoAssignment *list, int count, const char *name)
{
	const char *text = NULL;

	for (int i = 0; i < count; i++)
	{
		if (strcasecmp(list[i].name, name) == 0)
			text = list[i].text;
	}
	return text;
}

static void
note_difference(SoCheckpointSession *session, const SoCheckpointSetting *setting, const char *given)
{
	if (given != NULL && setting->text != NULL && strcmp(given, setting->text) != 0)
		so_checkpoint_session_notice(
			session, talloc_asprintf(NULL,
									 "The value given for \"%s\" is not used: at a restart the "
									 "checkpoint's counts.",
									 setting->name));
}

/* Given values that the checkpoint knows nothing of. */
static void
note_unknown(SoCheckpointSession *session, const SoAssignment *list, int count,
			 SoCheckpointSettingKind kind)
{
	for (int i = 0; i < count; i++)
	{
		bool known = false;

		if (so_checkpoint_restore_is_own(list[i].name))
			continue;
		for (int j = 0; j < session->state->setting_count && !known; j++)
			known = session->state->settings[j].kind == kind &&
					strcasecmp(session->state->settings[j].name, list[i].name) == 0;
		if (!known)
			so_checkpoint_session_notice(
				session, talloc_asprintf(NULL,
										 "The value given for \"%s\" is not used: configuration is "
										 "not loaded again at a restart.",
										 list[i].name));
	}
}

/* The settings of one kind; a secret that was not kept comes from what is given now. */
static SoAssignment *
settings_of(SoCheckpointSession *session, SoCheckpointSettingKind kind, const SoAssignment *given,
			int given_count, int *count)
{
	const SoCheckpointState *state = session->state;
	SoAssignment *list =
		talloc_zero_array(session, SoAssignment, state->setting_count + given_count + 1);

	*count = 0;
	for (int i = 0; i < state->setting_count; i++)
	{
		const SoCheckpointSetting *setting = &state->settings[i];
		const char *text = text_of(given, given_count, setting->name);

		if (setting->kind != kind)
			continue;
		note_difference(session, setting, text);
		if (setting->text != NULL)
			text = setting->text;
		if (text == NULL)
			continue;
		list[*count].name = setting->name;
		list[(*count)++].text = text;
	}
	for (int i = 0; i < given_count; i++)
	{
		if (so_checkpoint_restore_is_own(given[i].name))
			list[(*count)++] = given[i];
	}
	note_unknown(session, given, given_count, kind);
	return list;
}

const SoRunOptions *
so_checkpoint_restore_options(SoPackageRun *package_run)
{
	SoCheckpointSession *session = package_run->checkpoint;
	const SoRunOptions *given = package_run->run->options;
	SoRunOptions *options;

	if (session == NULL || session->state == NULL)
		return NULL;
	options = talloc_zero(package_run->run, SoRunOptions);
	*options = *given;
	options->property_overrides =
		settings_of(session, SO_CHECKPOINT_OVERRIDE, given->property_overrides,
					given->property_override_count, &options->property_override_count);
	options->connection_strings =
		settings_of(session, SO_CHECKPOINT_CONNECTION, given->connection_strings,
					given->connection_string_count, &options->connection_string_count);
	return options;
}

static bool
restore_parameter(SoPackageRun *package_run, const SoCheckpointSetting *setting, SoError *error)
{
	SoParameterState *parameter = so_setup_parameter(package_run, setting->name);
	SoValue value;
	char *now;

	if (parameter == NULL || setting->text == NULL)
		return true; /* it is gone, or a secret that is given anew */
	if (parameter->value_set)
	{
		now = so_value_to_text(NULL, &parameter->value);
		note_difference(package_run->checkpoint, setting, now);
		talloc_free(now);
	}
	return so_value_from_text(package_run->run, parameter->parameter->type, setting->text, &value,
							  error) &&
		   so_setup_set_parameter(package_run, parameter, &value, error);
}

static SoVariableState *
find_variable(SoPackageRun *package_run, const SoCheckpointVariable *saved)
{
	for (int i = 0; i < package_run->package->executable_count; i++)
	{
		const SoExecutable *executable = package_run->package->executables[i];

		if (strcmp(executable->id, saved->executable_id) != 0)
			continue;
		for (int j = 0; j < executable->variable_count; j++)
		{
			if (strcmp(package_run->states[i].variables[j].full_name, saved->name) == 0)
				return &package_run->states[i].variables[j];
		}
	}
	return NULL;
}

static bool
restore_variable(SoPackageRun *package_run, const SoCheckpointVariable *saved, SoError *error)
{
	SoVariableState *variable = find_variable(package_run, saved);
	TALLOC_CTX *holder;
	SoValue converted;

	if (variable == NULL || variable->expression != NULL)
		return true; /* the package has changed */
	holder = talloc_new(NULL);
	if (!so_value_convert(holder, &saved->value, variable->variable->type, &converted, error))
	{
		talloc_free(holder);
		return false;
	}
	talloc_free(variable->holder);
	variable->holder = holder;
	variable->value = converted;
	return true;
}

bool
so_checkpoint_restore_state(SoPackageRun *package_run, SoError *error)
{
	SoCheckpointSession *session = package_run->checkpoint;
	const SoCheckpointState *state = session != NULL ? session->state : NULL;

	if (state == NULL)
		return true;
	package_run->start_us = state->start_us;
	for (int i = 0; i < state->setting_count; i++)
	{
		if (state->settings[i].kind == SO_CHECKPOINT_PARAMETER &&
			!restore_parameter(package_run, &state->settings[i], error))
			return false;
	}
	for (int i = 0; i < state->variable_count; i++)
	{
		if (!restore_variable(package_run, &state->variables[i], error))
			return false;
	}
	return true;
}
