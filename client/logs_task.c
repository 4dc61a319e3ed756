/*
 * client/logs_task.c
 *
 * Asks for task logs with catalog.request_task_log, waits, and prints them.
 *
 * Process: client.  The catalog forgets what was fetched after a day; a client
 * that dies leaves nothing else behind.
 */
#include "client/logs_task.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/database.h"
#include "client/logs_messages.h"
#include "client/table.h"

static int64_t
number_of(const PGresult *result, const char *column)
{
	return strtoll(so_database_value(result, 0, column), NULL, 10);
}

static bool
ask(const SoTaskLogView *view, int attempt, int64_t from, char request_id[24], SoError *error)
{
	char attempt_text[16];
	char from_text[24];
	const char *values[3] = {view->execution_id, attempt > 0 ? attempt_text : NULL,
							 from >= 0 ? from_text : NULL};
	PGresult *result;

	snprintf(attempt_text, sizeof(attempt_text), "%d", attempt);
	snprintf(from_text, sizeof(from_text), "%" PRId64, from);
	result = so_database_query(view->connection,
							   "SELECT catalog.request_task_log($1, $2, $3) AS request_id", 3,
							   values, error);
	if (result == NULL)
		return false;
	snprintf(request_id, 24, "%s", so_database_value(result, 0, "request_id"));
	PQclear(result);
	return true;
}

static bool
wait_for_it(const SoTaskLogView *view, const char *request_id, SoError *error)
{
	char timeout[24];
	const char *values[2] = {request_id, timeout};
	PGresult *result;
	bool complete;
	bool open;

	snprintf(timeout, sizeof(timeout), "%d s", view->timeout_s);
	result = so_database_query(view->connection, "CALL catalog.wait_for_task_log($1, $2)", 2,
							   values, error);
	if (result == NULL)
		return false;
	complete = strcmp(so_database_value(result, 0, "state"), "complete") == 0;
	open = strcmp(so_database_value(result, 0, "state"), "open") == 0;
	PQclear(result);
	if (complete)
		return true;
	so_error_set(error, SO_ERR_TASK_LOG_PENDING, NULL, "the task log has not come within %d s",
				 view->timeout_s);
	so_error_detail(error, "Request %s: %s.", request_id,
					open ? "its worker has been asked" : "the master has not taken it up");
	if (open)
		so_error_hint(error, "Repeat the command with a longer --timeout.");
	else
		so_error_hint(error, "SELECT * FROM catalog.diagnose_scaleout() says what is in the "
							 "master's way.");
	return false;
}

bool
so_task_log_fetch(const SoTaskLogView *view, int attempt, int64_t from, SoTaskLogFetched *fetched,
				  SoError *error)
{
	const char *values[1] = {fetched->request_id};
	PGresult *result;

	memset(fetched, 0, sizeof(*fetched));
	if (!ask(view, attempt, from, fetched->request_id, error) ||
		!wait_for_it(view, fetched->request_id, error))
		return false;
	result = so_database_query(view->connection,
							   "SELECT worker_name, first_offset, next_offset, log_size, is_cut "
							   "FROM catalog.task_logs WHERE request_id = $1",
							   1, values, error);
	if (result == NULL)
		return false;
	snprintf(fetched->worker, sizeof(fetched->worker), "%s",
			 so_database_value(result, 0, "worker_name"));
	fetched->first_offset = number_of(result, "first_offset");
	fetched->next_offset = number_of(result, "next_offset");
	fetched->size = number_of(result, "log_size");
	fetched->cut = strcmp(so_database_value(result, 0, "is_cut"), "t") == 0;
	PQclear(result);
	return true;
}

bool
so_task_log_print(const SoTaskLogView *view, const SoTaskLogFetched *fetched, SoError *error)
{
	char tail[16];
	const char *values[2] = {fetched->request_id, view->tail > 0 ? tail : NULL};
	PGresult *result;

	snprintf(tail, sizeof(tail), "%d", view->tail);
	result = so_database_query(
		view->connection,
		"SELECT l.attempt, l.line_number, l.line FROM (SELECT attempt, line_number, line "
		"FROM catalog.task_log_lines WHERE request_id = $1 ORDER BY line_number DESC LIMIT $2) l "
		"ORDER BY l.line_number",
		2, values, error);
	if (result == NULL)
		return false;
	if (view->json)
		so_table_print(result, true);
	for (int row = 0; row < PQntuples(result) && !view->json; row++)
	{
		so_messages_print_text(so_database_value(result, row, "line"));
		putchar('\n');
	}
	PQclear(result);
	return true;
}

int
so_task_log_attempts(const SoTaskLogView *view, bool *ended, SoError *error)
{
	const char *values[1] = {view->execution_id};
	PGresult *result =
		so_database_query(view->connection,
						  "SELECT coalesce(attempt, 0) AS attempt, status IN (3, 4, 6, 7, 9) AS "
						  "ended FROM catalog.executions WHERE execution_id = $1",
						  1, values, error);
	int attempt = -1;

	if (result == NULL)
		return -1;
	if (PQntuples(result) == 0)
		so_error_set(error, SO_ERR_CLIENT_NOT_FOUND, NULL,
					 "there is no execution %s that you may see", view->execution_id);
	else
	{
		attempt = atoi(so_database_value(result, 0, "attempt"));
		*ended = strcmp(so_database_value(result, 0, "ended"), "t") == 0;
	}
	PQclear(result);
	return attempt;
}
