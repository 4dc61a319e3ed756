/*
 * worker_agent/lease.h
 *
 * Lease polls (docs/protocol.md 2.5): tasks, commands and the heartbeat of what
 * is held.  One poll is open at all times; when a slot becomes free while a poll
 * without capacity is parked at the master, a second one replaces it.
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_LEASE_H
#define WORKER_AGENT_LEASE_H

#include "worker_agent/agent.h"

extern void so_lease_open(SoAgent *agent);
extern void so_lease_close(SoAgent *agent);

/* Stop polling (until registered again), start again. */
extern void so_lease_pause(SoAgent *agent);
extern void so_lease_resume(SoAgent *agent);

/* The capacity may have changed: send a poll when one is due. */
extern void so_lease_pump(SoAgent *agent);

/* Number of the oldest open poll, UINT64_MAX when none is open. */
extern uint64_t so_lease_oldest_open(const SoAgent *agent);

#endif /* WORKER_AGENT_LEASE_H */
