/*
 * bgworker/registers.c
 *
 * Registration: the catalog checks the certificate's owner and records the
 * agent; then the master knows it in this epoch, and what it held in an
 * earlier life and does not hold any more is lost at once.
 *
 * Process: master.  Shared data: internal.worker_agent and
 * internal.worker_certificate.  After a crash the agents register again.
 */
#include "postgres.h"

#include "bgworker/registers.h"

#include "bgworker/admission.h"
#include "bgworker/agents.h"
#include "bgworker/answers.h"
#include "bgworker/leases.h"
#include "bgworker/spi.h"
#include "bgworker/task_logs.h"
#include "catalog/pg_type.h"
#include "common/thumbprint.h"
#include "utils/builtins.h"

typedef struct Registered
{
	SoRequest *request;
	bool enabled;
	int64 pins_version;
	bool rotate;
	char *code; /* NULL: accepted */
	char *message;
} Registered;

static SoSpiStatement register_statement = {
	.sql = "SELECT request, enabled, code, message, pins_version, rotate, trust"
		   "  FROM internal.master_register($1, $2, $3, $4, $5)",
	.n_arguments = 5,
	.types = {INT8OID, UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID, TEXTARRAYOID}};

void
so_registers_apply(SoMaster *master, SoBatch *batch)
{
	int n = list_length(batch->registers);
	pg_uuid_t *agents = palloc(sizeof(pg_uuid_t) * n);
	pg_uuid_t *instances = palloc(sizeof(pg_uuid_t) * n);
	Datum *thumbprints = palloc(sizeof(Datum) * n);
	Datum *bodies = palloc(sizeof(Datum) * n);
	Datum arguments[5];
	uint64 rows;

	for (int i = 0; i < n; i++)
	{
		SoRequest *request = list_nth(batch->registers, i);
		SoThumbprint thumbprint;
		char text[SO_THUMBPRINT_TEXT_SIZE];

		memcpy(thumbprint.bytes, request->thumbprint, SO_THUMBPRINT_SIZE);
		agents[i] = request->agent_id;
		instances[i] = request->instance_id;
		thumbprints[i] = CStringGetTextDatum(so_thumbprint_format(&thumbprint, text));
		bodies[i] = CStringGetTextDatum(request->body);
	}
	arguments[0] = Int64GetDatum((int64) master->epoch);
	arguments[1] = so_spi_uuid_array(agents, n);
	arguments[2] = so_spi_uuid_array(instances, n);
	arguments[3] = so_spi_text_array(thumbprints, n);
	arguments[4] = so_spi_text_array(bodies, n);
	rows = so_spi_run(&register_statement, arguments, NULL);
	for (uint64 row = 0; row < rows; row++)
	{
		int index = so_spi_int32(row, 1) - 1;
		MemoryContext old = MemoryContextSwitchTo(master->turn);
		Registered *registered;

		if (index < 0 || index >= n)
			elog(ERROR, "internal.master_register answered for request %d of %d", index + 1, n);
		registered = palloc(sizeof(Registered));
		registered->request = list_nth(batch->registers, index);
		registered->enabled = so_spi_bool(row, 2);
		registered->code = so_spi_text(row, 3, master->turn);
		registered->message = so_spi_text(row, 4, master->turn);
		registered->pins_version = so_spi_int64(row, 5);
		registered->rotate = so_spi_bool(row, 6);
		if (so_spi_bool(row, 7))
			batch->trust_changed = master->gateway.pid != 0;
		batch->registered = lappend(batch->registered, registered);
		MemoryContextSwitchTo(old);
	}
}

/*
 * A new life of the agent: what it was given before and does not list now is
 * lost, and that is known.  In the same life an unlisted lease is only an
 * answer that got lost; the next poll brings it again.
 */
static void
end_lost_leases(const SoRequest *request, SoAgent *agent)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &agent->leases)
	{
		SoLease *lease = dlist_container(SoLease, agent_node, iter.cur);

		if (memcmp(&lease->instance_id, &request->instance_id, sizeof(pg_uuid_t)) != 0)
			so_leases_end_now(lease, SO_LEASE_RESTARTED);
	}
}

static void
accept_agent(SoMaster *master, Registered *registered)
{
	SoRequest *request = registered->request;
	uint64 forgotten;
	SoAgent *agent = so_agents_register(request, registered->enabled, &forgotten);

	agent->heard_ms = master->now_ms;
	agent->pins_version = registered->pins_version;
	agent->pins_told_ms = 0;
	agent->rotate = registered->rotate;
	/* It may have been the last one that had to confirm. */
	master->identity_due |= master->rotation_pending;
	if (forgotten != 0)
		so_gateway_frames_refuse(&master->gateway.out, forgotten, SO_ERR_AGENT_UNREGISTERED, NULL,
								 NULL);
	/* Listed attempts take the new instance id, so they are not among the lost. */
	so_admission_held(master, request, agent);
	end_lost_leases(request, agent);
	so_task_logs_registered(master, agent);
	so_answers_register(master, request, agent);
}

void
so_registers_done(SoMaster *master, SoBatch *batch)
{
	ListCell *cell;

	foreach (cell, batch->registered)
	{
		Registered *registered = lfirst(cell);

		if (registered->code == NULL)
			accept_agent(master, registered);
		else
		{
			SoErrorCode code = so_error_from_state(registered->code);

			so_gateway_frames_refuse(&master->gateway.out, registered->request->request,
									 code != SO_OK ? code : SO_ERR_REGISTRATION_REFUSED,
									 registered->message, NULL);
		}
	}
}
