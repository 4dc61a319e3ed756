/*
 * runner/channel_thread.c
 *
 * The thread that owns the socket to the agent: takes frames, sends what is
 * queued.
 *
 * Process: runner, the channel's own thread.  When the agent goes the run is
 * cancelled; a run that does not end in time is ended with the process, because
 * nobody would take its result.
 */
#include "runner/channel_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/orphan.h"

/* Milliseconds from the agent's death to ours. */
#define ORPHAN_TIME 10000

void
so_channel_signal(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		abort();
}

static bool
nobody(pid_t pid, void *context)
{
	(void) pid;
	(void) context;
	return false;
}

/* The agent has gone and the run did not end: take everything down. */
static void
die_alone(void)
{
	int64_t deadline = so_clock_monotonic_ms() + 2000;

	while (so_orphan_kill(nobody, NULL) > 0 && so_clock_monotonic_ms() < deadline)
		poll(NULL, 0, 10);
	_exit(1);
}

static void
mark_gone(SoChannel *channel)
{
	pthread_mutex_lock(&channel->mutex);
	channel->gone = true;
	pthread_cond_broadcast(&channel->changed);
	pthread_mutex_unlock(&channel->mutex);
	so_channel_signal(channel->news_fd);
	so_channel_signal(channel->cancel_fd);
}

static void
take_reply(SoChannel *channel, const SoFrame *frame)
{
	SoFieldReader reader;
	SoChannelReply *reply = calloc(1, sizeof(*reply));
	SoChannelReply **place = &channel->replies;
	const char *text;
	size_t length;

	so_field_reader_init(&reader, frame->payload, frame->length);
	if (reply == NULL)
		abort(); /* whoever waits for it would wait for ever */
	reply->sequence = so_get_u64(&reader);
	text = so_get_block(&reader, &length);
	if (text != NULL && so_field_reader_done(&reader))
		reply->body = json_loadb(text, length, JSON_ALLOW_NUL, NULL);
	if (reply->body == NULL)
		reply->body = json_object();
	pthread_mutex_lock(&channel->mutex);
	while (*place != NULL)
		place = &(*place)->next;
	*place = reply;
	pthread_cond_broadcast(&channel->changed);
	pthread_mutex_unlock(&channel->mutex);
	so_channel_signal(channel->news_fd);
}

void
so_channel_take_log_level(const SoFrame *frame)
{
	SoFieldReader reader;
	uint8_t mask;

	so_field_reader_init(&reader, frame->payload, frame->length);
	mask = so_get_u8(&reader);
	if (so_field_reader_done(&reader))
		so_log_set_mask(mask);
}

static void
take_acknowledgement(SoChannel *channel, const SoFrame *frame)
{
	SoFieldReader reader;
	uint64_t sequence;

	so_field_reader_init(&reader, frame->payload, frame->length);
	sequence = so_get_u64(&reader);
	pthread_mutex_lock(&channel->mutex);
	if (!reader.failed && sequence > channel->acknowledged)
		channel->acknowledged = sequence;
	pthread_cond_broadcast(&channel->changed);
	pthread_mutex_unlock(&channel->mutex);
	so_channel_signal(channel->news_fd);
}

static void
take_frame(SoChannel *channel, const SoFrame *frame)
{
	switch (frame->type)
	{
		case SO_RUNNER_CANCEL:
			pthread_mutex_lock(&channel->mutex);
			channel->canceled = true;
			pthread_cond_broadcast(&channel->changed);
			pthread_mutex_unlock(&channel->mutex);
			so_channel_signal(channel->cancel_fd);
			break;
		case SO_RUNNER_ACKNOWLEDGE:
			take_acknowledgement(channel, frame);
			break;
		case SO_RUNNER_REPLY:
			take_reply(channel, frame);
			break;
		case SO_RUNNER_LOG_LEVEL:
			so_channel_take_log_level(frame);
			break;
		default:
			so_log(SO_LOG_WARNING, "unknown frame %u from the agent ignored", frame->type);
			break;
	}
}

/* false when the agent has gone */
static bool
read_frames(SoChannel *channel)
{
	SoFrame frame;
	SoError error;
	ssize_t got = so_frame_read(&channel->in, channel->fd);
	int state;

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		return false;
	while ((state = so_frame_next(&channel->in, SO_FRAME_MAX_PAYLOAD, &frame, &error)) > 0)
		take_frame(channel, &frame);
	if (state < 0)
		so_log_error(SO_LOG_ERROR, &error);
	return state == 0;
}

bool
so_channel_write(SoChannel *channel)
{
	ssize_t wrote;

	pthread_mutex_lock(&channel->mutex);
	wrote = so_byte_buffer_length(&channel->out) > 0
				? so_byte_buffer_write(&channel->out, channel->fd)
				: 0;
	pthread_cond_broadcast(&channel->changed);
	pthread_mutex_unlock(&channel->mutex);
	return wrote >= 0;
}

void *
so_channel_main(void *argument)
{
	SoChannel *channel = argument;
	int64_t die_at = 0;

	for (;;)
	{
		struct pollfd fds[2] = {{.fd = channel->wake_fd, .events = POLLIN},
								{.fd = channel->fd, .events = POLLIN}};
		uint64_t count;
		bool closing;

		pthread_mutex_lock(&channel->mutex);
		closing = channel->closing;
		if (so_byte_buffer_length(&channel->out) > 0)
			fds[1].events |= POLLOUT;
		pthread_mutex_unlock(&channel->mutex);
		if (closing)
			return NULL;
		if (poll(fds, die_at != 0 ? 1 : 2, die_at != 0 ? 100 : -1) < 0)
			continue;
		if (fds[0].revents != 0 && read(channel->wake_fd, &count, sizeof(count)) < 0 &&
			errno != EAGAIN)
			abort();
		if (die_at != 0)
		{
			if (so_clock_monotonic_ms() >= die_at)
				die_alone();
			continue;
		}
		if (((fds[1].revents & POLLOUT) != 0 && !so_channel_write(channel)) ||
			((fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !read_frames(channel)))
		{
			mark_gone(channel);
			die_at = so_clock_monotonic_ms() + ORPHAN_TIME;
		}
	}
}
