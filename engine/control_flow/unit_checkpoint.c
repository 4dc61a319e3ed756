/*
 * engine/control_flow/unit_checkpoint.c
 *
 * What a restart skips, what is recorded and when successors may go on.
 *
 * Process: runner and client, control thread only.  If the process dies, the
 * store has every unit whose successors were started (checkpoint_durability:
 * sync); at most the units that were running or waiting are run again.
 */
#include "engine/control_flow/unit_checkpoint.h"

#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/fault.h"
#include "engine/control_flow/event.h"
#include "engine/control_flow/execute.h"
#include "engine/control_flow/property_expression.h"
#include "engine/model/object_types.h"

/* Milliseconds that records are collected when nobody waits for them. */
#define ASYNC_DELAY 200

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t
mode_of(const SoExecutable *executable)
{
	return so_property_integer(executable->object, "checkpoint", SO_CHECKPOINT_DEFAULT);
}

/* ---- smallest units ---- */

bool
so_unit_checkpoint_is_atomic(const SoUnit *unit)
{
	switch (unit->executable->kind)
	{
		case SO_KIND_PACKAGE:
		case SO_KIND_EVENT_HANDLER:
			return false;
		case SO_KIND_TASK:
		case SO_KIND_FOR_LOOP:
		case SO_KIND_FOREACH_LOOP:
			return true;
		case SO_KIND_SEQUENCE:
			break;
	}
	return unit->owns_transaction || mode_of(unit->executable) != SO_CHECKPOINT_DEFAULT;
}

/* The smallest unit that unit is a part of, or unit itself; NULL between smallest units. */
static const SoUnit *
smallest_unit(const SoUnit *unit)
{
	const SoUnit *found = NULL;

	for (const SoUnit *level = unit; level != NULL; level = level->parent)
	{
		if (so_unit_checkpoint_is_atomic(level))
			found = level;
	}
	return found;
}

/* Is there a record of its own for unit? */
static bool
is_recorded(const SoUnit *unit)
{
	const SoUnit *smallest;

	if (unit->package_run->checkpoint == NULL || unit->inside_handler ||
		unit->executable->kind == SO_KIND_PACKAGE ||
		unit->executable->kind == SO_KIND_EVENT_HANDLER)
		return false;
	smallest = smallest_unit(unit);
	return smallest == NULL || smallest == unit;
}

bool
so_unit_checkpoint_by_item(const SoUnit *loop)
{
	return is_recorded(loop) && loop->package_run->checkpoint->save && !loop->owns_transaction &&
		   loop->transaction == NULL && mode_of(loop->executable) == SO_CHECKPOINT_DEFAULT &&
		   so_unit_integer(loop, "checkpoint_granularity", SO_CHECKPOINT_LOOP) ==
			   SO_CHECKPOINT_ITERATION;
}

bool
so_unit_checkpoint_is_stopped(const SoUnit *unit)
{
	const SoUnit *smallest;

	if (!unit->package_run->failing || unit->inside_handler)
		return false;
	smallest = smallest_unit(unit->parent);
	/* Iterations are units by themselves. */
	return smallest == NULL || so_unit_checkpoint_by_item(smallest);
}

/* ---- skip ---- */

bool
so_unit_checkpoint_skip(SoUnit *unit)
{
	const SoCheckpointSession *session = unit->package_run->checkpoint;
	const SoCheckpointRecord *record;
	SoEventData data = {.type = SO_MESSAGE_INFORMATION, .without_handlers = true};
	char time_text[32];
	char *text;

	if (session == NULL || session->state == NULL || !is_recorded(unit) ||
		so_checkpoint_always_reruns(unit->executable))
		return false;
	record = so_checkpoint_record(session->state, SO_CHECKPOINT_UNIT, unit->executable->id, "");
	if (record == NULL ||
		(record->result != SO_RESULT_SUCCESS && record->result != SO_RESULT_COMPLETION))
		return false;
	unit->result = record->result;
	unit->restored = true;
	if (record->has_execution_value)
	{
		unit->execution_value = so_value_copy(unit, &record->execution_value);
		unit->has_execution_value = true;
	}
	so_unit_time_text(record->finished_us, time_text, sizeof(time_text));
	text = talloc_asprintf(unit, "%s is not run again: it has finished in attempt %d (%s).",
						   unit->execution_path, record->attempt, time_text);
	data.message = text;
	so_event_raise(unit->package_run->root, &data);
	return true;
}

bool
so_unit_checkpoint_item_done(const SoUnit *loop)
{
	const SoCheckpointSession *session = loop->package_run->checkpoint;
	const SoCheckpointRecord *record;

	if (session == NULL || session->state == NULL || !so_unit_checkpoint_by_item(loop))
		return false;
	record = so_checkpoint_record(session->state, SO_CHECKPOINT_ITEM, loop->executable->id,
								  loop->item_key);
	return record != NULL && record->result == SO_RESULT_SUCCESS;
}

char *
so_unit_checkpoint_items(TALLOC_CTX *context, const SoUnit *unit)
{
	char *items = talloc_strdup(context, "");

	for (const SoUnit *level = so_unit_outer(unit); level != NULL; level = so_unit_outer(level))
	{
		if (level->item_key != NULL)
			items = talloc_asprintf(context, "%s%s%s", level->item_key, items[0] ? "/" : "", items);
	}
	return items;
}

char *
so_unit_checkpoint_marker_path(TALLOC_CTX *context, const SoUnit *unit)
{
	char *path = talloc_strdup(context, unit->executable->path);

	for (const SoUnit *caller = unit->package_run->caller; caller != NULL;
		 caller = caller->package_run->caller)
		path = talloc_asprintf(context, "%s > %s", caller->executable->path, path);
	return path;
}

/* ---- variables ---- */

void
so_unit_checkpoint_changed(const SoUnit *unit, SoVariableState *variable)
{
	SoCheckpointSession *session = unit->package_run->checkpoint;
	const SoUnit *smallest;

	if (session == NULL || !session->save || variable->variable->type == SO_TYPE_OBJECT)
		return;
	if (!variable->dirty)
	{
		session->dirty =
			talloc_realloc(session, session->dirty, SoVariableState *, session->dirty_count + 1);
		session->dirty[session->dirty_count++] = variable;
		variable->dirty = true;
	}
	smallest = smallest_unit(unit);
	if (variable->held_by == 0 && smallest != NULL)
		variable->held_by = smallest->serial;
}

/* Variables that may be written now; those that a unit still holds stay for later. */
static int
take_variables(SoCheckpointSession *session, SoCheckpointVariable *list)
{
	int count = 0;
	int left = 0;

	for (int i = 0; i < session->dirty_count; i++)
	{
		SoVariableState *variable = session->dirty[i];

		if (variable->held_by != 0)
		{
			session->dirty[left++] = variable;
			continue;
		}
		variable->dirty = false;
		list[count].executable_id = variable->owner->id;
		list[count].name = variable->full_name;
		list[count++].value = variable->value;
	}
	session->dirty_count = left;
	return count;
}

/* ---- record ---- */

static uint64_t
append(SoCheckpointSession *session, const SoCheckpointRecord *record, bool with_variables)
{
	TALLOC_CTX *scratch = talloc_new(NULL);
	SoCheckpointVariable *variables =
		talloc_zero_array(scratch, SoCheckpointVariable, session->dirty_count + 1);
	SoCheckpointChange change = {.record = record, .variables = variables};
	uint64_t ticket = 0;
	SoError error = {0};

	if (with_variables)
		change.variable_count = take_variables(session, variables);
	if (session->type->append(session->checkpoint, &change, &ticket, &error))
	{
		if (!session->unflushed)
			session->flush_at = so_clock_monotonic_ms() + ASYNC_DELAY;
		session->unflushed = true;
	}
	else
		so_unit_checkpoint_lost(session, &error);
	talloc_free(scratch);
	return ticket;
}

static void
release_variables(SoCheckpointSession *session, const SoUnit *holder)
{
	for (int i = 0; i < session->dirty_count; i++)
	{
		if (session->dirty[i]->held_by == holder->serial)
			session->dirty[i]->held_by = 0;
	}
}

void
so_unit_checkpoint_finished(SoUnit *unit, SoUnitStep next)
{
	SoCheckpointSession *session = unit->package_run->checkpoint;
	SoCheckpointRecord record = {.kind = SO_CHECKPOINT_UNIT,
								 .id = unit->executable->id,
								 .item = "",
								 .path = unit->execution_path,
								 .result = unit->result,
								 .has_execution_value = unit->has_execution_value,
								 .execution_value = unit->execution_value,
								 .finished_us = now_us()};
	bool good = unit->result == SO_RESULT_SUCCESS || unit->result == SO_RESULT_COMPLETION;
	uint64_t ticket;

	if (session == NULL || !session->save || !session->begun || session->lost ||
		(!good && unit->result != SO_RESULT_FAILURE) || !is_recorded(unit))
	{
		next(unit);
		return;
	}
	record.attempt = session->attempt;
	if (good && mode_of(unit->executable) != SO_CHECKPOINT_ALWAYS_RERUN)
		release_variables(session, unit);
	SO_FAULT("engine.checkpoint.before_record");
	ticket = append(session, &record, good);
	SO_FAULT("engine.checkpoint.after_record");
	/* Nothing that follows a failure relies on its record. */
	if (good)
		so_unit_checkpoint_wait(unit, session, ticket, next);
	else
		so_unit_next(unit, next);
}

void
so_unit_checkpoint_item_finished(SoUnit *loop, SoUnitStep next)
{
	SoCheckpointSession *session = loop->package_run->checkpoint;
	SoCheckpointRecord record = {.kind = SO_CHECKPOINT_ITEM,
								 .id = loop->executable->id,
								 .item = loop->item_key,
								 .path = loop->execution_path,
								 .result = SO_RESULT_SUCCESS,
								 .finished_us = now_us()};

	if (session == NULL || !session->begun || session->lost)
	{
		so_unit_next(loop, next);
		return;
	}
	record.attempt = session->attempt;
	release_variables(session, loop);
	so_unit_checkpoint_wait(loop, session, append(session, &record, true), next);
}

int
so_unit_checkpoint_decision(const SoUnit *container, int i)
{
	const SoCheckpointSession *session = container->package_run->checkpoint;
	const SoCheckpointRecord *record;

	if (session == NULL || session->state == NULL)
		return -1;
	record = so_checkpoint_record(session->state, SO_CHECKPOINT_DECISION,
								  container->executable->constraints[i]->id, "");
	return record == NULL ? -1 : record->result == SO_RESULT_SUCCESS;
}

void
so_unit_checkpoint_decided(const SoUnit *container, int i, bool holds)
{
	SoCheckpointSession *session = container->package_run->checkpoint;
	const SoPrecedenceConstraint *constraint = container->executable->constraints[i];
	SoCheckpointRecord record = {.kind = SO_CHECKPOINT_DECISION,
								 .id = constraint->id,
								 .item = "",
								 .path = constraint->name != NULL ? constraint->name : "",
								 .result = holds ? SO_RESULT_SUCCESS : SO_RESULT_FAILURE,
								 .finished_us = now_us()};

	if (session == NULL || !session->save || !session->begun || session->lost ||
		container->inside_handler || smallest_unit(container) != NULL)
		return;
	record.attempt = session->attempt;
	(void) append(session, &record, false);
}

void
so_unit_checkpoint_failed(SoUnit *unit, bool flagged)
{
	SoCheckpointSession *session = unit->package_run->checkpoint;

	if (session == NULL)
		return;
	if (flagged)
		session->restart_point = true;
	else if (session->failed_path == NULL)
		session->failed_path = talloc_strdup(session, unit->execution_path);
}

bool
so_unit_checkpoint_child_allowed(const SoUnit *caller)
{
	return !caller->inside_handler && caller->transaction == NULL &&
		   smallest_unit(caller) == caller;
}

void
so_unit_checkpoint_validate(SoUnit *unit)
{
	int64_t mode = mode_of(unit->executable);
	const SoExecutable *around = NULL;

	if (mode == SO_CHECKPOINT_DEFAULT ||
		!so_unit_boolean(unit->package_run->root, "save_checkpoints", false))
		return;
	for (const SoExecutable *level = unit->executable->parent; level != NULL; level = level->parent)
	{
		if (so_checkpoint_is_unit(level))
			around = level;
	}
	if (around != NULL)
		so_event_warning(
			unit, SO_ERR_CHECKPOINT_NO_EFFECT,
			"checkpoint of \"%s\" has no effect, because \"%s\" around it is one unit: it "
			"is skipped or runs again as a whole.",
			unit->executable->name, around->name);
	else if (mode == SO_CHECKPOINT_AS_ONE && unit->executable->kind != SO_KIND_SEQUENCE)
		so_event_warning(
			unit, SO_ERR_CHECKPOINT_NO_EFFECT,
			"checkpoint: as_one of \"%s\" has no effect: it is for Sequence containers.",
			unit->executable->name);
}
