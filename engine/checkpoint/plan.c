/*
 * engine/checkpoint/plan.c
 *
 * The restart plan: what a restart would skip, run again and run, and why;
 * from the package and the checkpoint alone.
 *
 * Process: runner and client, control thread only.  Runs nothing, changes
 * nothing.
 */
#include "engine/checkpoint/checkpoint.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/model/object_types.h"

static int64_t
enum_of(const SoExecutable *executable, const char *name, int64_t missing)
{
	const SoField *field = so_object_field(executable->object, name);

	return field != NULL && !field->value.is_null ? field->value.as.integer : missing;
}

bool
so_checkpoint_is_unit(const SoExecutable *executable)
{
	switch (executable->kind)
	{
		case SO_KIND_PACKAGE:
		case SO_KIND_EVENT_HANDLER:
			return false;
		case SO_KIND_SEQUENCE:
			break;
		case SO_KIND_TASK:
		case SO_KIND_FOR_LOOP:
		case SO_KIND_FOREACH_LOOP:
			return true;
	}
	return enum_of(executable, "checkpoint", SO_CHECKPOINT_DEFAULT) != SO_CHECKPOINT_DEFAULT ||
		   enum_of(executable, "transaction_option", SO_TRANSACTION_SUPPORTED) ==
			   SO_TRANSACTION_REQUIRED;
}

bool
so_checkpoint_always_reruns(const SoExecutable *executable)
{
	if (enum_of(executable, "checkpoint", SO_CHECKPOINT_DEFAULT) == SO_CHECKPOINT_ALWAYS_RERUN)
		return true;
	if (so_checkpoint_is_unit(executable))
		return false;
	for (int i = 0; i < executable->child_count; i++)
	{
		if (!so_executable_boolean(executable->children[i], "disable") &&
			so_checkpoint_always_reruns(executable->children[i]))
			return true;
	}
	return false;
}

static const char *
kind_text(const SoExecutable *executable)
{
	switch (executable->kind)
	{
		case SO_KIND_FOR_LOOP:
			return "a For loop runs again from its start";
		case SO_KIND_FOREACH_LOOP:
			return "a Foreach loop runs again from its start";
		case SO_KIND_SEQUENCE:
			return enum_of(executable, "checkpoint", SO_CHECKPOINT_DEFAULT) == SO_CHECKPOINT_AS_ONE
					   ? "it is recorded as one and runs again from its start"
					   : "its transaction was rolled back and it runs again from its start";
		default:
			return "a task runs again from its start";
	}
}

static int
count_items(const SoCheckpointState *state, const SoExecutable *executable)
{
	int count = 0;

	for (int i = 0; state != NULL && i < state->record_count; i++)
		count += state->records[i].kind == SO_CHECKPOINT_ITEM &&
				 strcmp(state->records[i].id, executable->id) == 0;
	return count;
}

static bool
has_record_below(const SoCheckpointState *state, const SoExecutable *executable)
{
	for (int i = 0; i < executable->child_count; i++)
	{
		const SoExecutable *child = executable->children[i];

		if (so_checkpoint_record(state, SO_CHECKPOINT_UNIT, child->id, "") != NULL ||
			has_record_below(state, child))
			return true;
	}
	return false;
}

static void
decide(TALLOC_CTX *context, const SoRestartPlan *plan, SoRestartStep *step)
{
	const SoCheckpointState *state = plan->restarts ? plan->state : NULL;
	const SoExecutable *executable = step->executable;
	const SoCheckpointRecord *record =
		so_checkpoint_record(state, SO_CHECKPOINT_UNIT, executable->id, "");
	bool done = so_checkpoint_is_done(state, executable->id);

	step->action = SO_RESTART_RUN;
	step->attempt = record != NULL ? record->attempt : 0;
	step->finished_us = record != NULL ? record->finished_us : 0;
	step->items_done =
		executable->kind == SO_KIND_FOREACH_LOOP ? count_items(state, executable) : 0;
	if (so_executable_boolean(executable, "disable"))
	{
		step->action = SO_RESTART_SKIP;
		step->reason = "it is disabled";
	}
	else if (state == NULL)
		step->reason = "the package starts from the beginning";
	else if (executable->kind == SO_KIND_PACKAGE)
	{
		step->action = SO_RESTART_RERUN;
		step->reason = "the package goes on from its checkpoint";
	}
	else if (done && !so_checkpoint_always_reruns(executable))
	{
		step->action = SO_RESTART_SKIP;
		step->reason = talloc_asprintf(context, "it has finished in attempt %d", record->attempt);
	}
	else if (done)
	{
		step->action = SO_RESTART_RERUN;
		step->reason =
			so_checkpoint_is_unit(executable)
				? "it has finished, and runs at every restart (checkpoint: always_rerun)"
				: "something in it runs at every restart; what else has finished in it is "
				  "skipped";
	}
	else if (step->items_done > 0)
	{
		step->action = SO_RESTART_RERUN;
		step->reason = talloc_asprintf(context, "%d iterations have finished and are skipped",
									   step->items_done);
	}
	else if (record != NULL)
	{
		step->action = SO_RESTART_RERUN;
		step->reason =
			talloc_asprintf(context, "it failed in attempt %d; %s", record->attempt,
							so_checkpoint_is_unit(executable) ? kind_text(executable)
															  : "what has finished in it is "
																"skipped");
	}
	else if (!so_checkpoint_is_unit(executable) && has_record_below(state, executable))
	{
		step->action = SO_RESTART_RERUN;
		step->reason = "it had begun; what has finished in it is skipped";
	}
	else
		step->reason = talloc_asprintf(context, "it has not finished before; if it had begun, %s",
									   kind_text(executable));
}

static void
add_steps(SoRestartPlan *plan, const SoExecutable *executable, int depth)
{
	SoRestartStep *step;
	SoRestartAction action;

	plan->steps = talloc_realloc(plan, plan->steps, SoRestartStep, plan->step_count + 1);
	step = &plan->steps[plan->step_count++];
	memset(step, 0, sizeof(*step));
	step->executable = executable;
	step->depth = depth;
	decide(plan, plan, step);
	action = step->action;
	/* A smallest unit is skipped or runs as a whole. */
	if (action == SO_RESTART_SKIP || so_checkpoint_is_unit(executable))
		return;
	for (int i = 0; i < executable->child_count; i++)
		add_steps(plan, executable->children[i], depth + 1);
}

static const char *
summarize(SoRestartPlan *plan, bool save, int usage)
{
	if (plan->state == NULL)
	{
		plan->refused = usage == SO_CHECKPOINT_ALWAYS;
		if (plan->refused)
			return "The package would not start: checkpoint_usage is always, and there is no "
				   "checkpoint.";
		return save ? "There is no checkpoint: the package starts from the beginning."
					: "The package starts from the beginning; save_checkpoints is false, so "
					  "nothing will be recorded.";
	}
	if (usage == SO_CHECKPOINT_NEVER)
		return "There is a checkpoint, but checkpoint_usage is never: the package starts from the "
			   "beginning.";
	if (strcasecmp(plan->state->package_id, plan->package->id) != 0)
	{
		plan->refused = true;
		return "The package would not start: the checkpoint belongs to another package "
			   "(DTS 0xC0016049).";
	}
	plan->restarts = true;
	return talloc_asprintf(plan, "The package goes on from its checkpoint, as attempt %d.",
						   plan->state->attempt + 1);
}

SoRestartPlan *
so_checkpoint_plan(TALLOC_CTX *context, const SoPackage *package, const SoCheckpointState *state,
				   bool save, int usage)
{
	SoRestartPlan *plan = talloc_zero(context, SoRestartPlan);

	plan->package = package;
	plan->state = state;
	plan->summary = summarize(plan, save, usage);
	if (!plan->refused)
		add_steps(plan, package->root, 0);
	return plan;
}

/* ---- for people and programs ---- */

static const char *const action_names[] = {"skip", "rerun", "run"};

static const char *
time_text(int64_t time_us, char *buffer, size_t size)
{
	time_t seconds = (time_t) (time_us / 1000000);
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(buffer, size, "%Y-%m-%dT%H:%M:%SZ", &utc);
	return buffer;
}

char *
so_checkpoint_plan_to_text(TALLOC_CTX *context, const SoRestartPlan *plan)
{
	char *text = talloc_asprintf(context, "%s\n", plan->summary);
	char buffer[32];

	if (plan->state != NULL)
		text = talloc_asprintf_append_buffer(
			text, "Checkpoint \"%s\" of package \"%s\", chain %s, last written %s.\n",
			plan->state->name, plan->state->package_name, plan->state->chain_id,
			time_text(plan->state->updated_us, buffer, sizeof(buffer)));
	for (int i = 0; i < plan->step_count; i++)
	{
		const SoRestartStep *step = &plan->steps[i];

		text = talloc_asprintf_append_buffer(text, "%-5s %*s%s  (%s)\n", action_names[step->action],
											 2 * step->depth, "", step->executable->name,
											 step->reason);
	}
	return text;
}

static json_t *
step_to_json(const SoRestartStep *step)
{
	json_t *json = json_object();

	json_object_set_new(json, "path", json_string(step->executable->path));
	json_object_set_new(json, "id", json_string(step->executable->id));
	json_object_set_new(json, "action", json_string(action_names[step->action]));
	json_object_set_new(json, "reason", json_string(step->reason));
	if (step->attempt > 0)
		json_object_set_new(json, "attempt", json_integer(step->attempt));
	if (step->finished_us > 0)
		json_object_set_new(json, "finished_us", json_integer(step->finished_us));
	if (step->items_done > 0)
		json_object_set_new(json, "items_done", json_integer(step->items_done));
	return json;
}

json_t *
so_checkpoint_plan_to_json(const SoRestartPlan *plan)
{
	json_t *json = json_object();
	json_t *steps = json_array();

	json_object_set_new(json, "package", json_string(plan->package->name));
	json_object_set_new(json, "summary", json_string(plan->summary));
	json_object_set_new(json, "refused", json_boolean(plan->refused));
	json_object_set_new(json, "restarts", json_boolean(plan->restarts));
	if (plan->state != NULL)
	{
		json_object_set_new(json, "checkpoint", json_string(plan->state->name));
		json_object_set_new(json, "chain_id", json_string(plan->state->chain_id));
		json_object_set_new(json, "attempt", json_integer(plan->state->attempt));
		json_object_set_new(json, "updated_us", json_integer(plan->state->updated_us));
	}
	for (int i = 0; i < plan->step_count; i++)
		json_array_append_new(steps, step_to_json(&plan->steps[i]));
	json_object_set_new(json, "steps", steps);
	return json;
}
