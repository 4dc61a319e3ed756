/*
 * engine/tasks/no_operation.c
 *
 * A task that does nothing: a place where branches join, something to hang
 * event handlers on, and the yardstick for what a task costs.
 *
 * Process: runner and client, in a thread of its own like other tasks.
 */
#include "engine/model/object_types.h"
#include "engine/tasks/task.h"

extern const SoTaskType so_task_no_operation;

static const SoProperty no_properties[] = {{NULL}};

static const SoObjectType no_operation_type = {
	"no_operation", "No-operation task",
	"Does nothing and succeeds. Useful where branches join, and to try constraints with "
	"force_execution_result.",
	no_properties, &so_object_type_executable};

static SoExecutionResult
run_no_operation(SoTaskRun *run)
{
	return so_task_cancelled(run) ? SO_RESULT_CANCELED : SO_RESULT_SUCCESS;
}

const SoTaskType so_task_no_operation = {.object_type = &no_operation_type,
										 .run = run_no_operation};
