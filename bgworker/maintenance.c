/*
 * bgworker/maintenance.c
 *
 * The maintenance worker drops partitions of operations that are older than
 * RETENTION_WINDOW days and makes partitions ahead of need, one step in one
 * short transaction with a short lock_timeout: a DROP that waits would make
 * readers of other partitions queue behind it.
 *
 * Process: the functions with a master argument run in the master, the rest in
 * the maintenance worker.  Shared data: the catalog.  A crash leaves partitions
 * for the next time.
 */
#include "postgres.h"

#include "bgworker/maintenance.h"

#include "bgworker/registration.h"
#include "bgworker/seat.h"
#include "bgworker/server_log.h"
#include "bgworker/spi.h"
#include "catalog/pg_type.h"
#include "common/clock.h"
#include "extension/compat.h"
#include "extension/shared_memory.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#define FIRST_RUN_MS (60 * 1000)
#define INTERVAL_MS  (60 * 60 * 1000)
/* Without a free worker slot: ask again. */
#define NO_SLOT_MS (5 * 60 * 1000)
/* One step. */
#define STEP_TIMEOUT_MS 60000
/* A partition that somebody reads is tried again this often, with pauses. */
#define BLOCKED_TRIES    5
#define BLOCKED_PAUSE_MS 2000

void
so_maintenance_init(SoMaster *master)
{
	master->maintenance = NULL;
	master->next_maintenance_ms = master->now_ms + FIRST_RUN_MS;
}

int64
so_maintenance_deadline(const SoMaster *master)
{
	return master->next_maintenance_ms;
}

void
so_maintenance_attend(SoMaster *master)
{
	pid_t pid;

	if (master->now_ms < master->next_maintenance_ms)
		return;
	master->next_maintenance_ms = master->now_ms + INTERVAL_MS;
	if (master->maintenance != NULL)
	{
		if (GetBackgroundWorkerPid(master->maintenance, &pid) != BGWH_STOPPED)
			return;
		pfree(master->maintenance);
		master->maintenance = NULL;
	}
	MemoryContextSwitchTo(TopMemoryContext);
	if (!so_registration_maintenance(MyDatabaseId, &master->maintenance))
	{
		master->maintenance = NULL;
		master->next_maintenance_ms = master->now_ms + NO_SLOT_MS;
		ereport(LOG,
				(errmsg("scaleout puts off its maintenance: no background worker slot is free"),
				 errhint("Increase \"max_worker_processes\".")));
	}
	MemoryContextSwitchTo(master->turn);
}

static SoSpiStatement step_statement = {.sql =
											"SELECT more, message FROM internal.master_maintain()"};

/* What came of one step. */
typedef enum Step
{
	STEP_DONE, /* nothing is left to do */
	STEP_MORE,
	STEP_BLOCKED, /* somebody holds a lock */
	STEP_LEAVE    /* the extension is gone, or another error */
} Step;

static Step
step(MemoryContext context)
{
	volatile Step result = STEP_LEAVE;
	const char *reason;

	PG_TRY();
	{
		so_spi_begin("scaleout: maintenance", STEP_TIMEOUT_MS);
		if (so_seat_extension(&reason) && so_spi_run(&step_statement, NULL, NULL) == 1)
		{
			char *message = so_spi_text(0, 2, context);

			result = so_spi_bool(0, 1) ? STEP_MORE : STEP_DONE;
			if (message != NULL)
				ereport(LOG, (errmsg("scaleout maintenance: %s", message)));
		}
		so_spi_end();
	}
	PG_CATCH();
	{
		ErrorData *error = so_spi_abort(context);

		result = so_spi_retryable(error) ? STEP_BLOCKED : STEP_LEAVE;
		if (result == STEP_LEAVE)
			ereport(WARNING, (errcode(error->sqlerrcode),
							  errmsg("scaleout maintenance failed: %s", error->message)));
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	return result;
}

/* Pause, or leave when the master has to. */
static void
pause_for(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, ms,
					 PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

void
so_maintenance_main(Datum argument)
{
	MemoryContext context;
	int blocked = 0;
	Step result = STEP_MORE;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	so_server_log_init("scaleout-maintenance");
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(DatumGetObjectId(argument), InvalidOid, 0);
	SetConfigOption("application_name", "scaleout maintenance", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", "50ms", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_USERSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed", PGC_USERSET, PGC_S_OVERRIDE);
	so_lift_transaction_timeout();
	context =
		AllocSetContextCreate(TopMemoryContext, "scaleout maintenance", ALLOCSET_DEFAULT_SIZES);

	while (result == STEP_MORE || (result == STEP_BLOCKED && blocked < BLOCKED_TRIES))
	{
		MemoryContextReset(context);
		MemoryContextSwitchTo(context);
		CHECK_FOR_INTERRUPTS();
		/* A command on the database waits for everybody to go. */
		if (so_shared_held())
			break;
		result = step(context);
		if (result == STEP_BLOCKED)
		{
			blocked++;
			pause_for(BLOCKED_PAUSE_MS);
		}
	}
	if (result == STEP_BLOCKED)
		ereport(LOG,
				(errmsg("scaleout maintenance is blocked by a lock and goes on next time"),
				 errdetail("A session reads the tables of old operations; pg_locks names it.")));
	/* 0: done for now; the master starts the next one. */
	proc_exit(0);
}
