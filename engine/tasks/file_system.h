/*
 * engine/tasks/file_system.h
 *
 * The File System task: its row of the task table.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_FILE_SYSTEM_H
#define ENGINE_TASKS_FILE_SYSTEM_H

#include "engine/tasks/task.h"

extern const SoTaskType so_task_file_system;

/*
 * A path that may be given as text, by a variable or by a file connection
 * manager: properties stem, stem_variable and (where the task has it)
 * stem_connection.  NULL with *error when none is given.
 */
extern const char *so_file_system_path(SoTaskRun *run, const char *stem, SoError *error);

#endif /* ENGINE_TASKS_FILE_SYSTEM_H */
