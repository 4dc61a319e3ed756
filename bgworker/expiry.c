/*
 * bgworker/expiry.c
 *
 * Leases that have ended without a result: the agent was silent for the
 * interval, or its loss is known.  The catalog decides whether the task is
 * ready again or has used up its attempts.
 *
 * Process: master.  Shared data: the scheduling tables, through
 * internal.master_expire.  After a crash the next master gives every live
 * lease a full interval and comes to the same end.
 */
#include "postgres.h"

#include "bgworker/expiry.h"

#include "bgworker/agents.h"
#include "bgworker/leases.h"
#include "bgworker/spi.h"
#include "catalog/pg_type.h"
#include "extension/shared_memory.h"

/* A row of internal.master_expire. */
typedef struct Ended
{
	pg_uuid_t task;
	int64 operation_id; /* the operation has ended; 0: it has not */
} Ended;

static SoSpiStatement expire_statement = {
	.sql = "SELECT task, operation_id FROM internal.master_expire($1, $2, $3)",
	.n_arguments = 3,
	.types = {UUIDARRAYOID, INT4ARRAYOID, INT4ARRAYOID}};

void
so_expiry_apply(SoMaster *master, SoBatch *batch)
{
	int n = list_length(batch->expired);
	pg_uuid_t *tasks = palloc(sizeof(pg_uuid_t) * n);
	int32 *attempts = palloc(sizeof(int32) * n);
	int32 *reasons = palloc(sizeof(int32) * n);
	Datum arguments[3];
	MemoryContext old;
	uint64 rows;

	for (int i = 0; i < n; i++)
	{
		SoLease *lease = list_nth(batch->expired, i);

		tasks[i] = lease->task;
		attempts[i] = (int32) lease->attempt;
		reasons[i] = (int32) lease->end;
	}
	arguments[0] = so_spi_uuid_array(tasks, n);
	arguments[1] = so_spi_int32_array(attempts, n);
	arguments[2] = so_spi_int32_array(reasons, n);
	rows = so_spi_run(&expire_statement, arguments, NULL);
	old = MemoryContextSwitchTo(master->turn);
	for (uint64 row = 0; row < rows; row++)
	{
		Ended *ended = palloc(sizeof(Ended));

		ended->task = so_spi_uuid(row, 1);
		ended->operation_id = so_spi_int64(row, 2);
		batch->ended = lappend(batch->ended, ended);
	}
	MemoryContextSwitchTo(old);
	batch->new_work = true;
}

void
so_expiry_done(SoMaster *master, SoBatch *batch)
{
	ListCell *cell;

	foreach (cell, batch->ended)
	{
		Ended *ended = lfirst(cell);

		if (ended->operation_id != 0)
			so_shared_operation_finished(ended->operation_id);
	}
	foreach (cell, batch->expired)
	{
		SoLease *lease = lfirst(cell);
		SoAgent *agent = so_agents_find(&lease->agent_id);

		/* Its result came in the same batch and was accepted. */
		if (lease->over)
			continue;
		if (agent != NULL && lease->end == SO_LEASE_SILENT)
			so_agents_supersede(agent, &lease->task, lease->attempt);
		so_leases_remove(lease);
	}
	if (batch->expired != NIL)
		so_master_ready(master);
}
