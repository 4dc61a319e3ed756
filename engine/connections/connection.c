/*
 * engine/connections/connection.c
 *
 * What all kinds of sessions share: reading a connection manager's properties
 * and waiting for a descriptor with a deadline and a cancel signal.
 *
 * Process: runner and client, in task threads.  No shared state; a crash
 * leaves the session to the server, which rolls back.
 */
#include "engine/connections/connection.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "common/clock.h"

SoWait
so_connection_wait(const SoConnection *connection, int64_t time_out_ms)
{
	SoWait wait;

	wait.cancel_fd = connection->cancel_fd;
	wait.time_out_ms = time_out_ms;
	wait.deadline_ms = time_out_ms > 0 ? so_clock_monotonic_ms() + time_out_ms : 0;
	return wait;
}

const char *
so_connection_text(const SoObject *properties, const char *name)
{
	const SoProperty *property = so_object_type_find(properties->type, name);
	const char *text;

	if (property == NULL)
		return NULL;
	text = so_object_string(properties, name);
	return text != NULL && text[0] != '\0' ? text : NULL;
}

bool
so_connection_flag(const SoObject *properties, const char *name, bool fallback)
{
	if (so_object_type_find(properties->type, name) == NULL)
		return fallback;
	return so_object_boolean(properties, name);
}

int64_t
so_connection_number(const SoObject *properties, const char *name, int64_t fallback)
{
	const SoField *field;

	if (so_object_type_find(properties->type, name) == NULL)
		return fallback;
	field = so_object_field(properties, name);
	if (field == NULL || field->value.is_null || field->value.type == SO_TYPE_NONE)
		return fallback;
	return so_object_integer(properties, name);
}

/* Milliseconds until the deadline for poll(2); -1 = for ever. */
static int
poll_time(const SoWait *wait)
{
	int64_t left;

	if (wait->deadline_ms == 0)
		return -1;
	left = wait->deadline_ms - so_clock_monotonic_ms();
	if (left <= 0)
		return 0;
	return left > 1000000 ? 1000000 : (int) left;
}

int
so_wait_poll(const SoWait *wait, int fd, short events, SoError *error)
{
	for (;;)
	{
		struct pollfd fds[2] = {
			{.fd = wait->cancel_fd, .events = POLLIN},
			{.fd = fd, .events = events},
		};
		int ready = poll(fds, 2, poll_time(wait));

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready < 0)
		{
			so_error_set(error, SO_ERR_SYSTEM_CALL, NULL, "poll failed: %s",
						 strerrordesc_np(errno));
			return 0;
		}
		if (wait->cancel_fd >= 0 && fds[0].revents != 0)
		{
			so_error_set(error, SO_ERR_TASK_CANCELLED, NULL, "the task was cancelled");
			return 0;
		}
		if (fd >= 0 && fds[1].revents != 0)
			return 1;
		if (wait->deadline_ms != 0 && so_clock_monotonic_ms() >= wait->deadline_ms)
		{
			so_error_set(error, SO_ERR_TASK_TIMED_OUT, NULL, "not finished after %.3g s",
						 (double) wait->time_out_ms / 1000);
			return 0;
		}
	}
}
