/*
 * worker_agent/runners.c
 *
 * Tells runners what the master says, and the agent what the nursery says; starting
 * is in runner_start.c, ending in runner_end.c.
 *
 * Process: agent, event loop thread.  A runner is one entry in agent->runners
 * from the request to the nursery until the nursery says that it is gone; its
 * attempt may be settled before that.
 */
#include "worker_agent/runners.h"

#include <signal.h>
#include <string.h>

#include "common/frame.h"
#include "common/log.h"
#include "worker_agent/lease.h"
#include "worker_agent/runner_private.h"

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

/* ---- what the master says --------------------------------------------------------- */

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

/* ---- what the nursery says -------------------------------------------------------- */

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
	so_runner_bury(runner, wait_status);
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
		so_runner_bury(runner, SIGKILL);
	so_lease_pump(agent);
	so_agent_check_leave(agent);
}

/* ---- all of them ------------------------------------------------------------------ */

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
