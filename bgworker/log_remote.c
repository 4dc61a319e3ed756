/*
 * bgworker/log_remote.c
 *
 * Talks to the log database through libpq, as libpqwalreceiver does: every
 * call is one that does not block, and all waiting is done here, on the latch
 * and the socket together.  So a shutdown, another log database or a command
 * that needs this database end every wait at once, and no error of this server
 * jumps through a function of libpq.  (Only the look-up of a host name is out
 * of our hands; the resolver's own limits bound it.)
 *
 * Process: the copying worker.  No shared data.  A connection that is lost
 * half-way takes its transaction along; whether a commit came through is learned
 * from the position that the same transaction moves.
 */
#include "postgres.h"

#include "bgworker/log_remote.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/xact.h"
#include "bgworker/log_remote_error.h"
#include "common/clock.h"
#include "common/fault.h"
#include "extension/connection_string.h"
#include "extension/log_copy_news.h"
#include "extension/settings.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/builtins.h"

/* What is handed to libpq at a time, so that its buffer stays small. */
#define PIECE 65536
/* So much more memory may this process have while it hears the answer to a statement. */
#define MAX_GROWTH (64 * 1024 * 1024)
/* The longest time until we look whether we are still wanted. */
#define LOOK_MS 1000

void
so_log_remote_close(SoLogRemote *remote)
{
	if (remote->connection != NULL)
		PQfinish(remote->connection);
	remote->connection = NULL;
	remote->position_known = false;
}

static bool
give_up(SoLogRemote *remote)
{
	remote->gave_up = true;
	so_log_remote_close(remote);
	return false;
}

/* Close; the error has been filled in. */
static bool
fail(SoLogRemote *remote)
{
	so_log_remote_close(remote);
	return false;
}

/* Wait for the socket until the deadline. */
static bool
wait_socket(SoLogRemote *remote, int events, int64 deadline)
{
	Assert(!IsTransactionState());
	for (;;)
	{
		int64 left = deadline - so_clock_monotonic_ms();
		int happened;

		if (left <= 0)
		{
			so_error_set(&remote->error, SO_ERR_LOG_COPY_TIMEOUT, NULL,
						 "the log database has not answered for %g s",
						 so_setting_log_copy_timeout / 1000.0);
			return fail(remote);
		}
		happened = WaitLatchOrSocket(
			MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_TIMEOUT | events,
			PQsocket(remote->connection), (long) Min(left, LOOK_MS), PG_WAIT_EXTENSION);
		if (happened & WL_LATCH_SET)
		{
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
		if (!so_log_copy_news_wanted() || so_log_copy_news_generation() != remote->generation)
			return give_up(remote);
		if (happened & events)
			return true;
	}
}

static int64
deadline_from_now(void)
{
	return so_clock_monotonic_ms() + so_setting_log_copy_timeout;
}

/* No PostgreSQL answers like that. */
static bool
wrong_answer(SoLogRemote *remote)
{
	so_error_set(&remote->error, SO_ERR_LOG_COPY_REFUSED, NULL,
				 "the log database answers a query with something else than its result");
	so_error_hint(&remote->error, "Let host and port be those of a PostgreSQL server: SELECT "
								  "catalog.update_logdb_info(server_name, connection_string).");
	return fail(remote);
}

/* Memory of this process alone, in bytes; 0 when the system does not say. */
static int64
private_memory(void)
{
	char text[128];
	long long resident;
	long long shared;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return 0;
	length = read(fd, text, sizeof(text) - 1);
	(void) close(fd);
	text[Max(length, 0)] = '\0';
	if (sscanf(text, "%*s %lld %lld", &resident, &shared) != 2)
		return 0;
	return (int64) (resident - shared) * sysconf(_SC_PAGESIZE);
}

/*
 * Whoever sets the connection string chooses the server, and libpq keeps what it
 * says, also what has no end: one long row, settings.  It does not tell how much
 * that is, and has no limit.
 */
static bool
check_memory(SoLogRemote *remote)
{
	return private_memory() - remote->memory <= MAX_GROWTH ? true : wrong_answer(remote);
}

/* ---- connecting ---- */

/* libpq would print them on standard error, which is the log of this server. */
static void
ignore_notice(void *argument, const PGresult *result)
{
}

static PGconn *
start(const char *connection_string, bool by_superuser)
{
	/* The string overrides what stands before it and not what comes after. */
	const char *keywords[10] = {"tcp_user_timeout", "dbname", "client_encoding",
								"fallback_application_name"};
	const char *values[10] = {"10000", connection_string, "UTF8", "scaleout log copy"};
	int n = 4;

	if (!by_superuser)
	{
		/* Neither files nor tickets of the server's account. */
		keywords[n] = "sslcert";
		values[n++] = SO_NO_SUCH_FILE;
		keywords[n] = "passfile";
		values[n++] = SO_NO_SUCH_FILE;
		keywords[n] = "gssencmode";
		values[n++] = "disable";
	}
	return PQconnectStartParams(keywords, values, 1);
}

static bool
connect_remote(SoLogRemote *remote, const char *connection_string, bool by_superuser)
{
	int64 deadline = deadline_from_now();
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	remote->memory = private_memory();
	remote->connection = start(connection_string, by_superuser);
	if (remote->connection == NULL)
	{
		so_error_set(&remote->error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
		return false;
	}
	(void) PQsetNoticeReceiver(remote->connection, ignore_notice, NULL);
	if (PQstatus(remote->connection) != CONNECTION_BAD)
	{
		/* So that a refused login says its SQLSTATE. */
		(void) PQsetErrorVerbosity(remote->connection, PQERRORS_VERBOSE);
		while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING)
		{
			if (!wait_socket(remote,
							 status == PGRES_POLLING_READING ? WL_SOCKET_READABLE
															 : WL_SOCKET_WRITEABLE,
							 deadline))
				return false;
			status = PQconnectPoll(remote->connection);
			if (!check_memory(remote))
				return false;
		}
	}
	if (PQstatus(remote->connection) != CONNECTION_OK)
	{
		so_log_remote_error_connect(remote->connection, &remote->error);
		return fail(remote);
	}
	if (!by_superuser && !PQconnectionUsedPassword(remote->connection))
	{
		so_error_set(&remote->error, SO_ERR_LOG_COPY_IDENTITY, NULL, "%s",
					 so_error_summary(SO_ERR_LOG_COPY_IDENTITY));
		return fail(remote);
	}
	(void) PQsetErrorVerbosity(remote->connection, PQERRORS_DEFAULT);
	if (PQsetnonblocking(remote->connection, 1) != 0)
	{
		so_log_remote_error_connect(remote->connection, &remote->error);
		return fail(remote);
	}
	return true;
}

/* ---- statements ---- */

static bool
lost(SoLogRemote *remote)
{
	so_log_remote_error_connect(remote->connection, &remote->error);
	return fail(remote);
}

/* Nobody listens there, but libpq would collect what it is told. */
static void
drop_notifications(SoLogRemote *remote)
{
	PGnotify *notification;

	while ((notification = PQnotifies(remote->connection)) != NULL)
		PQfreemem(notification);
}

/* Read what has come. */
static bool
hear(SoLogRemote *remote)
{
	if (!PQconsumeInput(remote->connection))
		return lost(remote);
	drop_notifications(remote);
	return check_memory(remote);
}

/* Send what libpq has; reads meanwhile, so that neither side waits for the other. */
static bool
flush(SoLogRemote *remote, int64 deadline)
{
	int rc;

	while ((rc = PQflush(remote->connection)) > 0)
	{
		if (!wait_socket(remote, WL_SOCKET_READABLE | WL_SOCKET_WRITEABLE, deadline))
			return false;
		if (!hear(remote))
			return false;
	}
	return rc == 0 ? true : lost(remote);
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
		if (!wait_socket(remote, WL_SOCKET_READABLE, deadline) || !hear(remote))
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
		return wrong_answer(remote);
	}
	so_log_remote_error_result(remote->connection, result, &remote->error);
	PQclear(result);
	return fail(remote);
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
	int64 deadline = deadline_from_now();
	ExecStatusType status;

	remote->memory = private_memory();
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

/* Run a statement; *result is the caller's, who clears it, and may be NULL when it is not wanted. */
static bool
run(SoLogRemote *remote, const char *sql, int n, const char *const *values, ExecStatusType wanted,
	PGresult **result)
{
	PGresult *own;

	/* Row by row, so that libpq does not collect rows that nobody asked for. */
	if (!PQsendQueryParams(remote->connection, sql, n, NULL, values, NULL, NULL, 0) ||
		!PQsetSingleRowMode(remote->connection))
		return lost(remote);
	if (!take_result(remote, wanted, &own))
		return false;
	if (result != NULL)
		*result = own;
	else
		PQclear(own);
	return true;
}

/*
 * The rows of a query, of so many columns.  Whoever sets the connection string
 * chooses the server: what it answers is not taken on trust.
 */
static bool
query(SoLogRemote *remote, const char *sql, int n, const char *const *values, int columns,
	  PGresult **result)
{
	if (!run(remote, sql, n, values, PGRES_TUPLES_OK, result))
		return false;
	if (PQnfields(*result) == columns)
		return true;
	PQclear(*result);
	*result = NULL;
	return wrong_answer(remote);
}

/* ---- what the copy needs ---- */

/* Are the tables there, may we write them, can they hold our texts? */
static bool
check_target(SoLogRemote *remote)
{
	static const char sql[] =
		"SELECT pg_catalog.has_table_privilege('scaleout_log.event_messages', 'INSERT')"
		" AND pg_catalog.has_table_privilege('scaleout_log.copy_position', 'SELECT')"
		" AND pg_catalog.has_table_privilege('scaleout_log.copy_position', 'INSERT')"
		" AND pg_catalog.has_table_privilege('scaleout_log.copy_position', 'UPDATE'),"
		" pg_catalog.current_setting('server_encoding'), current_user";
	PGresult *result;
	bool ok;
	bool encoding;

	if (!query(remote, sql, 0, NULL, 3, &result))
		return false;
	if (PQntuples(result) != 1)
	{
		PQclear(result);
		return wrong_answer(remote);
	}
	ok = strcmp(PQgetvalue(result, 0, 0), "t") == 0;
	encoding = strcmp(PQgetvalue(result, 0, 1), "UTF8") == 0 ||
			   strcmp(PQgetvalue(result, 0, 1), "SQL_ASCII") == 0;
	if (!ok)
	{
		so_error_set(&remote->error, SO_ERR_LOG_COPY_OBJECTS, NULL,
					 "the login \"%s\" may not write the tables of the copy in the log database",
					 PQgetvalue(result, 0, 2));
		so_log_remote_error_objects(remote->connection, &remote->error);
	}
	else if (!encoding)
		so_error_set(&remote->error, SO_ERR_LOG_COPY_ENCODING, NULL,
					 "the log database is encoded in %s", PQgetvalue(result, 0, 1));
	PQclear(result);
	return ok && encoding ? true : fail(remote);
}

bool
so_log_remote_open(SoLogRemote *remote, const char *connection_string, bool by_superuser)
{
	remote->gave_up = false;
	return connect_remote(remote, connection_string, by_superuser) &&
		   /* What is confirmed is deleted from the queue: it must be on the disk there. */
		   run(remote, "SET synchronous_commit = on", 0, NULL, PGRES_COMMAND_OK, NULL) &&
		   check_target(remote);
}

bool
so_log_remote_position(SoLogRemote *remote, const pg_uuid_t *source)
{
	const char *values[1];
	PGresult *result;

	remote->gave_up = false;
	remote->position_known = false;
	remote->source = *source;
	values[0] = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(source)));
	if (!query(remote,
			   "SELECT p.position FROM scaleout_log.copy_position p"
			   " WHERE p.catalog_id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid",
			   1, values, 1, &result))
		return false;
	remote->position_row = PQntuples(result) == 1;
	remote->position = remote->position_row ? strtoll(PQgetvalue(result, 0, 0), NULL, 10) : 0;
	remote->position_known = true;
	PQclear(result);
	return true;
}

/* First of all, because it makes whoever copies for the same catalog wait for us. */
static bool
move_position(SoLogRemote *remote, int64 position, bool *moved)
{
	char to[32];
	char from[32];
	const char *values[3];
	PGresult *result;

	snprintf(to, sizeof(to), INT64_FORMAT, position);
	snprintf(from, sizeof(from), INT64_FORMAT, remote->position);
	values[0] = DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&remote->source)));
	values[1] = to;
	values[2] = from;
	if (!run(remote,
			 remote->position_row
				 ? "UPDATE scaleout_log.copy_position SET position = $2::pg_catalog.int8,"
				   " changed_time = pg_catalog.clock_timestamp()"
				   " WHERE catalog_id OPERATOR(pg_catalog.=) $1::pg_catalog.uuid"
				   " AND position OPERATOR(pg_catalog.=) $3::pg_catalog.int8"
				 : "INSERT INTO scaleout_log.copy_position (catalog_id, position)"
				   " VALUES ($1::pg_catalog.uuid, $2::pg_catalog.int8) ON CONFLICT DO NOTHING",
			 remote->position_row ? 3 : 2, values, PGRES_COMMAND_OK, &result))
		return false;
	*moved = strcmp(PQcmdTuples(result), "1") == 0;
	PQclear(result);
	return true;
}

/* Hand the lines over; an error of the other side shows in the result. */
static bool
send_lines(SoLogRemote *remote, const char *lines, size_t length)
{
	for (size_t sent = 0; sent < length;)
	{
		int piece = (int) Min(length - sent, PIECE);
		int rc = PQputCopyData(remote->connection, lines + sent, piece);

		if (rc < 0)
			return lost(remote);
		if (rc > 0)
			sent += (size_t) piece;
		if (!flush(remote, deadline_from_now()))
			return false;
	}
	for (;;)
	{
		int rc = PQputCopyEnd(remote->connection, NULL);

		if (rc > 0)
			return true;
		if (rc < 0)
			return lost(remote);
		if (!flush(remote, deadline_from_now()))
			return false;
	}
}

static bool
copy_lines(SoLogRemote *remote, const char *columns, const char *lines, size_t length)
{
	char *sql = psprintf("COPY scaleout_log.event_messages (%s) FROM STDIN", columns);
	PGresult *result;

	if (!PQsendQuery(remote->connection, sql) || !PQsetSingleRowMode(remote->connection))
		return lost(remote);
	if (!take_result(remote, PGRES_COPY_IN, &result))
		return false;
	PQclear(result);
	if (!send_lines(remote, lines, length) || !take_result(remote, PGRES_COMMAND_OK, &result))
		return false;
	PQclear(result);
	return true;
}

bool
so_log_remote_copy(SoLogRemote *remote, const char *columns, const char *lines, size_t length,
				   int64 position, bool *moved)
{
	*moved = false;
	remote->gave_up = false;
	if (!run(remote, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", 0, NULL, PGRES_COMMAND_OK,
			 NULL) ||
		!move_position(remote, position, moved))
		return false;
	if (!*moved)
	{
		remote->position_known = false;
		return run(remote, "ROLLBACK", 0, NULL, PGRES_COMMAND_OK, NULL);
	}
	if (length > 0 && !copy_lines(remote, columns, lines, length))
		return false;
	SO_FAULT("log_copy.before_commit");
	if (!run(remote, "COMMIT", 0, NULL, PGRES_COMMAND_OK, NULL))
		return false;
	SO_FAULT("log_copy.after_commit");
	remote->position = position;
	remote->position_row = true;
	return true;
}

bool
so_log_remote_alive(SoLogRemote *remote)
{
	if (remote->connection == NULL)
		return false;
	remote->gave_up = false;
	if (!PQconsumeInput(remote->connection) || PQstatus(remote->connection) != CONNECTION_OK)
		return false;
	drop_notifications(remote);
	return check_memory(remote);
}
