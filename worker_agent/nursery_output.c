/*
 * worker_agent/nursery_output.c
 *
 * Reads lines of the nursery; see nursery_output.h.
 *
 * Process: agent, event loop thread.  Lines that a dead nursery had written are
 * taken when its end is noticed.
 */
#include "worker_agent/nursery_output.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "common/log.h"

static void
emit(SoNurseryOutput *output)
{
	output->line[output->size] = '\0';
	if (output->size > 0)
		so_log_relay("scaleout-nursery", output->line);
	output->size = 0;
}

/* false when there is nothing more at the moment, or at all. */
static bool
take_chunk(SoNurseryOutput *output)
{
	char bytes[4096];
	ssize_t got = read(output->fd, bytes, sizeof(bytes));

	if (got < 0)
		return errno == EINTR;
	for (ssize_t i = 0; i < got; i++)
	{
		if (bytes[i] == '\n' || output->size == sizeof(output->line) - 1)
			emit(output);
		if (bytes[i] != '\n')
			output->line[output->size++] = bytes[i];
	}
	return got > 0;
}

static void
output_readable(evutil_socket_t fd, short what, void *argument)
{
	SoNurseryOutput *output = argument;

	(void) fd;
	(void) what;
	if (!take_chunk(output) && errno != EAGAIN)
		event_del(output->readable);
}

void
so_nursery_output_init(SoNurseryOutput *output)
{
	output->fd = -1;
	output->readable = NULL;
	output->size = 0;
}

int
so_nursery_output_open(SoNurseryOutput *output, struct event_base *base)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	output->fd = ends[0];
	output->size = 0;
	output->readable = event_new(base, output->fd, EV_READ | EV_PERSIST, output_readable, output);
	event_add(output->readable, NULL);
	return ends[1];
}

void
so_nursery_output_close(SoNurseryOutput *output)
{
	if (output->fd < 0)
		return;
	while (take_chunk(output))
		;
	emit(output);
	event_free(output->readable);
	close(output->fd);
	so_nursery_output_init(output);
}
