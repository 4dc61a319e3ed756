/*
 * worker_agent/command.h
 *
 * Commands of the master, which any answer may carry.
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_COMMAND_H
#define WORKER_AGENT_COMMAND_H

#include <jansson.h>

#include "worker_agent/agent.h"

/* commands: the array, or NULL. */
extern void so_command_handle(SoAgent *agent, const json_t *commands);

#endif /* WORKER_AGENT_COMMAND_H */
