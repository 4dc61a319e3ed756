/*
 * bgworker/leases.c
 *
 * The table of live leases, and a heap of their deadlines.  A renewal only
 * writes the time; the heap is corrected when an entry reaches its top.
 *
 * Process: master.  Shared data: none, everything is in the memory of the
 * process.  When the master dies the next one reads the live leases from the
 * catalog and gives each of them one full interval.
 */
#include "postgres.h"

#include "bgworker/leases.h"

#include "bgworker/agents.h"
#include "common/hashfn.h"
#include "extension/settings.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* A finished attempt is remembered this long, for listings that were on their way. */
#define REMEMBER_OVER_MS 60000

static HTAB *leases;
static pairingheap *deadlines;
static int live;

/*
 * The master waits longer than the agent, by scaleout.lease_margin, so that two
 * attempts do not overlap even when the agent's clock runs a little slower.
 */
static int64
deadline(const SoLease *lease)
{
	if (lease->over)
		return lease->renewed_ms + REMEMBER_OVER_MS;
	return lease->renewed_ms + lease->interval_ms + so_setting_lease_margin;
}

/* The pairing heap has its greatest element on top. */
static int
compare_deadlines(const pairingheap_node *a, const pairingheap_node *b, void *argument)
{
	const SoLease *left = pairingheap_const_container(SoLease, heap_node, a);
	const SoLease *right = pairingheap_const_container(SoLease, heap_node, b);

	if (left->queued_ms == right->queued_ms)
		return 0;
	return left->queued_ms < right->queued_ms ? 1 : -1;
}

uint32
so_leases_hash_uuid(const void *key, Size size)
{
	return DatumGetUInt32(hash_any(key, (int) size));
}

void
so_leases_init(void)
{
	HASHCTL control = {0};

	control.keysize = sizeof(pg_uuid_t);
	control.entrysize = sizeof(SoLease);
	control.hash = so_leases_hash_uuid;
	control.hcxt = TopMemoryContext;
	leases =
		hash_create("scaleout leases", 1024, &control, HASH_ELEM | HASH_FUNCTION | HASH_CONTEXT);
	MemoryContextSwitchTo(TopMemoryContext);
	deadlines = pairingheap_allocate(compare_deadlines, NULL);
	live = 0;
}

static void
enqueue(SoLease *lease, int64 at_ms)
{
	lease->queued_ms = at_ms;
	pairingheap_add(deadlines, &lease->heap_node);
}

static void
requeue(SoLease *lease, int64 at_ms)
{
	pairingheap_remove(deadlines, &lease->heap_node);
	enqueue(lease, at_ms);
}

SoLease *
so_leases_add(const pg_uuid_t *task, uint32 attempt, const pg_uuid_t *agent_id,
			  const pg_uuid_t *instance_id, int32 interval_ms, int64 execution_id, int64 now_ms)
{
	bool found;
	SoLease *lease = hash_search(leases, task, HASH_ENTER, &found);

	if (found)
	{
		pairingheap_remove(deadlines, &lease->heap_node);
		if (!lease->over)
		{
			dlist_delete(&lease->agent_node);
			live--;
		}
	}
	lease->attempt = attempt;
	lease->agent_id = *agent_id;
	lease->instance_id = *instance_id;
	lease->interval_ms = interval_ms;
	lease->renewed_ms = now_ms;
	lease->execution_id = execution_id;
	lease->stop_requested = false;
	lease->stop_told_ms = 0;
	lease->listed_in = 0;
	lease->held_state = 0;
	lease->end = SO_LEASE_SILENT;
	lease->ending = false;
	lease->over = false;
	dlist_push_tail(&so_agents_enter(agent_id)->leases, &lease->agent_node);
	live++;
	enqueue(lease, deadline(lease));
	return lease;
}

SoLease *
so_leases_find(const pg_uuid_t *task)
{
	SoLease *lease = hash_search(leases, task, HASH_FIND, NULL);

	return lease != NULL && !lease->over ? lease : NULL;
}

void
so_leases_over(SoLease *lease, int64 now_ms)
{
	Assert(!lease->over);
	dlist_delete(&lease->agent_node);
	live--;
	lease->over = true;
	lease->ending = false;
	lease->renewed_ms = now_ms;
	requeue(lease, deadline(lease));
}

bool
so_leases_recently_over(const pg_uuid_t *task, uint32 attempt)
{
	SoLease *lease = hash_search(leases, task, HASH_FIND, NULL);

	return lease != NULL && lease->over && lease->attempt == attempt;
}

void
so_leases_remove(SoLease *lease)
{
	pairingheap_remove(deadlines, &lease->heap_node);
	if (!lease->over)
	{
		dlist_delete(&lease->agent_node);
		live--;
	}
	hash_search(leases, &lease->task, HASH_REMOVE, NULL);
}

void
so_leases_renew(SoLease *lease, int64 now_ms)
{
	lease->renewed_ms = now_ms;
}

void
so_leases_end_now(SoLease *lease, SoLeaseEnd end)
{
	lease->end = end;
	if (!lease->ending)
		requeue(lease, 0);
}

void
so_leases_amnesty(int64 now_ms)
{
	HASH_SEQ_STATUS status;
	SoLease *lease;

	hash_seq_init(&status, leases);
	while ((lease = hash_seq_search(&status)) != NULL)
		if (!lease->over)
			lease->renewed_ms = now_ms;
}

SoLease *
so_leases_next_due(int64 now_ms)
{
	while (!pairingheap_is_empty(deadlines))
	{
		SoLease *lease = pairingheap_container(SoLease, heap_node, pairingheap_first(deadlines));

		if (lease->queued_ms > now_ms)
			return NULL;
		if (lease->over)
		{
			so_leases_remove(lease);
			continue;
		}
		if (lease->end == SO_LEASE_SILENT && deadline(lease) > now_ms)
		{
			requeue(lease, deadline(lease));
			continue;
		}
		/* Out of the way until the batch has ended it or gives it back. */
		lease->ending = true;
		requeue(lease, PG_INT64_MAX);
		return lease;
	}
	return NULL;
}

void
so_leases_retry(SoLease *lease, int64 at_ms)
{
	lease->ending = false;
	requeue(lease, at_ms);
}

int64
so_leases_next_deadline(void)
{
	if (pairingheap_is_empty(deadlines))
		return PG_INT64_MAX;
	return pairingheap_container(SoLease, heap_node, pairingheap_first(deadlines))->queued_ms;
}

int
so_leases_count(void)
{
	return live;
}
