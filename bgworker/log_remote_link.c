/*
 * bgworker/log_remote_link.c
 *
 * The connection to the log database, as in libpqwalreceiver: every call of libpq is
 * one that does not block, and all waiting is done here, on the latch and the
 * socket together.  So a shutdown, another log database or a command that needs
 * this database end every wait at once, and no error of this server jumps through
 * a function of libpq.  (Only the look-up of a host name is out of our hands; the
 * resolver's own limits bound it.)
 *
 * Process: the copying worker.  No shared data.  A connection that is lost
 * half-way takes its transaction along.
 */
#include "postgres.h"

#include "bgworker/log_remote_private.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/xact.h"
#include "bgworker/log_remote_error.h"
#include "common/clock.h"
#include "extension/connection_string.h"
#include "extension/log_copy_news.h"
#include "extension/settings.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"

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

bool
so_log_remote_fail(SoLogRemote *remote)
{
	so_log_remote_close(remote);
	return false;
}

bool
so_log_remote_wait(SoLogRemote *remote, int events, int64 deadline)
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
			return so_log_remote_fail(remote);
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

int64
so_log_remote_deadline(void)
{
	return so_clock_monotonic_ms() + so_setting_log_copy_timeout;
}

bool
so_log_remote_wrong_answer(SoLogRemote *remote)
{
	so_error_set(&remote->error, SO_ERR_LOG_COPY_REFUSED, NULL,
				 "the log database answers a query with something else than its result");
	so_error_hint(&remote->error, "Let host and port be those of a PostgreSQL server: SELECT "
								  "catalog.update_logdb_info(server_name, connection_string).");
	return so_log_remote_fail(remote);
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

void
so_log_remote_mark_memory(SoLogRemote *remote)
{
	remote->memory = private_memory();
}

bool
so_log_remote_check_memory(SoLogRemote *remote)
{
	return private_memory() - remote->memory <= MAX_GROWTH || so_log_remote_wrong_answer(remote);
}

bool
so_log_remote_lost(SoLogRemote *remote)
{
	so_log_remote_error_connect(remote->connection, &remote->error);
	return so_log_remote_fail(remote);
}

/* ---- connecting ---- */

/* libpq would print them on standard error, which is the log of this server. */
static void
ignore_notice(void *argument, const PGresult *result)
{
}

static PGconn *
start_connection(const char *connection_string, bool by_superuser)
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

/* Let libpq connect and log in. */
static bool
poll_connection(SoLogRemote *remote)
{
	int64 deadline = so_log_remote_deadline();
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING)
	{
		if (!so_log_remote_wait(
				remote, status == PGRES_POLLING_READING ? WL_SOCKET_READABLE : WL_SOCKET_WRITEABLE,
				deadline))
			return false;
		status = PQconnectPoll(remote->connection);
		if (!so_log_remote_check_memory(remote))
			return false;
	}
	return true;
}

bool
so_log_remote_connect(SoLogRemote *remote, const char *connection_string, bool by_superuser)
{
	so_log_remote_mark_memory(remote);
	remote->connection = start_connection(connection_string, by_superuser);
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
		if (!poll_connection(remote))
			return false;
	}
	if (PQstatus(remote->connection) != CONNECTION_OK)
		return so_log_remote_lost(remote);
	if (!by_superuser && !PQconnectionUsedPassword(remote->connection))
	{
		so_error_set(&remote->error, SO_ERR_LOG_COPY_IDENTITY, NULL, "%s",
					 so_error_summary(SO_ERR_LOG_COPY_IDENTITY));
		return so_log_remote_fail(remote);
	}
	(void) PQsetErrorVerbosity(remote->connection, PQERRORS_DEFAULT);
	return PQsetnonblocking(remote->connection, 1) == 0 || so_log_remote_lost(remote);
}

/* ---- hearing ---- */

/* Nobody listens there, but libpq would collect what it is told. */
static void
so_log_remote_drop_notifications(SoLogRemote *remote)
{
	PGnotify *notification;

	while ((notification = PQnotifies(remote->connection)) != NULL)
		PQfreemem(notification);
}

bool
so_log_remote_hear(SoLogRemote *remote)
{
	if (!PQconsumeInput(remote->connection))
		return so_log_remote_lost(remote);
	so_log_remote_drop_notifications(remote);
	return so_log_remote_check_memory(remote);
}

bool
so_log_remote_alive(SoLogRemote *remote)
{
	if (remote->connection == NULL)
		return false;
	remote->gave_up = false;
	if (!PQconsumeInput(remote->connection) || PQstatus(remote->connection) != CONNECTION_OK)
		return false;
	so_log_remote_drop_notifications(remote);
	return so_log_remote_check_memory(remote);
}
