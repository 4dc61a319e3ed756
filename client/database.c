/*
 * client/database.c
 *
 * Connects to the catalog and runs statements for the commands of the client.
 *
 * Process: client, one connection, one thread.  A client that dies changes
 * nothing: what it asked for is decided by the catalog.
 */
#include "client/database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEYWORDS 8

bool
so_database_settle(PGconn *connection)
{
	PGresult *result;
	bool good;

	if (PQsetClientEncoding(connection, "UTF8") != 0)
		return false;
	/* An operator that others have created where we look for one would run as us. */
	result = PQexec(connection,
					"SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', false)");
	good = PQresultStatus(result) == PGRES_TUPLES_OK;
	PQclear(result);
	return good;
}

PGconn *
so_database_connect(const SoConnectionOptions *options, SoError *error)
{
	const char *keywords[MAX_KEYWORDS] = {0};
	const char *values[MAX_KEYWORDS] = {0};
	int count = 0;
	PGconn *connection;
	PGresult *result;

#define ADD_KEYWORD(name, text)                                                                    \
	do                                                                                             \
	{                                                                                              \
		if ((text) != NULL)                                                                        \
		{                                                                                          \
			keywords[count] = (name);                                                              \
			values[count++] = (text);                                                              \
		}                                                                                          \
	} while (0)
	ADD_KEYWORD("host", options->host);
	ADD_KEYWORD("port", options->port);
	ADD_KEYWORD("user", options->username);
	/* Last, so that a conninfo string overrides single options, as in psql. */
	ADD_KEYWORD("dbname", options->dbname);
	ADD_KEYWORD("fallback_application_name", "scaleout");
#undef ADD_KEYWORD
	connection = PQconnectdbParams(keywords, values, 1);
	if (connection == NULL || PQstatus(connection) != CONNECTION_OK ||
		!so_database_settle(connection))
	{
		so_error_set(error, SO_ERR_CLIENT_CONNECTION, NULL, "cannot connect to the catalog");
		so_error_detail(error, "%s", connection ? PQerrorMessage(connection) : "out of memory");
		PQfinish(connection);
		return NULL;
	}
	result = PQexec(connection, "SELECT pg_catalog.to_regclass('catalog.executions') IS NOT NULL");
	if (PQresultStatus(result) != PGRES_TUPLES_OK || strcmp(PQgetvalue(result, 0, 0), "t") != 0)
	{
		so_error_set(error, SO_ERR_CLIENT_NO_CATALOG, PQdb(connection),
					 "database \"%s\" has no scaleout catalog", PQdb(connection));
		PQclear(result);
		PQfinish(connection);
		return NULL;
	}
	PQclear(result);
	return connection;
}

/* One line of a server message without the newline at its end. */
static const char *
message_field(const PGresult *result, int code)
{
	const char *text = PQresultErrorField(result, code);

	return text ? text : "";
}

PGresult *
so_database_query(PGconn *connection, const char *sql, int count, const char *const *values,
				  SoError *error)
{
	PGresult *result = PQexecParams(connection, sql, count, NULL, values, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);
	const char *state;
	SoErrorCode code;

	if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
		return result;
	state = message_field(result, PG_DIAG_SQLSTATE);
	code = so_error_from_state(state);
	/* An error without a state is libpq's own: no answer has come. */
	if (PQstatus(connection) != CONNECTION_OK || *state == '\0')
	{
		so_error_set(error, SO_ERR_CLIENT_CONNECTION, NULL,
					 "the connection to the catalog was lost");
		so_error_detail(error, "%s", PQerrorMessage(connection));
	}
	else if (code != SO_OK)
	{
		so_error_set(error, code, NULL, "%s", message_field(result, PG_DIAG_MESSAGE_PRIMARY));
		so_error_detail(error, "%s", message_field(result, PG_DIAG_MESSAGE_DETAIL));
		so_error_hint(error, "%s", message_field(result, PG_DIAG_MESSAGE_HINT));
	}
	else
	{
		so_error_set(error, SO_ERR_CLIENT_QUERY, NULL, "%s",
					 message_field(result, PG_DIAG_MESSAGE_PRIMARY));
		so_error_detail(error, "%s%sSQLSTATE %s.", message_field(result, PG_DIAG_MESSAGE_DETAIL),
						*message_field(result, PG_DIAG_MESSAGE_DETAIL) != '\0' ? " " : "", state);
		/* Only ids and numbers of the command line are converted by the server. */
		if (strcmp(state, "22P02") == 0 || strcmp(state, "22003") == 0)
			so_error_hint(error, "An execution is named by its number: scaleout list shows them.");
		else
			so_error_hint(error, "%s", message_field(result, PG_DIAG_MESSAGE_HINT));
	}
	PQclear(result);
	return NULL;
}

const char *
so_database_value(const PGresult *result, int row, const char *column)
{
	int field = PQfnumber(result, column);

	return field < 0 ? "" : PQgetvalue(result, row, field);
}

void
so_database_print_error(const SoError *error)
{
	fprintf(stderr, "scaleout: %s: %s%s%s%s\n", so_error_state(error->code), error->message,
			error->place[0] ? " (" : "", error->place, error->place[0] ? ")" : "");
	if (error->detail[0])
		fprintf(stderr, "DETAIL:  %s\n", error->detail);
	if (error->hint[0])
		fprintf(stderr, "HINT:  %s\n", error->hint);
}
