/*
 * engine/connections/odbc_watch.c
 *
 * ODBC calls block; this watches one of them from a second thread and calls
 * SQLCancel, which ODBC allows from any thread, when the task is cancelled or
 * its time is over.
 *
 * Process: runner and client.  The thread lives between begin and end and is
 * joined; it touches the statement only by SQLCancel.
 */
#include "engine/connections/odbc.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"

/* A driver may miss a cancel that comes before it is listening; it is repeated. */
#define REPEAT_MS 200

struct SoOdbcWatch
{
	pthread_t thread;
	SQLHSTMT statement;
	SoWait wait;
	int done_fd;  /* readable when the call has returned */
	bool stopped; /* read after the join only */
	SoError reason;
};

static void *
watch_main(void *argument)
{
	SoOdbcWatch *watch = argument;
	SoError reason;

	for (;;)
	{
		struct pollfd fds[2] = {
			{.fd = watch->done_fd, .events = POLLIN},
			{.fd = watch->stopped ? -1 : watch->wait.cancel_fd, .events = POLLIN},
		};
		int64_t left = watch->wait.deadline_ms - so_clock_monotonic_ms();
		int time = watch->stopped                 ? REPEAT_MS
				   : watch->wait.deadline_ms == 0 ? -1
				   : left < 0                     ? 0
				   : left > 1000000               ? 1000000
												  : (int) left;

		if (poll(fds, 2, time) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents != 0)
			return NULL;
		if (!watch->stopped)
		{
			SoWait now = watch->wait;

			/* Ask what ended the wait; a poll that was only interrupted goes on. */
			if (fds[1].revents == 0 &&
				(now.deadline_ms == 0 || so_clock_monotonic_ms() < now.deadline_ms))
				continue;
			if (so_wait_poll(&now, -1, 0, &reason) == 0)
			{
				watch->stopped = true;
				watch->reason = reason;
			}
		}
		SQLCancel(watch->statement);
	}
}

SoOdbcWatch *
so_odbc_watch_begin(SQLHSTMT statement, const SoWait *wait, SoError *error)
{
	SoOdbcWatch *watch = calloc(1, sizeof(*watch));
	sigset_t all;
	sigset_t old;
	int reason;

	if (watch == NULL)
	{
		so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
		return NULL;
	}
	watch->statement = statement;
	watch->wait = *wait;
	watch->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	reason = watch->done_fd < 0 ? errno : pthread_create(&watch->thread, NULL, watch_main, watch);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (reason == 0)
		return watch;
	so_error_set(error, SO_ERR_SYSTEM_CALL, NULL, "cannot start a thread: %s",
				 strerrordesc_np(reason));
	if (watch->done_fd >= 0)
		close(watch->done_fd);
	free(watch);
	return NULL;
}

bool
so_odbc_watch_end(SoOdbcWatch *watch, SoError *error)
{
	bool stopped;

	if (eventfd_write(watch->done_fd, 1) != 0)
		abort(); /* a fresh counter takes a one */
	pthread_join(watch->thread, NULL);
	stopped = watch->stopped;
	if (stopped && error != NULL)
		*error = watch->reason;
	close(watch->done_fd);
	free(watch);
	return !stopped;
}
