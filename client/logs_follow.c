/*
 * client/logs_follow.c
 *
 * scaleout logs --follow: looks every second for what is new.  What was printed is
 * remembered only after it was printed, and never before all of an answer has
 * come, so that a look that is repeated after a restart of the server loses nothing
 * and prints nothing twice.
 *
 * Process: client, one thread.
 */
#include <poll.h>
#include <stdio.h>

#include "client/database.h"
#include "client/logs_private.h"
#include "client/options.h"
#include "client/reconnect.h"
#include "common/clock.h"

#define LOOK_MS 1000

typedef struct Following
{
	int64_t offset; /* of the log of this attempt, -1: its end */
	int attempt;
	bool named;             /* the heading of this attempt was printed */
	bool lost;              /* the log of this attempt cannot be had */
	int64_t patience_until; /* for a worker that was not there either; 0: it was */
} Following;

typedef enum Look
{
	LOOK_AGAIN,  /* the execution goes on */
	LOOK_NEXT,   /* there is another attempt to look at, at once */
	LOOK_ENDED,  /* and all of it was shown */
	LOOK_NO_LOG, /* error says why it cannot be had */
	LOOK_FAILED  /* error says why; repeat the look when the connection is lost */
} Look;

/* A restart of the server: its workers come back a little later. */
static bool
may_come_back(const SoLogs *logs, Following *following, const SoError *error)
{
	int64_t now = so_clock_monotonic_ms();

	if (error->code != SO_ERR_TASK_LOG_WORKER_OFFLINE && error->code != SO_ERR_TASK_LOG_TIMEOUT &&
		error->code != SO_ERR_TASK_LOG_PENDING)
		return false;
	if (following->patience_until == 0)
	{
		following->patience_until = now + (int64_t) logs->patience_s * 1000;
		fflush(stdout);
		fprintf(stderr, "scaleout: the task log does not come (%s: %s); trying again for %d s\n",
				so_error_state(error->code), error->message, logs->patience_s);
	}
	return now < following->patience_until;
}

/* What the attempt has written since, until nothing is left. */
static bool
show_attempt(SoLogs *logs, Following *following, SoError *error)
{
	SoTaskLogFetched fetched;

	do
	{
		int64_t before = following->offset;

		if (!so_task_log_fetch(&logs->task, following->attempt, before, &fetched, error))
			return false;
		if (fetched.next_offset > fetched.first_offset)
		{
			if (!following->named)
				so_logs_heading(logs, following->attempt, fetched.worker);
			following->named = true;
			if (!so_task_log_print(&logs->task, &fetched, error))
				return false;
		}
		following->patience_until = 0;
		following->offset = fetched.next_offset;
		/* The tail is that of the beginning. */
		logs->task.tail = 0;
		if (following->offset == before)
			break;
	} while (following->offset < fetched.size);
	return true;
}

static Look
look(SoLogs *logs, Following *following, SoError *error)
{
	bool ended = false;
	bool behind = false; /* what there is could not be shown yet */
	int last = so_task_log_attempts(&logs->task, &ended, error);

	if (last < 0)
		return LOOK_FAILED;
	if (following->attempt == 0)
		following->attempt = logs->all_attempts && last > 0 ? 1 : last;
	if (logs->messages && !so_logs_messages(logs, NULL, error))
		return LOOK_FAILED;
	if (logs->task_log && following->attempt > 0 && !following->lost &&
		!show_attempt(logs, following, error))
	{
		if (error->code == SO_ERR_CLIENT_CONNECTION)
			return LOOK_FAILED;
		/* The file begins with the first line that is written. */
		behind =
			may_come_back(logs, following, error) ||
			(error->code == SO_ERR_AGENT_TASK_LOG_MISSING && !ended && following->attempt == last);
		if (!behind)
			return LOOK_NO_LOG;
	}
	fflush(stdout);
	if (behind)
		return LOOK_AGAIN;
	if (following->attempt > 0 && following->attempt < last && logs->attempt == 0)
	{
		*following = (Following){.attempt = following->attempt + 1};
		return LOOK_NEXT;
	}
	if (ended || (logs->attempt > 0 && following->attempt < last))
		return LOOK_ENDED;
	return LOOK_AGAIN;
}

int
so_logs_follow(SoLogs *logs)
{
	Following following = {.offset = logs->task.tail > 0 ? -1 : 0, .attempt = logs->attempt};
	int status;

	for (;;)
	{
		SoError error = {0};

		switch (look(logs, &following, &error))
		{
			case LOOK_AGAIN:
				poll(NULL, 0, LOOK_MS);
				break;
			case LOOK_NEXT:
				break;
			case LOOK_ENDED:
				return SO_EXIT_SUCCESS;
			case LOOK_NO_LOG:
				following.lost = true;
				status = so_logs_missing(logs, following.attempt, &error);
				if (status != SO_EXIT_SUCCESS)
					return status;
				break;
			case LOOK_FAILED:
				if (error.code != SO_ERR_CLIENT_CONNECTION ||
					!so_reconnect(logs->connection, logs->patience_s, NULL, &error))
					return so_logs_report(&error);
		}
	}
}
