/*
 * client/logs.c
 *
 * scaleout logs EXECUTION_ID: prints the messages of an execution and, from
 * whichever worker has them, the log files of its attempts.
 *
 * Process: client.  Reads, and asks for copies of task logs; ending it changes
 * nothing.
 */
#include "client/logs.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/database.h"
#include "client/logs_private.h"
#include "client/options.h"
#include "client/reconnect.h"
#include "client/table.h"

#define DEFAULT_TIMEOUT_S 60

int
so_logs_report(const SoError *error)
{
	fflush(stdout);
	so_database_print_error(error);
	return error->code == SO_ERR_CLIENT_NOT_FOUND || error->code == SO_ERR_EXECUTION_MISSING
			   ? SO_EXIT_NOT_FOUND
			   : SO_EXIT_USAGE;
}

bool
so_logs_messages(SoLogs *logs, const SoError *missing, SoError *error)
{
	PGresult *result = so_messages_next(&logs->view, error);

	if (result == NULL)
		return false;
	if (missing != NULL && PQntuples(result) == 0)
	{
		PQclear(result);
		*error = *missing;
		return false;
	}
	if (logs->json)
		so_table_print(result, true);
	else
		so_messages_print(result);
	logs->headed |= PQntuples(result) > 0;
	PQclear(result);
	return true;
}

void
so_logs_heading(SoLogs *logs, int attempt, const char *worker)
{
	if (logs->json || (!logs->messages && !logs->all_attempts && !logs->follow))
		return;
	printf("%s==> task log of attempt %d, worker %s <==\n", logs->headed ? "\n" : "", attempt,
		   worker);
	logs->headed = true;
}

int
so_logs_missing(const SoLogs *logs, int attempt, const SoError *error)
{
	fflush(stdout);
	if (!logs->asked && error->code == SO_ERR_AGENT_TASK_LOG_MISSING)
		fprintf(stderr, "scaleout: no task log of attempt %d (--task-log says why)\n", attempt);
	else
	{
		fprintf(stderr, "scaleout: no task log of attempt %d:\n", attempt);
		so_database_print_error(error);
	}
	return logs->asked ? SO_EXIT_FAILED : SO_EXIT_SUCCESS;
}

static int
show_attempt(SoLogs *logs, int attempt)
{
	SoTaskLogFetched fetched;
	SoError error = {0};

	if (!so_task_log_fetch(&logs->task, attempt, -1, &fetched, &error))
		return so_logs_missing(logs, attempt, &error);
	so_logs_heading(logs, attempt, fetched.worker);
	if (!so_task_log_print(&logs->task, &fetched, &error))
		return so_logs_report(&error);
	fflush(stdout);
	if (fetched.cut)
		fprintf(stderr,
				"scaleout: the log has %" PRId64 " bytes; this is its end, from byte %" PRId64
				" on (--follow prints all of it)\n",
				fetched.size, fetched.first_offset);
	else if (fetched.size == 0 && !logs->json)
		fputs("scaleout: the task has written nothing to its log so far\n", stderr);
	return SO_EXIT_SUCCESS;
}

static int
show_task_logs(SoLogs *logs)
{
	SoError error = {0};
	bool ended;
	int last = so_task_log_attempts(&logs->task, &ended, &error);
	int first = logs->all_attempts ? 1 : logs->attempt > 0 ? logs->attempt : last;
	int status = SO_EXIT_SUCCESS;

	if (last < 0)
		return so_logs_report(&error);
	if (last == 0 && !logs->asked)
		return SO_EXIT_SUCCESS;
	for (int attempt = first; attempt <= (logs->all_attempts ? last : first) || attempt == first;
		 attempt++)
	{
		int one = show_attempt(logs, attempt);

		if (one != SO_EXIT_SUCCESS)
			status = one;
	}
	if (!logs->all_attempts && logs->attempt == 0 && last > 1 && !logs->json)
	{
		fflush(stdout);
		fprintf(stderr, "scaleout: --all-attempts shows the logs of all %d attempts\n", last);
	}
	return status;
}

static int
run(SoLogs *logs)
{
	SoError error = {0};
	SoError missing;
	bool ended;

	if (so_task_log_attempts(&logs->task, &ended, &error) < 0)
	{
		/* Other operations have messages as well. */
		if (error.code != SO_ERR_CLIENT_NOT_FOUND || logs->asked || logs->follow)
			return so_logs_report(&error);
		missing = error;
		return so_logs_messages(logs, &missing, &error) ? SO_EXIT_SUCCESS : so_logs_report(&error);
	}
	if (logs->follow)
		return so_logs_follow(logs);
	if (logs->messages && !so_logs_messages(logs, NULL, &error))
		return so_logs_report(&error);
	fflush(stdout);
	return logs->task_log ? show_task_logs(logs) : SO_EXIT_SUCCESS;
}

static bool
settle_options(SoLogs *logs, bool messages_only, bool task_log_only)
{
	logs->asked = task_log_only || logs->all_attempts || logs->attempt > 0;
	if ((messages_only && logs->asked) || (logs->all_attempts && logs->attempt > 0) ||
		(task_log_only && logs->view.errors_only) ||
		(logs->json && (logs->follow || logs->all_attempts)))
		return false;
	/* One JSON document has rows of one kind. */
	logs->messages = !task_log_only && !(logs->json && logs->asked);
	logs->task_log = logs->asked || (!messages_only && !logs->view.errors_only && !logs->json);
	logs->task.json = logs->json;
	return true;
}

int
so_client_logs(int argc, char **argv)
{
	SoConnectionOptions connection_options = {0};
	SoLogs logs = {.view.last_id = "0",
				   .task.timeout_s = DEFAULT_TIMEOUT_S,
				   .patience_s = SO_RECONNECT_DEFAULT_S};
	bool messages_only = false;
	bool task_log_only = false;
	const SoOption table[] = {
		{"messages", 'm', SO_OPTION_FLAG, &messages_only, NULL, "only the messages in the catalog"},
		{"errors", 'e', SO_OPTION_FLAG, &logs.view.errors_only, NULL,
		 "only messages that are warnings and errors"},
		{"task-log", 't', SO_OPTION_FLAG, &task_log_only, NULL,
		 "only the log file of the task, from its worker"},
		{"attempt", 'a', SO_OPTION_INTEGER, &logs.attempt, "N",
		 "task log of this attempt instead of the last"},
		{"all-attempts", 'A', SO_OPTION_FLAG, &logs.all_attempts, NULL,
		 "task logs of all attempts"},
		{"tail", 'n', SO_OPTION_INTEGER, &logs.task.tail, "N", "the last N lines of each task log"},
		{"follow", 'f', SO_OPTION_FLAG, &logs.follow, NULL, "go on until the execution has ended"},
		{"timeout", 0, SO_OPTION_INTEGER, &logs.task.timeout_s, "SECONDS",
		 "how long to wait for a task log (60)"},
		{"reconnect", 0, SO_OPTION_INTEGER, &logs.patience_s, "SECONDS",
		 "with --follow: how long to wait for a server that is lost (60)"},
		{"json", 0, SO_OPTION_FLAG, &logs.json, NULL,
		 "print JSON: the messages, or with --task-log or --attempt the lines of the log"},
		{0}};
	const SoCommandLine line = {
		.usage = "scaleout logs [OPTION]... EXECUTION_ID",
		.description = "Prints the messages of an execution and the log of its task, which is "
					   "fetched from\nthe worker that has it.",
		.examples = "scaleout logs 42\n"
					"scaleout logs --follow 42\n"
					"scaleout logs --task-log --tail 20 42",
		.options = table,
		.connection = &connection_options,
		.min_arguments = 1,
		.max_arguments = 1};
	SoError error = {0};
	int status;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	if (!settle_options(&logs, messages_only, task_log_only))
	{
		so_error_set(&error, SO_ERR_CLIENT_USAGE, NULL, "these options exclude each other");
		return so_logs_report(&error);
	}
	logs.connection = so_database_connect(&connection_options, &error);
	if (logs.connection == NULL)
		return so_logs_report(&error);
	logs.view.connection = logs.task.connection = logs.connection;
	logs.view.execution_id = logs.task.execution_id = argv[first];
	status = run(&logs);
	PQfinish(logs.connection);
	return status;
}
