/*
 * bgworker/log_copy_worker.c
 *
 * Copies event messages to the log database.  The master puts into a queue, in
 * the transaction that stores events, which they are; this worker reads them
 * from there, sends them by COPY, and moves its position in the log database in
 * the same transaction there.  So every message arrives exactly once, whoever
 * dies when.  Nobody waits for this worker: packages and their results do not
 * depend on it.
 *
 * Process: the copying worker, started by the master while a log database is
 * set; it leaves when the master does.  Shared data: it reads the catalog and
 * tells the master through SoShared.log_copy how far it has come and what is in
 * its way.  No transaction is open here while it waits for the network.
 */
#include "postgres.h"

#include "bgworker/log_reader.h"
#include "bgworker/log_remote.h"
#include "bgworker/registration.h"
#include "bgworker/seat.h"
#include "bgworker/spi.h"
#include "common/clock.h"
#include "common/fault.h"
#include "extension/compat.h"
#include "extension/error.h"
#include "extension/log_copy_news.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#define STATEMENT_TIMEOUT_MS 30000
/* The master wakes us; this covers what nobody announced. */
#define IDLE_MS        1000
#define TELL_MS        1000
#define RETRY_FIRST_MS 500
#define RETRY_LAST_MS  60000

typedef struct Copier
{
	MemoryContext turn;   /* reset at every turn */
	MemoryContext memory; /* of the target */
	SoLogTarget target;
	SoLogRemote remote;
	bool begun;    /* remote.generation is that of the target */
	int64 after;   /* of the queue, everything up to it is done with */
	int64 told;    /* of this, the master knows */
	int64 tell_ms; /* not before */
	SoLogRanges ranges;
	int next_range;
	bool copying; /* the master knows that it works */
	bool failing;
	SoError said; /* the error that the log has */
	int retry_ms;
	int64 next_try_ms;
} Copier;

/* Runs inside the bracket. */
typedef void (*Work)(Copier *copier, StringInfo lines, StringInfo columns);

static void
leave(void)
{
	/* 0: the master starts another one when it wants one. */
	proc_exit(0);
}

/* ---- what is in the way, and what is not any more ---- */

static void
note_failure(Copier *copier, const SoError *error)
{
	bool news = !copier->failing || copier->said.code != error->code ||
				strcmp(copier->said.message, error->message) != 0;

	copier->retry_ms =
		copier->retry_ms == 0 ? RETRY_FIRST_MS : Min(copier->retry_ms * 2, RETRY_LAST_MS);
	copier->next_try_ms = so_clock_monotonic_ms() + copier->retry_ms;
	if (!news)
		return;
	copier->failing = true;
	copier->copying = false;
	copier->said = *error;
	so_log_copy_news_state(copier->remote.generation, error);
	ereport(WARNING,
			(so_errcode(error->code),
			 errmsg("scaleout cannot copy event messages to log database \"%s\": %s",
					copier->target.server_name != NULL ? copier->target.server_name : "",
					error->message),
			 errdetail("The messages are complete in the catalog; those that wait are copied when "
					   "this is cured."),
			 errhint("%s", error->hint)));
}

/* Something was copied, or nothing waits. */
static void
note_success(Copier *copier)
{
	copier->retry_ms = 0;
	if (copier->copying)
		return;
	if (copier->failing)
		ereport(LOG, (errmsg("scaleout copies event messages to log database \"%s\" again",
							 copier->target.server_name)));
	copier->failing = false;
	copier->copying = true;
	so_log_copy_news_state(copier->remote.generation, NULL);
}

/* ---- the catalog ---- */

/* Run the work in a transaction; false with the failure noted. */
static bool
in_transaction(Copier *copier, Work work, StringInfo lines, StringInfo columns)
{
	volatile bool ok = false;
	volatile bool gone = false;
	const char *reason;

	PG_TRY();
	{
		so_spi_begin("scaleout: log copy", STATEMENT_TIMEOUT_MS);
		gone = !so_seat_extension(&reason);
		if (!gone)
			work(copier, lines, columns);
		so_spi_end();
		ok = true;
	}
	PG_CATCH();
	{
		ErrorData *error = so_spi_abort(copier->turn);
		SoErrorCode code = so_error_from_state(unpack_sql_state(error->sqlerrcode));
		SoError failure;

		so_error_set(&failure, code != SO_OK ? code : SO_ERR_LOG_COPY_REFUSED, NULL,
					 "the catalog cannot be read: %s", error->message);
		if (error->hint != NULL)
			so_error_hint(&failure, "%s", error->hint);
		note_failure(copier, &failure);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(copier->turn);
	if (gone)
		leave();
	return ok;
}

static void
read_target_work(Copier *copier, StringInfo lines, StringInfo columns)
{
	so_log_reader_target(&copier->target, copier->memory);
}

static void
read_ranges_work(Copier *copier, StringInfo lines, StringInfo columns)
{
	so_log_reader_ranges(copier->after, &copier->ranges);
	copier->next_range = 0;
}

static void
read_lines_work(Copier *copier, StringInfo lines, StringInfo columns)
{
	copier->next_range = so_log_reader_lines(&copier->ranges, copier->next_range, lines, columns);
}

/* Another log database, perhaps: nothing that was known holds any more. */
static void
notice_change(Copier *copier)
{
	uint32 generation = so_log_copy_news_generation();

	if (copier->remote.generation == generation && copier->begun)
		return;
	so_log_remote_close(&copier->remote);
	copier->remote.generation = generation;
	copier->begun = true;
	copier->failing = copier->copying = false;
	copier->retry_ms = 0;
	copier->ranges.n = copier->next_range = 0;
}

/* Read where the copy goes; leaves when it goes nowhere. */
static bool
read_target(Copier *copier)
{
	if (copier->target.connection_string != NULL)
		explicit_bzero(copier->target.connection_string, strlen(copier->target.connection_string));
	memset(&copier->target, 0, sizeof(copier->target));
	MemoryContextReset(copier->memory);
	if (!in_transaction(copier, read_target_work, NULL, NULL))
		return false;
	if (!copier->target.set)
		leave();
	return true;
}

/* ---- the log database ---- */

static bool
remote_failed(Copier *copier)
{
	copier->ranges.n = copier->next_range = 0;
	if (copier->remote.gave_up)
		return false;
	note_failure(copier, &copier->remote.error);
	return false;
}

static bool
know_position(Copier *copier, const pg_uuid_t *source)
{
	SoLogRemote *remote = &copier->remote;

	if (remote->position_known && memcmp(&remote->source, source, sizeof(*source)) == 0)
		return true;
	return so_log_remote_position(remote, source) || remote_failed(copier);
}

/* Numbers that this catalog has not given out yet would be passed over when it does. */
static bool
check_position(Copier *copier)
{
	SoLogRemote *remote = &copier->remote;

	if (remote->position <= copier->target.last_id)
		return true;
	so_error_set(&remote->error, SO_ERR_LOG_COPY_REWOUND, NULL, "%s",
				 so_error_summary(SO_ERR_LOG_COPY_REWOUND));
	so_error_hint(
		&remote->error,
		"If this catalog is to go on, run in the log database: DELETE FROM "
		"scaleout_log.copy_position WHERE catalog_id = '%s'; messages that wait are then copied, "
		"a few perhaps a second time.",
		DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(&copier->target.source))));
	so_log_remote_close(remote);
	return remote_failed(copier);
}

static bool
be_connected(Copier *copier)
{
	SoLogRemote *remote = &copier->remote;

	if (remote->connection != NULL && !so_log_remote_alive(remote))
	{
		if (remote->connection == NULL)
			return remote_failed(copier);
		so_log_remote_close(remote);
	}
	if (remote->connection != NULL)
		return true;
	copier->ranges.n = copier->next_range = 0;
	/* Every time, because the numbers that the catalog has given out grow. */
	if (!read_target(copier))
		return false;
	if (!so_log_remote_open(remote, copier->target.connection_string, copier->target.by_superuser))
		return remote_failed(copier);
	return know_position(copier, &copier->target.source) && check_position(copier);
}

/* Pass over what the log database has already. */
static void
skip_copied(Copier *copier)
{
	while (copier->next_range < copier->ranges.n &&
		   copier->ranges.copy_ids[copier->next_range] <= copier->remote.position)
		copier->after = copier->ranges.copy_ids[copier->next_range++];
}

/*
 * Nothing was copied, because the position is not where we left it: somebody
 * else copies for the same catalog.  It may be beyond what this catalog has
 * given out, so begin as after a lost connection, where that is looked at.
 * Where it is as before, something there keeps it from moving, and trying at
 * once again would never end.
 */
static bool
learn_why_unmoved(Copier *copier)
{
	SoLogRemote *remote = &copier->remote;
	bool had_row = remote->position_row;
	int64 before = remote->position;

	copier->ranges.n = copier->next_range = 0;
	if (!know_position(copier, &copier->ranges.source))
		return false;
	if (remote->position_row != had_row || remote->position != before)
	{
		so_log_remote_close(remote);
		return true;
	}
	so_error_set(&remote->error, SO_ERR_LOG_COPY_REFUSED, NULL,
				 "the log database leaves the position of the copy as it is, without an error");
	so_error_hint(&remote->error, "Remove the trigger, rule or policy of "
								  "scaleout_log.copy_position in the log database.");
	so_log_remote_close(remote);
	return remote_failed(copier);
}

/* Copy some of the ranges. */
static bool
copy_some(Copier *copier)
{
	StringInfoData lines;
	StringInfoData columns;
	bool moved;
	int64 to;

	initStringInfo(&lines);
	initStringInfo(&columns);
	if (!in_transaction(copier, read_lines_work, &lines, &columns))
		return false;
	SO_FAULT("log_copy.after_read");
	to = copier->ranges.copy_ids[copier->next_range - 1];
	if (!so_log_remote_copy(&copier->remote, columns.data, lines.data, lines.len, to, &moved))
		return remote_failed(copier);
	if (!moved)
		return learn_why_unmoved(copier);
	copier->after = to;
	note_success(copier);
	return true;
}

/* One step; false when there is nothing to do, or not now. */
static bool
step(Copier *copier)
{
	notice_change(copier);
	if (copier->failing && so_clock_monotonic_ms() < copier->next_try_ms)
		return false;
	if (!be_connected(copier))
		return false;
	if (copier->next_range >= copier->ranges.n &&
		!in_transaction(copier, read_ranges_work, NULL, NULL))
		return false;
	if (copier->ranges.n == 0)
	{
		note_success(copier);
		return false;
	}
	if (!know_position(copier, &copier->ranges.source))
		return false;
	skip_copied(copier);
	if (copier->next_range >= copier->ranges.n)
		return true;
	return copy_some(copier);
}

/* Tell the master how far we are, not more often than it wants to know. */
static void
tell(Copier *copier)
{
	int64 now = so_clock_monotonic_ms();

	if (copier->told == copier->after || now < copier->tell_ms)
		return;
	copier->told = copier->after;
	copier->tell_ms = now + TELL_MS;
	so_log_copy_news_done(copier->after);
}

static long
wait_time(const Copier *copier)
{
	int64 now = so_clock_monotonic_ms();
	int64 wait = IDLE_MS;

	if (copier->failing)
		wait = Min(wait, Max(copier->next_try_ms - now, 1));
	if (copier->told != copier->after)
		wait = Min(wait, Max(copier->tell_ms - now, 1));
	return (long) wait;
}

/* Wait for the master, for the end of the connection, or for the next try. */
static void
wait_for_work(Copier *copier)
{
	int events = WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH;
	pgsocket socket = PGINVALID_SOCKET;

	/* What comes is read by the next step, which has to wait for its time after a failure. */
	if (copier->remote.connection != NULL && !copier->failing)
	{
		socket = PQsocket(copier->remote.connection);
		events |= WL_SOCKET_READABLE;
	}
	(void) WaitLatchOrSocket(MyLatch, events, socket, wait_time(copier), PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
}

static void
prepare(Oid database)
{
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	BackgroundWorkerUnblockSignals();
	if (!so_log_copy_news_claim())
		leave();
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	SetConfigOption("application_name", "scaleout log copy", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", "10s", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET, PGC_S_OVERRIDE);
	/* What it reads is what the log database gets. */
	SetConfigOption("TimeZone", "UTC", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("DateStyle", "ISO, YMD", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("enable_seqscan", "off", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("jit", "off", PGC_USERSET, PGC_S_OVERRIDE);
	so_lift_transaction_timeout();
}

void
so_log_copy_main(Datum argument)
{
	Copier *copier;

	prepare(DatumGetObjectId(argument));
	copier = MemoryContextAllocZero(TopMemoryContext, sizeof(Copier));
	copier->turn =
		AllocSetContextCreate(TopMemoryContext, "scaleout log copy", ALLOCSET_DEFAULT_SIZES);
	copier->memory =
		AllocSetContextCreate(TopMemoryContext, "scaleout log database", ALLOCSET_SMALL_SIZES);
	for (;;)
	{
		bool busy;

		CHECK_FOR_INTERRUPTS();
		if (!so_log_copy_news_wanted())
			leave();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			/* Whoever has cured something need not wait. */
			copier->next_try_ms = 0;
			copier->retry_ms = 0;
		}
		MemoryContextReset(copier->turn);
		MemoryContextSwitchTo(copier->turn);
		busy = step(copier);
		tell(copier);
		if (!busy)
			wait_for_work(copier);
	}
}
