/*
 * runner/channel_open.c
 *
 * Begins a channel, with HELLO and the task, and ends it.
 *
 * Process: runner, control thread; the channel's own thread exists between the two.
 * A runner that dies in here has begun nothing: the agent offers the task again.
 */
#include "runner/channel_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

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
			so_channel_take_log_level(frame);
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
	code = pthread_create(&channel->thread, NULL, so_channel_main, channel);
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

/* NULL only without memory; the eventfds may be missing. */
static SoChannel *
make_channel(int fd)
{
	SoChannel *channel = calloc(1, sizeof(*channel));

	if (channel == NULL)
		return NULL;
	channel->fd = fd;
	channel->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	channel->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	channel->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&channel->mutex, NULL);
	pthread_cond_init(&channel->changed, NULL);
	so_byte_buffer_init(&channel->in);
	so_byte_buffer_init(&channel->out);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	return channel;
}

static void
put_hello(SoByteBuffer *out)
{
	size_t hello = so_frame_begin(out, SO_RUNNER_HELLO, 0);

	so_put_string(out, SO_VERSION);
	so_put_u32(out, (uint32_t) getpid());
	so_frame_end(out, hello);
}

SoChannel *
so_channel_open(int fd, json_t **task, SoError *error)
{
	SoChannel *channel = make_channel(fd);
	SoFrame frame;

	*task = NULL;
	if (channel == NULL)
	{
		so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
		return NULL;
	}
	put_hello(&channel->out);
	if (channel->cancel_fd < 0 || channel->wake_fd < 0 || channel->news_fd < 0)
	{
		so_error_set(error, SO_ERR_SYSTEM_CALL, NULL, "no descriptor for the agent's socket");
		so_error_detail(error, "eventfd: %s.", strerror(errno));
	}
	else if (!so_channel_write(channel))
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

void
so_channel_close(SoChannel *channel)
{
	pthread_mutex_lock(&channel->mutex);
	channel->closing = true;
	pthread_mutex_unlock(&channel->mutex);
	so_channel_signal(channel->wake_fd);
	pthread_join(channel->thread, NULL);
	free_channel(channel);
}
