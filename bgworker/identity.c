/*
 * bgworker/identity.c
 *
 * Rotation of the master's certificate: the catalog decides when all workers
 * that matter have stored the next thumbprint; then the files are renamed and
 * the gateway loads them.  Connections of the old certificate go on.  Workers
 * confirm by the version that they register with.
 *
 * Process: master.  Shared data: internal.master_certificate, which only the
 * master writes, and the files of the certificate.  After a crash the next
 * master finishes a half-done renaming before it starts a gateway.
 */
#include "postgres.h"

#include "bgworker/identity.h"

#include "bgworker/spi.h"
#include "catalog/pg_type.h"
#include "extension/error.h"
#include "extension/next_certificate.h"
#include "utils/memutils.h"

/* A worker that has not confirmed is told again after this time. */
#define REPEAT_MS 5000
#define DAY_MS    (24 * 3600 * 1000)

/* A row of internal.master_identity. */
typedef struct Finding
{
	char *kind;
	int64 number;
	char *detail;
} Finding;

static SoSpiStatement identity_statement = {
	.sql = "SELECT kind, number, detail FROM internal.master_identity($1)",
	.n_arguments = 1,
	.types = {BOOLOID}};

void
so_identity_apply(SoMaster *master, SoBatch *batch)
{
	Datum arguments[1] = {BoolGetDatum(master->now_ms >= master->next_expiry_ms)};
	uint64 rows = so_spi_run(&identity_statement, arguments, NULL);
	MemoryContext old = MemoryContextSwitchTo(master->turn);

	for (uint64 row = 0; row < rows; row++)
	{
		Finding *finding = palloc(sizeof(Finding));

		finding->kind = so_spi_text(row, 1, master->turn);
		finding->number = so_spi_int64(row, 2);
		finding->detail = so_spi_text(row, 3, master->turn);
		batch->identities = lappend(batch->identities, finding);
	}
	MemoryContextSwitchTo(old);
}

static void
wake_unconfirmed(SoMaster *master)
{
	SoAgentWalk *walk = so_agents_walk();
	SoAgent *agent;

	while ((agent = so_agents_walk_next(walk)) != NULL)
	{
		if (agent->registered && agent->pins_version < master->pins_version)
		{
			agent->pins_told_ms = 0;
			so_agents_wake(agent);
		}
	}
}

static void
take_pins(SoMaster *master, const Finding *finding)
{
	if (master->pins != NULL && master->pins_version == finding->number)
		return;
	if (master->pins != NULL)
		pfree(master->pins);
	master->pins = MemoryContextStrdup(TopMemoryContext, finding->detail);
	master->pins_version = finding->number;
	wake_unconfirmed(master);
}

/* The gateway says RELOADED when it has loaded the files; the catalog is told then. */
static void
switch_certificate(SoMaster *master, const char *thumbprint, int64 succession_s)
{
	SoError error = {0};

	if (so_next_certificate_install(thumbprint, succession_s, &error))
	{
		if (master->gateway.pid != 0)
			so_gateway_frames_configure(&master->gateway.out, master->kept_port);
		ereport(LOG, (errmsg("scaleout uses the next certificate of the master"),
					  errdetail("Its thumbprint is %s.", thumbprint)));
		return;
	}
	ereport(WARNING,
			(so_errcode(SO_ERR_CERTIFICATE_ROTATION),
			 errmsg("scaleout cannot put the next certificate in place: %s", error.message),
			 error.detail[0] != '\0' ? errdetail("%s", error.detail) : 0,
			 errhint("%s", so_error_default_hint(SO_ERR_CERTIFICATE_ROTATION))));
}

void
so_identity_done(SoMaster *master, SoBatch *batch)
{
	ListCell *cell;

	if (!batch->identity)
		return;
	master->identity_due = false;
	master->rotation_pending = false;
	if (master->now_ms >= master->next_expiry_ms)
		master->next_expiry_ms = master->now_ms + DAY_MS;
	foreach (cell, batch->identities)
	{
		const Finding *finding = lfirst(cell);

		if (strcmp(finding->kind, "pins") == 0)
			take_pins(master, finding);
		else if (strcmp(finding->kind, "pending") == 0)
			master->rotation_pending = true;
		else if (strcmp(finding->kind, "switch") == 0)
			switch_certificate(master, finding->detail, finding->number);
		else if (strcmp(finding->kind, "enrollment") == 0)
			master->trust_due |= (finding->number != 0) != master->enrollment_open;
		else if (strcmp(finding->kind, "warning") == 0)
			ereport(WARNING, (errmsg("scaleout: %s", finding->detail)));
	}
}

void
so_identity_commands(SoMaster *master, StringInfo json, SoAgent *agent)
{
	bool pins = master->pins != NULL && agent->pins_version < master->pins_version;

	if ((!pins && !agent->rotate) ||
		(agent->pins_told_ms != 0 && agent->pins_told_ms + REPEAT_MS > master->now_ms))
		return;
	agent->pins_told_ms = master->now_ms;
	if (pins)
	{
		if (json->data[json->len - 1] != '[')
			appendStringInfoChar(json, ',');
		appendStringInfo(json, "{\"command\":\"rotate\",%s}", master->pins);
	}
	if (agent->rotate)
	{
		if (json->data[json->len - 1] != '[')
			appendStringInfoChar(json, ',');
		appendStringInfoString(json, "{\"command\":\"rotate_certificate\"}");
	}
}
