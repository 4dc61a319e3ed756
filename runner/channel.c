/*
 * runner/channel.c
 *
 * Frames between runner and agent.
 *
 * Process: runner; a thread of its own owns the socket.  The mutex protects
 * what the control thread shares with it: bytes to send, sequence numbers and
 * the flags.  When the agent goes the run is cancelled; a run that does not end
 * in time is ended with the process, because nobody would take its result.
 */
#include "runner/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/frame.h"
#include "common/log.h"
#include "common/orphan.h"

/* Bytes queued for the agent beyond which the execution waits. */
#define UNSENT_LIMIT (16u * 1024 * 1024)
/* Milliseconds from the agent's death to ours. */
#define ORPHAN_TIME 10000

/* What the catalog answers to an item. */
typedef struct Reply
{
	struct Reply *next;
	uint64_t sequence;
	json_t *body;
} Reply;

struct SoChannel
{
	int fd;
	int cancel_fd; /* eventfd for the run */
	int wake_fd;   /* eventfd for the thread */
	int news_fd;   /* eventfd: something was acknowledged or answered */
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	SoByteBuffer out;  /* under the mutex */
	SoByteBuffer in;   /* the thread's */
	uint64_t sequence; /* of the last item queued */
	uint64_t acknowledged;
	uint64_t lost_lines; /* of the log, since the last one that was queued */
	Reply *replies;      /* oldest first */
	bool canceled;
	bool gone;
	bool closing;
};

static void
signal_fd(int fd)
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
	signal_fd(channel->news_fd);
	signal_fd(channel->cancel_fd);
}

static void
take_reply(SoChannel *channel, const SoFrame *frame)
{
	SoFieldReader reader;
	Reply *reply = calloc(1, sizeof(*reply));
	Reply **place = &channel->replies;
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
	signal_fd(channel->news_fd);
}

/* What is not wanted is not even made. */
static void
take_log_level(const SoFrame *frame)
{
	SoFieldReader reader;
	uint8_t mask;

	so_field_reader_init(&reader, frame->payload, frame->length);
	mask = so_get_u8(&reader);
	if (so_field_reader_done(&reader))
		so_log_set_mask(mask);
}

static void
take_frame(SoChannel *channel, const SoFrame *frame)
{
	SoFieldReader reader;
	uint64_t sequence;

	switch (frame->type)
	{
		case SO_RUNNER_CANCEL:
			pthread_mutex_lock(&channel->mutex);
			channel->canceled = true;
			pthread_cond_broadcast(&channel->changed);
			pthread_mutex_unlock(&channel->mutex);
			signal_fd(channel->cancel_fd);
			break;
		case SO_RUNNER_ACKNOWLEDGE:
			so_field_reader_init(&reader, frame->payload, frame->length);
			sequence = so_get_u64(&reader);
			pthread_mutex_lock(&channel->mutex);
			if (!reader.failed && sequence > channel->acknowledged)
				channel->acknowledged = sequence;
			pthread_cond_broadcast(&channel->changed);
			pthread_mutex_unlock(&channel->mutex);
			signal_fd(channel->news_fd);
			break;
		case SO_RUNNER_REPLY:
			take_reply(channel, frame);
			break;
		case SO_RUNNER_LOG_LEVEL:
			take_log_level(frame);
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

/* false when the agent has gone */
static bool
write_frames(SoChannel *channel)
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

static void *
channel_main(void *argument)
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
		if (((fds[1].revents & POLLOUT) != 0 && !write_frames(channel)) ||
			((fds[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !read_frames(channel)))
		{
			mark_gone(channel);
			die_at = so_clock_monotonic_ms() + ORPHAN_TIME;
		}
	}
}

/* ---- opening ---- */

/* Before the thread exists: frames go out at once and come in one by one. */
static bool
read_first_frame(SoChannel *channel, SoFrame *frame, SoError *error)
{
	int state;

	while ((state = so_frame_next(&channel->in, SO_FRAME_MAX_PAYLOAD, frame, error)) == 0 ||
		   (state > 0 && frame->type == SO_RUNNER_LOG_LEVEL))
	{
		struct pollfd fds = {.fd = channel->fd, .events = POLLIN};

		if (state > 0)
		{
			take_log_level(frame);
			continue;
		}
		if (poll(&fds, 1, -1) < 0)
			continue;
		state = (int) so_frame_read(&channel->in, channel->fd);
		if (state == 0 || (state < 0 && errno != EAGAIN && errno != EINTR))
			return so_error_set(error, SO_ERR_RUN_TASK_MESSAGE, NULL,
								"the agent went away before it sent a task");
	}
	return state > 0;
}

/* The task of the frame, a new reference; NULL with *error. */
static json_t *
parse_task(const SoFrame *frame, SoError *error)
{
	SoFieldReader reader;
	json_error_t problem;
	json_t *task;
	const char *text;
	size_t length;

	if (frame->type == SO_RUNNER_CANCEL)
	{
		so_error_set(error, SO_ERR_RUN_CANCELED, NULL, "canceled before a task was sent");
		return NULL;
	}
	so_field_reader_init(&reader, frame->payload, frame->length);
	text = so_get_block(&reader, &length);
	if (frame->type != SO_RUNNER_TASK || text == NULL || !so_field_reader_done(&reader))
	{
		so_error_set(error, SO_ERR_RUN_TASK_MESSAGE, NULL, "frame %u is not a task", frame->type);
		return NULL;
	}
	task = json_loadb(text, length, 0, &problem);
	if (task == NULL)
	{
		so_error_set(error, SO_ERR_RUN_TASK_MESSAGE, NULL, "the task is not JSON");
		so_error_detail(error, "Line %d, column %d: %s.", problem.line, problem.column,
						problem.text);
	}
	return task;
}

static bool
start_channel(SoChannel *channel, SoError *error)
{
	sigset_t all;
	sigset_t before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	code = pthread_create(&channel->thread, NULL, channel_main, channel);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code == 0)
		return true;
	so_error_set(error, SO_ERR_RUN_THREAD, NULL, "no thread for the agent's socket");
	return so_error_detail(error, "pthread_create: %s.", strerror(code));
}

static void
free_channel(SoChannel *channel)
{
	uint64_t sequence;
	json_t *reply;

	while ((reply = so_channel_next_reply(channel, &sequence)) != NULL)
		json_decref(reply);
	so_byte_buffer_free(&channel->in);
	so_byte_buffer_free(&channel->out);
	if (channel->cancel_fd >= 0)
		close(channel->cancel_fd);
	if (channel->wake_fd >= 0)
		close(channel->wake_fd);
	if (channel->news_fd >= 0)
		close(channel->news_fd);
	close(channel->fd);
	pthread_cond_destroy(&channel->changed);
	pthread_mutex_destroy(&channel->mutex);
	free(channel);
}

SoChannel *
so_channel_open(int fd, json_t **task, SoError *error)
{
	SoChannel *channel = calloc(1, sizeof(*channel));
	SoFrame frame;
	size_t hello;

	if (channel == NULL)
	{
		so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
		return NULL;
	}
	*task = NULL;
	channel->fd = fd;
	channel->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	channel->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	channel->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&channel->mutex, NULL);
	pthread_cond_init(&channel->changed, NULL);
	so_byte_buffer_init(&channel->in);
	so_byte_buffer_init(&channel->out);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	hello = so_frame_begin(&channel->out, SO_RUNNER_HELLO, 0);
	so_put_string(&channel->out, SO_VERSION);
	so_put_u32(&channel->out, (uint32_t) getpid());
	so_frame_end(&channel->out, hello);
	if (channel->cancel_fd < 0 || channel->wake_fd < 0 || channel->news_fd < 0)
	{
		so_error_set(error, SO_ERR_SYSTEM_CALL, NULL, "no descriptor for the agent's socket");
		so_error_detail(error, "eventfd: %s.", strerror(errno));
	}
	else if (!write_frames(channel))
		so_error_set(error, SO_ERR_RUN_TASK_MESSAGE, NULL,
					 "the agent went away before it sent a task");
	else if (read_first_frame(channel, &frame, error))
	{
		*task = parse_task(&frame, error);
		if (start_channel(channel, error))
			return channel;
	}
	json_decref(*task);
	*task = NULL;
	free_channel(channel);
	return NULL;
}

int
so_channel_cancel_fd(const SoChannel *channel)
{
	return channel->cancel_fd;
}

/* ---- from the control thread ---- */

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
	signal_fd(channel->wake_fd);
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
	Reply **place = &channel->replies;
	Reply *reply;
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
	signal_fd(channel->wake_fd);
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

void
so_channel_close(SoChannel *channel)
{
	pthread_mutex_lock(&channel->mutex);
	channel->closing = true;
	pthread_mutex_unlock(&channel->mutex);
	signal_fd(channel->wake_fd);
	pthread_join(channel->thread, NULL);
	free_channel(channel);
}
