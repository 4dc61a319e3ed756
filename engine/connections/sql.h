/*
 * engine/connections/sql.h
 *
 * One way to run SQL on every kind of database session: text in, rows as text
 * with their types out.
 *
 * Process: runner and client, in the thread that owns the session.
 */
#ifndef ENGINE_CONNECTIONS_SQL_H
#define ENGINE_CONNECTIONS_SQL_H

#include "engine/connections/connection.h"

/* One parameter of a statement, in the order of its markers. */
typedef struct SoSqlParameter
{
	SoValue value;
	SoDataType type; /* declared type; SO_TYPE_NONE = let the server infer it */
} SoSqlParameter;

/* What is sent at once: one statement, or a whole script when it has no parameters. */
typedef struct SoSqlRequest
{
	const char *text;
	const SoSqlParameter *parameters;
	int parameter_count;
	bool bypass_prepare; /* do not parse it in a round trip of its own */
	/*
	 * The text that error messages quote, and how many characters of it stand
	 * before text; NULL and 0 when text is all there is.
	 */
	const char *display;
	int display_offset;
} SoSqlRequest;

typedef struct SoSqlColumn
{
	const char *name;
	SoDataType type; /* WSTR for types that have no counterpart */
} SoSqlColumn;

/* The result of one statement. */
typedef struct SoSqlResult
{
	int column_count; /* 0 = it returns no rows */
	SoSqlColumn *columns;
	int row_count;
	const char **cells; /* row by row; NULL = SQL NULL */
	int64_t affected;   /* rows inserted, updated, deleted ...; -1 = does not apply */
} SoSqlResult;

typedef struct SoSqlResults
{
	SoSqlResult *items;
	int count;
} SoSqlResults;

/*
 * Run request on the session.  *results belongs to context.  false with *error
 * (SQL error with the place quoted, lost connection, cancelled, timed out).
 */
extern bool
so_sql_execute(SoConnection *connection, TALLOC_CTX *context, const SoSqlRequest *request,
			   const SoWait *wait, SoSqlResults *results, SoError *error) SO_WARN_UNUSED;

/* The two implementations. */
extern bool
so_postgres_execute(SoConnection *connection, TALLOC_CTX *context, const SoSqlRequest *request,
					const SoWait *wait, SoSqlResults *results, SoError *error) SO_WARN_UNUSED;
extern bool
so_odbc_execute(SoConnection *connection, TALLOC_CTX *context, const SoSqlRequest *request,
				const SoWait *wait, SoSqlResults *results, SoError *error) SO_WARN_UNUSED;

/* A cell as a value of its column's type, or as text when it does not fit that type. */
extern SoValue so_sql_cell(TALLOC_CTX *context, const SoSqlResult *result, int row, int column);

/*
 * {"columns": ["a", ...], "types": ["int32", ...], "rows": [[1, ...], ...]}: the
 * form of a full result set in an Object variable.  A new reference; NULL
 * without memory.
 */
extern json_t *so_sql_result_json(const SoSqlResult *result);

/* Room for one more result at the end of *results. */
extern SoSqlResult *so_sql_results_add(TALLOC_CTX *context, SoSqlResults *results);

#endif /* ENGINE_CONNECTIONS_SQL_H */
