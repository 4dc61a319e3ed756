/*
 * worker_agent/signals.h
 *
 * Signals of the agent: TERM and INT drain (a second one kills), HUP reads the
 * settings again and opens the log file again, CHLD tells of the nursery.
 *
 * Process: agent; the handlers run in the event loop.
 */
#ifndef WORKER_AGENT_SIGNALS_H
#define WORKER_AGENT_SIGNALS_H

#include "worker_agent/agent.h"

extern void so_signals_open(SoAgent *agent);
extern void so_signals_close(SoAgent *agent);

/* Endpoints and pins of the settings; false with *error. */
extern bool so_signals_address(const SoSettings *settings, SoMasterAddress *address,
							   SoError *error) SO_WARN_UNUSED;

#endif /* WORKER_AGENT_SIGNALS_H */
