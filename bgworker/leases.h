/*
 * bgworker/leases.h
 *
 * Live leases: which attempt is with which agent, and until when.  Deadlines
 * are monotonic milliseconds and live here only, so a renewal costs no SQL and
 * a step of the wall clock costs nothing.
 */
#ifndef BGWORKER_LEASES_H
#define BGWORKER_LEASES_H

#include "lib/ilist.h"
#include "lib/pairingheap.h"
#include "utils/uuid.h"

typedef enum SoLeaseEnd
{
	SO_LEASE_SILENT = 1,    /* no renewal for the interval */
	SO_LEASE_RESTARTED = 2, /* the agent started anew and does not have it any more */
	SO_LEASE_REMOVED = 3,   /* the agent was removed from the catalog */
	SO_LEASE_REVOKED = 4    /* the certificate of the agent was revoked */
} SoLeaseEnd;

typedef struct SoLease
{
	pg_uuid_t task; /* key */
	uint32 attempt;
	pg_uuid_t agent_id;
	pg_uuid_t instance_id; /* the life of the agent that was given the lease or listed it last */
	int32 interval_ms;
	int64 renewed_ms; /* last renewal, or the last amnesty */
	int64 execution_id;
	bool stop_requested; /* tell the agent until it says that it is stopping */
	int64 stop_told_ms;  /* when it was last told; 0: not yet */
	uint64 listed_in;    /* request that listed it last */
	uint8 held_state;    /* SoHeldState of the last listing; 0: never listed */
	SoLeaseEnd end;      /* when due: why */
	bool ending;         /* in the batch that is being committed */
	bool over;           /* its result is committed; kept to recognise late listings */
	int64 queued_ms;     /* the deadline under which it stands in the heap */
	pairingheap_node heap_node;
	dlist_node agent_node; /* in SoAgent.leases */
} SoLease;

/* Called once by the master before anything else here. */
extern void so_leases_init(void);

/*
 * Add a lease (or take up the new attempt of a task that is known).  The
 * interval counts from now_ms.  Returns it; owned by the table.
 */
extern SoLease *
so_leases_add(const pg_uuid_t *task, uint32 attempt, const pg_uuid_t *agent_id,
			  const pg_uuid_t *instance_id, int32 interval_ms, int64 execution_id, int64 now_ms);

/* The live lease of the task, or NULL. */
extern SoLease *so_leases_find(const pg_uuid_t *task);

/* The lease has ended with a committed result: kept for a while, not live any more. */
extern void so_leases_over(SoLease *lease, int64 now_ms);

/* Was this attempt over a short while ago?  Listings of it are not superseded, only late. */
extern bool so_leases_recently_over(const pg_uuid_t *task, uint32 attempt);

extern void so_leases_remove(SoLease *lease);

/* The agent listed the attempt: one full interval from now. */
extern void so_leases_renew(SoLease *lease, int64 now_ms);

/* Make the lease due at once, for the reason given. */
extern void so_leases_end_now(SoLease *lease, SoLeaseEnd end);

/*
 * Every live lease has one full interval from now: after a master start, a
 * gateway that was away, or a stall, nobody could renew.
 */
extern void so_leases_amnesty(int64 now_ms);

/*
 * The next lease that is due, marked as ending, or NULL.  It stays in the
 * table; when the batch that ends it fails, so_leases_retry makes it due again
 * later.
 */
extern SoLease *so_leases_next_due(int64 now_ms);
extern void so_leases_retry(SoLease *lease, int64 at_ms);

/* When so_leases_next_due should be asked again: monotonic ms, PG_INT64_MAX for never. */
extern int64 so_leases_next_deadline(void);

/* Number of live leases. */
extern int so_leases_count(void);

/* Bytes that give the same hash for the same UUID; for hash tables of UUIDs. */
extern uint32 so_leases_hash_uuid(const void *key, Size size);

#endif /* BGWORKER_LEASES_H */
