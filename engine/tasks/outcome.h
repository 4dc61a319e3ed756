/*
 * engine/tasks/outcome.h
 *
 * How a task ends: from an error value to an execution result.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_OUTCOME_H
#define ENGINE_TASKS_OUTCOME_H

#include "engine/tasks/task.h"

/* Report *error and return FAILURE; a cancel is not an error and returns CANCELED. */
extern SoExecutionResult so_outcome_failed(SoTaskRun *run, const SoError *error);

/* The text of a variable, owned by the task's context; NULL with *error when there is none. */
extern const char *so_outcome_variable_text(SoTaskRun *run, const char *name, SoError *error);

/* Set a variable to a text or a number; false with *error. */
extern bool so_outcome_set_text(SoTaskRun *run, const char *name, const char *text, size_t length,
								SoError *error) SO_WARN_UNUSED;
extern bool so_outcome_set_integer(SoTaskRun *run, const char *name, int64_t value,
								   SoError *error) SO_WARN_UNUSED;

/* A string property, NULL when unset or empty. */
extern const char *so_outcome_property(const SoObject *properties, const char *name);

/* Exactly one finding of validate functions: code PROPERTY, the property's name, text and hint. */
extern void so_outcome_finding(SoTaskValidation *validation, bool is_warning, const char *property,
							   const char *message, const char *hint);

/* Read a whole file of at most limit bytes; NUL-terminated, owned by context; NULL with *error. */
extern char *so_outcome_read_file(TALLOC_CTX *context, const char *path, size_t limit,
								  size_t *length, SoError *error);

#endif /* ENGINE_TASKS_OUTCOME_H */
