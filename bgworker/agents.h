/*
 * bgworker/agents.h
 *
 * The agents that the master knows in this epoch, their parked polls and what
 * is to be told to them.
 */
#ifndef BGWORKER_AGENTS_H
#define BGWORKER_AGENTS_H

#include "bgworker/gateway_frames.h"
#include "lib/ilist.h"
#include "lib/pairingheap.h"
#include "utils/uuid.h"

/* An attempt that the agent must drop. */
typedef struct SoSuperseded
{
	dlist_node node;
	pg_uuid_t task;
	uint32 attempt;
} SoSuperseded;

#define SO_AGENT_PEER_SIZE 64

typedef struct SoAgent
{
	pg_uuid_t agent_id; /* key */
	bool registered;    /* in this epoch; otherwise only a name for leases */
	pg_uuid_t instance_id;
	char peer[SO_AGENT_PEER_SIZE]; /* the address from which it registered */
	int64 heard_ms;                /* when this instance was heard of */
	uint8 thumbprint[SO_THUMBPRINT_SIZE];
	bool enabled;
	int64 pins_version;    /* of the master's thumbprints that it has stored */
	int64 pins_told_ms;    /* when it was last told about certificates; 0: not yet */
	bool rotate;           /* it must make itself a new certificate */
	uint32 held;           /* attempts that its last poll listed */
	char *asked;           /* body of its last poll: why not more, and its load; NULL: not said */
	bool seen;             /* since LAST_ONLINE_TIME was last written */
	uint64 dry_generation; /* there was nothing for it when the queue was at this generation */

	/* the parked poll; request is 0 when there is none */
	uint64 request;
	uint32 capacity;
	int64 answer_by_ms;
	bool wake; /* answer it now, there is a command */
	pairingheap_node heap_node;
	dlist_node parked_node;

	dlist_head leases;     /* of SoLease */
	dlist_head superseded; /* of SoSuperseded */
} SoAgent;

extern void so_agents_init(void);

/* The agent with this id, made unregistered when it is unknown. */
extern SoAgent *so_agents_enter(const pg_uuid_t *agent_id);

/* The registered agent with this id, or NULL. */
extern SoAgent *so_agents_find(const pg_uuid_t *agent_id);

/*
 * The agent has registered: remember its instance and certificate.  A poll of
 * an earlier instance is forgotten; *forgotten is its request or 0, to be
 * answered by the caller.
 */
extern SoAgent *so_agents_register(const SoRequest *request, bool enabled, uint64 *forgotten);

/* Nobody could be heard for a while: all agents count as heard of now. */
extern void so_agents_amnesty(int64 now_ms);

/* Forget the registration (the agent was removed); *forgotten as above. */
extern void so_agents_unregister(SoAgent *agent, uint64 *forgotten);

/* Park the poll; returns the request of the poll that it replaces, or 0. */
extern uint64 so_agents_park(SoAgent *agent, const SoRequest *request, int64 answer_by_ms);

/*
 * Remember what the poll asked for and why not for more; true when the reason
 * to ask for nothing came or went, which is worth telling at once.
 */
extern bool so_agents_asked(SoAgent *agent, const SoRequest *request);

/* Take the agent's poll off the list of parked polls. */
extern void so_agents_unpark(SoAgent *agent);

/* The gateway lost this request: forget the poll, if it is one. */
extern void so_agents_abandon(uint64 request);

/* The gateway is gone and with it every parked poll. */
extern void so_agents_abandon_all(void);

/* Tell the agent to drop the attempt, now if it has a poll parked. */
extern void so_agents_supersede(SoAgent *agent, const pg_uuid_t *task, uint32 attempt);

/* Answer the agent's poll, if it has one, at the next turn: there is news. */
extern void so_agents_wake(SoAgent *agent);

/* First parked agent in order of arrival, and the next one; NULL at the end. */
extern SoAgent *so_agents_first_parked(void);
extern SoAgent *so_agents_next_parked(SoAgent *agent);

/* A parked agent whose poll has waited long enough, or that has news; or NULL. */
extern SoAgent *so_agents_next_due(int64 now_ms);

/* When so_agents_next_due should be asked again; PG_INT64_MAX for never. */
extern int64 so_agents_next_deadline(void);

/* Walk all agents, registered or not; NULL at the end, after which the walk is over. */
typedef struct SoAgentWalk SoAgentWalk;
extern SoAgentWalk *so_agents_walk(void);
extern SoAgent *so_agents_walk_next(SoAgentWalk *walk);

#endif /* BGWORKER_AGENTS_H */
