/*
 * worker_agent/runner_private.h
 *
 * One runner, shared by runners.c (all of them), runner_start.c, runner_end.c and
 * runner_io.c (frames).
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_RUNNER_PRIVATE_H
#define WORKER_AGENT_RUNNER_PRIVATE_H

#include "common/byte_buffer.h"
#include "worker_agent/agent.h"
#include "worker_agent/task_log.h"

/* Why a runner was killed, which decides what is reported for it. */
typedef enum RunnerFate
{
	RUNNER_FREE,     /* not killed by us */
	RUNNER_CANCELED, /* did not follow a stop in time */
	RUNNER_EXPIRED,  /* lease not renewed */
	RUNNER_STUCK,    /* silent, or did not end after its result */
	RUNNER_VIOLATED, /* sent something malformed */
	RUNNER_SHUTDOWN  /* the worker ends */
} RunnerFate;

typedef struct SoRunner
{
	TAILQ_ENTRY(SoRunner) link;
	SoAgent *agent;
	SoAttempt *attempt;
	uint64_t token;
	pid_t pid; /* 0 until the nursery says it */
	int64_t started_ms;
	int64_t result_ms; /* when the result came; 0: not yet */
	uint64_t sequence; /* of the last item */
	bool greeted;      /* HELLO has come */
	bool finished;     /* the result is in the spool, written */
	RunnerFate fate;

	int fd; /* -1 when closed */
	struct event *readable;
	struct event *writable;
	struct event *deadline; /* after a cancel */
	SoByteBuffer in;
	SoByteBuffer out;
	bool half_closed; /* nothing more is sent */

	int output_fd; /* standard output and error */
	struct event *output;
	SoTaskLog log;
} SoRunner;

/* ---- runner_io.c ---- */

/* Begin to read and write; fds are the agent's ends. */
extern void so_runner_io_open(SoRunner *runner, int fd, int output_fd);
extern void so_runner_io_close(SoRunner *runner);
/* Send what is in runner->out, as far as the socket takes it. */
extern void so_runner_io_send(SoRunner *runner);
/* Put the levels of the task log into runner->out, to be sent. */
extern void so_runner_io_log_level(SoRunner *runner);
/* Read everything that is there (the process has ended). */
extern void so_runner_io_drain(SoRunner *runner);
/* Tell the runner that nothing more comes: it ends. */
extern void so_runner_io_finish(SoRunner *runner);

/* ---- runner_end.c ---- */

/* Kill through the nursery and remember why. */
extern void so_runner_kill(SoRunner *runner, RunnerFate fate);
/* Put a result of our own into the spool for a runner that gave none. */
extern void so_runner_add_result(SoAgent *agent, SoAttempt *attempt, uint64_t sequence,
								 RunnerFate fate, SoErrorCode code, const char *message);

/* The process and all that it started are gone: report what is missing, and free runner. */
extern void so_runner_bury(SoRunner *runner, int wait_status);

#endif /* WORKER_AGENT_RUNNER_PRIVATE_H */
