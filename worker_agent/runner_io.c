/*
 * worker_agent/runner_io.c
 *
 * Frames between the agent and one runner, and what the runner prints.
 *
 * Process: agent, event loop thread.  Items go to the spool; all items of one
 * read are written at once.  Bytes of a runner are bounds-checked: it runs what
 * users wrote.
 */
#include "worker_agent/runner_private.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/frame.h"
#include "common/log.h"
#include "worker_agent/report.h"
#include "worker_agent/runners.h"

/* A runner may print without end; the loop must get its turn. */
#define OUTPUT_CHUNK 16384
/* A frame with one item: the item and its fields. */
#define MAX_FRAME (SO_LIMIT_ITEM + 64)

static void
violation(SoRunner *runner, const char *what)
{
	SoError error;

	so_error_set(&error, SO_ERR_AGENT_ITEM_INVALID, runner->attempt->task_text,
				 "a runner has sent %s", what);
	so_log_error_about(&runner->attempt->subject, SO_LOG_ERROR, &error);
	so_runner_kill(runner, RUNNER_VIOLATED);
}

/* The text must be an object with members, because members are put in front of them. */
static bool
is_item_text(const char *text, size_t length)
{
	json_t *object = json_loadb(text, length, 0, NULL);
	bool good = length > 2 && text[0] == '{' && json_object_size(object) > 0;

	json_decref(object);
	return good;
}

static void
take_item(SoRunner *runner, const SoFrame *frame)
{
	SoAgent *agent = runner->agent;
	SoAttempt *attempt = runner->attempt;
	SoFieldReader reader;
	uint64_t sequence;
	uint8_t kind;
	const char *text;
	size_t length;

	if (attempt->gone || runner->result_ms != 0)
		return;
	so_field_reader_init(&reader, frame->payload, frame->length);
	sequence = so_get_u64(&reader);
	kind = so_get_u8(&reader);
	text = so_get_block(&reader, &length);
	if (!so_field_reader_done(&reader) || kind < SO_ITEM_STARTED || kind > SO_ITEM_RESULT)
		violation(runner, "a malformed item");
	else if (sequence != runner->sequence + 1)
		violation(runner, "an item out of order");
	else if (!is_item_text(text, length))
		violation(runner, "an item that is not a JSON object");
	else
	{
		so_spool_append(agent->spool, &attempt->task, attempt->attempt, sequence, (SoItemKind) kind,
						text, length);
		runner->sequence = sequence;
		if (kind == SO_ITEM_RESULT)
			runner->result_ms = so_clock_monotonic_ms();
	}
}

static void
take_log(SoRunner *runner, const SoFrame *frame)
{
	SoFieldReader reader;
	uint8_t level;
	const char *line;
	size_t length;

	so_field_reader_init(&reader, frame->payload, frame->length);
	level = so_get_u8(&reader);
	line = so_get_block(&reader, &length);
	if (so_field_reader_done(&reader))
		so_task_log_line(&runner->log, runner->agent->settings, (SoLogLevel) level, line, length);
}

static void
take_hello(SoRunner *runner, const SoFrame *frame)
{
	SoFieldReader reader;
	const char *version;
	size_t length;

	so_field_reader_init(&reader, frame->payload, frame->length);
	version = so_get_block(&reader, &length);
	so_get_u32(&reader);
	if (!so_field_reader_done(&reader) || length != strlen(SO_VERSION) ||
		memcmp(version, SO_VERSION, length) != 0)
	{
		violation(runner, "a greeting of another version");
		return;
	}
	runner->greeted = true;
}

static void
take_frames(SoRunner *runner)
{
	SoFrame frame;
	SoError error;
	int got;

	while ((got = so_frame_next(&runner->in, MAX_FRAME, &frame, &error)) > 0)
	{
		switch (frame.type)
		{
			case SO_RUNNER_HELLO:
				take_hello(runner, &frame);
				break;
			case SO_RUNNER_ITEM:
				take_item(runner, &frame);
				break;
			case SO_RUNNER_LOG:
				take_log(runner, &frame);
				break;
			default:
				violation(runner, "an unknown frame");
		}
	}
	if (got < 0)
	{
		violation(runner, "a malformed frame");
		so_byte_buffer_clear(&runner->in);
	}
}

static void
stop_reading(SoRunner *runner)
{
	if (runner->readable != NULL)
		event_del(runner->readable);
}

static void
flush_log(SoRunner *runner)
{
	so_task_log_flush(&runner->log, runner->agent->settings, &runner->attempt->subject);
}

static void
runner_readable(evutil_socket_t fd, short what, void *argument)
{
	SoRunner *runner = argument;
	SoAgent *agent = runner->agent;
	ssize_t got = so_frame_read(&runner->in, fd);

	(void) what;
	if (got == 0 || (got < 0 && errno != EAGAIN))
	{
		/* The end of the process is told by the nursery. */
		stop_reading(runner);
		return;
	}
	take_frames(runner);
	flush_log(runner);
	if (so_agent_flush_spool(agent))
		so_report_pump(agent);
}

static void
runner_writable(evutil_socket_t fd, short what, void *argument)
{
	(void) fd;
	(void) what;
	so_runner_io_send(argument);
}

/* Read one chunk of output; false when there is no more. */
static bool
read_output(SoRunner *runner)
{
	char bytes[OUTPUT_CHUNK];
	ssize_t got = read(runner->output_fd, bytes, sizeof(bytes));

	if (got < 0)
		return errno == EINTR;
	if (got > 0)
	{
		so_task_log_output(&runner->log, runner->agent->settings, runner->pid, bytes, (size_t) got);
		flush_log(runner);
	}
	return got > 0;
}

static void
output_readable(evutil_socket_t fd, short what, void *argument)
{
	SoRunner *runner = argument;

	(void) fd;
	(void) what;
	if (!read_output(runner) && errno != EAGAIN)
		event_del(runner->output);
}

void
so_runner_io_open(SoRunner *runner, int fd, int output_fd)
{
	struct event_base *base = runner->agent->base;

	runner->fd = fd;
	runner->output_fd = output_fd;
	runner->readable = event_new(base, fd, EV_READ | EV_PERSIST, runner_readable, runner);
	runner->writable = event_new(base, fd, EV_WRITE, runner_writable, runner);
	runner->output = event_new(base, output_fd, EV_READ | EV_PERSIST, output_readable, runner);
	if (!runner->agent->spool_blocked)
		event_add(runner->readable, NULL);
	event_add(runner->output, NULL);
}

void
so_runner_io_send(SoRunner *runner)
{
	if (runner->fd < 0 || runner->half_closed || so_byte_buffer_length(&runner->out) == 0)
		return;
	if (so_byte_buffer_write(&runner->out, runner->fd) < 0)
	{
		/* Its end is told by the nursery. */
		so_byte_buffer_clear(&runner->out);
		runner->half_closed = true;
		return;
	}
	if (so_byte_buffer_length(&runner->out) > 0)
		event_add(runner->writable, NULL);
	else
		so_byte_buffer_free(&runner->out); /* the task is sent once and may be large */
}

void
so_runner_io_log_level(SoRunner *runner)
{
	uint8_t mask = (uint8_t) so_task_log_mask(runner->agent->settings);

	/* A package with nothing to execute leaves no folder behind, unless something goes wrong. */
	if (!runner->attempt->make_folders)
		mask &= SO_LOG_WARNING | SO_LOG_ERROR | SO_LOG_CRITICAL;
	if (!runner->half_closed)
		so_frame_put(&runner->out, SO_RUNNER_LOG_LEVEL, 0, &mask, 1);
}

void
so_runner_io_finish(SoRunner *runner)
{
	if (runner->fd < 0 || runner->half_closed)
		return;
	runner->half_closed = true;
	event_del(runner->writable);
	shutdown(runner->fd, SHUT_WR);
}

void
so_runner_io_drain(SoRunner *runner)
{
	if (runner->fd < 0)
		return;
	while (so_frame_read(&runner->in, runner->fd) > 0)
		take_frames(runner);
	while (read_output(runner))
		;
}

void
so_runner_io_close(SoRunner *runner)
{
	if (runner->fd < 0)
		return;
	event_free(runner->readable);
	event_free(runner->writable);
	event_free(runner->output);
	close(runner->fd);
	close(runner->output_fd);
	runner->fd = -1;
	so_byte_buffer_free(&runner->in);
	so_byte_buffer_free(&runner->out);
	so_task_log_finish(&runner->log, runner->agent->settings, &runner->attempt->subject,
					   runner->pid);
}
