/*
 * worker_agent/notify.h
 *
 * What the agent tells systemd (sd_notify): that it is ready, what it does at
 * the moment, that it reads its settings again, that it stops, and that it is
 * alive.  Without a service manager, which gives the address of a socket in
 * NOTIFY_SOCKET, every function does nothing.
 *
 * Ready means: the settings are valid, the identity is loaded, the runner program
 * works.  The master need not be there: a worker that waits for it at boot has
 * been started all the same, and its status says what it waits for.
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_NOTIFY_H
#define WORKER_AGENT_NOTIFY_H

#include "worker_agent/agent.h"

/* Learn how often systemd wants a sign of life; nobody that this process starts sees that. */
extern void so_notify_open(SoAgent *agent);

/* It runs.  Only the first call does something. */
extern void so_notify_ready(SoAgent *agent);

/* The settings are read again, from the first call to the second. */
extern void so_notify_reloading(SoAgent *agent);
extern void so_notify_reloaded(SoAgent *agent);

/* It drains or ends. */
extern void so_notify_stopping(SoAgent *agent);

/*
 * Called with every tick (now_ms: monotonic): a changed status at once, a sign
 * of life when a third of the watchdog's time is over.
 */
extern void so_notify_tick(SoAgent *agent, int64_t now_ms);

/* The status line of the agent as it is now, into text. Returns text. */
extern const char *so_notify_status(const SoAgent *agent, char *text, size_t size);

#endif /* WORKER_AGENT_NOTIFY_H */
