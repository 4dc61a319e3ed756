/*
 * engine/model/schema.h
 *
 * JSON Schema (draft 7) of package documents and of project.yaml, made from the
 * property tables, so that editors complete and check what the loader takes.
 *
 * Process: client.  Reads constant tables only.
 */
#ifndef ENGINE_MODEL_SCHEMA_H
#define ENGINE_MODEL_SCHEMA_H

#include <jansson.h>

/* docs/package.schema.json, docs/project.schema.json; new references. */
extern json_t *so_schema_package(void);
extern json_t *so_schema_project(void);

#endif /* ENGINE_MODEL_SCHEMA_H */
