/*
 * bgworker/split.c
 *
 * Bisection of failed batches.  Each half runs in a transaction of its own, so
 * that errors which strike at commit are found as well; about 20 tries find
 * one bad message among a thousand.
 *
 * Process: master.  Shared data: the catalog.  After a crash in the middle the
 * halves that were committed are recognised when they come again.
 */
#include "postgres.h"

#include "bgworker/split.h"

#include "bgworker/leasing.h"
#include "bgworker/reports.h"
#include "bgworker/requests.h"
#include "bgworker/spi.h"
#include "extension/error.h"

/* How long an expired lease that the catalog cannot end waits for the next try. */
#define EXPIRY_RETRY_MS 60000
/* When not even the offender can be taken out: something is broken, do not spin. */
#define BROKEN_RETRY_MS 5000

/* Half of a list, the first or the second. */
static List *
half(List *list, bool second)
{
	int middle = list_length(list) / 2;
	List *result = NIL;

	for (int i = second ? middle : 0; i < (second ? list_length(list) : middle); i++)
		result = lappend(result, list_nth(list, i));
	return result;
}

static int
count_parts(const SoBatch *batch)
{
	return (batch->registers != NIL) + (batch->reports != NIL) + batch->requests +
		   (batch->expired != NIL) + batch->lease + (batch->redeliveries != NIL) +
		   (batch->joins != NIL) + (batch->task_logs != NIL) + batch->task_log_look +
		   batch->log_copy + (batch->online || batch->listening || batch->trust || batch->identity);
}

/* Each part of the batch as a batch of its own. */
static void
split_parts(SoMaster *master, SoBatch *batch)
{
	SoBatch parts[] = {
		{.joins = batch->joins},
		{.registers = batch->registers},
		{.reports = batch->reports, .first_item = batch->first_item, .last_item = batch->last_item},
		{.requests = batch->requests, .request_limit = batch->request_limit},
		{.expired = batch->expired},
		{.lease = batch->lease, .lease_limit = batch->lease_limit},
		{.redeliveries = batch->redeliveries},
		{.task_logs = batch->task_logs},
		{.task_log_look = batch->task_log_look},
		{.log_copy = batch->log_copy},
		{.online = batch->online,
		 .listening = batch->listening,
		 .trust = batch->trust,
		 .identity = batch->identity}};

	for (int i = 0; i < lengthof(parts) && !master->leave; i++)
	{
		parts[i].lease_limit = parts[i].lease ? batch->lease_limit : 0;
		if (count_parts(&parts[i]) > 0)
			so_tick_batch(master, &parts[i]);
	}
}

/* Say that something of ours cannot be written; it stays due. */
static void
complain(const ErrorData *error, const char *what)
{
	ereport(WARNING,
			(errcode(error->sqlerrcode), errmsg("scaleout cannot %s: %s", what, error->message),
			 error->detail != NULL ? errdetail_internal("%s", error->detail) : 0,
			 error->context != NULL ? errcontext("%s", error->context) : 0));
}

static void
split_registers(SoMaster *master, SoBatch *batch, ErrorData *error)
{
	if (list_length(batch->registers) > 1)
	{
		SoBatch first = {.registers = half(batch->registers, false)};
		SoBatch second = {.registers = half(batch->registers, true)};

		so_tick_batch(master, &first);
		so_tick_batch(master, &second);
		return;
	}
	so_gateway_frames_refuse(&master->gateway.out,
							 ((SoRequest *) linitial(batch->registers))->request,
							 SO_ERR_REGISTRATION_REFUSED, error->message, error->detail);
}

static void
split_joins(SoMaster *master, SoBatch *batch, ErrorData *error)
{
	if (list_length(batch->joins) > 1)
	{
		SoBatch first = {.joins = half(batch->joins, false)};
		SoBatch second = {.joins = half(batch->joins, true)};

		so_tick_batch(master, &first);
		so_tick_batch(master, &second);
		return;
	}
	complain(error, "let a worker join");
	so_gateway_frames_refuse(&master->gateway.out, ((SoRequest *) linitial(batch->joins))->request,
							 SO_ERR_ENROLLMENT_REFUSED, NULL, error->message);
}

/* A piece that cannot be stored ends its fetch: the worker is told and says so. */
static void
split_task_logs(SoMaster *master, SoBatch *batch, ErrorData *error)
{
	if (list_length(batch->task_logs) > 1)
	{
		SoBatch first = {.task_logs = half(batch->task_logs, false)};
		SoBatch second = {.task_logs = half(batch->task_logs, true)};

		so_tick_batch(master, &first);
		so_tick_batch(master, &second);
		return;
	}
	complain(error, "store a piece of a task log");
	so_gateway_frames_refuse(&master->gateway.out,
							 ((SoRequest *) linitial(batch->task_logs))->request,
							 SO_ERR_ITEM_REJECTED, error->message, error->detail);
}

/* Work for so_tick_transaction on a single report. */
static void
count_work(SoMaster *master, SoBatch *batch, void *argument)
{
	*(int *) argument = so_reports_count_items(linitial(batch->reports));
}

static void
items_work(SoMaster *master, SoBatch *batch, void *argument)
{
	so_reports_apply(master, batch);
}

static void
reject_work(SoMaster *master, SoBatch *batch, void *argument)
{
	so_reports_reject(master, batch, linitial(batch->reports), batch->first_item, argument);
}

/*
 * Record items first to last of the only report; appends the outcome to whole.
 * false when the rest must be tried later.
 */
static bool
record_items(SoMaster *master, SoBatch *whole, int first, int last)
{
	SoBatch part = {.reports = whole->reports, .first_item = first, .last_item = last};
	ErrorData *error = so_tick_transaction(master, &part, items_work, NULL);

	if (error != NULL && !so_spi_retryable(error) && first < last)
	{
		int middle = first + (last - first) / 2;

		return record_items(master, whole, first, middle) &&
			   record_items(master, whole, middle + 1, last);
	}
	if (error != NULL && !so_spi_retryable(error))
	{
		complain(error, "store an item of a report");
		error = so_tick_transaction(master, &part, reject_work, error);
	}
	if (error != NULL || master->leave)
		return false;
	so_reports_done(master, &part);
	whole->reported = list_concat(whole->reported, part.reported);
	return true;
}

static void
split_reports(SoMaster *master, SoBatch *batch)
{
	int items = 0;
	ErrorData *error;
	SoRequest *request = linitial(batch->reports);

	if (list_length(batch->reports) > 1)
	{
		SoBatch first = {.reports = half(batch->reports, false)};
		SoBatch second = {.reports = half(batch->reports, true)};

		so_tick_batch(master, &first);
		so_tick_batch(master, &second);
		return;
	}
	error = so_tick_transaction(master, batch, count_work, &items);
	if (error == NULL && !master->leave && record_items(master, batch, 1, Max(items, 1)))
	{
		so_reports_answer(master, batch);
		return;
	}
	so_gateway_frames_refuse(&master->gateway.out, request->request,
							 error != NULL && !so_spi_retryable(error) ? SO_ERR_REPORT_MALFORMED
																	   : SO_ERR_MASTER_RETRY,
							 NULL, error != NULL ? error->message : NULL);
}

static void
reject_request_work(SoMaster *master, SoBatch *batch, void *argument)
{
	so_requests_reject_first(master, batch, argument);
}

static void
split_requests(SoMaster *master, SoBatch *batch, ErrorData *error)
{
	SoBatch smaller = {.requests = true, .request_limit = batch->request_limit / 2};

	if (batch->request_limit > 1)
		so_tick_batch(master, &smaller);
	else if ((error = so_tick_transaction(master, batch, reject_request_work, error)) == NULL)
		so_requests_done(master, batch);
	else
	{
		complain(error, "take out a request that cannot be applied");
		master->retry_ms = master->now_ms + BROKEN_RETRY_MS;
	}
	/* Those behind it have not been looked at. */
	master->requests_due = true;
}

static void
split_expired(SoMaster *master, SoBatch *batch, ErrorData *error)
{
	if (list_length(batch->expired) > 1)
	{
		SoBatch first = {.expired = half(batch->expired, false)};
		SoBatch second = {.expired = half(batch->expired, true)};

		so_tick_batch(master, &first);
		so_tick_batch(master, &second);
		return;
	}
	complain(error, "end a lease");
	so_leases_retry(linitial(batch->expired), master->now_ms + EXPIRY_RETRY_MS);
}

static void
reject_ready_work(SoMaster *master, SoBatch *batch, void *argument)
{
	so_leasing_reject_first(master, batch, argument);
}

static void
split_lease(SoMaster *master, SoBatch *batch, ErrorData *error)
{
	SoBatch smaller = {.lease = true, .lease_limit = batch->lease_limit / 2};

	if (batch->lease_limit > 1)
	{
		so_tick_batch(master, &smaller);
		return;
	}
	complain(error, "hand a task to a worker");
	error = so_tick_transaction(master, batch, reject_ready_work, error);
	if (error == NULL)
	{
		so_leasing_done(master, batch);
		return;
	}
	complain(error, "end a task that cannot be handed to a worker");
	master->retry_ms = master->now_ms + BROKEN_RETRY_MS;
}

static void
split_redeliveries(SoMaster *master, SoBatch *batch, ErrorData *error)
{
	if (list_length(batch->redeliveries) > 1)
	{
		SoBatch first = {.redeliveries = half(batch->redeliveries, false)};
		SoBatch second = {.redeliveries = half(batch->redeliveries, true)};

		so_tick_batch(master, &first);
		so_tick_batch(master, &second);
		return;
	}
	/* It expires, because no poll lists it, and is offered again. */
	complain(error, "send a task again to its worker");
}

void
so_split_batch(SoMaster *master, SoBatch *batch, ErrorData *error)
{
	if (master->leave)
		return;
	if (count_parts(batch) > 1)
		split_parts(master, batch);
	else if (batch->registers != NIL)
		split_registers(master, batch, error);
	else if (batch->joins != NIL)
		split_joins(master, batch, error);
	else if (batch->reports != NIL)
		split_reports(master, batch);
	else if (batch->requests)
		split_requests(master, batch, error);
	else if (batch->expired != NIL)
		split_expired(master, batch, error);
	else if (batch->lease)
		split_lease(master, batch, error);
	else if (batch->redeliveries != NIL)
		split_redeliveries(master, batch, error);
	else if (batch->task_logs != NIL)
		split_task_logs(master, batch, error);
	else
	{
		complain(error, "write its state");
		master->retry_ms = master->now_ms + BROKEN_RETRY_MS;
	}
}
