/*
 * engine/tasks/bulk_insert_copy.c
 *
 * Sends a file through COPY FROM STDIN: in one piece as it is, or row by row
 * when rows are selected or batches are asked for.
 *
 * Process: runner and client, in a task's thread that owns the session.  Each
 * batch is one COPY and so one transaction: a crash half-way loses the batch
 * under way and keeps the finished ones.
 */
#include "engine/tasks/bulk_insert.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536

/* The server refused a row: name the file and its line. */
static bool
explain(SoBulkCopy *copy, const PGresult *result, SoError *error)
{
	const char *context = PQresultErrorField(result, PG_DIAG_CONTEXT);
	const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	int64_t line = so_bulk_insert_error_line(context);

	so_postgres_error(copy->connection, result, copy->statement, 0, error);
	if (line == 0 || state == NULL ||
		(strncmp(state, "22", 2) != 0 && strncmp(state, "23", 2) != 0))
		return false;
	so_error_set(error, SO_ERR_TASK_BULK_ROW, copy->path, "%s, line %lld: %s", copy->path,
				 (long long) (copy->batch_line + line - 1), message);
	return so_error_detail(error, "SQLSTATE %s. %s%s%s", state, context, detail != NULL ? "\n" : "",
						   detail != NULL ? detail : "");
}

/* Read results to the end; the row count of COPY is added up. */
static bool
finish_results(SoBulkCopy *copy, SoError *error)
{
	bool good = true;
	SoError end;

	for (;;)
	{
		PGresult *result = so_postgres_next_result(copy->connection, &copy->wait, &end);

		if (result == NULL)
			break;
		if (PQresultStatus(result) == PGRES_COMMAND_OK)
			copy->rows += strtoll(PQcmdTuples(result), NULL, 10);
		else if (good)
			good = explain(copy, result, error);
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
begin_batch(SoBulkCopy *copy, SoError *error)
{
	PGresult *result;
	bool good;

	if (copy->lock_statement != NULL && !copy->in_transaction &&
		!so_postgres_command(copy->connection, "BEGIN", &copy->wait, error))
		return false;
	if (copy->lock_statement != NULL &&
		!so_postgres_command(copy->connection, copy->lock_statement, &copy->wait, error))
		return false;
	if (!PQsendQuery(copy->connection->pg, copy->statement))
	{
		copy->connection->broken = true;
		return so_error_set(error, SO_ERR_TASK_CONNECTION_LOST, NULL, "%s",
							PQerrorMessage(copy->connection->pg));
	}
	result = so_postgres_next_result(copy->connection, &copy->wait, error);
	if (result == NULL)
		return false;
	good = PQresultStatus(result) == PGRES_COPY_IN;
	if (!good)
	{
		SoError rest;

		so_postgres_error(copy->connection, result, copy->statement, 0, error);
		PQclear(result);
		while ((result = so_postgres_next_result(copy->connection, &copy->wait, &rest)) != NULL)
			PQclear(result);
		return false;
	}
	PQclear(result);
	copy->copying = true;
	copy->in_batch = 0;
	return true;
}

static bool
end_batch(SoBulkCopy *copy, SoError *error)
{
	int sent;

	if (!copy->copying)
		return true;
	copy->copying = false;
	while ((sent = PQputCopyEnd(copy->connection->pg, NULL)) == 0)
	{
		if (!so_postgres_flush(copy->connection, &copy->wait, error))
			return false;
	}
	if (!finish_results(copy, error))
		return false;
	if (copy->lock_statement != NULL && !copy->in_transaction)
		return so_postgres_command(copy->connection, "COMMIT", &copy->wait, error);
	return true;
}

static bool
send(SoBulkCopy *copy, const char *bytes, size_t length, SoError *error)
{
	for (;;)
	{
		int sent = PQputCopyData(copy->connection->pg, bytes, (int) length);

		if (sent > 0)
		{
			/* Do not let libpq's buffer grow: the server sets the pace. */
			return so_postgres_flush(copy->connection, &copy->wait, error);
		}
		if (sent < 0)
		{
			/* The server has refused already; its reason is the result. */
			copy->copying = false;
			if (finish_results(copy, error))
				so_error_set(error, SO_ERR_TASK_SQL_FAILED, NULL, "%s",
							 PQerrorMessage(copy->connection->pg));
			return false;
		}
		if (!so_postgres_flush(copy->connection, &copy->wait, error))
			return false;
	}
}

static void
report_progress(SoBulkCopy *copy)
{
	int percent = copy->size > 0 ? (int) (copy->bytes * 100 / copy->size) : 0;

	if (percent > 100)
		percent = 100;
	if (percent == copy->percent)
		return;
	copy->percent = percent;
	so_task_progress(copy->run, percent, copy->bytes, copy->size, "bytes of the file");
}

/* One piece of a row, which may be incomplete; ends tells that the row ends with it. */
static bool
send_row_piece(SoBulkCopy *copy, const char *bytes, size_t length, int64_t line, bool ends,
			   SoError *error)
{
	bool wanted =
		copy->row >= copy->first_row && (copy->last_row == 0 || copy->row <= copy->last_row);

	if (wanted && !copy->copying)
	{
		copy->batch_line = line;
		if (!begin_batch(copy, error))
			return false;
	}
	if (wanted && !send(copy, bytes, length, error))
		return false;
	if (!ends)
		return true;
	copy->row++;
	if (!wanted)
		return true;
	copy->in_batch++;
	if (copy->batch_size > 0 && copy->in_batch >= copy->batch_size)
		return end_batch(copy, error);
	return true;
}

static bool
send_rows(SoBulkCopy *copy, const char *bytes, size_t length, SoError *error)
{
	while (length > 0)
	{
		int64_t line = copy->scanner.line;
		size_t row = so_row_scanner_next(&copy->scanner, bytes, length);
		size_t piece = row > 0 ? row : length;

		if (!send_row_piece(copy, bytes, piece, line, row > 0, error))
			return false;
		bytes += piece;
		length -= piece;
		if (copy->last_row > 0 && copy->row > copy->last_row)
			return true;
	}
	return true;
}

static bool
copy_file(SoBulkCopy *copy, SoError *error)
{
	char chunk[CHUNK];

	for (;;)
	{
		ssize_t got = read(copy->fd, chunk, sizeof(chunk));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return so_error_set(error, SO_ERR_TASK_FILE, copy->path, "cannot read \"%s\": %s",
								copy->path, strerrordesc_np(errno));
		if (got == 0)
			return true;
		/* Skipped rows send nothing, so nothing else would notice a cancel. */
		if (so_task_cancelled(copy->run))
			return so_error_set(error, SO_ERR_TASK_CANCELLED, NULL, "the task was cancelled");
		copy->bytes += got;
		if (copy->by_rows ? !send_rows(copy, chunk, (size_t) got, error)
						  : !send(copy, chunk, (size_t) got, error))
			return false;
		if (copy->by_rows && copy->last_row > 0 && copy->row > copy->last_row)
			return true;
		report_progress(copy);
	}
}

bool
so_bulk_insert_copy(SoBulkCopy *copy, SoError *error)
{
	bool good = true;

	copy->row = 1;
	copy->batch_line = 1;
	if (!copy->by_rows)
		good = begin_batch(copy, error);
	good = good && copy_file(copy, error) && end_batch(copy, error);
	if (!good && copy->copying && !copy->connection->broken)
	{
		SoError ignored;

		/* Leave COPY mode; nothing of this batch stays. */
		copy->copying = false;
		copy->wait.cancel_fd = -1;
		copy->wait.deadline_ms = 0;
		if (PQputCopyEnd(copy->connection->pg, "the task failed") < 0 ||
			(!finish_results(copy, &ignored) && ignored.code == SO_ERR_TASK_CONNECTION_LOST))
			copy->connection->broken = true;
	}
	if (!good && !copy->connection->broken && !copy->in_transaction && copy->lock_statement != NULL)
	{
		SoWait wait = {.cancel_fd = -1};
		SoError ignored;

		if (!so_postgres_command(copy->connection, "ROLLBACK", &wait, &ignored))
			copy->connection->broken = true;
	}
	return good;
}
