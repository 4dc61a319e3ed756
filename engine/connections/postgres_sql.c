/*
 * engine/connections/postgres_sql.c
 *
 * Runs SQL on a PostgreSQL session: the simple protocol for scripts without
 * parameters (the server takes them apart, and runs them in one transaction),
 * the extended protocol for one statement with parameters.
 *
 * Process: runner and client, in the thread that owns the session.  A
 * statement that is stopped half-way is cancelled on the server.
 */
#include "engine/connections/sql.h"

#include <stdlib.h>
#include <string.h>

#include "engine/connections/postgres.h"

/* Types of pg_type that have a counterpart; their object ids are fixed for ever. */
static const struct
{
	Oid oid;
	SoDataType type;
} server_types[] = {{16, SO_TYPE_BOOL},
					{17, SO_TYPE_IMAGE},
					{20, SO_TYPE_I8},
					{21, SO_TYPE_I2},
					{23, SO_TYPE_I4},
					{26, SO_TYPE_UI4},
					{700, SO_TYPE_R4},
					{701, SO_TYPE_R8},
					{1082, SO_TYPE_DBDATE},
					{1083, SO_TYPE_DBTIME2},
					{1114, SO_TYPE_DBTIMESTAMP2},
					{1184, SO_TYPE_DBTIMESTAMPOFFSET},
					{1700, SO_TYPE_NUMERIC},
					{2950, SO_TYPE_GUID},
					{0, SO_TYPE_NONE}};

static SoDataType
type_of_column(Oid oid)
{
	for (int i = 0; server_types[i].oid != 0; i++)
	{
		if (server_types[i].oid == oid)
			return server_types[i].type;
	}
	return SO_TYPE_WSTR;
}

/* The type that a parameter is sent as; 0 = the server infers it. */
static Oid
type_of_parameter(const SoSqlParameter *parameter)
{
	bool declared = parameter->type != SO_TYPE_NONE;

	switch (declared ? parameter->type : parameter->value.type)
	{
		case SO_TYPE_BOOL:
			return 16;
		case SO_TYPE_I1:
		case SO_TYPE_UI1:
		case SO_TYPE_I2:
			return 21;
		case SO_TYPE_UI2:
		case SO_TYPE_I4:
			return 23;
		case SO_TYPE_UI4:
		case SO_TYPE_I8:
			return 20;
		case SO_TYPE_UI8:
		case SO_TYPE_CY:
		case SO_TYPE_DECIMAL:
		case SO_TYPE_NUMERIC:
			return 1700;
		case SO_TYPE_R4:
			return 700;
		case SO_TYPE_R8:
			return 701;
		case SO_TYPE_DBDATE:
			return 1082;
		case SO_TYPE_DBTIME:
		case SO_TYPE_DBTIME2:
			return 1083;
		case SO_TYPE_DATE:
		case SO_TYPE_DBTIMESTAMP:
		case SO_TYPE_DBTIMESTAMP2:
		case SO_TYPE_FILETIME:
			/* A date variable may meet a date column as well: only a declared type insists. */
			return declared ? 1114 : 0;
		case SO_TYPE_DBTIMESTAMPOFFSET:
			return 1184;
		case SO_TYPE_GUID:
			return 2950;
		case SO_TYPE_BYTES:
		case SO_TYPE_IMAGE:
			return 17;
		case SO_TYPE_STR:
		case SO_TYPE_WSTR:
		case SO_TYPE_TEXT:
		case SO_TYPE_NTEXT:
			return declared ? 25 : 0;
		default:
			return 0;
	}
}

typedef struct ResultHolder
{
	PGresult *result;
} ResultHolder;

static int
clear_result(ResultHolder *holder)
{
	PQclear(holder->result);
	return 0;
}

/* Keep the cells in the PGresult, which lives as long as context. */
static void
add_result(TALLOC_CTX *context, SoSqlResults *results, PGresult *pg)
{
	SoSqlResult *result = so_sql_results_add(context, results);
	ResultHolder *holder = talloc(context, ResultHolder);
	const char *affected = PQcmdTuples(pg);

	holder->result = pg;
	talloc_set_destructor(holder, clear_result);
	if (affected[0] != '\0')
		result->affected = strtoll(affected, NULL, 10);
	if (PQresultStatus(pg) != PGRES_TUPLES_OK)
		return;
	/* For a SELECT the command tag counts the rows that it returned. */
	if (strncmp(PQcmdStatus(pg), "SELECT", 6) == 0 || strncmp(PQcmdStatus(pg), "FETCH", 5) == 0)
		result->affected = -1;
	result->column_count = PQnfields(pg);
	result->row_count = PQntuples(pg);
	result->columns = talloc_array(context, SoSqlColumn, result->column_count);
	result->cells =
		talloc_array(context, const char *, (size_t) result->row_count * result->column_count);
	for (int column = 0; column < result->column_count; column++)
	{
		result->columns[column].name = PQfname(pg, column);
		result->columns[column].type = type_of_column(PQftype(pg, column));
	}
	for (int row = 0; row < result->row_count; row++)
	{
		for (int column = 0; column < result->column_count; column++)
			result->cells[(size_t) row * result->column_count + column] =
				PQgetisnull(pg, row, column) ? NULL : PQgetvalue(pg, row, column);
	}
}

/* Tell the server that no data will come, so that it leaves COPY mode. */
static bool
refuse_copy(SoConnection *connection, PGresult *result, SoError *error)
{
	if (PQresultStatus(result) == PGRES_COPY_IN)
		PQputCopyEnd(connection->pg, "COPY FROM STDIN is not possible in this task");
	else
		so_postgres_cancel(connection);
	so_error_set(error, SO_ERR_TASK_SQL_FAILED, connection->name,
				 "COPY from or to the client is not possible in an Execute SQL task");
	return so_error_hint(
		error, "Use a bulk_insert task for COPY FROM STDIN; COPY TO a file needs a script.");
}

/* Read every result; the first failure is reported, the rest is drained. */
static bool
collect(SoConnection *connection, TALLOC_CTX *context, const SoSqlRequest *request,
		const SoWait *wait, SoSqlResults *results, SoError *error)
{
	bool good = true;
	SoError end;

	for (;;)
	{
		PGresult *result = so_postgres_next_result(connection, wait, &end);

		if (result == NULL)
			break;
		switch (PQresultStatus(result))
		{
			case PGRES_COMMAND_OK:
			case PGRES_TUPLES_OK:
				if (good)
				{
					add_result(context, results, result);
					continue;
				}
				break;
			case PGRES_EMPTY_QUERY:
				break;
			case PGRES_COPY_IN:
			case PGRES_COPY_OUT:
			case PGRES_COPY_BOTH:
				good = refuse_copy(connection, result, error);
				break;
			default:
				if (good)
					good = so_postgres_error(connection, result,
											 request->display != NULL ? request->display
																	  : request->text,
											 request->display_offset, error);
				break;
		}
		PQclear(result);
	}
	if (good && end.code != SO_OK)
	{
		*error = end;
		good = false;
	}
	return good;
}

static bool
send_with_parameters(SoConnection *connection, TALLOC_CTX *context, const SoSqlRequest *request,
					 const SoWait *wait, SoSqlResults *results, SoError *error)
{
	int count = request->parameter_count;
	Oid *types = talloc_array(context, Oid, count);
	const char **values = talloc_array(context, const char *, count);
	bool sent;

	for (int i = 0; i < count; i++)
	{
		types[i] = type_of_parameter(&request->parameters[i]);
		values[i] = request->parameters[i].value.is_null
						? NULL
						: so_value_to_text(context, &request->parameters[i].value);
	}
	if (request->bypass_prepare)
		sent =
			PQsendQueryParams(connection->pg, request->text, count, types, values, NULL, NULL, 0);
	else
	{
		SoSqlResults none = {NULL, 0};

		if (!PQsendPrepare(connection->pg, "", request->text, count, types))
			return so_error_set(error, SO_ERR_TASK_CONNECTION_LOST, connection->name, "%s",
								PQerrorMessage(connection->pg));
		if (!collect(connection, context, request, wait, &none, error))
			return false;
		sent = PQsendQueryPrepared(connection->pg, "", count, values, NULL, NULL, 0);
	}
	if (!sent)
	{
		connection->broken = true;
		return so_error_set(error, SO_ERR_TASK_CONNECTION_LOST, connection->name, "%s",
							PQerrorMessage(connection->pg));
	}
	return collect(connection, context, request, wait, results, error);
}

bool
so_postgres_execute(SoConnection *connection, TALLOC_CTX *context, const SoSqlRequest *request,
					const SoWait *wait, SoSqlResults *results, SoError *error)
{
	if (request->parameter_count > 0)
		return send_with_parameters(connection, context, request, wait, results, error);
	if (!PQsendQuery(connection->pg, request->text))
	{
		connection->broken = true;
		return so_error_set(error, SO_ERR_TASK_CONNECTION_LOST, connection->name, "%s",
							PQerrorMessage(connection->pg));
	}
	return collect(connection, context, request, wait, results, error);
}
