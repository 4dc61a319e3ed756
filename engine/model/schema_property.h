/*
 * engine/model/schema_property.h
 *
 * JSON Schema of single properties and of objects without structure.
 *
 * Process: client.  Reads constant tables only.
 */
#ifndef ENGINE_MODEL_SCHEMA_PROPERTY_H
#define ENGINE_MODEL_SCHEMA_PROPERTY_H

#include <jansson.h>

#include "engine/model/property.h"

/* {"$ref": "#/definitions/name"} */
extern json_t *so_schema_reference(const char *definition);

/*
 * A closed object with the properties of type; objects inside it are added to
 * definitions under the names of their types.  has_expressions: a required
 * property may be set by an expression instead.
 */
extern json_t *
so_schema_object(const SoObjectType *type, json_t *definitions, bool has_expressions);

/* The map of expressions that an object of type may have. */
extern json_t *so_schema_expressions(const SoObjectType *type);

#endif /* ENGINE_MODEL_SCHEMA_PROPERTY_H */
