/*
 * bgworker/state.c
 *
 * Small statements of the master: live leases at the start, signs of life, the
 * trust set for the gateway.
 *
 * Process: master.  Shared data: internal.master_state and
 * internal.worker_agent, which only the master writes.  A crash leaves an old
 * time in them and nothing else.
 */
#include "postgres.h"

#include "bgworker/state.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include "bgworker/agents.h"
#include "bgworker/leases.h"
#include "bgworker/spi.h"
#include "catalog/pg_type.h"
#include "common/thumbprint.h"
#include "extension/settings.h"
#include "utils/builtins.h"

static SoSpiStatement leases_statement = {
	.sql = "SELECT task, attempt, agent, instance, interval_ms, execution_id, stop_requested"
		   "  FROM internal.master_live_leases()"};

static SoSpiStatement online_statement = {
	.sql = "SELECT internal.master_online($1, $2, $3, $4)",
	.n_arguments = 4,
	.types = {UUIDARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID}};

static SoSpiStatement listening_statement = {.sql =
												 "SELECT internal.master_listening($1, $2, $3, $4)",
											 .n_arguments = 4,
											 .types = {TEXTOID, TEXTOID, INT4OID, TEXTOID}};

static SoSpiStatement trust_statement = {.sql =
											 "SELECT thumbprint FROM internal.master_trust_set()"};

static SoSpiStatement open_statement = {.sql = "SELECT internal.master_enrollment_open()"};

static SoSpiStatement serves_statement = {
	.sql = "SELECT internal.master_serves($1)", .n_arguments = 1, .types = {TEXTOID}};

void
so_state_load_leases(SoMaster *master)
{
	uint64 rows = so_spi_run(&leases_statement, NULL, NULL);

	for (uint64 row = 0; row < rows; row++)
	{
		pg_uuid_t task = so_spi_uuid(row, 1);
		pg_uuid_t agent = so_spi_uuid(row, 3);
		pg_uuid_t instance = so_spi_uuid(row, 4);
		SoLease *lease = so_leases_add(&task, (uint32) so_spi_int32(row, 2), &agent, &instance,
									   so_spi_int32(row, 5), so_spi_int64(row, 6), master->now_ms);

		lease->stop_requested = so_spi_bool(row, 7);
	}
}

/* What is written about the agents that were heard of. */
typedef struct SeenAgents
{
	int n;
	int room;
	pg_uuid_t *ids;
	int32 *capacities;
	int32 *held;
	Datum *asked;
} SeenAgents;

/* Room for the first agents, or for twice as many. */
static void
make_room(SeenAgents *seen)
{
	if (seen->ids == NULL)
	{
		seen->ids = palloc(sizeof(pg_uuid_t) * seen->room);
		seen->capacities = palloc(sizeof(int32) * seen->room);
		seen->held = palloc(sizeof(int32) * seen->room);
		seen->asked = palloc(sizeof(Datum) * seen->room);
		return;
	}
	seen->room *= 2;
	seen->ids = repalloc(seen->ids, sizeof(pg_uuid_t) * seen->room);
	seen->capacities = repalloc(seen->capacities, sizeof(int32) * seen->room);
	seen->held = repalloc(seen->held, sizeof(int32) * seen->room);
	seen->asked = repalloc(seen->asked, sizeof(Datum) * seen->room);
}

void
so_state_online(SoMaster *master, SoBatch *batch)
{
	SoAgentWalk *walk = so_agents_walk();
	SoAgent *agent;
	SeenAgents seen = {.room = 64};
	Datum arguments[4];

	make_room(&seen);
	while ((agent = so_agents_walk_next(walk)) != NULL)
	{
		if (!agent->seen && agent->request == 0)
			continue;
		if (seen.n == seen.room)
			make_room(&seen);
		seen.ids[seen.n] = agent->agent_id;
		seen.capacities[seen.n] = (int32) agent->capacity;
		seen.held[seen.n] = (int32) agent->held;
		seen.asked[seen.n] = CStringGetTextDatum(agent->asked != NULL ? agent->asked : "");
		seen.n++;
		agent->seen = false;
	}
	arguments[0] = so_spi_uuid_array(seen.ids, seen.n);
	arguments[1] = so_spi_int32_array(seen.capacities, seen.n);
	arguments[2] = so_spi_int32_array(seen.held, seen.n);
	arguments[3] = so_spi_text_array(seen.asked, seen.n);
	(void) so_spi_run(&online_statement, arguments, NULL);
}

/* The first address of this host that others can reach, or the loopback address. */
static char *
host_address(void)
{
	struct ifaddrs *addresses;
	char text[INET6_ADDRSTRLEN] = "127.0.0.1";

	if (getifaddrs(&addresses) != 0)
		return pstrdup(text);
	for (struct ifaddrs *address = addresses; address != NULL; address = address->ifa_next)
	{
		struct sockaddr_in inet;

		if (address->ifa_addr == NULL || address->ifa_addr->sa_family != AF_INET ||
			(address->ifa_flags & IFF_LOOPBACK) != 0 || (address->ifa_flags & IFF_UP) == 0)
			continue;
		memcpy(&inet, address->ifa_addr, sizeof(inet));
		inet_ntop(AF_INET, &inet.sin_addr, text, sizeof(text));
		break;
	}
	freeifaddrs(addresses);
	return pstrdup(text);
}

void
so_state_listening(SoMaster *master, SoBatch *batch)
{
	char *host = so_setting_resolved_host_name();
	Datum arguments[4];

	arguments[0] = CStringGetTextDatum(
		psprintf("https://%s:%d%s", host, master->listening_port, SO_ROUTE_PREFIX));
	arguments[1] = CStringGetTextDatum(host_address());
	arguments[2] = Int32GetDatum(master->listening_port);
	arguments[3] = CStringGetTextDatum(master->listening_thumbprint);
	(void) so_spi_run(&listening_statement, arguments, NULL);
	(void) so_spi_run(&serves_statement, &arguments[3], NULL);
}

void
so_state_trust(SoMaster *master, SoBatch *batch)
{
	uint64 rows = so_spi_run(&trust_statement, NULL, NULL);

	batch->thumbprints = MemoryContextAlloc(master->turn, Max(rows, 1) * SO_THUMBPRINT_SIZE);
	batch->n_thumbprints = 0;
	for (uint64 row = 0; row < rows; row++)
	{
		SoThumbprint thumbprint;
		SoError error;
		char *text = so_spi_text(row, 1, CurrentMemoryContext);

		if (!so_thumbprint_parse(text, &thumbprint, &error))
			elog(ERROR, "internal.worker_certificate holds a malformed thumbprint \"%s\"", text);
		memcpy(batch->thumbprints + (size_t) batch->n_thumbprints * SO_THUMBPRINT_SIZE,
			   thumbprint.bytes, SO_THUMBPRINT_SIZE);
		batch->n_thumbprints++;
	}
	batch->enrollment_open = so_spi_run(&open_statement, NULL, NULL) == 1 && so_spi_bool(0, 1);
}

void
so_state_trust_done(SoMaster *master, SoBatch *batch)
{
	if (!batch->trust && !batch->trust_changed)
		return;
	master->trust_due = false;
	master->enrollment_open = batch->enrollment_open;
	so_gateway_frames_trust(&master->gateway.out, batch->thumbprints, batch->n_thumbprints,
							batch->enrollment_open);
}

void
so_state_done(SoMaster *master, SoBatch *batch)
{
	if (batch->listening)
	{
		master->listening_due = false;
		/* Another certificate may be served now. */
		master->identity_due = true;
	}
	if (batch->online)
		master->next_online_ms = master->now_ms + so_setting_master_heartbeat_interval;
	if (batch->requests)
		master->next_probe_ms = master->now_ms + so_setting_probe_interval;
}
