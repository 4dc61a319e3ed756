/*
 * engine/control_flow/unit.c
 *
 * The life of a unit, step by step:
 *
 *   begin     property expressions, disable, checkpoint; OnPreExecute
 *   prepare   validation just before execution
 *   execute   by kind: children, loop, task (execute.c)
 *   settle    result from error counts, force_execution_result; transaction
 *   finish    OnTaskFailed, fail_parent_on_failure ...; OnPostExecute
 *   end       statistics, checkpoint, tell the owner
 *
 * Between two steps all event handlers of the unit run to their end.
 *
 * Process: runner and client, control thread only.
 */
#include "engine/control_flow/unit.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "engine/control_flow/event.h"
#include "engine/control_flow/execute.h"
#include "engine/control_flow/property_expression.h"
#include "engine/control_flow/schedule.h"
#include "engine/control_flow/secret.h"
#include "engine/control_flow/unit_checkpoint.h"
#include "engine/control_flow/unit_transaction.h"
#include "engine/control_flow/validate.h"
#include "engine/model/object_types.h"

static void unit_prepare(SoUnit *unit);
static void unit_execute(SoUnit *unit);
static void unit_settle(SoUnit *unit);
static void unit_end(SoUnit *unit);

/* ---- a new unit ---- */

static char *
make_path(SoUnit *unit, int iteration)
{
	const char *name = unit->executable->name;
	const SoUnit *outer = so_unit_outer(unit);
	const char *above =
		outer == NULL || outer->execution_path[1] == '\0' ? "" : outer->execution_path;

	if (unit->executable->kind == SO_KIND_EVENT_HANDLER)
		return talloc_asprintf(unit, "%s%sEventHandlers[%s]", above, above[0] != '\0' ? "." : "\\",
							   so_event_ssis_name(name));
	if (outer == NULL)
		return talloc_strdup(unit, "\\");
	if (iteration > 0)
		return talloc_asprintf(unit, "%s[%d]\\%s", above, iteration, name);
	return talloc_asprintf(unit, "%s\\%s", above, name);
}

SoUnit *
so_unit_new(TALLOC_CTX *owner, SoPackageRun *package_run, const SoExecutable *executable,
			SoUnit *parent, int iteration, void (*ended)(SoUnit *unit))
{
	SoUnit *unit = talloc_zero(owner, SoUnit);
	SoUnit *outer;

	unit->run = package_run->run;
	unit->package_run = package_run;
	unit->executable = executable;
	unit->state = &package_run->states[executable->index];
	unit->parent = parent;
	unit->properties = unit->state->object;
	unit->propagate = true;
	unit->serial = ++unit->run->serials;
	unit->result = SO_RESULT_NONE;
	unit->row_count = -1;
	unit->ended = ended;
	outer = so_unit_outer(unit);
	if (outer != NULL)
	{
		unit->inside_handler = outer->inside_handler;
		unit->ignores_cancel = outer->ignores_cancel;
	}
	unit->execution_path = make_path(unit, iteration);
	return unit;
}

SoUnit *
so_unit_outer(const SoUnit *unit)
{
	return unit->parent != NULL ? unit->parent : unit->package_run->caller;
}

bool
so_unit_canceled(const SoUnit *unit)
{
	return unit->run->canceled &&
		   (!unit->ignores_cancel || atomic_load(&unit->run->hard_cancel.raised));
}

bool
so_unit_boolean(const SoUnit *unit, const char *name, bool missing)
{
	return so_property_boolean(unit->properties, name, missing);
}

int64_t
so_unit_integer(const SoUnit *unit, const char *name, int64_t missing)
{
	return so_property_integer(unit->properties, name, missing);
}

/* ---- the agenda ---- */

static void
put_on_agenda(SoUnit *unit)
{
	SoRun *run = unit->run;

	if (unit->on_agenda)
		return;
	unit->on_agenda = true;
	unit->agenda_next = NULL;
	if (run->agenda_tail != NULL)
		run->agenda_tail->agenda_next = unit;
	else
		run->agenda_head = unit;
	run->agenda_tail = unit;
}

void
so_unit_next(SoUnit *unit, SoUnitStep step)
{
	unit->step = step;
	unit->step_pending = true;
	if (unit->events == NULL)
		put_on_agenda(unit);
}

void
so_unit_quiet(SoUnit *unit)
{
	if (unit->step_pending)
		put_on_agenda(unit);
}

bool
so_unit_run_agenda(SoRun *run, int limit)
{
	while (run->agenda_head != NULL && limit-- > 0)
	{
		SoUnit *unit = run->agenda_head;

		run->agenda_head = unit->agenda_next;
		if (run->agenda_head == NULL)
			run->agenda_tail = NULL;
		unit->on_agenda = false;
		/* Something was raised after it was put here: it comes back when that is handled. */
		if (unit->events != NULL)
			continue;
		unit->step_pending = false;
		unit->step(unit);
	}
	return run->agenda_head != NULL;
}

/* ---- begin ---- */

static void
raise_status(SoUnit *unit, bool executing)
{
	SoEventData data = {.type = SO_MESSAGE_STATUS_CHANGE, .status = executing};

	data.message = executing ? "The execution status is now executing."
							 : "The execution status is now completed.";
	so_event_raise(unit, &data);
}

static void
stamp_start(SoUnit *unit)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	unit->start_us = (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
	unit->start_ms = so_clock_monotonic_ms();
	if (unit->executable->kind != SO_KIND_EVENT_HANDLER && unit->run->sink != NULL &&
		unit->run->sink->started != NULL)
		unit->run->sink->started(unit->run->sink->context, unit->executable, unit->execution_path);
}

void
so_unit_time_text(int64_t time_us, char *buffer, size_t size)
{
	time_t seconds = (time_t) (time_us / 1000000);
	struct tm local;

	localtime_r(&seconds, &local);
	strftime(buffer, size, "%Y-%m-%d %H:%M:%S", &local);
}

void
so_unit_pre_execute(SoUnit *unit, SoUnitStep next)
{
	char time_text[32];

	stamp_start(unit);
	if (unit->executable->kind != SO_KIND_EVENT_HANDLER)
	{
		so_unit_time_text(unit->start_us, time_text, sizeof(time_text));
		so_event_message(unit, SO_MESSAGE_PRE_EXECUTE, "%s:Start, %s.", unit->executable->name,
						 time_text);
		raise_status(unit, true);
	}
	so_unit_next(unit, next);
}

static void
unit_begin(SoUnit *unit)
{
	SoError error = {0};
	bool good;

	if (so_unit_canceled(unit))
	{
		unit->result = SO_RESULT_CANCELED;
		so_unit_leave(unit);
		return;
	}
	if (so_unit_checkpoint_is_stopped(unit))
	{
		unit->result = SO_RESULT_CANCELED;
		so_unit_leave(unit);
		return;
	}
	/* Before its expressions: they may read what only its predecessors had. */
	if (so_unit_checkpoint_skip(unit))
	{
		so_unit_leave(unit);
		return;
	}
	good = so_property_evaluate(unit, &error);
	if (good && so_unit_boolean(unit, "disable", false))
	{
		unit->result = SO_RESULT_SUCCESS;
		so_unit_leave(unit);
		return;
	}
	so_unit_pre_execute(unit, good ? unit_prepare : unit_settle);
	if (!good)
	{
		so_event_error(unit, &error);
		unit->result = SO_RESULT_FAILURE;
	}
}

void
so_unit_begin(SoUnit *unit)
{
	so_unit_next(unit,
				 unit->executable->kind == SO_KIND_PACKAGE ? so_execute_package_begin : unit_begin);
}

static void
unit_prepare(SoUnit *unit)
{
	if (so_unit_canceled(unit))
		so_unit_executed(unit, SO_RESULT_CANCELED);
	else if (unit->executable->kind != SO_KIND_EVENT_HANDLER && !so_validate_unit(unit))
		so_unit_executed(unit, SO_RESULT_FAILURE);
	else
		so_unit_next(unit, unit_execute);
}

static void
unit_execute(SoUnit *unit)
{
	if (so_unit_canceled(unit))
		so_unit_executed(unit, SO_RESULT_CANCELED);
	else if (!so_unit_transaction_begin(unit))
		so_unit_executed(unit, SO_RESULT_FAILURE);
	else
		so_execute_unit(unit);
}

void
so_unit_execute(SoUnit *unit)
{
	so_unit_next(unit, unit_execute);
}

void
so_unit_executed(SoUnit *unit, SoExecutionResult result)
{
	unit->result = result;
	so_unit_next(unit, unit_settle);
}

/* ---- settle and finish ---- */

/* MaximumErrorCount: the errors that reached the unit decide, whatever it returned. */
static void
apply_error_count(SoUnit *unit)
{
	int64_t maximum = so_unit_integer(unit, "maximum_error_count", 1);

	if (unit->failed)
		unit->result = SO_RESULT_FAILURE;
	if (unit->result != SO_RESULT_SUCCESS || maximum <= 0 || unit->error_count < maximum)
		return;
	unit->result = SO_RESULT_FAILURE;
	so_event_warning(
		unit, SO_ERR_RUN_MAXIMUM_ERROR_COUNT,
		"The Execution method succeeded, but the number of errors raised (%d) reached the "
		"maximum allowed (%lld); resulting in failure. Change maximum_error_count or fix the "
		"errors.",
		unit->error_count, (long long) maximum);
}

static void
apply_forced_result(SoUnit *unit)
{
	int64_t forced = so_unit_integer(unit, "force_execution_result", SO_FORCED_NONE);
	const SoField *field;
	SoDataType type;
	SoError error = {0};

	if (forced != SO_FORCED_NONE && unit->result != SO_RESULT_CANCELED)
		unit->result = (SoExecutionResult) (forced - 1);
	if (!so_unit_boolean(unit, "force_execution_value", false))
		return;
	field = so_object_field(unit->properties, "forced_execution_value");
	type = so_data_type_from_name(
		so_property_text(unit->properties, "forced_execution_value_type")
			? so_property_text(unit->properties, "forced_execution_value_type")
			: "int32");
	if (field == NULL)
		return;
	if (so_value_convert(unit, &field->value, type, &unit->execution_value, &error))
		unit->has_execution_value = true;
	else
		so_event_warning(unit, error.code, "The forced execution value cannot be used: %s",
						 error.message);
}

static void
unit_settle(SoUnit *unit)
{
	if (so_unit_canceled(unit) && unit->result == SO_RESULT_FAILURE)
		unit->result = SO_RESULT_CANCELED;
	apply_error_count(unit);
	apply_forced_result(unit);
	so_unit_transaction_end(unit, unit->result != SO_RESULT_FAILURE &&
									  unit->result != SO_RESULT_CANCELED);
}

void
so_unit_fail_package(SoUnit *unit)
{
	unit->package_run->failing = true;
	for (SoUnit *level = unit->parent; level != NULL; level = level->parent)
	{
		level->stopping = true;
		level->failed = true;
	}
}

/* What a failure means for the containers around. */
static void
report_failure(SoUnit *unit)
{
	bool forced = so_unit_integer(unit, "force_execution_result", SO_FORCED_NONE) != SO_FORCED_NONE;

	if (unit->error_count == 0 && unit->executable->kind == SO_KIND_TASK && !forced &&
		unit->task_ran)
	{
		SoError error;

		so_error_set(&error, SO_ERR_RUN_TASK_FAILED, unit->executable->path,
					 "task \"%s\" failed without saying why", unit->executable->name);
		so_event_error(unit, &error);
	}
	/* A failure that no error told about must not look like success further out. */
	else if (unit->error_count == 0 && so_unit_outer(unit) != NULL)
		so_event_count_error(so_unit_outer(unit));
	if (unit->executable->kind == SO_KIND_TASK)
	{
		SoEventData data = {.type = SO_MESSAGE_TASK_FAILED};
		char *text = talloc_asprintf(unit, "%s failed.", unit->executable->name);

		data.message = text;
		so_event_raise(unit, &data);
	}
	so_unit_checkpoint_failed(unit, so_unit_boolean(unit, "fail_package_on_failure", false));
	if (so_unit_boolean(unit, "fail_package_on_failure", false))
		so_unit_fail_package(unit);
	else if (so_unit_boolean(unit, "fail_parent_on_failure", false) && unit->parent != NULL)
	{
		unit->parent->stopping = true;
		unit->parent->failed = true;
	}
}

static void
unit_post_execute(SoUnit *unit)
{
	char time_text[32];
	int64_t elapsed = so_clock_monotonic_ms() - unit->start_ms;

	if (unit->executable->kind != SO_KIND_EVENT_HANDLER)
	{
		so_unit_time_text(unit->start_us + elapsed * 1000, time_text, sizeof(time_text));
		raise_status(unit, false);
		so_event_message(unit, SO_MESSAGE_POST_EXECUTE,
						 "%s:Finished, %s, Elapsed time: %02lld:%02lld:%02lld.%03lld.",
						 unit->executable->name, time_text, (long long) (elapsed / 3600000),
						 (long long) (elapsed / 60000 % 60), (long long) (elapsed / 1000 % 60),
						 (long long) (elapsed % 1000));
	}
	so_unit_next(unit, unit_end);
}

void
so_unit_finish(SoUnit *unit)
{
	if (unit->result == SO_RESULT_FAILURE)
		report_failure(unit);
	so_unit_next(unit, unit_post_execute);
}

/* An execution value with a secret in it becomes a text without; false when there is none. */
static bool
hide_value(TALLOC_CTX *context, const SoRun *run, const SoValue *value, SoValue *shown)
{
	char *text = run->secret_count == 0 || value->is_null ? NULL : so_value_to_text(context, value);
	char *masked = text != NULL ? so_secret_mask(context, run, text) : NULL;

	if (masked != NULL)
		*shown = so_value_string(context, masked);
	return masked != NULL;
}

static void
report_statistics(const SoUnit *unit)
{
	const SoRunSink *sink = unit->run->sink;
	int64_t elapsed = so_clock_monotonic_ms() - unit->start_ms;
	SoStatistics statistics = {.executable = unit->executable,
							   .execution_path = unit->execution_path,
							   .start_us = unit->start_us,
							   .end_us = unit->start_us + elapsed * 1000,
							   .duration_ms = elapsed,
							   .result = unit->result,
							   .execution_value =
								   unit->has_execution_value ? &unit->execution_value : NULL,
							   .row_count = unit->row_count};

	if (sink != NULL && sink->statistics != NULL)
	{
		TALLOC_CTX *scratch = talloc_new(NULL);
		SoValue shown;

		if (statistics.execution_value != NULL &&
			hide_value(scratch, unit->run, statistics.execution_value, &shown))
			statistics.execution_value = &shown;
		sink->statistics(sink->context, &statistics);
		talloc_free(scratch);
	}
}

static void
unit_end(SoUnit *unit)
{
	if (unit->executable->kind != SO_KIND_EVENT_HANDLER)
		report_statistics(unit);
	if (unit->executable->kind == SO_KIND_PACKAGE)
		so_checkpoint_session_end(unit, so_unit_leave);
	else
		so_unit_checkpoint_finished(unit, so_unit_leave);
}

void
so_unit_leave(SoUnit *unit)
{
	if (unit->has_slot)
		unit->run->running--;
	unit->has_slot = false;
	unit->ended(unit);
}
