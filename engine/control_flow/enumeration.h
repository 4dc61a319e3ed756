/*
 * engine/control_flow/enumeration.h
 *
 * What a Foreach loop runs over.  Each enumerator (foreach_*.c) makes an
 * enumeration from its properties when the loop starts.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_ENUMERATION_H
#define ENGINE_CONTROL_FLOW_ENUMERATION_H

#include "engine/control_flow/unit.h"

typedef struct SoEnumeration SoEnumeration;

struct SoEnumeration
{
	int64_t count;
	/*
	 * Part of item i: column by name (NULL: none) or index.  A NULL value is
	 * possible.  false with *error when the item has no such part.
	 */
	bool (*value)(const SoEnumeration *enumeration, int64_t i, int index, const char *column,
				  TALLOC_CTX *context, SoValue *value, SoError *error);
	char **names;             /* foreach_file.c */
	json_t *array;            /* everything but files */
	json_t *names_of_columns; /* foreach_result_set.c */
	SoDataType *columns;      /* foreach_item.c: types by index, column_count of them */
	int column_count;
};

/* All enumerators: NULL with *error; the result belongs to context. */
typedef SoEnumeration *(*SoEnumerator)(SoUnit *unit, const SoObject *properties,
									   TALLOC_CTX *context, SoError *error);

extern SoEnumeration *
so_foreach_file(SoUnit *unit, const SoObject *properties, TALLOC_CTX *context, SoError *error);
extern SoEnumeration *
so_foreach_item(SoUnit *unit, const SoObject *properties, TALLOC_CTX *context, SoError *error);
extern SoEnumeration *
so_foreach_variable(SoUnit *unit, const SoObject *properties, TALLOC_CTX *context, SoError *error);
extern SoEnumeration *
so_foreach_node_list(SoUnit *unit, const SoObject *properties, TALLOC_CTX *context, SoError *error);
extern SoEnumeration *so_foreach_result_set(SoUnit *unit, const SoObject *properties,
											TALLOC_CTX *context, SoError *error);
extern SoEnumeration *so_foreach_json_array(SoUnit *unit, const SoObject *properties,
											TALLOC_CTX *context, SoError *error);

/* Over the members of a JSON array; takes a new reference to it. */
extern SoEnumeration *so_enumeration_of_json(TALLOC_CTX *context, json_t *array);

/* The value of the variable named by a property; NULL with *error. */
extern const SoValue *so_enumeration_variable(SoUnit *unit, const SoObject *properties,
											  TALLOC_CTX *context, SoError *error);

/*
 * The file of the connection manager named by property "connection", read
 * whole; NULL with *error.
 */
extern char *so_enumeration_connection_file(SoUnit *unit, const SoObject *properties,
											TALLOC_CTX *context, size_t *length, SoError *error);

#endif /* ENGINE_CONTROL_FLOW_ENUMERATION_H */
