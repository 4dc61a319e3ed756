/*
 * worker_agent/held.h
 *
 * The attempts that this agent holds: leased to it and not yet acknowledged as
 * ended.  Every request to the master lists them, and an answer renews the
 * leases of those that its request listed, as of the time when the request was
 * sent (the master renews when it receives it, which is later, so the agent's
 * idea of a deadline is never later than the master's).
 *
 * Pure bookkeeping: no I/O, and the time is an argument.
 *
 * Process: agent, event loop thread.  In memory only: after a crash the spool
 * tells which attempts have a result, and the others died with the agent.
 */
#ifndef WORKER_AGENT_HELD_H
#define WORKER_AGENT_HELD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <talloc.h>

#include "common/byte_buffer.h"
#include "common/log.h"
#include "common/protocol.h"
#include "common/uuid.h"

/* Requests that list held attempts; a renewal belongs to one of them. */
typedef enum SoHeldChannel
{
	SO_HELD_BY_LEASE,
	SO_HELD_BY_REPORT,
	SO_HELD_BY_REGISTER,
	SO_HELD_CHANNELS
} SoHeldChannel;

typedef struct SoAttempt
{
	TAILQ_ENTRY(SoAttempt) link;
	struct SoAttempt *next_in_bucket;
	SoUuid task;
	char task_text[SO_UUID_TEXT_SIZE];
	uint32_t attempt;
	SoLogSubject subject; /* for the log */
	SoHeldState state;
	bool gone;          /* no longer held; remembered so that a late answer cannot start it again */
	uint64_t gone_at;   /* number of the newest lease request at that time */
	int64_t renewed_ms; /* monotonic; the lease counts from here */
	int64_t lease_interval_ms;
	uint64_t listed[SO_HELD_CHANNELS]; /* newest request that listed it */
	char *task_json;                   /* for the runner, until it has been sent; may be NULL */
	bool make_folders;                 /* the package has something to execute */
	struct SoRunner *runner;           /* while a process exists */
} SoAttempt;

typedef TAILQ_HEAD(SoAttemptList, SoAttempt) SoAttemptList;

typedef struct SoHeld SoHeld;

extern SoHeld *so_held_create(TALLOC_CTX *context);

/* Held attempts, in the order in which they came. */
extern SoAttemptList *so_held_list(SoHeld *held);

/* Held or remembered; NULL when the attempt is unknown. */
extern SoAttempt *so_held_find(const SoHeld *held, const SoUuid *task, uint32_t attempt);

/* Another held attempt of the same task that has a runner, or NULL. */
extern SoAttempt *so_held_other_attempt(SoHeld *held, const SoAttempt *attempt);

/*
 * A granted attempt.  Returns the new entry, or NULL when it is held or has been
 * held already (a redelivery, to be ignored).  now_ms: the time of the grant.
 */
extern SoAttempt *so_held_grant(SoHeld *held, const SoUuid *task, uint32_t attempt,
								int64_t lease_interval_ms, int64_t now_ms);

/* An attempt of an earlier instance whose result waits in the spool. */
extern SoAttempt *so_held_restore(SoHeld *held, const SoUuid *task, uint32_t attempt);

/*
 * The attempt is settled (acknowledged or superseded).  It is remembered until
 * no lease request that was open at that time can be answered any more.
 */
extern void so_held_drop(SoHeld *held, SoAttempt *attempt, uint64_t newest_lease_request);

/* Forget dropped attempts; oldest_open: number of the oldest open lease request, UINT64_MAX without one. */
extern void so_held_forget(SoHeld *held, uint64_t oldest_open);

/* All held attempts, and those that occupy a slot (not finished). */
extern int so_held_count(const SoHeld *held);
extern int so_held_active(const SoHeld *held);
extern void so_held_set_state(SoHeld *held, SoAttempt *attempt, SoHeldState state);

/* Append the JSON array of held attempts to out and note that this request listed them. */
extern void so_held_write(SoHeld *held, SoByteBuffer *out, SoHeldChannel channel, uint64_t request);

/* The request was answered: renew what it listed. sent_ms: when it was sent. */
extern void so_held_renew(SoHeld *held, SoHeldChannel channel, uint64_t request, int64_t sent_ms);

/*
 * When the lease of an active attempt ends: the smaller of its interval and
 * tolerance_ms after the last renewal.
 */
extern int64_t so_held_deadline(const SoAttempt *attempt, int64_t tolerance_ms);

/* When its lease should be renewed: a third of the interval after the last renewal. */
extern int64_t so_held_renewal_due(const SoAttempt *attempt);

/*
 * How many tasks may be requested: free slots, but never more than the number
 * of attempts that a request may list.
 */
extern int so_held_capacity(const SoHeld *held, int max_task_count);

#endif /* WORKER_AGENT_HELD_H */
