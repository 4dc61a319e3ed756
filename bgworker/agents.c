/*
 * bgworker/agents.c
 *
 * Registered agents and parked polls.  An agent has at most one parked poll;
 * polls wait in order of arrival, which is the order in which they are served.
 *
 * Process: master.  Shared data: none, everything is in the memory of the
 * process.  When the master dies the agents' connections end; they register
 * with the next master, because it does not know them.
 */
#include "postgres.h"

#include "bgworker/agents.h"

#include "bgworker/leases.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

typedef struct ParkedRequest
{
	uint64 request; /* key */
	SoAgent *agent;
} ParkedRequest;

struct SoAgentWalk
{
	HASH_SEQ_STATUS status;
};

/* A longer body of a poll is not kept; the gateway sends none. */
#define ASKED_LIMIT 2048

static HTAB *agents;
static HTAB *parked_requests;
static pairingheap *deadlines;
static dlist_head parked = DLIST_STATIC_INIT(parked);

static int
compare_deadlines(const pairingheap_node *a, const pairingheap_node *b, void *argument)
{
	const SoAgent *left = pairingheap_const_container(SoAgent, heap_node, a);
	const SoAgent *right = pairingheap_const_container(SoAgent, heap_node, b);

	if (left->answer_by_ms == right->answer_by_ms)
		return 0;
	return left->answer_by_ms < right->answer_by_ms ? 1 : -1;
}

void
so_agents_init(void)
{
	HASHCTL control = {0};

	control.keysize = sizeof(pg_uuid_t);
	control.entrysize = sizeof(SoAgent);
	control.hash = so_leases_hash_uuid;
	control.hcxt = TopMemoryContext;
	agents = hash_create("scaleout agents", 64, &control, HASH_ELEM | HASH_FUNCTION | HASH_CONTEXT);

	memset(&control, 0, sizeof(control));
	control.keysize = sizeof(uint64);
	control.entrysize = sizeof(ParkedRequest);
	control.hcxt = TopMemoryContext;
	parked_requests =
		hash_create("scaleout parked polls", 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	MemoryContextSwitchTo(TopMemoryContext);
	deadlines = pairingheap_allocate(compare_deadlines, NULL);
	dlist_init(&parked);
}

SoAgent *
so_agents_enter(const pg_uuid_t *agent_id)
{
	bool found;
	SoAgent *agent = hash_search(agents, agent_id, HASH_ENTER, &found);

	if (!found)
	{
		memset((char *) agent + sizeof(pg_uuid_t), 0, sizeof(SoAgent) - sizeof(pg_uuid_t));
		dlist_init(&agent->leases);
		dlist_init(&agent->superseded);
	}
	return agent;
}

SoAgent *
so_agents_find(const pg_uuid_t *agent_id)
{
	SoAgent *agent = hash_search(agents, agent_id, HASH_FIND, NULL);

	return agent != NULL && agent->registered ? agent : NULL;
}

static void
forget_superseded(SoAgent *agent)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &agent->superseded)
	{
		SoSuperseded *superseded = dlist_container(SoSuperseded, node, iter.cur);

		dlist_delete(iter.cur);
		pfree(superseded);
	}
}

SoAgent *
so_agents_register(const SoRequest *request, bool enabled, uint64 *forgotten)
{
	SoAgent *agent = so_agents_enter(&request->agent_id);

	*forgotten = agent->request;
	so_agents_unpark(agent);
	if (memcmp(&agent->instance_id, &request->instance_id, sizeof(pg_uuid_t)) != 0)
		forget_superseded(agent);
	agent->registered = true;
	agent->instance_id = request->instance_id;
	strlcpy(agent->peer, request->peer, sizeof(agent->peer));
	/* Without the port, which is another one for every connection. */
	if (strrchr(agent->peer, ':') != NULL)
		*strrchr(agent->peer, ':') = '\0';
	memcpy(agent->thumbprint, request->thumbprint, SO_THUMBPRINT_SIZE);
	agent->enabled = enabled;
	agent->seen = true;
	agent->dry_generation = 0;
	return agent;
}

void
so_agents_amnesty(int64 now_ms)
{
	HASH_SEQ_STATUS status;
	SoAgent *agent;

	hash_seq_init(&status, agents);
	while ((agent = hash_seq_search(&status)) != NULL)
		agent->heard_ms = now_ms;
}

void
so_agents_unregister(SoAgent *agent, uint64 *forgotten)
{
	*forgotten = agent->request;
	so_agents_unpark(agent);
	forget_superseded(agent);
	agent->registered = false;
	agent->enabled = false;
}

uint64
so_agents_park(SoAgent *agent, const SoRequest *request, int64 answer_by_ms)
{
	uint64 replaced = agent->request;
	ParkedRequest *entry;

	so_agents_unpark(agent);
	agent->request = request->request;
	agent->capacity = request->capacity;
	agent->answer_by_ms = answer_by_ms;
	agent->wake = false;
	entry = hash_search(parked_requests, &agent->request, HASH_ENTER, NULL);
	entry->agent = agent;
	dlist_push_tail(&parked, &agent->parked_node);
	pairingheap_add(deadlines, &agent->heap_node);
	return replaced;
}

bool
so_agents_asked(SoAgent *agent, const SoRequest *request)
{
	bool news = (agent->capacity == 0) != (request->capacity == 0);

	agent->held = request->n_held;
	agent->capacity = request->capacity;
	if (agent->asked != NULL)
		pfree(agent->asked);
	agent->asked = NULL;
	if (request->body_size > 0 && request->body_size <= ASKED_LIMIT)
		agent->asked = MemoryContextStrdup(TopMemoryContext, request->body);
	return news;
}

void
so_agents_unpark(SoAgent *agent)
{
	if (agent->request == 0)
		return;
	hash_search(parked_requests, &agent->request, HASH_REMOVE, NULL);
	dlist_delete(&agent->parked_node);
	pairingheap_remove(deadlines, &agent->heap_node);
	agent->request = 0;
}

void
so_agents_abandon(uint64 request)
{
	ParkedRequest *entry = hash_search(parked_requests, &request, HASH_FIND, NULL);

	if (entry != NULL)
		so_agents_unpark(entry->agent);
}

void
so_agents_abandon_all(void)
{
	while (!dlist_is_empty(&parked))
		so_agents_unpark(dlist_container(SoAgent, parked_node, dlist_head_node(&parked)));
}

void
so_agents_supersede(SoAgent *agent, const pg_uuid_t *task, uint32 attempt)
{
	dlist_iter iter;
	SoSuperseded *superseded;

	dlist_foreach(iter, &agent->superseded)
	{
		superseded = dlist_container(SoSuperseded, node, iter.cur);
		if (superseded->attempt == attempt &&
			memcmp(&superseded->task, task, sizeof(pg_uuid_t)) == 0)
			return;
	}
	superseded = MemoryContextAlloc(TopMemoryContext, sizeof(SoSuperseded));
	superseded->task = *task;
	superseded->attempt = attempt;
	dlist_push_tail(&agent->superseded, &superseded->node);
	so_agents_wake(agent);
}

void
so_agents_wake(SoAgent *agent)
{
	if (agent->request == 0)
		return;
	agent->wake = true;
	pairingheap_remove(deadlines, &agent->heap_node);
	agent->answer_by_ms = 0;
	pairingheap_add(deadlines, &agent->heap_node);
}

SoAgent *
so_agents_first_parked(void)
{
	if (dlist_is_empty(&parked))
		return NULL;
	return dlist_container(SoAgent, parked_node, dlist_head_node(&parked));
}

SoAgent *
so_agents_next_parked(SoAgent *agent)
{
	if (!dlist_has_next(&parked, &agent->parked_node))
		return NULL;
	return dlist_container(SoAgent, parked_node, dlist_next_node(&parked, &agent->parked_node));
}

SoAgent *
so_agents_next_due(int64 now_ms)
{
	SoAgent *agent;

	if (pairingheap_is_empty(deadlines))
		return NULL;
	agent = pairingheap_container(SoAgent, heap_node, pairingheap_first(deadlines));
	return agent->answer_by_ms <= now_ms ? agent : NULL;
}

int64
so_agents_next_deadline(void)
{
	if (pairingheap_is_empty(deadlines))
		return PG_INT64_MAX;
	return pairingheap_container(SoAgent, heap_node, pairingheap_first(deadlines))->answer_by_ms;
}

SoAgentWalk *
so_agents_walk(void)
{
	SoAgentWalk *walk = palloc(sizeof(SoAgentWalk));

	hash_seq_init(&walk->status, agents);
	return walk;
}

SoAgent *
so_agents_walk_next(SoAgentWalk *walk)
{
	SoAgent *agent = hash_seq_search(&walk->status);

	if (agent == NULL)
		pfree(walk);
	return agent;
}
