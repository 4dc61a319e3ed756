/*
 * worker_agent/log_sender.h
 *
 * Answers the command fetch_log: reads the log of an attempt piece by piece in
 * a thread and sends it to the master (docs/protocol.md 2.8).  The master says
 * after every piece where to go on, so nothing is remembered across a failure:
 * what is not finished is asked for again.
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_LOG_SENDER_H
#define WORKER_AGENT_LOG_SENDER_H

#include "worker_agent/agent.h"

/* false with SO001: no descriptor for the thread to say that it has read. */
extern bool so_log_sender_open(SoAgent *agent, SoError *error) SO_WARN_UNUSED;
extern void so_log_sender_close(SoAgent *agent);

/* The command fetch_log; one that is known already is ignored. */
extern void so_log_sender_command(SoAgent *agent, const json_t *command);

/* The registration is not valid any more: give up what waits; the master asks again. */
extern void so_log_sender_pause(SoAgent *agent);

#endif /* WORKER_AGENT_LOG_SENDER_H */
