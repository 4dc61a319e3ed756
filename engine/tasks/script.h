/*
 * engine/tasks/script.h
 *
 * The Script task: its row of the task table, and its line protocol.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_SCRIPT_H
#define ENGINE_TASKS_SCRIPT_H

#include "engine/tasks/task.h"

extern const SoTaskType so_task_script;

/* What a script has said so far. */
typedef struct SoScriptState
{
	SoTaskRun *run;
	char **writable; /* full names ("User::n"), NULL-terminated */
	int errors;      /* "error" lines */
	bool failed;     /* a line was not of the protocol; error says why */
	SoError error;
	int line; /* of the command stream, 1-based */
} SoScriptState;

/*
 * One line of the protocol (docs/tasks.md, chapter Script).  false when it is
 * none or cannot be obeyed; state->error then says why.
 */
extern bool so_script_line(void *state, const char *line);

/* "n" and "User::n" both give "User::n"; owned by context. */
extern char *so_script_variable_name(TALLOC_CTX *context, const char *name);

#endif /* ENGINE_TASKS_SCRIPT_H */
