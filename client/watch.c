/*
 * client/watch.c
 *
 * Follows an execution: reads new rows of operation_messages, event_messages
 * and executable_statistics every few hundred milliseconds and prints them.
 *
 * Process: client.  Reads only; ending it changes nothing.  A server that
 * restarts is waited for, because the execution goes on meanwhile.
 */
#include "client/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/database.h"
#include "client/reconnect.h"
#include "common/clock.h"

#define POLL_MS                   250
#define STATUS_CANCELED           3
#define STATUS_FAILED             4
#define STATUS_ENDED_UNEXPECTEDLY 6
#define STATUS_SUCCEEDED          7
#define MESSAGE_PRE_EXECUTE       30
#define MESSAGE_PROGRESS          60
#define MESSAGE_WARNING           110
#define MESSAGE_ERROR             120

typedef struct Watch
{
	PGconn *connection;
	const char *execution_id;
	int patience_s; /* with a server that is lost */
	bool verbose;
	bool terminal;
	bool line_shown;
	int64_t started_ms;
	char last_event[24]; /* highest event_message_id shown */
	char last_operation_message[24];
	char last_statistics[24];
	char current[256]; /* path of the executable that started last */
	int status;
	int frame;
} Watch;

static volatile sig_atomic_t interrupted = 0;

static void
on_interrupt(int signal_number)
{
	(void) signal_number;
	interrupted = 1;
}

static const char *
status_name(int status)
{
	static const char *const names[] = {
		"unknown",   "created",  "running",  "canceled", "failed", "pending", "ended unexpectedly",
		"succeeded", "stopping", "completed"};

	return status >= 1 && status <= 9 ? names[status] : names[0];
}

static bool
status_is_final(int status)
{
	return status == STATUS_CANCELED || status == STATUS_FAILED ||
		   status == STATUS_ENDED_UNEXPECTEDLY || status == STATUS_SUCCEEDED || status == 9;
}

static int
exit_code(int status)
{
	switch (status)
	{
		case STATUS_SUCCEEDED:
		case 9:
			return SO_EXIT_SUCCESS;
		case STATUS_CANCELED:
			return SO_EXIT_CANCELED;
		default:
			return SO_EXIT_FAILED;
	}
}

static void
clear_moving_line(Watch *watch)
{
	if (watch->line_shown)
		fputs("\r\033[K", stdout);
	watch->line_shown = false;
}

/* The part of a timestamp that people look at: hh:mm:ss. */
static const char *
clock_part(const char *timestamp)
{
	const char *space = strchr(timestamp, ' ');

	return space && strlen(space) > 8 ? space + 1 : timestamp;
}

static void
print_line(Watch *watch, const char *time, const char *mark, const char *color, const char *text,
		   const char *rest)
{
	clear_moving_line(watch);
	printf("%.8s  %s%-8s%s  %s%s%s\n", clock_part(time), watch->terminal ? color : "", mark,
		   watch->terminal && *color ? "\033[0m" : "", text, *rest ? "  " : "", rest);
}

/* "\\" is the package itself. */
static const char *
shown_path(const char *path)
{
	return strcmp(path, "\\") == 0 ? "package" : path;
}

static void
show_event(Watch *watch, const PGresult *result, int row)
{
	int type = atoi(so_database_value(result, row, "type"));
	const char *time = so_database_value(result, row, "time");
	const char *path = shown_path(so_database_value(result, row, "path"));
	const char *message = so_database_value(result, row, "message");

	switch (type)
	{
		case MESSAGE_PRE_EXECUTE:
			snprintf(watch->current, sizeof(watch->current), "%s", path);
			print_line(watch, time, "start", "", path, "");
			break;
		case MESSAGE_PROGRESS:
			snprintf(watch->current, sizeof(watch->current), "%s: %s", path, message);
			if (watch->verbose)
				print_line(watch, time, "progress", "", path, message);
			break;
		case MESSAGE_WARNING:
			print_line(watch, time, "warning", "\033[33m", path, message);
			break;
		case MESSAGE_ERROR:
			print_line(watch, time, "ERROR", "\033[31m", path, message);
			break;
		default:
			if (watch->verbose)
				print_line(watch, time, "event", "", path, message);
	}
}

static void
show_statistics(Watch *watch, const PGresult *result, int row)
{
	static const char *const results[] = {"done", "FAILED", "complete", "canceled"};
	static const char *const colors[] = {"\033[32m", "\033[31m", "", "\033[33m"};
	int outcome = atoi(so_database_value(result, row, "type")) & 3;
	const char *rows = so_database_value(result, row, "row_count");
	char rest[96];

	snprintf(rest, sizeof(rest), "%s ms%s%s%s", so_database_value(result, row, "message"),
			 *rows ? ", " : "", rows, *rows ? " rows" : "");
	print_line(watch, so_database_value(result, row, "time"), results[outcome], colors[outcome],
			   shown_path(so_database_value(result, row, "path")), rest);
}

static void
remember(char *last, size_t size, const char *id)
{
	if (strtoll(id, NULL, 10) > strtoll(last, NULL, 10))
		snprintf(last, size, "%s", id);
}

/*
 * Everything that is new, in the order in which it happened: what the catalog
 * itself says (kind m), events of the package (e), executables that ended (s).
 */
static const char news_sql[] =
	"SELECT 'm' AS kind, operation_message_id AS id, message_time AS time, message_type AS type, "
	"'' AS path, message, NULL::bigint AS row_count FROM catalog.operation_messages "
	"WHERE operation_id = $1 AND operation_message_id > $2 AND message_source_type < 30 "
	"UNION ALL SELECT 'e', event_message_id, message_time, message_type, execution_path || "
	"CASE subcomponent_name WHEN 'stderr' THEN ' (stderr)' ELSE '' END, message, "
	"NULL "
	"FROM catalog.event_messages WHERE operation_id = $1 AND event_message_id > $3 "
	"UNION ALL SELECT 's', statistics_id, end_time, execution_result, execution_path, "
	"execution_duration::text, row_count FROM catalog.executable_statistics "
	"WHERE execution_id = $1 AND statistics_id > $4 ORDER BY time, kind, id";

static bool
show_news(Watch *watch, SoError *error)
{
	const char *values[4] = {watch->execution_id, watch->last_operation_message, watch->last_event,
							 watch->last_statistics};
	PGresult *result = so_database_query(watch->connection, news_sql, 4, values, error);

	if (result == NULL)
		return false;
	for (int row = 0; row < PQntuples(result); row++)
	{
		const char *id = so_database_value(result, row, "id");

		switch (so_database_value(result, row, "kind")[0])
		{
			case 'm':
				print_line(watch, so_database_value(result, row, "time"), "master", "\033[36m",
						   so_database_value(result, row, "message"), "");
				remember(watch->last_operation_message, sizeof(watch->last_operation_message), id);
				break;
			case 'e':
				show_event(watch, result, row);
				remember(watch->last_event, sizeof(watch->last_event), id);
				break;
			default:
				show_statistics(watch, result, row);
				remember(watch->last_statistics, sizeof(watch->last_statistics), id);
		}
	}
	PQclear(result);
	return true;
}

static void
show_moving_line(Watch *watch, const char *worker, const char *attempt)
{
	static const char frames[] = "|/-\\";
	int64_t seconds = (so_clock_monotonic_ms() - watch->started_ms) / 1000;

	if (!watch->terminal)
		return;
	clear_moving_line(watch);
	printf("%c %s, %lld s%s%s%s%s  %.60s", frames[watch->frame++ % 4], status_name(watch->status),
		   (long long) seconds, *worker ? ", worker " : "", worker, *attempt ? ", attempt " : "",
		   attempt, watch->current);
	fflush(stdout);
	watch->line_shown = true;
}

/* One look: -1 on an error, 1 when the execution has ended, 0 otherwise. */
static int
watch_once(Watch *watch, SoError *error)
{
	const char *values[1] = {watch->execution_id};
	PGresult *result =
		so_database_query(watch->connection,
						  "SELECT status, worker_name, attempt FROM catalog.executions "
						  "WHERE execution_id = $1",
						  1, values, error);
	bool ended;

	if (result == NULL)
		return -1;
	if (PQntuples(result) == 0)
	{
		so_error_set(error, SO_ERR_CLIENT_NOT_FOUND, NULL,
					 "there is no execution %s that you may see", watch->execution_id);
		PQclear(result);
		return -1;
	}
	watch->status = atoi(so_database_value(result, 0, "status"));
	ended = status_is_final(watch->status);
	if (!show_news(watch, error))
	{
		PQclear(result);
		return -1;
	}
	if (!ended)
		show_moving_line(watch, so_database_value(result, 0, "worker_name"),
						 so_database_value(result, 0, "attempt"));
	PQclear(result);
	return ended ? 1 : 0;
}

static bool
wait_for_server(Watch *watch, SoError *error)
{
	clear_moving_line(watch);
	return so_reconnect(watch->connection, watch->patience_s, &interrupted, error);
}

/* Until it has ended (1), an interrupt (0) or an error that stays (-1). */
static int
watch_until_ended(Watch *watch, SoError *error)
{
	int ended;

	while ((ended = watch_once(watch, error)) <= 0 && !interrupted)
	{
		if (ended == 0)
			poll(NULL, 0, POLL_MS);
		else if (error->code != SO_ERR_CLIENT_CONNECTION || !wait_for_server(watch, error))
			break;
	}
	return ended < 0 && interrupted ? 0 : ended;
}

int
so_watch_execution(PGconn *connection, const char *execution_id, bool verbose, int patience_s)
{
	Watch watch = {.connection = connection,
				   .execution_id = execution_id,
				   .patience_s = patience_s,
				   .verbose = verbose,
				   .terminal = isatty(STDOUT_FILENO),
				   .started_ms = so_clock_monotonic_ms(),
				   .last_event = "0",
				   .last_operation_message = "0",
				   .last_statistics = "0"};
	struct sigaction action = {.sa_handler = on_interrupt};
	SoError error = {0};
	int ended;

	sigaction(SIGINT, &action, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	ended = watch_until_ended(&watch, &error);
	clear_moving_line(&watch);
	if (ended < 0)
	{
		so_database_print_error(&error);
		return error.code == SO_ERR_CLIENT_NOT_FOUND ? SO_EXIT_NOT_FOUND : SO_EXIT_USAGE;
	}
	if (ended == 0)
	{
		printf("stopped watching; execution %s goes on (scaleout stop %s ends it)\n", execution_id,
			   execution_id);
		return SO_EXIT_CANCELED;
	}
	printf("execution %s %s\n", execution_id, status_name(watch.status));
	if (exit_code(watch.status) == SO_EXIT_FAILED)
		printf("scaleout logs %s shows all messages and the log of the task\n", execution_id);
	return exit_code(watch.status);
}

int
so_client_watch(int argc, char **argv)
{
	SoConnectionOptions connection_options = {0};
	bool verbose = false;
	int patience_s = SO_RECONNECT_DEFAULT_S;
	const SoOption table[] = {{"verbose", 'v', SO_OPTION_FLAG, &verbose, NULL, "show every event"},
							  {"reconnect", 0, SO_OPTION_INTEGER, &patience_s, "SECONDS",
							   "how long to wait for a server that is lost (60)"},
							  {0}};
	const SoCommandLine line = {
		.usage = "scaleout watch [OPTION]... EXECUTION_ID",
		.description = "Follows an execution until it ends; the exit code is dtexec's.",
		.examples = "scaleout watch --verbose 42",
		.options = table,
		.connection = &connection_options,
		.min_arguments = 1,
		.max_arguments = 1};
	SoError error = {0};
	PGconn *connection;
	int status;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	connection = so_database_connect(&connection_options, &error);
	if (connection == NULL)
	{
		so_database_print_error(&error);
		return SO_EXIT_USAGE;
	}
	status = so_watch_execution(connection, argv[first], verbose, patience_s);
	PQfinish(connection);
	return status;
}
