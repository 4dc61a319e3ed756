/*
 * bgworker/reports.c
 *
 * Hands the items of reports to the catalog and turns its verdicts into
 * acknowledgements.
 *
 * Process: master.  Shared data: the tables of messages and scheduling, through
 * internal.master_report.  A crash before the commit loses nothing that was
 * acknowledged; the agent sends the items again and the catalog drops what it
 * has.
 */
#include "postgres.h"

#include "bgworker/reports.h"

#include "bgworker/agents.h"
#include "bgworker/answers.h"
#include "bgworker/leases.h"
#include "bgworker/spi.h"
#include "catalog/pg_type.h"
#include "extension/shared_memory.h"
#include "utils/builtins.h"
#include "utils/json.h"

/* A row of internal.master_report. */
typedef struct Reported
{
	SoRequest *request;
	char *verdict; /* acknowledged, rejected, reply, superseded, over */
	pg_uuid_t task;
	uint32 attempt;
	int64 sequence;
	int64 operation_id; /* over: the operation has ended; 0: it is ready again */
	char *code;
	char *message; /* reply: JSON */
} Reported;

#define REPORT_COLUMNS "request, verdict, task, attempt, sequence, operation_id, code, message"

static SoSpiStatement report_statement = {.sql = "SELECT " REPORT_COLUMNS
												 " FROM internal.master_report($1, $2, $3, $4)",
										  .n_arguments = 4,
										  .types = {UUIDARRAYOID, TEXTARRAYOID, INT4OID, INT4OID}};

static SoSpiStatement reject_statement = {.sql = "SELECT " REPORT_COLUMNS
												 " FROM internal.master_reject($1, $2, $3, $4, $5)",
										  .n_arguments = 5,
										  .types = {UUIDOID, TEXTOID, INT4OID, TEXTOID, TEXTOID}};

static SoSpiStatement count_statement = {
	.sql = "SELECT pg_catalog.json_array_length($1::pg_catalog.json)",
	.n_arguments = 1,
	.types = {TEXTOID}};

/* Copy the rows into the batch; request n is the n-th of the list. */
static void
collect(SoMaster *master, SoBatch *batch, List *requests, uint64 rows)
{
	MemoryContext old = MemoryContextSwitchTo(master->turn);

	for (uint64 row = 0; row < rows; row++)
	{
		int index = so_spi_int32(row, 1) - 1;
		Reported *reported = palloc(sizeof(Reported));

		if (index < 0 || index >= list_length(requests))
			elog(ERROR, "internal.master_report answered for request %d of %d", index + 1,
				 list_length(requests));
		reported->request = list_nth(requests, index);
		reported->verdict = so_spi_text(row, 2, master->turn);
		reported->task = so_spi_uuid(row, 3);
		reported->attempt = (uint32) so_spi_int32(row, 4);
		reported->sequence = so_spi_int64(row, 5);
		reported->operation_id = so_spi_int64(row, 6);
		reported->code = so_spi_text(row, 7, master->turn);
		reported->message = so_spi_text(row, 8, master->turn);
		batch->reported = lappend(batch->reported, reported);
		if (strcmp(reported->verdict, "over") == 0 && reported->operation_id == 0)
			batch->new_work = true;
	}
	MemoryContextSwitchTo(old);
}

void
so_reports_apply(SoMaster *master, SoBatch *batch)
{
	int n = list_length(batch->reports);
	pg_uuid_t *agents = palloc(sizeof(pg_uuid_t) * n);
	Datum *bodies = palloc(sizeof(Datum) * n);
	Datum arguments[4];
	char nulls[5] = "    ";

	for (int i = 0; i < n; i++)
	{
		SoRequest *request = list_nth(batch->reports, i);

		agents[i] = request->agent_id;
		bodies[i] = CStringGetTextDatum(request->body);
	}
	arguments[0] = so_spi_uuid_array(agents, n);
	arguments[1] = so_spi_text_array(bodies, n);
	arguments[2] = Int32GetDatum(batch->first_item);
	arguments[3] = Int32GetDatum(batch->last_item);
	if (batch->last_item == 0)
		nulls[2] = nulls[3] = 'n';
	collect(master, batch, batch->reports, so_spi_run(&report_statement, arguments, nulls));
}

void
so_reports_reject(SoMaster *master, SoBatch *batch, SoRequest *report, int item,
				  const ErrorData *error)
{
	Datum arguments[5];

	arguments[0] = UUIDPGetDatum(&report->agent_id);
	arguments[1] = CStringGetTextDatum(report->body);
	arguments[2] = Int32GetDatum(item);
	arguments[3] = CStringGetTextDatum(unpack_sql_state(error->sqlerrcode));
	arguments[4] = CStringGetTextDatum(error->message != NULL ? error->message : "");
	collect(master, batch, list_make1(report), so_spi_run(&reject_statement, arguments, NULL));
}

int
so_reports_count_items(const SoRequest *report)
{
	Datum arguments[1];

	arguments[0] = CStringGetTextDatum(report->body);
	if (so_spi_run(&count_statement, arguments, NULL) != 1)
		return 0;
	return so_spi_int32(0, 1);
}

/* An attempt has ended with this report. */
static void
end_attempt(SoMaster *master, const Reported *reported)
{
	SoLease *lease = so_leases_find(&reported->task);

	if (lease != NULL && lease->attempt == reported->attempt)
		so_leases_over(lease, master->now_ms);
	if (reported->operation_id != 0)
		so_shared_operation_finished(reported->operation_id);
	else
		so_master_ready(master);
}

void
so_reports_done(SoMaster *master, SoBatch *batch)
{
	ListCell *cell;

	foreach (cell, batch->reported)
	{
		Reported *reported = lfirst(cell);

		if (strcmp(reported->verdict, "over") == 0)
			end_attempt(master, reported);
		else if (strcmp(reported->verdict, "superseded") == 0)
		{
			SoAgent *agent = so_agents_find(&reported->request->agent_id);

			if (agent != NULL)
				so_agents_supersede(agent, &reported->task, reported->attempt);
		}
	}
}

static void
append_item(StringInfo list, const Reported *reported)
{
	if (list->len > 0)
		appendStringInfoChar(list, ',');
	appendStringInfoChar(list, '{');
	so_answers_attempt(list, &reported->task, reported->attempt);
	appendStringInfo(list, ",\"sequence\":" INT64_FORMAT, reported->sequence);
}

/* By request, verdict, attempt and sequence. */
static int
compare_rows(const ListCell *a, const ListCell *b)
{
	const Reported *left = lfirst(a);
	const Reported *right = lfirst(b);
	int order;

	if (left->request->request != right->request->request)
		return left->request->request < right->request->request ? -1 : 1;
	order = strcmp(left->verdict, right->verdict);
	if (order == 0)
		order = memcmp(&left->task, &right->task, sizeof(pg_uuid_t));
	if (order == 0 && left->attempt != right->attempt)
		order = left->attempt < right->attempt ? -1 : 1;
	if (order == 0 && left->sequence != right->sequence)
		order = left->sequence < right->sequence ? -1 : 1;
	return order;
}

/* A report that was split has several rows for an attempt: only the last counts. */
static bool
is_last_acknowledgement(const List *rows, int row)
{
	const Reported *this = list_nth(rows, row);
	const Reported *next = row + 1 < list_length(rows) ? list_nth(rows, row + 1) : NULL;

	return next == NULL || next->request != this->request ||
		   strcmp(next->verdict, this->verdict) != 0 || next->attempt != this->attempt ||
		   memcmp(&next->task, &this->task, sizeof(pg_uuid_t)) != 0;
}

static void
answer(SoMaster *master, SoRequest *request, const StringInfoData *acknowledged,
	   const StringInfoData *rejected, const StringInfoData *replies)
{
	SoAgent *agent = so_agents_find(&request->agent_id);

	if (agent != NULL)
		so_answers_report(master, request, agent, acknowledged->data, rejected->data,
						  replies->data);
	else
		so_gateway_frames_refuse(&master->gateway.out, request->request, SO_ERR_AGENT_UNREGISTERED,
								 NULL, NULL);
}

static int
compare_reports(const ListCell *a, const ListCell *b)
{
	const SoRequest *left = lfirst(a);
	const SoRequest *right = lfirst(b);

	if (left->request != right->request)
		return left->request < right->request ? -1 : 1;
	return 0;
}

/* The rows of one request from *row on, as the lists of its answer. */
static void
collect_answer(SoBatch *batch, SoRequest *request, int *row, StringInfo acknowledged,
			   StringInfo rejected, StringInfo replies)
{
	for (; *row < list_length(batch->reported); (*row)++)
	{
		Reported *reported = list_nth(batch->reported, *row);

		if (reported->request != request)
			return;
		if (strcmp(reported->verdict, "acknowledged") == 0 &&
			is_last_acknowledgement(batch->reported, *row))
		{
			append_item(acknowledged, reported);
			appendStringInfoChar(acknowledged, '}');
		}
		else if (strcmp(reported->verdict, "rejected") == 0)
		{
			append_item(rejected, reported);
			appendStringInfoString(rejected, ",\"code\":");
			escape_json(rejected, reported->code != NULL ? reported->code
														 : so_error_state(SO_ERR_ITEM_REJECTED));
			appendStringInfoString(rejected, ",\"message\":");
			escape_json(rejected, reported->message != NULL ? reported->message : "");
			appendStringInfoChar(rejected, '}');
		}
		else if (strcmp(reported->verdict, "reply") == 0)
		{
			append_item(replies, reported);
			appendStringInfo(replies, ",\"body\":%s}", reported->message);
		}
	}
}

void
so_reports_answer(SoMaster *master, SoBatch *batch)
{
	ListCell *cell;
	int row = 0;

	list_sort(batch->reports, compare_reports);
	list_sort(batch->reported, compare_rows);
	foreach (cell, batch->reports)
	{
		StringInfoData acknowledged;
		StringInfoData rejected;
		StringInfoData replies;

		initStringInfo(&acknowledged);
		initStringInfo(&rejected);
		initStringInfo(&replies);
		collect_answer(batch, lfirst(cell), &row, &acknowledged, &rejected, &replies);
		answer(master, lfirst(cell), &acknowledged, &rejected, &replies);
	}
}
