/*
 * bgworker/joins.c
 *
 * Enrolment: the catalog judges the token and trusts the certificate with which
 * the request came; the new trust set goes to the gateway with the same commit.
 *
 * Process: master.  Shared data: internal.enrollment_token,
 * internal.enrollment_attempt, internal.worker_certificate.  A worker whose
 * answer was lost with the master repeats its request and is recognised.
 */
#include "postgres.h"

#include "bgworker/joins.h"

#include "bgworker/spi.h"
#include "catalog/pg_type.h"
#include "common/thumbprint.h"
#include "extension/error.h"
#include "utils/builtins.h"

/* A row of internal.master_join. */
typedef struct Joined
{
	SoRequest *request;
	bool enabled;
	char *code; /* NULL: accepted */
	char *message;
	char *reason; /* for the log */
} Joined;

static SoSpiStatement join_statement = {
	.sql = "SELECT request, enabled, code, message, reason"
		   "  FROM internal.master_join($1, $2, $3, $4)",
	.n_arguments = 4,
	.types = {TEXTARRAYOID, TEXTARRAYOID, UUIDARRAYOID, TEXTARRAYOID}};

static void
collect(SoMaster *master, SoBatch *batch, uint64 rows)
{
	MemoryContext old = MemoryContextSwitchTo(master->turn);

	for (uint64 row = 0; row < rows; row++)
	{
		int index = so_spi_int32(row, 1) - 1;
		Joined *joined = palloc(sizeof(Joined));

		if (index < 0 || index >= list_length(batch->joins))
			elog(ERROR, "internal.master_join answered for request %d", index + 1);
		joined->request = list_nth(batch->joins, index);
		joined->enabled = so_spi_bool(row, 2);
		joined->code = so_spi_text(row, 3, master->turn);
		joined->message = so_spi_text(row, 4, master->turn);
		joined->reason = so_spi_text(row, 5, master->turn);
		batch->joined = lappend(batch->joined, joined);
	}
	MemoryContextSwitchTo(old);
}

void
so_joins_apply(SoMaster *master, SoBatch *batch)
{
	int n = list_length(batch->joins);
	Datum *thumbprints = palloc(sizeof(Datum) * n);
	Datum *peers = palloc(sizeof(Datum) * n);
	pg_uuid_t *agents = palloc(sizeof(pg_uuid_t) * n);
	Datum *bodies = palloc(sizeof(Datum) * n);
	Datum arguments[4];

	for (int i = 0; i < n; i++)
	{
		SoRequest *request = list_nth(batch->joins, i);
		SoThumbprint thumbprint;
		char text[SO_THUMBPRINT_TEXT_SIZE];

		memcpy(thumbprint.bytes, request->thumbprint, SO_THUMBPRINT_SIZE);
		thumbprints[i] = CStringGetTextDatum(so_thumbprint_format(&thumbprint, text));
		peers[i] = CStringGetTextDatum(request->peer);
		agents[i] = request->agent_id;
		bodies[i] = CStringGetTextDatum(request->body);
	}
	arguments[0] = so_spi_text_array(thumbprints, n);
	arguments[1] = so_spi_text_array(peers, n);
	arguments[2] = so_spi_uuid_array(agents, n);
	arguments[3] = so_spi_text_array(bodies, n);
	collect(master, batch, so_spi_run(&join_statement, arguments, NULL));
	/* The worker registers as soon as it has its answer. */
	batch->trust_changed = master->gateway.pid != 0;
}

static void
answer(SoMaster *master, const Joined *joined)
{
	char *body;

	if (joined->code != NULL)
	{
		SoErrorCode code = so_error_from_state(joined->code);

		ereport(WARNING, (so_errcode(SO_ERR_ENROLLMENT_REFUSED),
						  errmsg("scaleout refused a worker at %s that wanted to join: %s",
								 joined->request->peer, joined->reason)));
		so_gateway_frames_refuse(&master->gateway.out, joined->request->request,
								 code != SO_OK ? code : SO_ERR_ENROLLMENT_REFUSED, NULL,
								 psprintf("The reason: %s.", joined->message));
		return;
	}
	ereport(LOG, (errmsg("a worker at %s has joined by a token", joined->request->peer)));
	body = psprintf("{\"epoch\":" UINT64_FORMAT ",\"enabled\":%s}", master->epoch,
					joined->enabled ? "true" : "false");
	so_gateway_frames_answer(&master->gateway.out, joined->request->request, 200, body,
							 strlen(body));
}

void
so_joins_done(SoMaster *master, SoBatch *batch)
{
	ListCell *cell;

	foreach (cell, batch->joined)
		answer(master, lfirst(cell));
}
