/*
 * worker_agent/runners.h
 *
 * The runner processes of this agent: started through the nursery, spoken to in
 * frames (docs/protocol.md 4), watched, cancelled and killed.
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_RUNNERS_H
#define WORKER_AGENT_RUNNERS_H

#include "worker_agent/agent.h"

/* Start a runner for a new attempt, as soon as the nursery takes it. */
extern void so_runners_start(SoAgent *agent, SoAttempt *attempt);

/* Start what is held and has no runner yet (the nursery has become ready). */
extern void so_runners_start_waiting(SoAgent *agent);

/* TaskLogEnabled or TaskLogLevel have changed: tell those that run. */
extern void so_runners_log_level(SoAgent *agent);

/* Cancel: the runner reports "canceled" and ends; after 1.5 s it is killed. */
extern void so_runners_stop(SoAgent *agent, SoAttempt *attempt);

/* Write a warning into the log of the attempt, if it has a runner. */
extern void so_runners_note(SoAttempt *attempt, const char *text);

/* Kill the runner and everything it started; what it still sends is ignored when the attempt is gone. */
extern void so_runners_kill(SoAgent *agent, SoAttempt *attempt);

/* The lease ran out: kill, and report the attempt as lost. */
extern void so_runners_expire(SoAgent *agent, SoAttempt *attempt);

/* Kill all; each is reported as lost. */
extern void so_runners_kill_all(SoAgent *agent);

/* Items up to sequence are committed: tell the runner. */
extern void
so_runners_acknowledge(SoAgent *agent, const SoUuid *task, uint32_t attempt, uint64_t sequence);

/* What the catalog answers to one item: JSON for the runner, before the item is acknowledged. */
extern void so_runners_reply(SoAgent *agent, const SoUuid *task, uint32_t attempt,
							 uint64_t sequence, const char *json);

/* Every second: runners that have not said a word, or do not end after their result. */
extern void so_runners_check(SoAgent *agent, int64_t now_ms);

/* The spool takes writes again (or not): read from runners (or not). */
extern void so_runners_set_reading(SoAgent *agent, bool reading);

/* After a flush: attempts whose result is in the spool have finished. */
extern void so_runners_settle_results(SoAgent *agent);

/* At the end of the agent, when the processes are gone: free what is left. */
extern void so_runners_close(SoAgent *agent);

/* What the nursery says. */
extern void so_runners_spawned(void *context, uint64_t token, pid_t pid);
extern void so_runners_exited(void *context, uint64_t token, int wait_status);
extern void so_runners_failed(void *context, uint64_t token, int reason);
extern void so_runners_lost(void *context);

#endif /* WORKER_AGENT_RUNNERS_H */
