/*
 * worker_agent/runner_end.c
 *
 * Ends runners: stops, kills and buries them, and reports for those that cannot any
 * more.
 *
 * Process: agent, event loop thread.  A result is in the spool before the runner is
 * forgotten; an agent that dies before leaves an attempt that the master calls lost.
 */
#include "worker_agent/runners.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/frame.h"
#include "common/log.h"
#include "worker_agent/lease.h"
#include "worker_agent/nursery_client.h"
#include "worker_agent/report.h"
#include "worker_agent/runner_private.h"

/* A stopped execution's runner is gone within two seconds. */
#define CANCEL_LIMIT_MS 1500

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

void
so_runner_bury(SoRunner *runner, int wait_status)
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
