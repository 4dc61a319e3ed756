/*
 * worker_agent/runners.c
 *
 * Starts, stops, kills and buries runners; see runners.h.
 *
 * Process: agent, event loop thread.  A runner is one entry in agent->runners
 * from the request to the nursery until the nursery says that it is gone; its
 * attempt may be settled before that.
 */
#include "worker_agent/runners.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/frame.h"
#include "common/log.h"
#include "worker_agent/lease.h"
#include "worker_agent/nursery_client.h"
#include "worker_agent/report.h"
#include "worker_agent/runner_private.h"

/* What stands before the text in a TASK frame. */
#define TASK_HEAD 16
/* A stopped execution's runner is gone within two seconds. */
#define CANCEL_LIMIT_MS 1500
/* A forked runner greets at once; this long means that the machine or the runner is stuck. */
#define GREETING_LIMIT_MS 60000
/* After the result nothing is left to do but to exit. */
#define LINGER_LIMIT_MS 5000

static SoRunner *
find_runner(SoAgent *agent, uint64_t token)
{
	SoRunner *runner;

	TAILQ_FOREACH(runner, &agent->runners, link)
	{
		if (runner->token == token)
			return runner;
	}
	return NULL;
}

/* ---- starting -------------------------------------------------------------------- */

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
so_runners_log_level(SoAgent *agent)
{
	SoRunner *runner;

	TAILQ_FOREACH(runner, &agent->runners, link)
	{
		so_runner_io_log_level(runner);
		so_runner_io_send(runner);
	}
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

/* ---- ending ------------------------------------------------------------------------ */

static const char *
outcome_of(RunnerFate fate)
{
	return fate == RUNNER_CANCELED || fate == RUNNER_VIOLATED ? "package" : "lost";
}

void
so_runner_add_result(SoAgent *agent, SoAttempt *attempt, uint64_t sequence, RunnerFate fate,
					 SoErrorCode code, const char *message)
{
	char now[32];
	json_t *result = json_pack(
		"{s:s, s:i, s:s, s:i, s:i, s:s, s:s?, s:s}", "type", "result", "status",
		fate == RUNNER_CANCELED ? 3 : 4, "outcome", outcome_of(fate), "error_count",
		fate == RUNNER_CANCELED ? 0 : 1, "warning_count", 0, "message", message, "code",
		code == SO_OK ? NULL : so_error_state(code), "time", so_clock_utc_text(now, sizeof(now)));
	char *text = json_dumps(result, JSON_COMPACT);

	so_spool_append(agent->spool, &attempt->task, attempt->attempt, sequence, SO_ITEM_RESULT, text,
					strlen(text));
	free(text);
	json_decref(result);
	/* Free for the next task even while the spool is blocked: the item is in memory. */
	so_held_set_state(agent->held, attempt, SO_HELD_FINISHED);
	if (so_agent_flush_spool(agent))
		so_report_pump(agent);
}

void
so_runner_kill(SoRunner *runner, RunnerFate fate)
{
	if (runner->fate == RUNNER_FREE)
		runner->fate = fate;
	so_nursery_kill(runner->agent->nursery, runner->token);
}

void
so_runners_kill(SoAgent *agent, SoAttempt *attempt)
{
	(void) agent;
	if (attempt->runner != NULL)
		so_runner_kill(attempt->runner, RUNNER_SHUTDOWN);
}

void
so_runners_note(SoAttempt *attempt, const char *text)
{
	SoRunner *runner = attempt->runner;

	if (runner != NULL)
		so_task_log_say(&runner->log, runner->agent->settings, SO_LOG_WARNING, "%s", text);
}

static void
cancel_overdue(evutil_socket_t fd, short what, void *argument)
{
	SoRunner *runner = argument;

	(void) fd;
	(void) what;
	if (runner->result_ms == 0)
	{
		so_log_about(&runner->attempt->subject, SO_LOG_WARNING,
					 "task %s, attempt %u did not follow the stop within %d ms and is killed",
					 runner->attempt->task_text, runner->attempt->attempt, CANCEL_LIMIT_MS);
		so_runner_kill(runner, RUNNER_CANCELED);
	}
	else
		so_runner_kill(runner, RUNNER_STUCK);
}

void
so_runners_stop(SoAgent *agent, SoAttempt *attempt)
{
	SoRunner *runner = attempt->runner;

	if (attempt->gone || attempt->state != SO_HELD_RUNNING)
		return;
	so_log_about(&attempt->subject, SO_LOG_INFORMATION, "task %s, attempt %u is stopped",
				 attempt->task_text, attempt->attempt);
	if (runner == NULL)
	{
		so_runner_add_result(agent, attempt, 1, RUNNER_CANCELED, SO_OK,
							 "stopped before it started");
		so_lease_pump(agent);
		return;
	}
	so_held_set_state(agent->held, attempt, SO_HELD_STOPPING);
	so_task_log_say(&runner->log, agent->settings, SO_LOG_INFORMATION,
					"somebody has asked to stop this execution");
	so_frame_put(&runner->out, SO_RUNNER_CANCEL, 0, NULL, 0);
	so_runner_io_send(runner);
	runner->deadline = evtimer_new(agent->base, cancel_overdue, runner);
	so_agent_arm(runner->deadline, CANCEL_LIMIT_MS);
}

void
so_runners_expire(SoAgent *agent, SoAttempt *attempt)
{
	SoRunner *runner = attempt->runner;

	if (runner != NULL && runner->fate != RUNNER_FREE)
		return;
	so_log_code(
		&attempt->subject, SO_LOG_ERROR, SO_ERR_AGENT_LEASE_LOST,
		"task %s, attempt %u: the lease was not renewed for %" PRId64 " ms; its runner is killed",
		attempt->task_text, attempt->attempt, so_clock_monotonic_ms() - attempt->renewed_ms);
	if (runner != NULL)
		so_runner_kill(runner, RUNNER_EXPIRED);
	else
		so_runner_add_result(agent, attempt, 1, RUNNER_EXPIRED, SO_ERR_AGENT_LEASE_LOST,
							 so_error_summary(SO_ERR_AGENT_LEASE_LOST));
}

void
so_runners_kill_all(SoAgent *agent)
{
	SoRunner *runner;
	SoAttempt *attempt;

	TAILQ_FOREACH(runner, &agent->runners, link)
	so_runner_kill(runner, RUNNER_SHUTDOWN);
	TAILQ_FOREACH(attempt, so_held_list(agent->held), link)
	{
		if (attempt->state == SO_HELD_RUNNING && attempt->runner == NULL)
			so_runner_add_result(agent, attempt, 1, RUNNER_SHUTDOWN, SO_ERR_AGENT_RUNNER_LOST,
								 "the worker was shut down before the task was started");
	}
}

/* What to say about a runner that ended without a result. */
static void
describe_end(const SoRunner *runner, int wait_status, SoErrorCode *code, char *text, size_t size)
{
	*code = SO_ERR_AGENT_RUNNER_LOST;
	switch (runner->fate)
	{
		case RUNNER_CANCELED:
			*code = SO_OK;
			snprintf(text, size, "stopped: the runner did not end within %d ms and was killed",
					 CANCEL_LIMIT_MS);
			return;
		case RUNNER_EXPIRED:
			*code = SO_ERR_AGENT_LEASE_LOST;
			break;
		case RUNNER_STUCK:
			*code = SO_ERR_AGENT_RUNNER_STUCK;
			break;
		case RUNNER_VIOLATED:
			*code = SO_ERR_AGENT_ITEM_INVALID;
			break;
		case RUNNER_SHUTDOWN:
			snprintf(text, size, "the worker was shut down while the task was running");
			return;
		case RUNNER_FREE:
			if (WIFSIGNALED(wait_status))
				snprintf(text, size, "the runner was ended by signal %d (%s)%s",
						 WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)),
						 WTERMSIG(wait_status) == SIGKILL
							 ? "; the kernel does that when memory runs out"
							 : "");
			else
				snprintf(text, size, "the runner ended with exit status %d and without a result",
						 WEXITSTATUS(wait_status));
			return;
	}
	snprintf(text, size, "%s", so_error_summary(*code));
}

/* The log of the attempt says what happened to its runner, which cannot any more. */
static void
log_end(SoRunner *runner, SoErrorCode code, const char *text)
{
	const SoSettings *settings = runner->agent->settings;
	SoError error;
	char full[2000];

	if (code == SO_OK)
	{
		so_task_log_say(&runner->log, settings, SO_LOG_WARNING, "%s", text);
		return;
	}
	so_error_set(&error, code, NULL, "%s", text);
	so_task_log_say(&runner->log, settings, SO_LOG_CRITICAL, "%s",
					so_error_format(&error, full, sizeof(full)));
}

/* The process and all it started are gone. */
static void
bury(SoRunner *runner, int wait_status)
{
	SoAgent *agent = runner->agent;
	SoAttempt *attempt = runner->attempt;
	SoErrorCode code;
	char text[300];

	so_runner_io_drain(runner);
	if (!attempt->gone && runner->result_ms == 0)
	{
		describe_end(runner, wait_status, &code, text, sizeof(text));
		if (code != SO_OK)
			so_log_code(&attempt->subject, SO_LOG_ERROR, code, "task %s, attempt %u: %s",
						attempt->task_text, attempt->attempt, text);
		log_end(runner, code, text);
		so_runner_add_result(agent, attempt, runner->sequence + 1, runner->fate, code, text);
	}
	else if (!attempt->gone && attempt->state != SO_HELD_FINISHED)
	{
		/* Its result came with the last bytes. */
		so_held_set_state(agent->held, attempt, SO_HELD_FINISHED);
		if (so_agent_flush_spool(agent))
			so_report_pump(agent);
	}
	if (runner->deadline != NULL)
		event_free(runner->deadline);
	so_runner_io_close(runner);
	if (attempt->make_folders)
		so_task_folder_tidy(agent->settings, attempt->task_text);
	attempt->runner = NULL;
	TAILQ_REMOVE(&agent->runners, runner, link);
	talloc_free(runner);
}

void
so_runners_close(SoAgent *agent)
{
	SoRunner *runner;

	while ((runner = TAILQ_FIRST(&agent->runners)) != NULL)
	{
		if (runner->deadline != NULL)
			event_free(runner->deadline);
		so_runner_io_close(runner);
		TAILQ_REMOVE(&agent->runners, runner, link);
		talloc_free(runner);
	}
}

void
so_runners_settle_results(SoAgent *agent)
{
	SoRunner *runner;

	TAILQ_FOREACH(runner, &agent->runners, link)
	{
		if (runner->result_ms == 0 || runner->finished)
			continue;
		runner->finished = true;
		so_held_set_state(agent->held, runner->attempt, SO_HELD_FINISHED);
		so_runner_io_finish(runner);
		so_lease_pump(agent);
	}
}

/* ---- what the master and the nursery say ------------------------------------------- */

void
so_runners_acknowledge(SoAgent *agent, const SoUuid *task, uint32_t attempt_number,
					   uint64_t sequence)
{
	SoAttempt *attempt = so_held_find(agent->held, task, attempt_number);
	SoRunner *runner = attempt != NULL ? attempt->runner : NULL;
	size_t frame;

	if (runner == NULL || runner->half_closed)
		return;
	/* What it has not said yet cannot be committed. */
	if (sequence > runner->sequence)
		sequence = runner->sequence;
	frame = so_frame_begin(&runner->out, SO_RUNNER_ACKNOWLEDGE, 0);
	so_put_u64(&runner->out, sequence);
	so_frame_end(&runner->out, frame);
	so_runner_io_send(runner);
}

void
so_runners_reply(SoAgent *agent, const SoUuid *task, uint32_t attempt_number, uint64_t sequence,
				 const char *json)
{
	SoAttempt *attempt = so_held_find(agent->held, task, attempt_number);
	SoRunner *runner = attempt != NULL ? attempt->runner : NULL;
	size_t frame;

	if (runner == NULL || runner->half_closed)
		return;
	frame = so_frame_begin(&runner->out, SO_RUNNER_REPLY, 0);
	so_put_u64(&runner->out, sequence);
	so_put_string(&runner->out, json);
	so_frame_end(&runner->out, frame);
	so_runner_io_send(runner);
}

void
so_runners_spawned(void *context, uint64_t token, pid_t pid)
{
	SoRunner *runner = find_runner(context, token);

	if (runner != NULL)
		runner->pid = pid;
}

void
so_runners_exited(void *context, uint64_t token, int wait_status)
{
	SoAgent *agent = context;
	SoRunner *runner = find_runner(agent, token);

	if (runner == NULL)
		return;
	bury(runner, wait_status);
	so_held_forget(agent->held, so_lease_oldest_open(agent));
	/* A newer attempt of the same task may have waited for this end. */
	so_runners_start_waiting(agent);
	so_lease_pump(agent);
	so_agent_check_leave(agent);
}

void
so_runners_failed(void *context, uint64_t token, int reason)
{
	SoAgent *agent = context;
	SoRunner *runner = find_runner(agent, token);

	if (runner == NULL)
		return;
	so_log_code(NULL, SO_LOG_ERROR, SO_ERR_SYSTEM_CALL, "no runner can be forked: %s",
				strerror(reason));
	so_runners_exited(agent, token, 0);
}

void
so_runners_lost(void *context)
{
	SoAgent *agent = context;
	SoRunner *runner;

	/* The kernel has killed them; the end of a process is the end of its socket. */
	while ((runner = TAILQ_FIRST(&agent->runners)) != NULL)
		bury(runner, SIGKILL);
	so_lease_pump(agent);
	so_agent_check_leave(agent);
}

void
so_runners_check(SoAgent *agent, int64_t now_ms)
{
	SoRunner *runner;

	TAILQ_FOREACH(runner, &agent->runners, link)
	{
		bool silent = !runner->greeted && now_ms - runner->started_ms > GREETING_LIMIT_MS;
		bool lingers = runner->result_ms != 0 && now_ms - runner->result_ms > LINGER_LIMIT_MS &&
					   runner->finished;

		if ((silent || lingers) && runner->fate == RUNNER_FREE)
		{
			so_log_code(&runner->attempt->subject, SO_LOG_WARNING, SO_ERR_AGENT_RUNNER_STUCK,
						"task %s, attempt %u: %s; the runner is killed", runner->attempt->task_text,
						runner->attempt->attempt,
						silent ? "the runner does not start"
							   : "the runner does not end after its result");
			so_runner_kill(runner, RUNNER_STUCK);
		}
	}
}

void
so_runners_set_reading(SoAgent *agent, bool reading)
{
	SoRunner *runner;

	TAILQ_FOREACH(runner, &agent->runners, link)
	{
		if (runner->fd < 0)
			continue;
		if (reading)
			event_add(runner->readable, NULL);
		else
			event_del(runner->readable);
	}
}
