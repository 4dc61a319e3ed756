/*
 * engine/model/reference.h
 *
 * The generated parts of docs/packages.md and docs/tasks.md, made from the
 * property tables.  A generated part stands between the lines
 *
 *     <!-- generated: NAME -->
 *     <!-- end of generated part -->
 *
 * where NAME is the name of a container or task type, package, executable,
 * event_handler, precedence_constraint, variable, parameter, project, opaque,
 * variable_mapping, connection, connection.TYPE, enumerator.TYPE, or one of the
 * lists structure, events, system_variables, data_types.  The table of a type
 * leaves out the properties that every executable (connection) has.
 *
 * Process: client.  Reads constant tables only.
 */
#ifndef ENGINE_MODEL_REFERENCE_H
#define ENGINE_MODEL_REFERENCE_H

#include "engine/model/property.h"

/* The object type of a NAME as above; NULL when there is none. */
extern const SoObjectType *so_reference_type(const char *name);

/*
 * The Markdown text with its generated parts made anew, owned by context; NULL
 * with *unknown set to the name that means nothing (or the missing end line).
 */
extern char *so_reference_refresh(TALLOC_CTX *context, const char *text, char **unknown);

#endif /* ENGINE_MODEL_REFERENCE_H */
