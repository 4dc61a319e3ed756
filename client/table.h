/*
 * client/table.h
 *
 * Query results for people (aligned columns) and for programs (JSON).
 */
#ifndef CLIENT_TABLE_H
#define CLIENT_TABLE_H

#include <libpq-fe.h>
#include <stdbool.h>

/*
 * Print the rows to stdout: a table when as_json is false, otherwise one JSON
 * array of objects (numbers and booleans as such, SQL NULL as null, NaN and
 * infinities, which JSON does not have, as text).
 */
extern void so_table_print(const PGresult *result, bool as_json);

/* JSON when asked for, or when stdout is no terminal and plain was not asked for. */
extern bool so_table_wants_json(bool json, bool plain);

#endif /* CLIENT_TABLE_H */
