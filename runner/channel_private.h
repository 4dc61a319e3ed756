/*
 * runner/channel_private.h
 *
 * What the files of the channel share: channel.c (what the control thread calls),
 * channel_open.c (the first frames, the beginning and the end) and channel_thread.c
 * (the thread that owns the socket).
 *
 * Process: runner; the mutex protects what is marked with it.
 */
#ifndef RUNNER_CHANNEL_PRIVATE_H
#define RUNNER_CHANNEL_PRIVATE_H

#include <pthread.h>

#include "common/byte_buffer.h"
#include "common/frame.h"
#include "runner/channel.h"

/* What the catalog answers to an item. */
typedef struct SoChannelReply
{
	struct SoChannelReply *next;
	uint64_t sequence;
	json_t *body;
} SoChannelReply;

struct SoChannel
{
	int fd;
	int cancel_fd; /* eventfd for the run */
	int wake_fd;   /* eventfd for the thread */
	int news_fd;   /* eventfd: something was acknowledged or answered */
	pthread_t thread;
	SoByteBuffer in; /* the thread's; before it exists the opener's */

	pthread_mutex_t mutex; /* for all that follows */
	pthread_cond_t changed;
	SoByteBuffer out;
	uint64_t sequence; /* of the last item queued */
	uint64_t acknowledged;
	uint64_t lost_lines;     /* of the log, since the last one that was queued */
	SoChannelReply *replies; /* oldest first */
	bool canceled;
	bool gone;
	bool closing;
};

/* Make an eventfd readable. */
extern void so_channel_signal(int fd);

/* Send what is queued, as far as it goes; false when the agent has gone.  Takes the mutex. */
extern bool so_channel_write(SoChannel *channel) SO_WARN_UNUSED;

/* A LOG_LEVEL frame: what is not wanted is not even made. */
extern void so_channel_take_log_level(const SoFrame *frame);

/* The thread, until closing is set; the argument is the channel. */
extern void *so_channel_main(void *argument);

#endif /* RUNNER_CHANNEL_PRIVATE_H */
