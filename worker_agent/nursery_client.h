/*
 * worker_agent/nursery_client.h
 *
 * The agent's side of the nursery (common/nursery_protocol.h): starts it, asks
 * it for runners, hears when they have ended, and starts it again when it dies.
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_NURSERY_CLIENT_H
#define WORKER_AGENT_NURSERY_CLIENT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "common/error.h"

/* What the nursery tells; each is called from the event loop. */
typedef struct SoNurseryEvents
{
	void *context;
	void (*ready)(void *context);
	void (*spawned)(void *context, uint64_t token, pid_t pid);
	/* wait_status as of waitpid; everything that the runner started is gone. */
	void (*exited)(void *context, uint64_t token, int wait_status);
	void (*failed)(void *context, uint64_t token, int reason);
	/* The nursery has died and all runners with it; it is started again. */
	void (*lost)(void *context);
	/* It cannot be started, or is of another version: nothing will cure that. */
	void (*impossible)(void *context, const SoError *error);
} SoNurseryEvents;

typedef struct SoNurseryClient SoNurseryClient;

/* Start program --nursery; its first word is awaited in the event loop.  NULL with *error. */
extern SoNurseryClient *
so_nursery_start(TALLOC_CTX *context, struct event_base *base, const char *program,
				 const SoNurseryEvents *events, SoError *error);

/* It has said its first word and takes requests. */
extern bool so_nursery_is_ready(const SoNurseryClient *nursery);

/* Comma-separated types of tasks that its runners can run. */
extern const char *so_nursery_task_types(const SoNurseryClient *nursery);

/* Fork a runner; both descriptors are the nursery's from now on (closed here). */
extern void
so_nursery_spawn(SoNurseryClient *nursery, uint64_t token, int socket_fd, int output_fd);

/* Kill the runner and everything it started; exited follows. */
extern void so_nursery_kill(SoNurseryClient *nursery, uint64_t token);

/* A child of the agent has ended (SIGCHLD). */
extern void so_nursery_reap(SoNurseryClient *nursery);

/* End it and all runners; waits until they are gone, two seconds at most. */
extern void so_nursery_stop(SoNurseryClient *nursery);

#endif /* WORKER_AGENT_NURSERY_CLIENT_H */
