/*
 * bgworker/admission.c
 *
 * What happens to a request before any SQL: who is it, what does it hold (which
 * renews leases at no cost), and does it need the catalog at all.
 *
 * Process: master.  Shared data: none.  Nothing here is durable, and nothing
 * needs to be: the next request of the agent says the same again.
 */
#include "postgres.h"

#include "bgworker/admission.h"

#include "bgworker/agents.h"
#include "bgworker/answers.h"
#include "bgworker/leases.h"
#include "extension/settings.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

/* When a worker becomes full, or asks again, catalog.worker_agents says so after this time. */
#define ASKED_DELAY_MS 1000

/* An agent that has not been heard of for so many of its heartbeat intervals has ended. */
#define SILENT_HEARTBEATS 3

static bool
same_uuid(const pg_uuid_t *a, const pg_uuid_t *b)
{
	return memcmp(a, b, sizeof(pg_uuid_t)) == 0;
}

/*
 * Another instance than the one that registered: a copy of the worker's folder, or
 * the worker itself, after a copy has registered in between.  While the one that
 * registered is heard of, the other one is told so; two that registered in turn would
 * take each other's tasks away.  When it is gone, the other one may register.
 * A poll that waits for nothing only asks (scaleout doctor does).
 */
static void
refuse_instance(SoMaster *master, const SoRequest *request, const SoAgent *agent)
{
	int64 silent_ms = master->now_ms - agent->heard_ms;
	bool asks =
		request->kind == SO_REQUEST_LEASE && request->capacity == 0 && request->wait_ms == 0;

	if (!asks && silent_ms > SILENT_HEARTBEATS * (int64) so_setting_agent_heartbeat_interval)
	{
		so_gateway_frames_refuse(
			&master->gateway.out, request->request, SO_ERR_AGENT_UNREGISTERED, NULL,
			psprintf("The process that registered from %s has been silent for " INT64_FORMAT " s.",
					 agent->peer, silent_ms / 1000));
		return;
	}
	so_gateway_frames_refuse(&master->gateway.out, request->request, SO_ERR_AGENT_INSTANCE, NULL,
							 psprintf("The worker is registered and %s, from %s.",
									  agent->enabled ? "enabled" : "disabled", agent->peer));
}

/* Is the request from an agent of this epoch?  Otherwise it is refused here. */
static SoAgent *
identify(SoMaster *master, const SoRequest *request)
{
	SoAgent *agent = so_agents_find(&request->agent_id);
	SoByteBuffer *out = &master->gateway.out;

	if (agent == NULL || request->epoch != master->epoch)
	{
		so_gateway_frames_refuse(out, request->request, SO_ERR_AGENT_UNREGISTERED, NULL,
								 psprintf("The epoch is " UINT64_FORMAT ".", master->epoch));
		return NULL;
	}
	if (memcmp(agent->thumbprint, request->thumbprint, SO_THUMBPRINT_SIZE) != 0)
	{
		so_gateway_frames_refuse(out, request->request, SO_ERR_CERTIFICATE_OTHER_AGENT, NULL, NULL);
		return NULL;
	}
	if (!same_uuid(&agent->instance_id, &request->instance_id))
	{
		refuse_instance(master, request, agent);
		return NULL;
	}
	agent->heard_ms = master->now_ms;
	return agent;
}

void
so_admission_held(SoMaster *master, const SoRequest *request, SoAgent *agent)
{
	for (uint32 i = 0; i < request->n_held; i++)
	{
		const SoHeld *held = &request->held[i];
		SoLease *lease = so_leases_find(&held->task);

		if (lease != NULL && lease->attempt == held->attempt &&
			same_uuid(&lease->agent_id, &request->agent_id))
		{
			/* One that is being ended in the catalog is not saved by a late listing. */
			if (lease->end == SO_LEASE_SILENT && !lease->ending)
				so_leases_renew(lease, master->now_ms);
			lease->instance_id = request->instance_id;
			lease->held_state = held->state;
			lease->listed_in = request->request;
		}
		else if (held->state != SO_HELD_FINISHED &&
				 !so_leases_recently_over(&held->task, held->attempt))
			so_agents_supersede(agent, &held->task, held->attempt);
	}
}

/*
 * Leases of the agent that its poll does not list were lost on the way to it:
 * send them again.  Also says when a stop must be repeated at the latest.
 */
static int64
find_lost_answers(SoMaster *master, SoBatch *batch, const SoRequest *request, SoAgent *agent)
{
	dlist_iter iter;
	int64 stop_at_ms = PG_INT64_MAX;

	dlist_foreach(iter, &agent->leases)
	{
		SoLease *lease = dlist_container(SoLease, agent_node, iter.cur);

		if (lease->listed_in != request->request)
		{
			SoRedelivery *again;

			if (lease->ending || lease->end != SO_LEASE_SILENT)
				continue;
			again = palloc(sizeof(SoRedelivery));
			again->task = lease->task;
			again->attempt = lease->attempt;
			again->agent_id = agent->agent_id;
			batch->redeliveries = lappend(batch->redeliveries, again);
		}
		else if (lease->stop_requested && lease->held_state == SO_HELD_RUNNING)
			stop_at_ms = Min(stop_at_ms, so_answers_stop_due(lease));
	}
	return stop_at_ms;
}

static void
admit_poll(SoMaster *master, SoBatch *batch, SoRequest *request, SoAgent *agent)
{
	int64 poll_until_ms = master->now_ms + request->wait_ms;
	int64 stop_at_ms = find_lost_answers(master, batch, request, agent);
	uint64 replaced = so_agents_park(agent, request, Min(poll_until_ms, stop_at_ms));

	if (replaced != 0)
		so_answers_replaced_poll(master, replaced, agent->enabled);
	if (!dlist_is_empty(&agent->superseded))
		so_agents_wake(agent);
}

/* A report without items is a heartbeat: answered from memory. */
static bool
has_items(const SoRequest *request)
{
	const char *body = request->body;

	while (*body == ' ' || *body == '\n' || *body == '\r' || *body == '\t')
		body++;
	if (*body == '[')
		body++;
	while (*body == ' ' || *body == '\n' || *body == '\r' || *body == '\t')
		body++;
	return *body != '\0' && *body != ']';
}

void
so_admission_request(SoMaster *master, SoBatch *batch, SoRequest *request)
{
	SoAgent *agent;

	if (request->kind == SO_REQUEST_REGISTER)
	{
		batch->registers = lappend(batch->registers, request);
		return;
	}
	if (request->kind == SO_REQUEST_JOIN)
	{
		batch->joins = lappend(batch->joins, request);
		return;
	}
	agent = identify(master, request);
	if (agent == NULL)
		return;
	agent->seen = true;
	if (request->kind == SO_REQUEST_LEASE && so_agents_asked(agent, request))
		master->next_online_ms = Min(master->next_online_ms, master->now_ms + ASKED_DELAY_MS);
	if (request->kind == SO_REQUEST_TASK_LOG)
	{
		batch->task_logs = lappend(batch->task_logs, request);
		return;
	}
	so_admission_held(master, request, agent);
	if (request->kind == SO_REQUEST_LEASE)
		admit_poll(master, batch, request, agent);
	else if (has_items(request))
		batch->reports = lappend(batch->reports, request);
	else
		so_answers_report(master, request, agent, NULL, NULL, NULL);
}
