/*
 * engine/control_flow/task_thread.h
 *
 * Starts tasks in threads and takes their messages back into the control
 * thread.
 *
 * Process: runner and client; these functions are for the control thread.
 */
#ifndef ENGINE_CONTROL_FLOW_TASK_THREAD_H
#define ENGINE_CONTROL_FLOW_TASK_THREAD_H

#include "engine/control_flow/unit.h"

/* Run the task of unit; ends in so_unit_executed. */
extern void so_task_thread_start(SoUnit *unit);

/*
 * Run main in a thread on behalf of unit, with transaction as its own; ended is
 * called by the control thread with the result.  Without a thread it runs here.
 */
extern void so_task_thread_job(SoUnit *unit, SoTransaction *transaction,
							   SoExecutionResult (*main)(SoTaskRun *run),
							   void (*ended)(SoUnit *unit, SoExecutionResult result));

/* Take every message that waits: events are raised, ended tasks joined. */
extern void so_task_thread_messages(SoRun *run);

/*
 * A task run for unit with copies of all that it may see; NULL context in the
 * caller's hands.  For tasks, and for Execute Package.
 */
extern SoTaskRun *so_task_run_new(SoUnit *unit);

#endif /* ENGINE_CONTROL_FLOW_TASK_THREAD_H */
