/*
 * engine/connections/postgres_error.c
 *
 * From a failed PGresult to an error that a person can act on: SQLSTATE,
 * message, detail, hint, and the line of SQL with a caret under the place.
 *
 * Process: runner and client, in the thread that owns the session.  Pure
 * functions on their arguments.
 */
#include "engine/connections/postgres.h"

#include <stdio.h>
#include <string.h>

/* How much of a long line is quoted on either side of the place. */
#define QUOTE_WINDOW 60

/* Advance over characters (not bytes) of UTF-8. */
static const char *
skip_characters(const char *text, int count)
{
	while (count > 0 && *text != '\0')
	{
		text++;
		while (((unsigned char) *text & 0xC0) == 0x80)
			text++;
		count--;
	}
	return text;
}

static int
count_characters(const char *from, const char *to)
{
	int count = 0;

	for (; from < to; from++)
	{
		if (((unsigned char) *from & 0xC0) != 0x80)
			count++;
	}
	return count;
}

void
so_postgres_quote_position(const char *sql, int position, char *buffer, size_t size)
{
	const char *place;
	const char *line;
	const char *end;
	const char *from;
	const char *to;
	int line_number = 1;
	int used;

	buffer[0] = '\0';
	if (sql == NULL || position <= 0 || size == 0)
		return;
	place = skip_characters(sql, position - 1);
	line = sql;
	for (const char *p = sql; p < place; p++)
	{
		if (*p == '\n')
		{
			line_number++;
			line = p + 1;
		}
	}
	end = line + strcspn(line, "\r\n");
	if (end < place)
		end = place;
	from = count_characters(line, place) > QUOTE_WINDOW
			   ? skip_characters(line, count_characters(line, place) - QUOTE_WINDOW)
			   : line;
	to = skip_characters(place, QUOTE_WINDOW);
	if (to > end)
		to = end;
	used = snprintf(buffer, size, "line %d, column %d:\n  %s%.*s%s\n  %s", line_number,
					count_characters(line, place) + 1, from > line ? "..." : "", (int) (to - from),
					from, to < end ? "..." : "", from > line ? "   " : "");
	if (used < 0 || (size_t) used + count_characters(from, place) + 2 > size)
	{
		buffer[0] = '\0';
		return;
	}
	/* Tabs stay tabs, so that the caret stands under its character. */
	for (const char *p = from; p < place; p++)
	{
		if (((unsigned char) *p & 0xC0) != 0x80)
			buffer[used++] = *p == '\t' ? '\t' : ' ';
	}
	buffer[used++] = '^';
	buffer[used] = '\0';
}

/* What to do, by SQLSTATE, where the server gives no hint. */
static const char *
advice(const char *state)
{
	static const struct
	{
		const char *prefix;
		const char *hint;
	} advices[] = {
		{"40",
		 "Another transaction was in the way; run the task, or the transacted container, again."},
		{"42601", "Correct the syntax at the marked place."},
		{"42501", "Grant the privilege to the connection's user, or connect as another one."},
		{"42P01", "Create the table first, or correct the name or the search_path."},
		{"42703", "Correct the column's name."},
		{"42883", "Correct the function's name or cast its arguments to the types that it takes."},
		{"42P18", "Give the parameter a data_type."},
		{"42804", "Cast the value, or give the parameter the column's data_type."},
		{"42", "Correct the statement at the marked place."},
		{"22", "Correct the value, or cast it to a type that can hold it."},
		{"23505", "Remove the duplicate, or use INSERT ... ON CONFLICT."},
		{"23", "Correct the data so that the constraint holds."},
		{"25P02", "An earlier statement of the transaction failed; the first error tells why."},
		{"53", "The server is short of memory, disk or connections; free some or lower the number "
			   "of concurrent tasks."},
		{"55P03", "Another session holds the lock; look for it in pg_stat_activity and pg_locks, "
				  "or raise lock_timeout."},
		{"57014", "A statement_timeout of the server or an administrator cancelled it; raise the "
				  "limit or make the statement faster."},
		{"57P", "The server was shut down or the session was terminated; run the task again."},
		{NULL, NULL}};

	for (int i = 0; advices[i].prefix != NULL; i++)
	{
		if (strncmp(state, advices[i].prefix, strlen(advices[i].prefix)) == 0)
			return advices[i].hint;
	}
	return NULL;
}

static SoErrorCode
error_code(SoConnection *connection, const char *state)
{
	if (strncmp(state, "08", 2) == 0 || strncmp(state, "57P0", 4) == 0)
	{
		connection->broken = true;
		return SO_ERR_TASK_CONNECTION_LOST;
	}
	return SO_ERR_TASK_SQL_FAILED;
}

bool
so_postgres_error(SoConnection *connection, const PGresult *result, const char *sql,
				  int position_offset, SoError *error)
{
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	const char *inner = PQresultErrorField(result, PG_DIAG_INTERNAL_POSITION);
	const char *inner_query = PQresultErrorField(result, PG_DIAG_INTERNAL_QUERY);
	const char *where = PQresultErrorField(result, PG_DIAG_CONTEXT);
	char quoted[600] = "";

	if (state == NULL || message == NULL)
	{
		connection->broken = PQstatus(connection->pg) != CONNECTION_OK;
		return so_error_set(
			error, connection->broken ? SO_ERR_TASK_CONNECTION_LOST : SO_ERR_TASK_SQL_FAILED,
			connection->name, "%s", PQresultErrorMessage(result));
	}
	if (sql != NULL && position != NULL)
	{
		int place = 0;

		if (sscanf(position, "%d", &place) == 1)
			so_postgres_quote_position(sql, place + position_offset, quoted, sizeof(quoted));
	}
	else if (inner != NULL && inner_query != NULL)
	{
		int place = 0;

		if (sscanf(inner, "%d", &place) == 1)
			so_postgres_quote_position(inner_query, place, quoted, sizeof(quoted));
	}
	so_error_set(error, error_code(connection, state), connection->name, "%s", message);
	so_error_detail(error, "SQLSTATE %s%s%s%s%s%s%s", state, quoted[0] ? " at " : "", quoted,
					detail != NULL ? "\n" : "", detail != NULL ? detail : "",
					where != NULL ? "\n" : "", where != NULL ? where : "");
	if (hint != NULL)
		so_error_hint(error, "%s", hint);
	else if (advice(state) != NULL)
		so_error_hint(error, "%s", advice(state));
	return false;
}
