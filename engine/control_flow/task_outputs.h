/*
 * engine/control_flow/task_outputs.h
 *
 * What exactly_once needs to know of a task: which piece of work it is, in
 * which attempt, and what it gives to others.
 *
 * Process: runner and client, in the task's thread.
 */
#ifndef ENGINE_CONTROL_FLOW_TASK_OUTPUTS_H
#define ENGINE_CONTROL_FLOW_TASK_OUTPUTS_H

#include "engine/tasks/task.h"

/* Strings are owned by the run. */
typedef struct SoTaskIdentity
{
	const char *chain_id; /* the execution with all its attempts and restarts */
	int attempt;          /* from 1 */
	const char *path;  /* of the executable, with the calling packages; without iteration numbers */
	const char *items; /* enumerator values of the loops around it; "" outside of loops */
} SoTaskIdentity;

extern SoTaskIdentity so_task_identity(const SoTaskRun *run);

/* Execution value, row count and the variables that the task has set; a new reference. */
extern json_t *so_task_outputs(SoTaskRun *run);

/* Give them as if the task had run; false with *error. */
extern bool
so_task_set_outputs(SoTaskRun *run, const json_t *outputs, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_CONTROL_FLOW_TASK_OUTPUTS_H */
