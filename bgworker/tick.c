/*
 * bgworker/tick.c
 *
 * One transaction for everything that waits, then the answers.  While it
 * commits, the gateway collects the next batch; that is the group commit from
 * which the speed comes.
 *
 * A batch that fails is never lost and never stops the others: an error that
 * may pass puts it off, any other is searched for by halving, each part in a
 * transaction of its own, until the offender stands alone (split.c).
 *
 * Process: master.  Shared data: the catalog.  A crash before the commit loses
 * nothing that anybody was told; a crash after it leaves committed work whose
 * senders repeat it and are recognised.
 */
#include "postgres.h"

#include "bgworker/tick.h"

#include "access/xact.h"
#include "bgworker/agents.h"
#include "bgworker/answers.h"
#include "bgworker/counters.h"
#include "bgworker/expiry.h"
#include "bgworker/identity.h"
#include "bgworker/joins.h"
#include "bgworker/leasing.h"
#include "bgworker/log_copy.h"
#include "bgworker/refused.h"
#include "bgworker/registers.h"
#include "bgworker/reports.h"
#include "bgworker/requests.h"
#include "bgworker/seat.h"
#include "bgworker/spi.h"
#include "bgworker/split.h"
#include "bgworker/state.h"
#include "bgworker/task_logs.h"
#include "common/fault.h"
#include "extension/master_news.h"
#include "pgstat.h"

#define REQUESTS_PER_TURN 2000
#define TASKS_PER_TURN    500
#define EXPIRIES_PER_TURN 500
#define RETRY_FIRST_MS    100
#define RETRY_LAST_MS     5000

/* The work of the batch, in the order in which the parts build on each other. */
static void
apply(SoMaster *master, SoBatch *batch)
{
	if (batch->registers != NIL)
		so_registers_apply(master, batch);
	if (batch->joins != NIL)
		so_joins_apply(master, batch);
	if (batch->reports != NIL)
		so_reports_apply(master, batch);
	if (batch->task_logs != NIL)
		so_task_logs_take(master, batch);
	if (batch->requests)
		so_requests_apply(master, batch);
	if (batch->expired != NIL)
		so_expiry_apply(master, batch);
	/* What has just become ready goes out with the same commit. */
	batch->leasing = batch->lease_limit > 0 &&
					 (batch->lease || (batch->new_work && so_leasing_wanted(master, true)));
	if (batch->leasing)
		so_leasing_apply(master, batch);
	if (batch->redeliveries != NIL)
		so_leasing_redeliver(master, batch);
	if (batch->online)
	{
		so_state_online(master, batch);
		so_refused_apply(master, batch);
	}
	if (batch->listening)
		so_state_listening(master, batch);
	if (batch->identity)
		so_identity_apply(master, batch);
	if (batch->task_log_look)
		so_task_logs_look(master, batch);
	if (batch->trust || batch->trust_changed)
		so_state_trust(master, batch);
	if (batch->log_copy)
		so_log_copy_apply(master, batch);
}

/* After a failure nothing came of it. */
static void
forget_outcome(SoBatch *batch)
{
	batch->new_work = false;
	batch->leasing = false;
	batch->registered = NIL;
	batch->joined = NIL;
	batch->trust_changed = false;
	batch->identities = NIL;
	batch->reported = NIL;
	batch->logs_taken = NIL;
	batch->logs_open = NIL;
	batch->actions = NIL;
	batch->ended = NIL;
	batch->leased = NIL;
	batch->redelivered = NIL;
}

ErrorData *
so_tick_transaction(SoMaster *master, SoBatch *batch, SoTickWork work, void *argument)
{
	ErrorData *volatile error = NULL;
	const char *reason;

	PG_TRY();
	{
		so_spi_begin("scaleout: tick", SO_MASTER_STATEMENT_TIMEOUT_MS);
		if (so_seat_extension(&reason))
			work(master, batch, argument);
		else
		{
			master->leave = true;
			master->leave_reason = reason;
		}
		SO_FAULT("master.before_commit");
		so_spi_end();
		SO_FAULT("master.after_commit");
	}
	PG_CATCH();
	{
		error = so_spi_abort(master->turn);
		forget_outcome(batch);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(master->turn);
	return error;
}

static void
apply_work(SoMaster *master, SoBatch *batch, void *argument)
{
	apply(master, batch);
}

void
so_tick_done(SoMaster *master, SoBatch *batch)
{
	if (batch->requests)
		master->requests_due = false;
	/* First, so that whoever is trusted by this commit is let in when it reads its answer. */
	so_state_trust_done(master, batch);
	so_registers_done(master, batch);
	so_joins_done(master, batch);
	so_reports_done(master, batch);
	so_requests_done(master, batch);
	so_expiry_done(master, batch);
	so_leasing_done(master, batch);
	so_identity_done(master, batch);
	so_task_logs_done(master, batch);
	so_state_done(master, batch);
	so_refused_done(master, batch);
	so_log_copy_done(master, batch);
	so_reports_answer(master, batch);
}

/* Ask the senders of the batch to repeat their requests. */
static void
ask_to_repeat(SoMaster *master, SoBatch *batch, const char *why)
{
	ListCell *cell;
	SoByteBuffer *out = &master->gateway.out;

	foreach (cell, batch->registers)
		so_gateway_frames_refuse(out, ((SoRequest *) lfirst(cell))->request, SO_ERR_MASTER_RETRY,
								 NULL, why);
	foreach (cell, batch->joins)
		so_gateway_frames_refuse(out, ((SoRequest *) lfirst(cell))->request, SO_ERR_MASTER_RETRY,
								 NULL, why);
	foreach (cell, batch->reports)
		so_gateway_frames_refuse(out, ((SoRequest *) lfirst(cell))->request, SO_ERR_MASTER_RETRY,
								 NULL, why);
	foreach (cell, batch->task_logs)
		so_gateway_frames_refuse(out, ((SoRequest *) lfirst(cell))->request, SO_ERR_MASTER_RETRY,
								 NULL, why);
	foreach (cell, batch->redeliveries)
	{
		SoAgent *agent = so_agents_find(&((SoRedelivery *) lfirst(cell))->agent_id);

		/* Its next poll shows again what is missing. */
		if (agent != NULL)
			so_agents_wake(agent);
	}
}

/* The whole batch may succeed later: senders repeat, the rest stays due. */
static void
put_off(SoMaster *master, SoBatch *batch, const ErrorData *error)
{
	ListCell *cell;

	so_master_news_trouble(error->message);
	if (master->retry_backoff_ms == 0)
		ereport(WARNING,
				(errcode(error->sqlerrcode),
				 errmsg("scaleout puts off its work: %s", error->message),
				 errdetail("Agents are asked to repeat their requests; nothing is lost.")));
	master->retry_backoff_ms = master->retry_backoff_ms == 0
								   ? RETRY_FIRST_MS
								   : Min(master->retry_backoff_ms * 2, RETRY_LAST_MS);
	master->retry_ms = master->now_ms + master->retry_backoff_ms;
	foreach (cell, batch->expired)
		so_leases_retry(lfirst(cell), master->retry_ms);
	ask_to_repeat(master, batch, error->message);
	if (batch->requests)
		master->requests_due = true;
}

void
so_tick_batch(SoMaster *master, SoBatch *batch)
{
	ErrorData *error = so_tick_transaction(master, batch, apply_work, NULL);

	if (master->leave)
		return;
	if (error == NULL)
	{
		if (master->retry_backoff_ms != 0)
			so_master_news_trouble(NULL);
		master->retry_backoff_ms = 0;
		so_counters_transaction(list_length(batch->registers) + list_length(batch->reports) +
									list_length(batch->leased_agents),
								list_length(batch->reports));
		so_tick_done(master, batch);
	}
	else if (so_spi_retryable(error))
		put_off(master, batch, error);
	else
		so_split_batch(master, batch, error);
}

/* Leases whose time is over; only while agents have been able to renew them. */
static List *
due_leases(SoMaster *master)
{
	List *due = NIL;
	SoLease *lease;

	while (list_length(due) < EXPIRIES_PER_TURN &&
		   (lease = so_leases_next_due(master->now_ms)) != NULL)
	{
		SoAgent *agent = so_agents_find(&lease->agent_id);

		/* Its poll came before the silence: the task must not go back to it. */
		if (agent != NULL && lease->end == SO_LEASE_SILENT)
			agent->capacity = 0;
		due = lappend(due, lease);
	}
	return due;
}

static void
add_due(SoMaster *master, SoBatch *batch)
{
	batch->requests = master->requests_due || master->now_ms >= master->next_probe_ms;
	batch->request_limit = REQUESTS_PER_TURN;
	if (master->gateway.listening)
		batch->expired = due_leases(master);
	batch->lease = so_leasing_wanted(master, false);
	batch->lease_limit = TASKS_PER_TURN;
	batch->online = master->now_ms >= master->next_online_ms;
	batch->listening = master->listening_due;
	batch->trust = master->trust_due && master->gateway.pid != 0;
	batch->identity = batch->online || master->identity_due;
	batch->task_log_look = so_task_logs_deadline(master) <= master->now_ms;
	batch->log_copy = so_log_copy_due(master);
}

/* Is there anything that needs a transaction? */
static bool
has_work(const SoBatch *batch)
{
	return batch->registers != NIL || batch->joins != NIL || batch->identity ||
		   batch->reports != NIL || batch->requests || batch->expired != NIL || batch->lease ||
		   batch->redeliveries != NIL || batch->task_logs != NIL || batch->task_log_look ||
		   batch->online || batch->listening || batch->trust || batch->log_copy;
}

void
so_tick_run(SoMaster *master, SoBatch *batch)
{
	if (master->now_ms >= master->retry_ms)
		add_due(master, batch);
	else if (has_work(batch))
	{
		/* The time of the next try has not come. */
		ask_to_repeat(master, batch, "The last attempt failed a moment ago.");
		memset(batch, 0, sizeof(*batch));
	}
	if (has_work(batch))
		so_tick_batch(master, batch);
	if (!master->leave)
		so_answers_due_polls(master);
}

int64
so_tick_next_deadline(const SoMaster *master)
{
	int64 deadline = Min(master->next_probe_ms, master->next_online_ms);

	if (master->requests_due || master->listening_due || master->identity_due ||
		(master->trust_due && master->gateway.pid != 0) ||
		so_leasing_wanted(unconstify(SoMaster *, master), false))
		deadline = 0;
	if (master->gateway.listening)
		deadline = Min(deadline, so_leases_next_deadline());
	deadline = Min(deadline, so_task_logs_deadline(master));
	deadline = Min(deadline, so_log_copy_deadline(master));
	deadline = Max(deadline, master->retry_ms);
	return Min(deadline, so_agents_next_deadline());
}
