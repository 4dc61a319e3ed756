/*
 * worker_agent/runner_start.c
 *
 * Starts runners: channels, folders, the TASK frame.
 *
 * Process: agent, event loop thread.  An attempt whose runner is not yet started when
 * the agent dies is reported as lost by the master, and offered again.
 */
#include "worker_agent/runners.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/frame.h"
#include "common/log.h"
#include "worker_agent/nursery_client.h"
#include "worker_agent/runner_private.h"

/* What stands before the text in a TASK frame. */
#define TASK_HEAD 16

static bool
make_channels(int sockets[2], int output[2], SoError *error)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) == 0)
	{
		if (pipe2(output, O_CLOEXEC) == 0)
		{
			/* The runner's ends block, ours do not. */
			fcntl(sockets[1], F_SETFL, 0);
			fcntl(output[0], F_SETFL, O_NONBLOCK);
			return true;
		}
		close(sockets[0]);
		close(sockets[1]);
	}
	so_error_set(error, SO_ERR_SYSTEM_CALL, NULL, "no descriptors for a runner");
	return so_error_detail(error, "%s.", strerror(errno));
}

/* The TASK frame; the text may hold secrets and is wiped. */
static void
put_task(SoRunner *runner)
{
	SoAttempt *attempt = runner->attempt;
	size_t length = strlen(attempt->task_json);
	size_t frame = so_frame_begin(&runner->out, SO_RUNNER_TASK, 0);

	so_put_block(&runner->out, attempt->task_json, length);
	so_frame_end(&runner->out, frame);
	explicit_bzero(attempt->task_json, length);
	talloc_free(attempt->task_json);
	attempt->task_json = NULL;
}

/* The runner would end on it without a result, and so would every other attempt. */
static bool
task_fits(SoAgent *agent, SoAttempt *attempt)
{
	size_t length = strlen(attempt->task_json);
	char text[200];

	if (length <= SO_FRAME_MAX_PAYLOAD - TASK_HEAD)
		return true;
	snprintf(text, sizeof(text), "the task has %zu MB with its project, a runner takes %u MB",
			 length >> 20, SO_FRAME_MAX_PAYLOAD >> 20);
	explicit_bzero(attempt->task_json, length);
	TALLOC_FREE(attempt->task_json);
	so_runner_add_result(agent, attempt, 1, RUNNER_VIOLATED, SO_ERR_FRAME_TOO_LARGE, text);
	return false;
}

static void
start_runner(SoAgent *agent, SoAttempt *attempt)
{
	SoRunner *runner;
	int sockets[2];
	int output[2];
	SoError error;
	char text[2000];

	if (!task_fits(agent, attempt))
		return;
	if ((attempt->make_folders &&
		 !so_task_folder_make(agent->settings, attempt->task_text, &error)) ||
		!make_channels(sockets, output, &error))
	{
		so_log_error_about(&attempt->subject, SO_LOG_ERROR, &error);
		so_runner_add_result(agent, attempt, 1, RUNNER_FREE, error.code,
							 so_error_format(&error, text, sizeof(text)));
		return;
	}
	runner = talloc_zero(agent, SoRunner);
	runner->agent = agent;
	runner->attempt = attempt;
	runner->token = ++agent->next_token;
	runner->started_ms = so_clock_monotonic_ms();
	so_byte_buffer_init(&runner->in);
	so_byte_buffer_init(&runner->out);
	so_task_log_init(&runner->log);
	attempt->runner = runner;
	TAILQ_INSERT_TAIL(&agent->runners, runner, link);
	so_runner_io_open(runner, sockets[0], output[0]);
	so_nursery_spawn(agent->nursery, runner->token, sockets[1], output[1]);
	so_runner_io_log_level(runner);
	put_task(runner);
	so_runner_io_send(runner);
}

void
so_runners_start(SoAgent *agent, SoAttempt *attempt)
{
	SoAttempt *other = so_held_other_attempt(agent->held, attempt);

	if (other != NULL)
	{
		/* An older attempt of the task that we had lost without knowing; the new one follows it. */
		so_held_drop(agent->held, other, agent->lease.newest);
		so_spool_discard_result(agent->spool, &other->task, other->attempt);
		so_runners_kill(agent, other);
		return;
	}
	if (so_nursery_is_ready(agent->nursery))
		start_runner(agent, attempt);
}

void
so_runners_start_waiting(SoAgent *agent)
{
	SoAttempt *attempt = TAILQ_FIRST(so_held_list(agent->held));

	while (attempt != NULL)
	{
		SoAttempt *next = TAILQ_NEXT(attempt, link);

		if (attempt->state == SO_HELD_RUNNING && attempt->runner == NULL &&
			attempt->task_json != NULL)
			so_runners_start(agent, attempt);
		attempt = next;
	}
}
