/*
 * bgworker/log_copy.c
 *
 * The master's part of the log copy.  It alone writes the queue and the state;
 * the worker tells through shared memory how far it has come.
 *
 * Process: master.  Shared data: SoShared.log_copy (see log_copy_news.h) and
 * the tables internal.log_*.  When the master dies the worker leaves, and the
 * next master starts another one, which learns from the log database how far
 * the copy has come.
 */
#include "postgres.h"

#include "bgworker/log_copy.h"

#include "bgworker/registration.h"
#include "bgworker/spi.h"
#include "catalog/pg_type.h"
#include "extension/error.h"
#include "extension/log_copy_news.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* The queue is cleared that often, so that the copy costs few transactions. */
#define CLEAR_MS 1000
/* A worker that was registered or has left is not started again before. */
#define RESTART_MS 2000
/* Without a free worker slot: ask again. */
#define NO_SLOT_MS (60 * 1000)

static SoSpiStatement copy_statement = {
	.sql = "SELECT target FROM internal.master_log_copy($1, $2, $3, $4, $5)",
	.n_arguments = 5,
	.types = {INT8OID, TEXTOID, TEXTOID, TEXTOID, TEXTOID}};

void
so_log_copy_init(SoMaster *master)
{
	memset(&master->log_copy, 0, sizeof(master->log_copy));
	/* Is there a log database? */
	master->log_copy.due = true;
}

bool
so_log_copy_due(const SoMaster *master)
{
	const SoLogCopyMaster *copy = &master->log_copy;
	SoLogCopyNews news = so_log_copy_news_read();

	return copy->due || news.told_state != copy->seen_state ||
		   (news.told != copy->seen && master->now_ms >= copy->next_clear_ms);
}

static Datum
text_or_null(const char *text, char *null)
{
	*null = text == NULL ? 'n' : ' ';
	return text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

void
so_log_copy_apply(SoMaster *master, SoBatch *batch)
{
	SoLogCopyNews news = so_log_copy_news_read();
	bool failing = news.state == SO_LOG_COPY_FAILING;
	/* What is said of the log database that was set before is no news. */
	bool known = news.state != SO_LOG_COPY_UNKNOWN && news.state_generation == news.generation;
	Datum arguments[5];
	char nulls[6] = "     ";

	arguments[0] = Int64GetDatum(news.done_to);
	nulls[0] = news.done_to == 0 ? 'n' : ' ';
	arguments[1] = text_or_null(known ? (failing ? "failing" : "copying") : NULL, &nulls[1]);
	arguments[2] = text_or_null(known && failing ? so_error_state(news.code) : NULL, &nulls[2]);
	arguments[3] = text_or_null(known && failing ? news.message : NULL, &nulls[3]);
	arguments[4] = text_or_null(known && failing ? news.hint : NULL, &nulls[4]);
	if (so_spi_run(&copy_statement, arguments, nulls) != 1)
		elog(ERROR, "internal.master_log_copy did not answer");
	batch->log_target = so_spi_bool(0, 1);
	batch->log_seen = news.told;
	batch->log_seen_state = news.told_state;
}

void
so_log_copy_done(SoMaster *master, SoBatch *batch)
{
	SoLogCopyMaster *copy = &master->log_copy;

	if (batch->log_copy)
	{
		copy->due = false;
		copy->target = batch->log_target;
		copy->seen = batch->log_seen;
		copy->seen_state = batch->log_seen_state;
		copy->next_clear_ms = master->now_ms + CLEAR_MS;
	}
	if (copy->target && batch->reports != NIL)
		so_log_copy_news_wake();
}

void
so_log_copy_changed(SoMaster *master)
{
	master->log_copy.due = true;
	master->log_copy.next_start_ms = 0;
	so_log_copy_news_changed();
}

void
so_log_copy_attend(SoMaster *master)
{
	SoLogCopyMaster *copy = &master->log_copy;
	SoError error = {0};

	if (!copy->target || master->now_ms < copy->next_start_ms || so_log_copy_news_read().pid != 0)
		return;
	copy->next_start_ms = master->now_ms + RESTART_MS;
	if (so_registration_log_copy(MyDatabaseId))
	{
		copy->complained = false;
		return;
	}
	copy->next_start_ms = master->now_ms + NO_SLOT_MS;
	so_error_set(&error, SO_ERR_LOG_COPY_NO_SLOT, NULL, "%s",
				 so_error_summary(SO_ERR_LOG_COPY_NO_SLOT));
	so_log_copy_news_state(so_log_copy_news_generation(), &error);
	if (!copy->complained)
		ereport(WARNING, (so_errcode(SO_ERR_LOG_COPY_NO_SLOT),
						  errmsg("scaleout cannot start its log copy: no background worker slot "
								 "is free"),
						  errhint("%s", error.hint)));
	copy->complained = true;
}

int64
so_log_copy_deadline(const SoMaster *master)
{
	const SoLogCopyMaster *copy = &master->log_copy;
	SoLogCopyNews news = so_log_copy_news_read();
	int64 deadline = PG_INT64_MAX;

	if (copy->due || news.told_state != copy->seen_state)
		return 0;
	if (news.told != copy->seen)
		deadline = copy->next_clear_ms;
	if (copy->target && news.pid == 0)
		deadline = Min(deadline, copy->next_start_ms);
	return deadline;
}
