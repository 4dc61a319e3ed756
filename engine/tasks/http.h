/*
 * engine/tasks/http.h
 *
 * The HTTP task: its row of the task table.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_HTTP_H
#define ENGINE_TASKS_HTTP_H

#include "engine/tasks/task.h"

extern const SoTaskType so_task_http;

/* Is status in a list such as "200-299, 404"?  -1 when the list is none. */
extern int so_http_status_matches(const char *list, long status);

#endif /* ENGINE_TASKS_HTTP_H */
