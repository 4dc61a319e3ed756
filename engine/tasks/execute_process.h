/*
 * engine/tasks/execute_process.h
 *
 * The Execute Process task: its row of the task table.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_EXECUTE_PROCESS_H
#define ENGINE_TASKS_EXECUTE_PROCESS_H

#include "engine/tasks/output.h"
#include "engine/tasks/process.h"
#include "engine/tasks/task.h"

extern const SoTaskType so_task_execute_process;

/*
 * This process's environment with the entries of a STRING_MAP property added
 * or replaced: NULL-terminated NAME=value, owned by context.
 */
extern char **so_execute_process_environment(TALLOC_CTX *context, const SoField *map);

/*
 * The last lines of a program, for people: those on standard error (from its file
 * when it went to one), or on standard output when it said nothing there.  "" when
 * there are none; owned by context.
 */
extern const char *so_execute_process_said(TALLOC_CTX *context, const SoProcess *process,
										   SoOutput *output, SoOutput *error);

/*
 * Judge how the program ended: false with *error for a signal, a time-out, a
 * cancel or (when checked) an exit code other than success_value.  said is what
 * so_execute_process_said has found, for the detail.
 */
extern bool
so_execute_process_judge(const SoProcess *process, const SoProcessOutcome *outcome, bool check_code,
						 int64_t success_value, const char *said, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_TASKS_EXECUTE_PROCESS_H */
