/*
 * bgworker/requests.c
 *
 * Applies the rows of internal.request.  They are found by transaction id from
 * the snapshot of the last look on, because a row with a lower number may
 * become visible later; that way a transaction that stays open for hours costs
 * nothing.
 *
 * Process: master.  Shared data: internal.request, of which the master deletes
 * what it applies in the same transaction.  After a crash the next master looks
 * at all rows.
 */
#include "postgres.h"

#include "bgworker/requests.h"

#include "bgworker/agents.h"
#include "bgworker/answers.h"
#include "bgworker/leases.h"
#include "bgworker/log_copy.h"
#include "bgworker/spi.h"
#include "catalog/pg_type.h"
#include "extension/settings.h"
#include "extension/shared_memory.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* A row of internal.master_apply_requests. */
typedef struct Action
{
	char *action;
	pg_uuid_t task;
	pg_uuid_t agent_id;
	int64 operation_id;
	char *detail;
} Action;

static SoSpiStatement apply_statement = {.sql = "SELECT action, task, agent, operation_id, detail"
												"  FROM internal.master_apply_requests($1, $2, $3)",
										 .n_arguments = 3,
										 .types = {TEXTOID, INT4OID, INT4OID}};

static SoSpiStatement reject_statement = {.sql =
											  "SELECT action, task, agent, operation_id, detail"
											  "  FROM internal.master_reject_request($1, $2, $3)",
										  .n_arguments = 3,
										  .types = {TEXTOID, TEXTOID, TEXTOID}};

static void
collect(SoMaster *master, SoBatch *batch, uint64 rows)
{
	MemoryContext old = MemoryContextSwitchTo(master->turn);

	for (uint64 row = 0; row < rows; row++)
	{
		Action *action = palloc(sizeof(Action));

		action->action = so_spi_text(row, 1, master->turn);
		action->task = so_spi_uuid(row, 2);
		action->agent_id = so_spi_uuid(row, 3);
		action->operation_id = so_spi_int64(row, 4);
		action->detail = so_spi_text(row, 5, master->turn);
		batch->actions = lappend(batch->actions, action);
		if (strcmp(action->action, "ready") == 0)
			batch->new_work = true;
		/* Whoever is trusted no more is shut out by the same commit. */
		if (strcmp(action->action, "trust") == 0 || strcmp(action->action, "agent_removed") == 0 ||
			strcmp(action->action, "agent_revoked") == 0)
			batch->trust_changed = master->gateway.pid != 0;
	}
	MemoryContextSwitchTo(old);
}

/* The position as an argument; NULL at first. */
static Datum
position_argument(const SoMaster *master, char *null)
{
	*null = master->position == NULL ? 'n' : ' ';
	return master->position == NULL ? (Datum) 0 : CStringGetTextDatum(master->position);
}

void
so_requests_apply(SoMaster *master, SoBatch *batch)
{
	Datum arguments[3];
	char nulls[4] = "   ";

	arguments[0] = position_argument(master, &nulls[0]);
	arguments[1] = Int32GetDatum(batch->request_limit);
	arguments[2] = Int32GetDatum(so_setting_lease_interval);
	collect(master, batch, so_spi_run(&apply_statement, arguments, nulls));
}

void
so_requests_reject_first(SoMaster *master, SoBatch *batch, const ErrorData *error)
{
	Datum arguments[3];
	char nulls[4] = "   ";

	arguments[0] = position_argument(master, &nulls[0]);
	arguments[1] = CStringGetTextDatum(unpack_sql_state(error->sqlerrcode));
	arguments[2] = CStringGetTextDatum(error->message != NULL ? error->message : "");
	collect(master, batch, so_spi_run(&reject_statement, arguments, nulls));
}

static void
stop_task(SoMaster *master, const Action *action)
{
	SoLease *lease = so_leases_find(&action->task);
	SoAgent *agent;

	if (lease == NULL)
		return;
	lease->stop_requested = true;
	agent = so_agents_find(&lease->agent_id);
	if (agent != NULL && lease->held_state == SO_HELD_RUNNING)
		so_agents_wake(agent);
}

/* It makes itself a new certificate; the catalog remembers until it has. */
static void
rotate_agent(const Action *action)
{
	SoAgent *agent = so_agents_find(&action->agent_id);

	if (agent == NULL)
		return;
	agent->rotate = true;
	agent->pins_told_ms = 0;
	so_agents_wake(agent);
}

/* Enabled or disabled: the agent is told at once, and may get work. */
static void
switch_agent(SoMaster *master, const Action *action, bool enabled)
{
	SoAgent *agent = so_agents_find(&action->agent_id);

	if (agent == NULL)
		return;
	agent->enabled = enabled;
	agent->dry_generation = 0;
	so_master_ready(master);
	if (!enabled)
		so_agents_wake(agent);
}

/* Removed or shut out: its tasks are offered again at once. */
static void
remove_agent(SoMaster *master, const Action *action, SoLeaseEnd reason)
{
	SoAgent *agent = so_agents_enter(&action->agent_id);
	uint64 forgotten;
	dlist_mutable_iter iter;

	so_agents_unregister(agent, &forgotten);
	if (forgotten != 0)
		so_gateway_frames_refuse(&master->gateway.out, forgotten, SO_ERR_AGENT_UNREGISTERED,
								 reason == SO_LEASE_REMOVED ? "the worker agent was removed"
															: "its certificate was revoked",
								 NULL);
	dlist_foreach_modify(iter, &agent->leases)
		so_leases_end_now(dlist_container(SoLease, agent_node, iter.cur), reason);
	master->trust_due = true;
}

static void
remember_position(SoMaster *master, const char *position)
{
	if (master->position != NULL)
		pfree(master->position);
	master->position = position == NULL ? NULL : MemoryContextStrdup(TopMemoryContext, position);
}

static void
carry_out(SoMaster *master, const Action *action)
{
	if (strcmp(action->action, "position") == 0)
		remember_position(master, action->detail);
	else if (strcmp(action->action, "more") == 0)
		master->requests_due = true;
	else if (strcmp(action->action, "ready") == 0)
		so_master_ready(master);
	else if (strcmp(action->action, "stop") == 0)
		stop_task(master, action);
	else if (strcmp(action->action, "finished") == 0)
		so_shared_operation_finished(action->operation_id);
	else if (strcmp(action->action, "agent_enabled") == 0)
		switch_agent(master, action, true);
	else if (strcmp(action->action, "agent_disabled") == 0)
		switch_agent(master, action, false);
	else if (strcmp(action->action, "agent_removed") == 0)
		remove_agent(master, action, SO_LEASE_REMOVED);
	else if (strcmp(action->action, "agent_revoked") == 0)
		remove_agent(master, action, SO_LEASE_REVOKED);
	else if (strcmp(action->action, "agent_rotate") == 0)
		rotate_agent(action);
	else if (strcmp(action->action, "task_logs") == 0)
		master->task_logs_due = true;
	else if (strcmp(action->action, "identity") == 0)
		master->identity_due = true;
	else if (strcmp(action->action, "trust") == 0)
		master->trust_due = true;
	else if (strcmp(action->action, "log_database") == 0)
		so_log_copy_changed(master);
	else if (strcmp(action->action, "configure") == 0)
		so_gateway_frames_configure(&master->gateway.out, master->kept_port);
	else if (strcmp(action->action, "disable") == 0)
	{
		master->leave = true;
		master->leave_reason = "scaleout was disabled";
	}
	else if (strcmp(action->action, "rejected") == 0)
		ereport(WARNING, (errcode(ERRCODE_DATA_EXCEPTION),
						  errmsg("scaleout could not apply a request: %s", action->detail)));
}

void
so_requests_done(SoMaster *master, SoBatch *batch)
{
	ListCell *cell;

	/* Who is enabled may decide whether everybody has confirmed. */
	if (batch->actions != NIL && master->rotation_pending)
		master->identity_due = true;
	foreach (cell, batch->actions)
		carry_out(master, lfirst(cell));
}
