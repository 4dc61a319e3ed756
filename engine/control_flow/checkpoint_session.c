/*
 * engine/control_flow/checkpoint_session.c
 *
 * The checkpoint of one package run from its opening to its end: is this a
 * restart, what is restored, what the new attempt writes first, and whether
 * the checkpoint is removed, kept or discarded.
 *
 * Process: runner and client, control thread only.  If the process dies the
 * store's claim ends with it and what was durable stays.
 */
#include "engine/control_flow/unit_checkpoint.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "engine/control_flow/event.h"
#include "engine/control_flow/event_sink.h"
#include "engine/control_flow/property_expression.h"
#include "engine/control_flow/setup.h"
#include "engine/model/object_types.h"

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int
close_session(SoCheckpointSession *session)
{
	SoCheckpointSession **place = &session->run->sessions;

	while (*place != NULL && *place != session)
		place = &(*place)->next;
	if (*place == session)
		*place = session->next;
	if (session->checkpoint != NULL)
		session->type->close(session->checkpoint);
	return 0;
}

void
so_checkpoint_session_notice(SoCheckpointSession *session, char *text)
{
	session->notices = talloc_realloc(session, session->notices, char *, session->notice_count + 1);
	session->notices[session->notice_count++] = talloc_steal(session, text);
}

/* ---- is it a restart? ---- */

static bool
missing(const SoUnit *root, const char *name, SoError *error)
{
	return so_error_set(
		error, SO_ERR_CHECKPOINT_MISSING, root->executable->path,
		"package \"%s\" may only start from a checkpoint, and there is none: \"%s\"",
		root->executable->package->name, name);
}

/* A checkpoint that is only saved does not overwrite what is not its own. */
static bool
foreign(const char *name, const SoError *cause, SoError *error)
{
	so_error_set(error, SO_ERR_CHECKPOINT_FOREIGN, name,
				 "\"%s\" is no checkpoint of this package and is not overwritten (DTS 0xC001604A)",
				 name);
	return so_error_detail(error, "%s: %s.", so_error_state(cause->code), cause->message);
}

static bool
belongs(const SoCheckpointSession *session, const SoCheckpointState *state, SoError *error)
{
	const SoPackage *package = session->package_run->package;

	if (strcasecmp(state->package_id, package->id) == 0)
		return true;
	so_error_set(error, SO_ERR_CHECKPOINT_PACKAGE, session->name,
				 "the checkpoint \"%s\" does not match the id of package \"%s\" (DTS 0xC0016049)",
				 session->name, package->name);
	return so_error_detail(error, "It was written by package \"%s\" with id %s; this one has %s.",
						   state->package_name, state->package_id, package->id);
}

static bool
is_own_error(SoErrorCode code)
{
	return code == SO_ERR_CHECKPOINT_TRUNCATED || code == SO_ERR_CHECKPOINT_ALTERED ||
		   code == SO_ERR_CHECKPOINT_NEWER || code == SO_ERR_CHECKPOINT_PACKAGE ||
		   code == SO_ERR_CHECKPOINT_KEY;
}

/* Open and load; *found says what there is and matches. */
static bool
load(SoCheckpointSession *session, int64_t usage, SoError *error)
{
	SoCheckpointStore *store = session->package_run->run->options->checkpoint_store;
	const SoPackage *package = session->package_run->package;
	SoCheckpointIdentity identity = {.package_id = package->id,
									 .package_name = package->name,
									 .name = session->name,
									 .content_hash = session->content_hash,
									 .is_child = session->package_run->caller != NULL,
									 .fresh = usage == SO_CHECKPOINT_NEVER};
	SoCheckpointState *state = NULL;
	SoError cause = {0};
	bool good =
		store->type->open(store, &identity, session, &session->checkpoint, &state, &cause) &&
		(state == NULL || belongs(session, state, &cause));

	if (!good && usage == SO_CHECKPOINT_NEVER && is_own_error(cause.code))
		return foreign(session->name, &cause, error);
	if (!good)
	{
		*error = cause;
		return false;
	}
	if (state != NULL && usage == SO_CHECKPOINT_NEVER)
		TALLOC_FREE(state);
	if (state == NULL && usage == SO_CHECKPOINT_ALWAYS)
		return missing(session->package_run->root, session->name, error);
	if (state != NULL)
		so_checkpoint_state_index(state);
	session->state = state;
	return true;
}

static void
compare_with_package(SoCheckpointSession *session)
{
	if (session->state == NULL || strcmp(session->state->content_hash, session->content_hash) == 0)
		return;
	so_checkpoint_session_notice(
		session, talloc_asprintf(NULL,
								 "Package \"%s\" has changed since checkpoint \"%s\" was written; "
								 "executables are recognised by their ids.",
								 session->package_run->package->name, session->name));
}

bool
so_checkpoint_session_open(SoUnit *root, SoError *error)
{
	SoPackageRun *package_run = root->package_run;
	SoRun *run = package_run->run;
	SoCheckpointSession *session;
	const char *name;
	int64_t usage;
	bool save;

	if (run->options->validate_only || run->options->checkpoint_store == NULL ||
		!so_property_evaluate(root, error))
		return true; /* a bad expression is found by the validation */
	save = so_unit_boolean(root, "save_checkpoints", false);
	usage = so_unit_integer(root, "checkpoint_usage", SO_CHECKPOINT_NEVER);
	if (!save && usage == SO_CHECKPOINT_NEVER)
		return true;
	name = so_property_text(root->properties, "checkpoint_file_name");
	if (package_run->caller != NULL && !so_unit_checkpoint_child_allowed(package_run->caller))
	{
		so_event_warning(
			package_run->caller, SO_ERR_CHECKPOINT_NO_EFFECT,
			"The checkpoint of package \"%s\" is not used: %s is inside a loop, an event "
			"handler, a transaction or a container that is one unit, and runs again as "
			"a part of it.",
			package_run->package->name, package_run->caller->execution_path);
		return true;
	}
	session = talloc_zero(package_run, SoCheckpointSession);
	session->run = run;
	session->package_run = package_run;
	session->type = run->options->checkpoint_store->type;
	session->save = save;
	session->wait =
		so_unit_integer(root, "checkpoint_durability", SO_CHECKPOINT_SYNC) == SO_CHECKPOINT_SYNC;
	session->name = talloc_strdup(session, name != NULL ? name : "");
	session->content_hash = so_checkpoint_content_hash(session, package_run->package);
	session->next = run->sessions;
	run->sessions = session;
	talloc_set_destructor(session, close_session);
	package_run->checkpoint = session;
	if (session->content_hash != NULL && load(session, usage, error))
	{
		compare_with_package(session);
		return true;
	}
	/* A package that also runs in the catalog, where it needs no name. */
	if (session->content_hash != NULL && error->code == SO_ERR_CHECKPOINT_NAME &&
		usage != SO_CHECKPOINT_ALWAYS)
	{
		so_event_announce(run, package_run->package);
		so_event_warning(
			root, SO_ERR_CHECKPOINT_NAME,
			"save_checkpoints has no effect here, because checkpoint_file_name is empty: "
			"a failed execution starts again from the beginning.");
		talloc_free(session);
		package_run->checkpoint = NULL;
		return true;
	}
	if (session->content_hash == NULL)
		so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "no memory for the checkpoint");
	talloc_free(session);
	package_run->checkpoint = NULL;
	return false;
}

/* ---- begin ---- */

/* A plain store must not keep passwords. */
static bool
holds_password(const char *text)
{
	const char *scheme = strstr(text, "://");

	return strcasestr(text, "password") != NULL || strcasestr(text, "pwd=") != NULL ||
		   (scheme != NULL && strchr(scheme, '@') != NULL);
}

static void
add_setting(SoCheckpointState *state, SoCheckpointSettingKind kind, const char *name,
			const char *text)
{
	SoCheckpointSetting *setting;

	state->settings =
		talloc_realloc(state, state->settings, SoCheckpointSetting, state->setting_count + 1);
	setting = &state->settings[state->setting_count++];
	setting->kind = kind;
	setting->name = name;
	setting->text = text;
}

static void
add_parameters(SoCheckpointState *state, const SoParameterState *parameters, int count, bool secret)
{
	for (int i = 0; i < count; i++)
	{
		bool hidden = parameters[i].parameter->sensitive && !secret;

		add_setting(state, SO_CHECKPOINT_PARAMETER, parameters[i].full_name,
					hidden ? NULL : so_value_to_text(state, &parameters[i].value));
	}
}

static void
add_assignments(SoCheckpointState *state, SoCheckpointSettingKind kind, const SoAssignment *list,
				int count, bool secret)
{
	for (int i = 0; i < count; i++)
	{
		bool hidden = !secret && (holds_password(list[i].text) || holds_password(list[i].name));

		if (!so_checkpoint_restore_is_own(list[i].name))
			add_setting(state, kind, list[i].name, hidden ? NULL : list[i].text);
	}
}

static void
add_variables(SoCheckpointState *state, const SoPackageRun *package_run)
{
	for (int i = 0; i < package_run->package->executable_count; i++)
	{
		const SoExecutable *executable = package_run->package->executables[i];

		for (int j = 0; j < executable->variable_count; j++)
		{
			SoVariableState *variable = &package_run->states[i].variables[j];
			SoCheckpointVariable *saved;

			variable->owner = executable;
			if (variable->variable->type == SO_TYPE_OBJECT || variable->expression != NULL ||
				variable->variable->read_only)
				continue;
			state->variables = talloc_realloc(state, state->variables, SoCheckpointVariable,
											  state->variable_count + 1);
			saved = &state->variables[state->variable_count++];
			saved->executable_id = executable->id;
			saved->name = variable->full_name;
			saved->value = variable->value;
		}
	}
}

static SoCheckpointState *
first_state(SoCheckpointSession *session)
{
	SoPackageRun *package_run = session->package_run;
	SoRun *run = package_run->run;
	SoCheckpointState *state = talloc_zero(session, SoCheckpointState);
	bool secret = (run->options->checkpoint_store->flags & SO_CHECKPOINT_SECRET) != 0;

	state->format = SO_CHECKPOINT_FORMAT;
	state->package_id = package_run->package->id;
	state->package_name = package_run->package->name;
	state->name = session->name;
	state->content_hash = session->content_hash;
	state->chain_id = run->chain_id;
	state->attempt = session->attempt;
	state->updated_us = now_us();
	state->created_us = session->state != NULL ? session->state->created_us : state->updated_us;
	state->start_us = package_run->start_us;
	add_parameters(state, package_run->parameters, package_run->package->parameter_count, secret);
	add_parameters(state, run->project_parameters, run->project->parameter_count, secret);
	if (package_run->caller == NULL)
	{
		add_assignments(state, SO_CHECKPOINT_OVERRIDE, run->options->property_overrides,
						run->options->property_override_count, secret);
		add_assignments(state, SO_CHECKPOINT_CONNECTION, run->options->connection_strings,
						run->options->connection_string_count, secret);
	}
	add_variables(state, package_run);
	if (session->state != NULL)
	{
		state->records = session->state->records;
		state->record_count = session->state->record_count;
	}
	return state;
}

bool
so_checkpoint_session_begin(SoUnit *root)
{
	SoCheckpointSession *session = root->package_run->checkpoint;
	SoRun *run = root->run;
	SoCheckpointState *state;
	SoError error = {0};
	uint64_t ticket;
	bool good;

	if (session == NULL)
		return true;
	for (int i = 0; i < session->notice_count; i++)
		so_event_warning(root, SO_ERR_CHECKPOINT_SETTING, "%s", session->notices[i]);
	session->attempt = root->package_run->caller == NULL
						   ? run->attempt
						   : (session->state != NULL ? session->state->attempt + 1 : 1);
	if (!session->save)
		return true;
	state = first_state(session);
	good = session->type->begin(session->checkpoint, state, &ticket, &error);
	talloc_free(state);
	session->begun = good;
	session->unflushed = true;
	if (!good)
		so_event_error(root, &error);
	return good;
}

/* ---- end ---- */

static SoCheckpointEnd
decide_end(SoUnit *root, const SoCheckpointSession *session)
{
	if (root->result == SO_RESULT_SUCCESS || root->result == SO_RESULT_COMPLETION)
		return SO_CHECKPOINT_REMOVE;
	if (root->result == SO_RESULT_CANCELED || session->restart_point || session->lost)
		return SO_CHECKPOINT_KEEP;
	so_event_warning(
		root, SO_ERR_CHECKPOINT_DISCARDED,
		"%s has failed and is no restart point, because its fail_package_on_failure is "
		"false: the checkpoint \"%s\" is discarded, and the next execution starts from "
		"the beginning.",
		session->failed_path != NULL ? session->failed_path : root->execution_path, session->name);
	return SO_CHECKPOINT_DISCARD;
}

void
so_checkpoint_session_end(SoUnit *root, SoUnitStep next)
{
	SoCheckpointSession *session = root->package_run->checkpoint;
	SoCheckpointEnd end;
	SoError error = {0};
	uint64_t ticket = 0;

	/* A checkpoint that is only read stays, unless what it was for has succeeded. */
	if (session == NULL || session->lost ||
		(!session->save && (session->state == NULL || (root->result != SO_RESULT_SUCCESS &&
													   root->result != SO_RESULT_COMPLETION))))
	{
		so_unit_next(root, next);
		return;
	}
	end = decide_end(root, session);
	session->wait = true;
	if (session->type->finish(session->checkpoint, end, &ticket, &error))
	{
		session->unflushed = true;
		so_unit_checkpoint_wait(root, session, ticket, next);
		return;
	}
	so_unit_checkpoint_lost(session, &error);
	so_unit_next(root, next);
}
