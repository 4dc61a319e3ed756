/*
 * bgworker/leasing.c
 *
 * Which agents get the ready tasks: polls are served in order of arrival, one
 * task each in turn, and only as many polls are answered as there are tasks.
 * Which tasks fit is decided by internal.master_lease.
 *
 * Process: master.  Shared data: internal.ready and internal.task.  A crash
 * after the commit and before the answer leaves leases that no agent lists:
 * the next poll of the agent brings them again, or they expire.
 */
#include "postgres.h"

#include "bgworker/leasing.h"

#include "bgworker/agents.h"
#include "bgworker/answers.h"
#include "bgworker/spi.h"
#include "catalog/pg_type.h"
#include "common/protocol.h"
#include "extension/error.h"
#include "extension/shared_memory.h"
#include "utils/builtins.h"
#include "utils/json.h"

/* Agents that one call asks about. */
#define AGENTS_PER_CALL 128

/* A row of internal.master_lease. */
typedef struct Leased
{
	char *kind; /* task, project, finished, position */
	int agent;  /* index into the agents that were asked about, from 1 */
	pg_uuid_t task;
	uint32 attempt;
	int64 execution_id; /* position: the new position */
	int32 interval_ms;  /* position: 1 when there is work that nobody asked could take */
	char *hash;
	char *body;
} Leased;

#define LEASE_COLUMNS "kind, agent, task, attempt, execution_id, interval_ms, hash, body"

static SoSpiStatement lease_statement = {
	.sql = "SELECT " LEASE_COLUMNS " FROM internal.master_lease($1, $2, $3, $4, $5, $6)",
	.n_arguments = 6,
	.types = {INT8OID, INT8OID, UUIDARRAYOID, UUIDARRAYOID, INT4ARRAYOID, INT4OID}};

static SoSpiStatement reject_statement = {
	.sql = "SELECT " LEASE_COLUMNS " FROM internal.master_reject_ready($1, $2, $3, $4, $5)",
	.n_arguments = 5,
	.types = {INT8OID, UUIDARRAYOID, INT4ARRAYOID, TEXTOID, TEXTOID}};

static SoSpiStatement redeliver_statement = {.sql = "SELECT " LEASE_COLUMNS
													" FROM internal.master_redeliver($1, $2)",
											 .n_arguments = 2,
											 .types = {UUIDARRAYOID, INT4ARRAYOID}};

static List *
collect(SoMaster *master, int agents, uint64 rows)
{
	MemoryContext old = MemoryContextSwitchTo(master->turn);
	List *list = NIL;

	for (uint64 row = 0; row < rows; row++)
	{
		Leased *leased = palloc(sizeof(Leased));

		leased->kind = so_spi_text(row, 1, master->turn);
		leased->agent = so_spi_int32(row, 2);
		leased->task = so_spi_uuid(row, 3);
		leased->attempt = (uint32) so_spi_int32(row, 4);
		leased->execution_id = so_spi_int64(row, 5);
		leased->interval_ms = so_spi_int32(row, 6);
		leased->hash = so_spi_text(row, 7, master->turn);
		leased->body = so_spi_text(row, 8, master->turn);
		if (strcmp(leased->kind, "task") == 0 && (leased->agent < 1 || leased->agent > agents))
			elog(ERROR, "a task was leased to agent %d of %d", leased->agent, agents);
		list = lappend(list, leased);
	}
	MemoryContextSwitchTo(old);
	return list;
}

/* May the agent be given something that it has not been asked about? */
static bool
wants_work(const SoMaster *master, const SoAgent *agent, bool new_work)
{
	return agent->enabled && agent->capacity > 0 &&
		   (new_work || agent->dry_generation != master->ready_generation);
}

bool
so_leasing_wanted(SoMaster *master, bool new_work)
{
	for (SoAgent *agent = so_agents_first_parked(); agent != NULL;
		 agent = so_agents_next_parked(agent))
		if (wants_work(master, agent, new_work))
			return true;
	return false;
}

/* The agents to ask about, in order of arrival. */
static List *
waiting_agents(SoMaster *master, bool new_work)
{
	MemoryContext old = MemoryContextSwitchTo(master->turn);
	List *agents = NIL;

	for (SoAgent *agent = so_agents_first_parked();
		 agent != NULL && list_length(agents) < AGENTS_PER_CALL;
		 agent = so_agents_next_parked(agent))
		if (wants_work(master, agent, new_work))
			agents = lappend(agents, agent);
	MemoryContextSwitchTo(old);
	return agents;
}

static void
agent_arguments(List *agents, Datum *ids, Datum *instances, Datum *capacities)
{
	int n = list_length(agents);
	pg_uuid_t *id = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	pg_uuid_t *instance = palloc(sizeof(pg_uuid_t) * Max(n, 1));
	int32 *capacity = palloc(sizeof(int32) * Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		SoAgent *agent = list_nth(agents, i);

		id[i] = agent->agent_id;
		instance[i] = agent->instance_id;
		capacity[i] = (int32) agent->capacity;
	}
	*ids = so_spi_uuid_array(id, n);
	if (instances != NULL)
		*instances = so_spi_uuid_array(instance, n);
	*capacities = so_spi_int32_array(capacity, n);
}

static size_t
body_size(const Leased *leased)
{
	return leased->body != NULL ? strlen(leased->body) : 0;
}

static size_t
project_size(List *rows, const char *hash)
{
	ListCell *cell;

	foreach (cell, rows)
	{
		Leased *row = lfirst(cell);

		if (strcmp(row->kind, "project") == 0 && strcmp(row->hash, hash) == 0)
			return body_size(row);
	}
	return 0;
}

/*
 * An answer that is larger than a frame would end the gateway, again and again.
 * The error makes the caller try fewer tasks, and take out the one that is too
 * large alone.
 */
static void
require_sizes(SoBatch *batch, List *rows, int n_agents)
{
	int n_tasks = 0;
	size_t *sizes = palloc0(sizeof(size_t) * (n_agents + 1));
	List **hashes = palloc0(sizeof(List *) * (n_agents + 1));
	ListCell *cell;

	foreach (cell, rows)
		n_tasks += strcmp(((Leased *) lfirst(cell))->kind, "task") == 0;
	foreach (cell, rows)
	{
		Leased *row = lfirst(cell);
		ListCell *known;
		bool is_new = true;

		if (strcmp(row->kind, "task") != 0)
			continue;
		foreach (known, hashes[row->agent])
			is_new = is_new && strcmp(lfirst(known), row->hash) != 0;
		sizes[row->agent] += body_size(row) + (is_new ? project_size(rows, row->hash) : 0);
		if (is_new)
			hashes[row->agent] = lappend(hashes[row->agent], row->hash);
		if (sizes[row->agent] <= SO_LIMIT_TASKS)
			continue;
		/* Halved from what there was, not from what there could have been. */
		batch->lease_limit = Min(batch->lease_limit, n_tasks);
		ereport(ERROR, (so_errcode(SO_ERR_LEASE_FAILED),
						errmsg("values and project have %zu MB, and a worker is sent at most %d MB",
							   sizes[row->agent] >> 20, SO_LIMIT_TASKS >> 20)));
	}
}

void
so_leasing_apply(SoMaster *master, SoBatch *batch)
{
	Datum arguments[6];

	batch->leased_agents = waiting_agents(master, batch->new_work);
	arguments[0] = Int64GetDatum((int64) master->epoch);
	arguments[1] = Int64GetDatum(master->ready_position);
	agent_arguments(batch->leased_agents, &arguments[2], &arguments[3], &arguments[4]);
	arguments[5] = Int32GetDatum(batch->lease_limit);
	batch->leased = collect(master, list_length(batch->leased_agents),
							so_spi_run(&lease_statement, arguments, NULL));
	require_sizes(batch, batch->leased, list_length(batch->leased_agents));
}

void
so_leasing_reject_first(SoMaster *master, SoBatch *batch, const ErrorData *error)
{
	Datum arguments[5];

	batch->leased_agents = waiting_agents(master, batch->new_work);
	arguments[0] = Int64GetDatum(master->ready_position);
	agent_arguments(batch->leased_agents, &arguments[1], NULL, &arguments[2]);
	arguments[3] = CStringGetTextDatum(unpack_sql_state(error->sqlerrcode));
	arguments[4] = CStringGetTextDatum(error->message != NULL ? error->message : "");
	batch->leased = collect(master, list_length(batch->leased_agents),
							so_spi_run(&reject_statement, arguments, NULL));
}

void
so_leasing_redeliver(SoMaster *master, SoBatch *batch)
{
	int n = list_length(batch->redeliveries);
	pg_uuid_t *tasks = palloc(sizeof(pg_uuid_t) * n);
	int32 *attempts = palloc(sizeof(int32) * n);
	Datum arguments[2];

	for (int i = 0; i < n; i++)
	{
		SoRedelivery *again = list_nth(batch->redeliveries, i);

		tasks[i] = again->task;
		attempts[i] = (int32) again->attempt;
	}
	arguments[0] = so_spi_uuid_array(tasks, n);
	arguments[1] = so_spi_int32_array(attempts, n);
	batch->redelivered = collect(master, n, so_spi_run(&redeliver_statement, arguments, NULL));
}

/* The project with this hash, as a member of the JSON object. */
static void
append_project(StringInfo projects, List *rows, const char *hash)
{
	ListCell *cell;

	foreach (cell, rows)
	{
		Leased *row = lfirst(cell);

		if (strcmp(row->kind, "project") != 0 || strcmp(row->hash, hash) != 0)
			continue;
		if (projects->len > 0)
			appendStringInfoChar(projects, ',');
		escape_json(projects, hash);
		appendStringInfoChar(projects, ':');
		appendStringInfoString(projects, row->body);
		return;
	}
}

/* What one poll is answered with. */
typedef struct Parcel
{
	SoAgent *agent;
	StringInfoData tasks;
	StringInfoData projects;
	List *hashes; /* of those already in projects */
} Parcel;

static Parcel *
find_parcel(List **parcels, SoAgent *agent)
{
	ListCell *cell;
	Parcel *parcel;

	foreach (cell, *parcels)
	{
		parcel = lfirst(cell);
		if (parcel->agent == agent)
			return parcel;
	}
	parcel = palloc0(sizeof(Parcel));
	parcel->agent = agent;
	initStringInfo(&parcel->tasks);
	initStringInfo(&parcel->projects);
	*parcels = lappend(*parcels, parcel);
	return parcel;
}

static void
add_to_parcel(Parcel *parcel, const Leased *leased, List *rows)
{
	ListCell *cell;

	appendStringInfo(&parcel->tasks, "%s%s", parcel->tasks.len > 0 ? "," : "", leased->body);
	foreach (cell, parcel->hashes)
		if (strcmp(lfirst(cell), leased->hash) == 0)
			return;
	parcel->hashes = lappend(parcel->hashes, leased->hash);
	append_project(&parcel->projects, rows, leased->hash);
}

static void
start_leases(SoMaster *master, SoBatch *batch, List **parcels)
{
	ListCell *cell;

	foreach (cell, batch->leased)
	{
		Leased *leased = lfirst(cell);

		if (strcmp(leased->kind, "task") == 0)
		{
			SoAgent *agent = list_nth(batch->leased_agents, leased->agent - 1);

			so_leases_add(&leased->task, leased->attempt, &agent->agent_id, &agent->instance_id,
						  leased->interval_ms, leased->execution_id, master->now_ms);
			add_to_parcel(find_parcel(parcels, agent), leased, batch->leased);
		}
		else if (strcmp(leased->kind, "finished") == 0)
			so_shared_operation_finished(leased->execution_id);
		else if (strcmp(leased->kind, "position") == 0)
		{
			master->ready_position = leased->execution_id;
			master->ready_left = leased->interval_ms != 0;
		}
	}
}

/*
 * An agent that got less than it can take, although more could have been
 * handed out, need not be asked again until there is new work.  When the queue
 * is empty that holds for every agent.
 */
static void
note_dry_agents(SoMaster *master, SoBatch *batch)
{
	int *given = palloc0(sizeof(int) * (list_length(batch->leased_agents) + 1));
	int total = 0;
	ListCell *cell;

	foreach (cell, batch->leased)
	{
		Leased *leased = lfirst(cell);

		if (strcmp(leased->kind, "task") == 0)
		{
			given[leased->agent]++;
			total++;
		}
	}
	if (total >= batch->lease_limit)
		return;
	for (int i = 0; i < list_length(batch->leased_agents); i++)
	{
		SoAgent *agent = list_nth(batch->leased_agents, i);

		if (given[i + 1] < (int) agent->capacity || !master->ready_left)
			agent->dry_generation = master->ready_generation;
	}
	if (!master->ready_left)
		for (SoAgent *agent = so_agents_first_parked(); agent != NULL;
			 agent = so_agents_next_parked(agent))
			agent->dry_generation = master->ready_generation;
}

static void
send_again(SoMaster *master, SoBatch *batch, List **parcels)
{
	ListCell *cell;

	foreach (cell, batch->redelivered)
	{
		Leased *leased = lfirst(cell);
		SoLease *lease = so_leases_find(&leased->task);
		SoAgent *agent;

		if (strcmp(leased->kind, "task") != 0 || lease == NULL || lease->attempt != leased->attempt)
			continue;
		agent = so_agents_find(&lease->agent_id);
		/* What does not fit is missing in the next poll too, and sent then. */
		if (agent == NULL || find_parcel(parcels, agent)->tasks.len +
									 find_parcel(parcels, agent)->projects.len + body_size(leased) +
									 project_size(batch->redelivered, leased->hash) >
								 SO_LIMIT_TASKS)
			continue;
		so_leases_renew(lease, master->now_ms);
		add_to_parcel(find_parcel(parcels, agent), leased, batch->redelivered);
	}
}

void
so_leasing_done(SoMaster *master, SoBatch *batch)
{
	List *parcels = NIL;
	ListCell *cell;

	start_leases(master, batch, &parcels);
	send_again(master, batch, &parcels);
	if (batch->leasing)
		note_dry_agents(master, batch);
	foreach (cell, parcels)
	{
		Parcel *parcel = lfirst(cell);

		/* A poll that went away meanwhile is found lost by the agent's next one. */
		if (parcel->agent->request != 0)
			so_answers_poll(master, parcel->agent, parcel->tasks.data, parcel->projects.data);
	}
}
