/*
 * engine/model/system_variables.h
 *
 * The System:: variables: name, type, and where each one is visible.  Source:
 * SSIS "System Variables"; WorkFolder is ours.
 *
 * Process: runner, client, loader; constant data.
 */
#ifndef ENGINE_MODEL_SYSTEM_VARIABLES_H
#define ENGINE_MODEL_SYSTEM_VARIABLES_H

#include "engine/model/package.h"

typedef enum SoSystemScope
{
	SO_SYSTEM_PACKAGE,      /* everywhere */
	SO_SYSTEM_TASK,         /* in a task and its event handlers */
	SO_SYSTEM_EVENT_HANDLER /* in event handlers for the events listed */
} SoSystemScope;

typedef struct SoSystemVariable
{
	const char *name; /* without "System::" */
	SoDataType type;
	SoSystemScope scope;
	const char *events; /* EVENT_HANDLER: " on_error on_warning "; NULL = all */
	const char *description;
} SoSystemVariable;

/* All of them, terminated by a NULL name. */
extern const SoSystemVariable *so_system_variables(void);

/*
 * The variable "PackageName" (without namespace) as seen from executable; NULL
 * when there is none or when it is not visible there.
 */
extern const SoSystemVariable *
so_system_variable_find(const char *name, const SoExecutable *executable);

#endif /* ENGINE_MODEL_SYSTEM_VARIABLES_H */
