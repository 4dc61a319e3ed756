/*
 * bgworker/log_remote_statement.c
 *
 * Statements in the log database, and taking their results.  Whoever sets the
 * connection string chooses the server: what it answers is not taken on trust.
 *
 * Process: the copying worker.  No shared data.  A statement that is cut off ends
 * the connection, and its transaction with it.
 */
#include "postgres.h"

#include "bgworker/log_remote_private.h"

#include "bgworker/log_remote_error.h"
#include "storage/latch.h"

/* What is handed to libpq at a time, so that its buffer stays small. */
#define PIECE 65536

/* Send what libpq has; reads meanwhile, so that neither side waits for the other. */
static bool
flush(SoLogRemote *remote, int64 deadline)
{
	int rc;

	while ((rc = PQflush(remote->connection)) > 0)
	{
		if (!so_log_remote_wait(remote, WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE, deadline))
			return false;
		if (!so_log_remote_hear(remote))
			return false;
	}
	return rc == 0 ? true : so_log_remote_lost(remote);
}

/* The next result; NULL with the connection open when there is none any more. */
static bool
next_result(SoLogRemote *remote, int64 deadline, PGresult **result)
{
	*result = NULL;
	if (!flush(remote, deadline))
		return false;
	while (PQisBusy(remote->connection))
	{
		if (!so_log_remote_wait(remote, WL_SOCKET_READABLE, deadline) ||
			!so_log_remote_hear(remote))
			return false;
	}
	*result = PQgetResult(remote->connection);
	return true;
}

static bool
is_error(const PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	return result == NULL || status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE;
}

/* It is not what was asked for: an error of that server, or no PostgreSQL; clears it. */
static bool
refuse_result(SoLogRemote *remote, PGresult *result)
{
	if (!is_error(result))
	{
		PQclear(result);
		return so_log_remote_wrong_answer(remote);
	}
	so_log_remote_error_result(remote->connection, result, &remote->error);
	PQclear(result);
	return so_log_remote_fail(remote);
}

/* After the result nothing may come but the end, which a row has in a result of its own. */
static bool
take_end(SoLogRemote *remote, int64 deadline, bool after_row)
{
	PGresult *extra;

	while (next_result(remote, deadline, &extra))
	{
		if (extra == NULL)
			return true;
		if (!after_row || PQresultStatus(extra) != PGRES_TUPLES_OK)
			return refuse_result(remote, extra);
		after_row = false;
		PQclear(extra);
	}
	return false;
}

/*
 * The result of what was sent, of one row at most.  For a COPY it is the
 * invitation to send; then more results follow.
 */
static bool
take_result(SoLogRemote *remote, ExecStatusType wanted, PGresult **result)
{
	int64 deadline = so_log_remote_deadline();
	ExecStatusType status;

	so_log_remote_mark_memory(remote);
	if (!next_result(remote, deadline, result))
		return false;
	status = PQresultStatus(*result);
	if (status == wanted || (status == PGRES_SINGLE_TUPLE && wanted == PGRES_TUPLES_OK))
	{
		if (wanted == PGRES_COPY_IN || take_end(remote, deadline, status == PGRES_SINGLE_TUPLE))
			return true;
		PQclear(*result);
	}
	else
		(void) refuse_result(remote, *result);
	*result = NULL;
	return false;
}

bool
so_log_remote_run(SoLogRemote *remote, const char *sql, int n, const char *const *values,
				  ExecStatusType wanted, PGresult **result)
{
	PGresult *own;

	/* Row by row, so that libpq does not collect rows that nobody asked for. */
	if (!PQsendQueryParams(remote->connection, sql, n, NULL, values, NULL, NULL, 0) ||
		!PQsetSingleRowMode(remote->connection))
		return so_log_remote_lost(remote);
	if (!take_result(remote, wanted, &own))
		return false;
	if (result != NULL)
		*result = own;
	else
		PQclear(own);
	return true;
}

bool
so_log_remote_query(SoLogRemote *remote, const char *sql, int n, const char *const *values,
					int columns, PGresult **result)
{
	if (!so_log_remote_run(remote, sql, n, values, PGRES_TUPLES_OK, result))
		return false;
	if (PQnfields(*result) == columns)
		return true;
	PQclear(*result);
	*result = NULL;
	return so_log_remote_wrong_answer(remote);
}

/* ---- COPY ---- */

/* Hand the lines over; an error of the other side shows in the result. */
static bool
send_lines(SoLogRemote *remote, const char *lines, size_t length)
{
	for (size_t sent = 0; sent < length;)
	{
		int piece = (int) Min(length - sent, PIECE);
		int rc = PQputCopyData(remote->connection, lines + sent, piece);

		if (rc < 0)
			return so_log_remote_lost(remote);
		if (rc > 0)
			sent += (size_t) piece;
		if (!flush(remote, so_log_remote_deadline()))
			return false;
	}
	for (;;)
	{
		int rc = PQputCopyEnd(remote->connection, NULL);

		if (rc > 0)
			return true;
		if (rc < 0)
			return so_log_remote_lost(remote);
		if (!flush(remote, so_log_remote_deadline()))
			return false;
	}
}

bool
so_log_remote_copy_from(SoLogRemote *remote, const char *sql, const char *lines, size_t length)
{
	PGresult *result;

	if (!PQsendQuery(remote->connection, sql) || !PQsetSingleRowMode(remote->connection))
		return so_log_remote_lost(remote);
	if (!take_result(remote, PGRES_COPY_IN, &result))
		return false;
	PQclear(result);
	if (!send_lines(remote, lines, length) || !take_result(remote, PGRES_COMMAND_OK, &result))
		return false;
	PQclear(result);
	return true;
}
