/*
 * engine/tasks/execute_process.h
 *
 * The Execute Process task: its row of the task table.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_EXECUTE_PROCESS_H
#define ENGINE_TASKS_EXECUTE_PROCESS_H

#include "engine/tasks/process.h"
#include "engine/tasks/task.h"

extern const SoTaskType so_task_execute_process;

/*
 * This process's environment with the entries of a STRING_MAP property added
 * or replaced: NULL-terminated NAME=value, owned by context.
 */
extern char **so_execute_process_environment(TALLOC_CTX *context, const SoField *map);

/*
 * Judge how the program ended: false with *error for a signal, a time-out, a
 * cancel or (when checked) an exit code other than success_value.  last is the
 * end of its standard error.
 */
extern bool
so_execute_process_judge(const SoProcess *process, const SoProcessOutcome *outcome, bool check_code,
						 int64_t success_value, const char *last, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_TASKS_EXECUTE_PROCESS_H */
