/*
 * bgworker/answers.c
 *
 * Puts answers together and queues them for the gateway.  Called after the
 * commit only: what is in an answer is durable.
 *
 * Process: master.  Shared data: none.  When the master dies before an answer
 * is written, the agent repeats its request and the catalog recognises it.
 */
#include "postgres.h"

#include "bgworker/answers.h"

#include "bgworker/identity.h"
#include "bgworker/leases.h"
#include "bgworker/task_logs.h"
#include "extension/settings.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

/* A stop is repeated to an agent that does not say it is stopping, but not in every answer. */
#define REPEAT_STOP_MS 1000

void
so_answers_uuid(StringInfo json, const pg_uuid_t *uuid)
{
	static const char digits[] = "0123456789abcdef";

	appendStringInfoChar(json, '"');
	for (int i = 0; i < UUID_LEN; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			appendStringInfoChar(json, '-');
		appendStringInfoChar(json, digits[uuid->data[i] >> 4]);
		appendStringInfoChar(json, digits[uuid->data[i] & 0x0f]);
	}
	appendStringInfoChar(json, '"');
}

void
so_answers_attempt(StringInfo json, const pg_uuid_t *task, uint32 attempt)
{
	appendStringInfoString(json, "\"task\":");
	so_answers_uuid(json, task);
	appendStringInfo(json, ",\"attempt\":%u", attempt);
}

int64
so_answers_stop_due(const SoLease *lease)
{
	return lease->stop_told_ms == 0 ? 0 : lease->stop_told_ms + REPEAT_STOP_MS;
}

static void
append_command(StringInfo json, const char *command, const pg_uuid_t *task, uint32 attempt)
{
	if (json->data[json->len - 1] != '[')
		appendStringInfoChar(json, ',');
	appendStringInfo(json, "{\"command\":\"%s\",", command);
	so_answers_attempt(json, task, attempt);
	appendStringInfoChar(json, '}');
}

void
so_answers_commands(SoMaster *master, StringInfo json, SoAgent *agent)
{
	dlist_mutable_iter iter;
	dlist_iter leases;

	appendStringInfoChar(json, '[');
	dlist_foreach_modify(iter, &agent->superseded)
	{
		SoSuperseded *superseded = dlist_container(SoSuperseded, node, iter.cur);

		append_command(json, "superseded", &superseded->task, superseded->attempt);
		dlist_delete(iter.cur);
		pfree(superseded);
	}
	dlist_foreach(leases, &agent->leases)
	{
		SoLease *lease = dlist_container(SoLease, agent_node, leases.cur);

		if (lease->stop_requested && lease->held_state == SO_HELD_RUNNING &&
			so_answers_stop_due(lease) <= master->now_ms)
		{
			append_command(json, "stop", &lease->task, lease->attempt);
			lease->stop_told_ms = master->now_ms;
		}
	}
	so_identity_commands(master, json, agent);
	so_task_logs_commands(master, json, agent);
	appendStringInfoChar(json, ']');
}

/* The beginning that all answers to polls and reports have. */
static void
begin_answer(SoMaster *master, StringInfo json, bool enabled)
{
	initStringInfo(json);
	appendStringInfo(json, "{\"epoch\":" UINT64_FORMAT ",\"enabled\":%s", master->epoch,
					 enabled ? "true" : "false");
}

static void
send_answer(SoMaster *master, uint64 request, StringInfo json)
{
	so_gateway_frames_answer(&master->gateway.out, request, 200, json->data, json->len);
	pfree(json->data);
}

void
so_answers_poll(SoMaster *master, SoAgent *agent, const char *tasks, const char *projects)
{
	StringInfoData json;
	uint64 request = agent->request;

	so_agents_unpark(agent);
	begin_answer(master, &json, agent->enabled);
	appendStringInfo(&json, ",\"tasks\":[%s]", tasks != NULL ? tasks : "");
	appendStringInfo(&json, ",\"projects\":{%s}", projects != NULL ? projects : "");
	appendStringInfoString(&json, ",\"commands\":");
	so_answers_commands(master, &json, agent);
	appendStringInfoChar(&json, '}');
	send_answer(master, request, &json);
}

void
so_answers_replaced_poll(SoMaster *master, uint64 request, bool enabled)
{
	StringInfoData json;

	begin_answer(master, &json, enabled);
	appendStringInfoString(&json, ",\"tasks\":[],\"projects\":{},\"commands\":[]}");
	send_answer(master, request, &json);
}

void
so_answers_report(SoMaster *master, const SoRequest *request, SoAgent *agent,
				  const char *acknowledged, const char *rejected, const char *replies)
{
	StringInfoData json;

	begin_answer(master, &json, agent->enabled);
	appendStringInfo(&json, ",\"acknowledged\":[%s]", acknowledged != NULL ? acknowledged : "");
	appendStringInfo(&json, ",\"rejected\":[%s]", rejected != NULL ? rejected : "");
	if (replies != NULL && replies[0] != '\0')
		appendStringInfo(&json, ",\"replies\":[%s]", replies);
	appendStringInfoString(&json, ",\"commands\":");
	so_answers_commands(master, &json, agent);
	appendStringInfoChar(&json, '}');
	send_answer(master, request->request, &json);
}

void
so_answers_task_log(SoMaster *master, const SoRequest *request, SoAgent *agent, int64 next_offset)
{
	StringInfoData json;

	begin_answer(master, &json, agent->enabled);
	if (next_offset >= 0)
		appendStringInfo(&json, ",\"next\":" INT64_FORMAT, next_offset);
	else
		appendStringInfoString(&json, ",\"next\":null");
	appendStringInfoString(&json, ",\"commands\":");
	so_answers_commands(master, &json, agent);
	appendStringInfoChar(&json, '}');
	send_answer(master, request->request, &json);
}

void
so_answers_register(SoMaster *master, const SoRequest *request, SoAgent *agent)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"protocol\":%d,\"epoch\":" UINT64_FORMAT ",\"enabled\":%s",
					 SO_PROTOCOL_VERSION, master->epoch, agent->enabled ? "true" : "false");
	appendStringInfo(&json,
					 ",\"lease_interval_ms\":%d,\"heartbeat_interval_ms\":%d,\"long_poll_ms\":%d",
					 so_setting_lease_interval,
					 /* Two heartbeats may be late before a lease ends. */
					 Min(so_setting_agent_heartbeat_interval, so_setting_lease_interval / 3),
					 so_setting_long_poll_interval);
	appendStringInfoString(&json, ",\"commands\":");
	so_answers_commands(master, &json, agent);
	appendStringInfoChar(&json, '}');
	send_answer(master, request->request, &json);
}

void
so_answers_due_polls(SoMaster *master)
{
	SoAgent *agent;

	while ((agent = so_agents_next_due(master->now_ms)) != NULL)
		so_answers_poll(master, agent, NULL, NULL);
}
