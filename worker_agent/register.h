/*
 * worker_agent/register.h
 *
 * Registration with the master (docs/protocol.md 2.4): at the start, after
 * SO210, after a change of the master's epoch, and when a command says so.
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_REGISTER_H
#define WORKER_AGENT_REGISTER_H

#include "worker_agent/agent.h"

extern void so_register_open(SoAgent *agent);
extern void so_register_close(SoAgent *agent);

/* Register now; polls and reports pause until it has succeeded. */
extern void so_register_start(SoAgent *agent);

#endif /* WORKER_AGENT_REGISTER_H */
