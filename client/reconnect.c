/*
 * client/reconnect.c
 *
 * Tries a lost connection again, a second between two attempts.  No attempt lasts
 * longer than the patience: a machine that is gone answers nothing at all.
 *
 * Process: client, one connection, one thread.
 */
#include "client/reconnect.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "client/database.h"
#include "common/clock.h"

#define PAUSE_MS 1000

static bool
is_interrupted(const volatile sig_atomic_t *interrupted)
{
	return interrupted != NULL && *interrupted;
}

/* One attempt, until the deadline. */
static bool
try_once(PGconn *connection, int64_t deadline_ms, const volatile sig_atomic_t *interrupted)
{
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	if (!PQresetStart(connection))
		return false;
	while (state != PGRES_POLLING_OK && state != PGRES_POLLING_FAILED)
	{
		struct pollfd wanted = {.fd = PQsocket(connection),
								.events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT};
		int64_t left = deadline_ms - so_clock_monotonic_ms();

		if (left <= 0 || is_interrupted(interrupted))
			return false;
		/* A signal ends the wait; the next turn looks at it. */
		if (poll(&wanted, 1, left < PAUSE_MS ? (int) left : PAUSE_MS) > 0)
			state = PQresetPoll(connection);
	}
	return state == PGRES_POLLING_OK && so_database_settle(connection);
}

bool
so_reconnect(PGconn *connection, int patience_s, const volatile sig_atomic_t *interrupted,
			 SoError *error)
{
	int64_t begin = so_clock_monotonic_ms();
	int64_t deadline = begin + (int64_t) patience_s * 1000;
	char reason[1000] = "";

	fflush(stdout);
	fprintf(stderr, "scaleout: the connection to the catalog was lost; trying again for %d s\n",
			patience_s);
	while (!is_interrupted(interrupted))
	{
		if (try_once(connection, deadline, interrupted))
		{
			fprintf(stderr, "scaleout: connected again after %lld s; going on\n",
					(long long) (so_clock_monotonic_ms() - begin) / 1000);
			return true;
		}
		if (*PQerrorMessage(connection) != '\0')
			snprintf(reason, sizeof(reason), "%s", PQerrorMessage(connection));
		reason[strcspn(reason, "\n")] = '\0';
		if (so_clock_monotonic_ms() >= deadline)
		{
			so_error_set(error, SO_ERR_CLIENT_CONNECTION, NULL,
						 "the connection to the catalog was lost and has not come back within %d s",
						 patience_s);
			so_error_detail(error, "%s", reason);
			so_error_hint(error, "The execution goes on by itself. Give the same command again "
								 "when the server runs, or be more patient with --reconnect.");
			return false;
		}
		poll(NULL, 0, PAUSE_MS);
	}
	return true;
}
