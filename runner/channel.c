/*
 * runner/channel.c
 *
 * Queues items and log lines for the agent, and hands over what it has
 * acknowledged and answered.
 *
 * Process: runner, control thread and whoever logs.  The mutex protects the queue,
 * which the thread of channel_thread.c empties.  What is queued when the runner dies
 * is lost, and with it the attempt.
 */
#include "runner/channel_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"

/* Bytes queued for the agent beyond which the execution waits. */
#define UNSENT_LIMIT (16u * 1024 * 1024)

int
so_channel_cancel_fd(const SoChannel *channel)
{
	return channel->cancel_fd;
}

/* ---- items ---- */

/* Under the mutex: wait for room.  false when the agent has gone. */
static bool
wait_for_room(SoChannel *channel)
{
	while (!channel->gone && so_byte_buffer_length(&channel->out) > UNSENT_LIMIT)
		pthread_cond_wait(&channel->changed, &channel->mutex);
	return !channel->gone;
}

void
so_channel_item(SoChannel *channel, SoItemKind kind, json_t *item)
{
	(void) so_channel_item_sequence(channel, kind, item);
}

uint64_t
so_channel_item_sequence(SoChannel *channel, SoItemKind kind, json_t *item)
{
	char *text = json_dumps(item, JSON_COMPACT);
	uint64_t sequence = 0;
	size_t position;

	json_decref(item);
	if (text == NULL)
		return 0;
	pthread_mutex_lock(&channel->mutex);
	if (wait_for_room(channel))
	{
		sequence = ++channel->sequence;
		position = so_frame_begin(&channel->out, SO_RUNNER_ITEM, 0);
		so_put_u64(&channel->out, sequence);
		so_put_u8(&channel->out, (uint8_t) kind);
		so_put_string(&channel->out, text);
		so_frame_end(&channel->out, position);
	}
	pthread_mutex_unlock(&channel->mutex);
	free(text);
	so_channel_signal(channel->wake_fd);
	return sequence;
}

/* ---- acknowledgements and replies ---- */

uint64_t
so_channel_acknowledged(SoChannel *channel)
{
	uint64_t acknowledged;

	pthread_mutex_lock(&channel->mutex);
	acknowledged = channel->acknowledged;
	pthread_mutex_unlock(&channel->mutex);
	return acknowledged;
}

bool
so_channel_gone(SoChannel *channel)
{
	bool gone;

	pthread_mutex_lock(&channel->mutex);
	gone = channel->gone;
	pthread_mutex_unlock(&channel->mutex);
	return gone;
}

int
so_channel_news_fd(const SoChannel *channel)
{
	return channel->news_fd;
}

void
so_channel_news_taken(SoChannel *channel)
{
	uint64_t count;

	if (read(channel->news_fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		abort();
}

/* Under the mutex: take the reply to the item out of the list. */
static json_t *
take_reply_to(SoChannel *channel, uint64_t sequence)
{
	SoChannelReply **place = &channel->replies;
	SoChannelReply *reply;
	json_t *body;

	while (*place != NULL && (*place)->sequence != sequence)
		place = &(*place)->next;
	reply = *place;
	if (reply == NULL)
		return NULL;
	*place = reply->next;
	body = reply->body;
	free(reply);
	return body;
}

json_t *
so_channel_wait_reply(SoChannel *channel, uint64_t sequence)
{
	json_t *body;

	pthread_mutex_lock(&channel->mutex);
	while ((body = take_reply_to(channel, sequence)) == NULL && !channel->gone &&
		   !channel->canceled && channel->acknowledged < sequence)
		pthread_cond_wait(&channel->changed, &channel->mutex);
	pthread_mutex_unlock(&channel->mutex);
	return body;
}

json_t *
so_channel_next_reply(SoChannel *channel, uint64_t *sequence)
{
	json_t *body = NULL;

	pthread_mutex_lock(&channel->mutex);
	if (channel->replies != NULL)
	{
		*sequence = channel->replies->sequence;
		body = take_reply_to(channel, *sequence);
	}
	pthread_mutex_unlock(&channel->mutex);
	return body;
}

/* Under the mutex. */
static void
put_log(SoChannel *channel, int level, const char *line)
{
	size_t position = so_frame_begin(&channel->out, SO_RUNNER_LOG, 0);

	so_put_u8(&channel->out, (uint8_t) level);
	so_put_string(&channel->out, line);
	so_frame_end(&channel->out, position);
}

/* Under the mutex: say how many lines are missing here. */
static void
put_lost_lines(SoChannel *channel)
{
	char text[100];
	char line[300];

	snprintf(text, sizeof(text),
			 "%" PRIu64 " lines were dropped, because the worker did not read them",
			 channel->lost_lines);
	so_log_build(line, sizeof(line), NULL, SO_LOG_WARNING, "scaleout-runner", (int) getpid(), text,
				 strlen(text), NULL);
	put_log(channel, SO_LOG_WARNING, line);
	channel->lost_lines = 0;
}

void
so_channel_log(SoChannel *channel, int level, const char *line)
{
	pthread_mutex_lock(&channel->mutex);
	/* A log line is not worth waiting for, least of all for the thread that makes room. */
	if (channel->gone || so_byte_buffer_length(&channel->out) > UNSENT_LIMIT)
		channel->lost_lines++;
	else
	{
		if (channel->lost_lines > 0)
			put_lost_lines(channel);
		put_log(channel, level, line);
	}
	pthread_mutex_unlock(&channel->mutex);
	so_channel_signal(channel->wake_fd);
}

bool
so_channel_finish(SoChannel *channel)
{
	bool good;

	pthread_mutex_lock(&channel->mutex);
	while (!channel->gone && channel->acknowledged < channel->sequence)
		pthread_cond_wait(&channel->changed, &channel->mutex);
	good = channel->acknowledged >= channel->sequence;
	pthread_mutex_unlock(&channel->mutex);
	return good;
}
