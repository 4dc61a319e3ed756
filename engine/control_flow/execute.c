/*
 * engine/control_flow/execute.c
 *
 * Executes packages, sequences and event handlers by running their children,
 * and hands loops and tasks to their files.
 *
 * Process: runner and client, control thread only.
 */
#include "engine/control_flow/execute.h"

#include "engine/control_flow/child_package.h"
#include "engine/control_flow/event.h"
#include "engine/control_flow/event_sink.h"
#include "engine/control_flow/loop.h"
#include "engine/control_flow/property_expression.h"
#include "engine/control_flow/schedule.h"
#include "engine/control_flow/task_thread.h"
#include "engine/control_flow/unit_checkpoint.h"
#include "engine/control_flow/validate.h"
#include "engine/model/object_types.h"

static void
children_done(SoUnit *unit)
{
	bool canceled = so_schedule_canceled(unit);

	so_schedule_free(unit);
	so_unit_executed(unit, canceled ? SO_RESULT_CANCELED : SO_RESULT_SUCCESS);
}

void
so_execute_unit(SoUnit *unit)
{
	switch (unit->executable->kind)
	{
		case SO_KIND_PACKAGE:
		case SO_KIND_SEQUENCE:
		case SO_KIND_EVENT_HANDLER:
			so_schedule_start(unit, 0, children_done);
			break;
		case SO_KIND_FOR_LOOP:
			so_loop_for_start(unit);
			break;
		case SO_KIND_FOREACH_LOOP:
			so_loop_foreach_start(unit);
			break;
		case SO_KIND_TASK:
			if (unit->executable->task_type == &so_task_execute_package)
				so_child_package_start(unit);
			else
				so_task_thread_start(unit);
			break;
	}
}

/* ---- packages ---- */

static void
package_leave(SoUnit *unit, SoExecutionResult result)
{
	unit->result = result;
	so_unit_leave(unit);
}

static void
package_validated(SoUnit *unit)
{
	SoRun *run = unit->run;
	bool good = unit->package_run->validation_good;

	TALLOC_FREE(unit->package_run->validation);
	if (!good && unit->package_run->caller == NULL)
		run->outcome->validation_failed = true;
	if (so_unit_canceled(unit))
		package_leave(unit, SO_RESULT_CANCELED);
	else if (!good)
		package_leave(unit, SO_RESULT_FAILURE);
	else if (run->options->validate_only || so_unit_boolean(unit, "disable", false))
		package_leave(unit, SO_RESULT_SUCCESS);
	else if (so_checkpoint_session_begin(unit))
		so_unit_pre_execute(unit, so_unit_execute);
	else
	{
		unit->result = SO_RESULT_FAILURE;
		so_unit_next(unit, so_unit_leave);
	}
}

/* What the tasks of a child find is found here, before the first of them runs. */
void
so_execute_package_begin(SoUnit *unit)
{
	SoRun *run = unit->run;

	so_event_announce(run, unit->executable->package);
	if (unit->package_run->checkpoint_error != NULL)
	{
		so_event_error(unit, unit->package_run->checkpoint_error);
		unit->result = SO_RESULT_FAILURE;
		so_unit_next(unit, so_unit_leave);
		return;
	}
	run->validating = true;
	unit->package_run->validation_good = so_validate_package(unit);
	run->validating = false;
	so_unit_next(unit, package_validated);
	so_event_resume(unit);
}
