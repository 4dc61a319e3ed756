/*
 * gateway/link.c
 *
 * Reads and writes frames on the socket pair to the master.
 *
 * Process: gateway; one thread.  When the gateway dies the master sees the end
 * of the stream, drops half a frame and gives its requests up; agents repeat.
 */
#include "gateway/link.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/protocol.h"
#include "gateway/limits.h"

/* Reads in one turn, so that a busy master does not starve the clients. */
#define READS_PER_TURN 32

static void
broken(SoLink *link, const SoError *error)
{
	event_del(link->read_event);
	event_del(link->write_event);
	link->on_gone(link->context, error);
}

static bool
system_failed(SoError *error, const char *call)
{
	so_error_set(error, SO_ERR_SYSTEM_CALL, "link to the master", "%s failed", call);
	return so_error_detail(error, "The system says: %s.", strerror(errno));
}

static void
readable_cb(evutil_socket_t fd, short what, void *argument)
{
	SoLink *link = argument;
	SoError error;

	(void) what;
	for (int i = 0; i < READS_PER_TURN; i++)
	{
		ssize_t got = so_frame_read(&link->in, fd);
		SoFrame frame;
		int next;

		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (got < 0 && errno != ECONNRESET)
		{
			system_failed(&error, "read");
			broken(link, &error);
			return;
		}
		if (got <= 0)
		{
			broken(link, NULL);
			return;
		}
		while ((next = so_frame_next(&link->in, SO_FRAME_MAX_PAYLOAD, &frame, &error)) == 1)
			link->on_frame(link->context, &frame);
		if (next < 0)
		{
			broken(link, &error);
			return;
		}
	}
}

static void
writable_cb(evutil_socket_t fd, short what, void *argument)
{
	(void) fd;
	(void) what;
	so_link_flush(argument);
}

bool
so_link_open(SoLink *link, struct event_base *base, int fd, SoError *error)
{
	int flags = fcntl(fd, F_GETFL);

	link->fd = fd;
	so_byte_buffer_init(&link->in);
	so_byte_buffer_init(&link->out);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
		return system_failed(error, "fcntl");
	link->read_event = event_new(base, fd, EV_READ | EV_PERSIST, readable_cb, link);
	link->write_event = event_new(base, fd, EV_WRITE, writable_cb, link);
	if (link->read_event == NULL || link->write_event == NULL ||
		event_add(link->read_event, NULL) != 0)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	return true;
}

void
so_link_flush(SoLink *link)
{
	SoError error;

	if (link->lost_lines > 0 && so_link_waiting(link) < SO_LIMIT_LINK_LOG_BYTES / 2)
	{
		char line[80];

		snprintf(line, sizeof(line), "%" PRIu64 " log lines were dropped", link->lost_lines);
		link->lost_lines = 0;
		so_link_log(link, SO_LOG_WARNING, line);
	}
	if (so_link_waiting(link) == 0)
		return;
	if (link->out.failed)
	{
		so_error_set(&error, SO_ERR_OUT_OF_MEMORY, "link to the master", "out of memory");
		broken(link, &error);
		return;
	}
	if (so_byte_buffer_write(&link->out, link->fd) < 0)
	{
		bool closed = errno == EPIPE || errno == ECONNRESET;

		system_failed(&error, "write");
		broken(link, closed ? NULL : &error);
		return;
	}
	if (so_link_waiting(link) > 0)
		event_add(link->write_event, NULL);
}

void
so_link_flush_all(SoLink *link, int timeout_ms)
{
	int64_t deadline = so_clock_monotonic_ms() + timeout_ms;

	while (so_byte_buffer_write(&link->out, link->fd) >= 0 && so_link_waiting(link) > 0)
	{
		struct pollfd wanted = {.fd = link->fd, .events = POLLOUT};
		int64_t left = deadline - so_clock_monotonic_ms();

		if (left <= 0 || poll(&wanted, 1, (int) left) == 0)
			break;
	}
}

size_t
so_link_waiting(const SoLink *link)
{
	return so_byte_buffer_length(&link->out) + link->out.failed;
}

void
so_link_log(SoLink *link, SoLogLevel level, const char *line)
{
	size_t position;

	if (so_link_waiting(link) > SO_LIMIT_LINK_LOG_BYTES)
	{
		link->lost_lines++;
		return;
	}
	position = so_frame_begin(&link->out, SO_GATEWAY_LOG, 0);
	so_put_u8(&link->out, (uint8_t) level);
	so_put_string(&link->out, line);
	so_frame_end(&link->out, position);
}
