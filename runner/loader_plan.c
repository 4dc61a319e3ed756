/*
 * runner/loader_plan.c
 *
 * Plans a restart from what the catalog has.
 *
 * Process: scaleout-loader, child of a backend.  Runs nothing, reads and writes
 * no file; its memory is gone with the process.
 */
#include "runner/loader_plan.h"

#include <string.h>

#include "common/protocol.h"
#include "engine/checkpoint/checkpoint.h"
#include "engine/control_flow/restart_plan.h"
#include "runner/task_message.h"

/* A store that only has what came with the question. */
typedef struct GivenStore
{
	SoCheckpointStore base;
	const json_t *checkpoints; /* [{"name", "package", "own", "override", "reply"}] */
} GivenStore;

static bool
refuse(const json_t *refusal, SoError *error)
{
	const char *code = json_string_value(json_object_get(refusal, "code"));
	const char *message = json_string_value(json_object_get(refusal, "message"));
	const char *detail = json_string_value(json_object_get(refusal, "detail"));
	const char *hint = json_string_value(json_object_get(refusal, "hint"));
	SoErrorCode known = code != NULL ? so_error_from_state(code) : SO_OK;

	so_error_set(error, known != SO_OK ? known : SO_ERR_CHECKPOINT_OPEN, NULL, "%s",
				 message != NULL ? message : "the checkpoint is refused");
	if (detail != NULL)
		so_error_detail(error, "%s", detail);
	if (hint != NULL)
		so_error_hint(error, "%s", hint);
	return false;
}

static const json_t *
find_given(const GivenStore *store, const SoCheckpointIdentity *identity)
{
	const json_t *given;
	size_t i;

	json_array_foreach(store->checkpoints, i, given)
	{
		const char *name = json_string_value(json_object_get(given, "name"));
		const char *package = json_string_value(json_object_get(given, "package"));

		if (name != NULL && package != NULL && strcmp(name, identity->name) == 0 &&
			strcmp(package, identity->package_name) == 0)
			return given;
	}
	return NULL;
}

/* A changed package of another execution: refused, or as its override says. */
static bool
check_content(const json_t *given, const SoCheckpointIdentity *identity, SoCheckpointState **state,
			  SoError *error)
{
	const char *override = json_string_value(json_object_get(given, "override"));

	if (*state == NULL || json_is_true(json_object_get(given, "own")) ||
		strcmp((*state)->content_hash, identity->content_hash) == 0)
		return true;
	if (override != NULL && strcmp(override, "continue") == 0)
		return true;
	if (override != NULL && strcmp(override, "discard") == 0)
	{
		TALLOC_FREE(*state);
		return true;
	}
	so_error_set(error, SO_ERR_CHECKPOINT_CHANGED, identity->name,
				 "checkpoint \"%s\" was written with another content of package \"%s\"",
				 identity->name, identity->package_name);
	return so_error_hint(error, "Set the system parameter CHECKPOINT_OVERRIDE to \"continue\" or "
								"\"discard\", or delete the checkpoint.");
}

static bool
open_given(SoCheckpointStore *opening, const SoCheckpointIdentity *identity, TALLOC_CTX *context,
		   SoCheckpoint **checkpoint, SoCheckpointState **state, SoError *error)
{
	GivenStore *store = (GivenStore *) opening;
	const json_t *given = find_given(store, identity);
	const json_t *reply = json_object_get(given, "reply");
	const json_t *json = json_object_get(reply, "state");

	*state = NULL;
	*checkpoint = NULL;
	if (json_object_get(reply, "error") != NULL)
		return refuse(json_object_get(reply, "error"), error);
	if (json_is_object(json))
	{
		*state = so_checkpoint_state_from_json(context, json, error);
		if (*state == NULL)
			return false;
	}
	if (!check_content(given, identity, state, error))
		return false;
	*checkpoint = talloc_zero(context, SoCheckpoint);
	(*checkpoint)->store = opening;
	return true;
}

static void
close_given(SoCheckpoint *checkpoint)
{
	talloc_free(checkpoint);
}

static const SoCheckpointStoreType given_store = {
	.name = "catalog", .open = open_given, .close = close_given};

static json_t *
error_answer(const SoError *error)
{
	return json_pack("{s:s, s:{s:s, s:s, s:s, s:s}}", "version", SO_VERSION, "error", "code",
					 so_error_state(error->code), "message", error->message, "detail",
					 error->detail, "hint", error->hint);
}

json_t *
so_loader_plan(TALLOC_CTX *context, json_t *question)
{
	GivenStore store = {
		.base = {.type = &given_store, .flags = SO_CHECKPOINT_SECRET, .wait_fd = -1},
		.checkpoints = json_object_get(question, "checkpoints")};
	SoTaskMessage message;
	SoRestartPlan *plan = NULL;
	SoError error = {0};

	if (so_task_message_read(context, json_object_get(question, "task"), &message, &error))
	{
		message.options.checkpoint_store = &store.base;
		plan = so_run_restart_plan(context, message.project, message.package_name, &message.options,
								   &error);
	}
	if (plan == NULL)
		return error_answer(&error);
	return json_pack("{s:s, s:o}", "version", SO_VERSION, "plan", so_checkpoint_plan_to_json(plan));
}
