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

/* body: the lease answer with "tasks" and "projects". */
extern void so_grant_tasks(SoAgent *agent, const json_t *body);

#endif /* WORKER_AGENT_GRANT_H */
