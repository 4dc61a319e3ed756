/*
 * bgworker/task_logs.c
 *
 * The master's memory of the task logs that somebody waits for.  All that
 * matters is in internal.task_log; this list says who is to be told, and when
 * it was told last.
 *
 * Process: master.  Shared data: internal.task_log and internal.task_log_part,
 * which only the master writes.  After a crash the next master reads what is
 * open and tells the workers again; a worker goes on with the byte that is due.
 */
#include "postgres.h"

#include "bgworker/task_logs.h"

#include "bgworker/answers.h"
#include "bgworker/spi.h"
#include "catalog/pg_type.h"
#include "extension/settings.h"
#include "extension/shared_memory.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* A worker is told again after this time, and open requests are looked at this often. */
#define REPEAT_MS 5000
#define LOOK_MS   1000

/* A request that is open. */
typedef struct OpenLog
{
	int64 request_id;
	pg_uuid_t agent_id;
	char *command; /* JSON object */
	int64 told_ms; /* 0: not yet, or not in this registration */
} OpenLog;

/* A row of internal.master_task_logs. */
typedef struct Seen
{
	bool open;
	int64 request_id;
	pg_uuid_t agent_id;
	char *command;
} Seen;

/* A row of internal.master_take_task_logs. */
typedef struct Taken
{
	SoRequest *request;
	int64 next_offset; /* -1: nothing more is wanted */
	int64 ended;       /* request that has ended by it; 0: none */
} Taken;

static SoSpiStatement look_statement = {
	.sql = "SELECT kind, request_id, agent, command FROM internal.master_task_logs($1)",
	.n_arguments = 1,
	.types = {INT4OID}};

static SoSpiStatement take_statement = {.sql = "SELECT request, coalesce(next_offset, -1), ended"
											   "  FROM internal.master_take_task_logs($1, $2)",
										.n_arguments = 2,
										.types = {UUIDARRAYOID, TEXTARRAYOID}};

void
so_task_logs_init(SoMaster *master)
{
	master->task_log_context =
		AllocSetContextCreate(TopMemoryContext, "scaleout task logs", ALLOCSET_SMALL_SIZES);
	master->task_logs_due = true;
}

int64
so_task_logs_deadline(const SoMaster *master)
{
	if (master->task_logs_due)
		return 0;
	return master->task_logs != NIL ? master->task_logs_ms : PG_INT64_MAX;
}

void
so_task_logs_take(SoMaster *master, SoBatch *batch)
{
	int n = list_length(batch->task_logs);
	pg_uuid_t *agents = palloc(sizeof(pg_uuid_t) * n);
	Datum *bodies = palloc(sizeof(Datum) * n);
	Datum arguments[2];
	uint64 rows;
	MemoryContext old;

	for (int i = 0; i < n; i++)
	{
		SoRequest *request = list_nth(batch->task_logs, i);

		agents[i] = request->agent_id;
		bodies[i] = CStringGetTextDatum(request->body);
	}
	arguments[0] = so_spi_uuid_array(agents, n);
	arguments[1] = so_spi_text_array(bodies, n);
	rows = so_spi_run(&take_statement, arguments, NULL);
	old = MemoryContextSwitchTo(master->turn);
	for (uint64 row = 0; row < rows; row++)
	{
		int index = so_spi_int32(row, 1) - 1;
		Taken *taken = palloc(sizeof(Taken));

		if (index < 0 || index >= n)
			elog(ERROR, "internal.master_take_task_logs answered for request %d of %d", index + 1,
				 n);
		taken->request = list_nth(batch->task_logs, index);
		taken->next_offset = so_spi_int64(row, 2);
		taken->ended = so_spi_int64(row, 3);
		batch->logs_taken = lappend(batch->logs_taken, taken);
	}
	MemoryContextSwitchTo(old);
}

void
so_task_logs_look(SoMaster *master, SoBatch *batch)
{
	Datum arguments[1] = {Int32GetDatum(so_setting_lease_interval)};
	uint64 rows = so_spi_run(&look_statement, arguments, NULL);
	MemoryContext old = MemoryContextSwitchTo(master->turn);

	for (uint64 row = 0; row < rows; row++)
	{
		Seen *seen = palloc(sizeof(Seen));

		seen->open = strcmp(so_spi_text(row, 1, master->turn), "open") == 0;
		seen->request_id = so_spi_int64(row, 2);
		seen->agent_id = so_spi_uuid(row, 3);
		seen->command = so_spi_text(row, 4, master->turn);
		batch->logs_open = lappend(batch->logs_open, seen);
	}
	MemoryContextSwitchTo(old);
}

static const OpenLog *
find_open(const List *logs, int64 request_id)
{
	ListCell *cell;

	foreach (cell, logs)
		if (((const OpenLog *) lfirst(cell))->request_id == request_id)
			return lfirst(cell);
	return NULL;
}

/* Take up what the look has found; who was told already stays told. */
static void
remember_open(SoMaster *master, const SoBatch *batch)
{
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "scaleout task logs", ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	List *logs = NIL;
	ListCell *cell;

	foreach (cell, batch->logs_open)
	{
		const Seen *seen = lfirst(cell);
		const OpenLog *known = find_open(master->task_logs, seen->request_id);
		SoAgent *agent = so_agents_find(&seen->agent_id);
		OpenLog *log;

		if (!seen->open)
		{
			so_shared_operation_finished(seen->request_id);
			continue;
		}
		log = palloc0(sizeof(OpenLog));
		if (known != NULL)
			*log = *known;
		log->request_id = seen->request_id;
		log->agent_id = seen->agent_id;
		log->command = pstrdup(seen->command);
		logs = lappend(logs, log);
		if (known == NULL && agent != NULL)
			so_agents_wake(agent);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(master->task_log_context);
	master->task_log_context = context;
	master->task_logs = logs;
	master->task_logs_due = false;
	master->task_logs_ms = master->now_ms + LOOK_MS;
}

/* It is not asked for any more. */
static void
forget_open(SoMaster *master, int64 request_id)
{
	ListCell *cell;

	foreach (cell, master->task_logs)
		if (((OpenLog *) lfirst(cell))->request_id == request_id)
		{
			MemoryContext old = MemoryContextSwitchTo(master->task_log_context);

			master->task_logs = foreach_delete_current(master->task_logs, cell);
			MemoryContextSwitchTo(old);
		}
}

void
so_task_logs_done(SoMaster *master, SoBatch *batch)
{
	ListCell *cell;

	foreach (cell, batch->logs_taken)
	{
		const Taken *taken = lfirst(cell);

		if (taken->ended == 0)
			continue;
		so_shared_operation_finished(taken->ended);
		forget_open(master, taken->ended);
	}
	if (batch->task_log_look)
		remember_open(master, batch);
	foreach (cell, batch->logs_taken)
	{
		const Taken *taken = lfirst(cell);
		SoAgent *agent = so_agents_find(&taken->request->agent_id);

		if (agent != NULL)
			so_answers_task_log(master, taken->request, agent, taken->next_offset);
		else
			so_gateway_frames_refuse(&master->gateway.out, taken->request->request,
									 SO_ERR_AGENT_UNREGISTERED, NULL, NULL);
	}
}

void
so_task_logs_registered(SoMaster *master, const SoAgent *agent)
{
	ListCell *cell;

	foreach (cell, master->task_logs)
	{
		OpenLog *log = lfirst(cell);

		if (memcmp(&log->agent_id, &agent->agent_id, sizeof(pg_uuid_t)) == 0)
			log->told_ms = 0;
	}
}

void
so_task_logs_commands(SoMaster *master, StringInfo json, SoAgent *agent)
{
	ListCell *cell;

	foreach (cell, master->task_logs)
	{
		OpenLog *log = lfirst(cell);

		if (memcmp(&log->agent_id, &agent->agent_id, sizeof(pg_uuid_t)) != 0)
			continue;
		if (log->told_ms != 0 && log->told_ms + REPEAT_MS > master->now_ms)
			continue;
		log->told_ms = master->now_ms;
		if (json->data[json->len - 1] != '[')
			appendStringInfoChar(json, ',');
		appendStringInfoString(json, log->command);
	}
}
