/*
 * worker_agent/grant.h
 *
 * Takes the tasks of a lease answer: what is new is held and started.
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_GRANT_H
#define WORKER_AGENT_GRANT_H

#include <jansson.h>

#include "worker_agent/agent.h"

/*
 * body: the lease answer with "tasks" and "projects"; arrived_ms (monotonic):
 * when it came, from which the leases are counted.  A task whose lease is over
 * by now is not started; the master sends it again or has given it away.
 */
extern void so_grant_tasks(SoAgent *agent, const json_t *body, int64_t arrived_ms);

#endif /* WORKER_AGENT_GRANT_H */
