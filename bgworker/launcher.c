/*
 * bgworker/launcher.c
 *
 * Keeps one master running where the active catalog is.  The mark is a
 * security label on the database, which can be read without connecting to
 * any; it is a hint where to look, and the master decides by the binding.
 *
 * Process: the launcher, a static background worker without a database.
 * Shared data: the seat in SoShared, under its spinlock.  It owns nothing: a
 * launcher that dies is started again by the postmaster, finds a living
 * master in shared memory and leaves it alone.
 */
#include "postgres.h"

#include "bgworker/launcher.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "bgworker/registration.h"
#include "bgworker/server_log.h"
#include "catalog/pg_database.h"
#include "catalog/pg_shseclabel.h"
#include "extension/binding.h"
#include "extension/master_news.h"
#include "extension/settings.h"
#include "extension/shared_memory.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* How long nothing may tell us anything before we look ourselves. */
#define LOOK_INTERVAL_MS 60000
#define BACKOFF_FIRST_MS 250
#define BACKOFF_LAST_MS  60000
/* A master that lived this long was a good one: begin the back-off anew. */
#define GOOD_RUN_MS 10000

typedef struct Launcher
{
	BackgroundWorkerHandle *handle; /* of the master that we started, or NULL */
	TimestampTz started;
	int backoff_ms;
	TimestampTz next_start; /* not before */
	bool complained;        /* about a missing worker slot */
} Launcher;

/* Is the tuple of pg_shseclabel a label of ours on a database? */
static bool
label_is_ours(HeapTuple tuple, TupleDesc descriptor)
{
	bool isnull;
	Datum provider;
	bool ours;
	char *name;

	if (((Form_pg_shseclabel) GETSTRUCT(tuple))->classoid != DatabaseRelationId)
		return false;
	provider = heap_getattr(tuple, Anum_pg_shseclabel_provider, descriptor, &isnull);
	if (isnull)
		return false;
	name = TextDatumGetCString(provider);
	ours = strcmp(name, SO_LABEL_PROVIDER) == 0;
	pfree(name);
	return ours;
}

/* Does the database exist, and does it accept connections? */
static bool
database_usable(Oid database)
{
	Relation relation = table_open(DatabaseRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;
	bool usable = false;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		/* A negative limit other than -1 marks a database whose DROP was interrupted. */
		if (form->oid == database)
			usable = form->datallowconn && form->datconnlimit >= -1;
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return usable;
}

/* get_database_oid needs an index, which cannot be opened without a database. */
static Oid
database_named(const char *name)
{
	Relation relation = table_open(DatabaseRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;
	Oid found = InvalidOid;

	while ((tuple = systable_getnext(scan)) != NULL)
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);

		if (strcmp(NameStr(form->datname), name) == 0)
			found = form->oid;
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

/* A restored copy brings the label along: of several the one in the token file is meant. */
static Oid
labelled_database(void)
{
	Oid bound = so_binding_database();
	Relation relation = table_open(SharedSecLabelRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;
	Oid found = InvalidOid;

	while ((tuple = systable_getnext(scan)) != NULL)
		if (label_is_ours(tuple, RelationGetDescr(relation)) &&
			(!OidIsValid(bound) || found != bound))
			found = ((Form_pg_shseclabel) GETSTRUCT(tuple))->objoid;
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

Oid
so_launcher_find_database(void)
{
	Oid database;

	SetCurrentStatementStartTimestamp();
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	if (so_setting_database != NULL && so_setting_database[0] != '\0')
		database = database_named(so_setting_database);
	else
		database = labelled_database();
	if (OidIsValid(database) && !database_usable(database))
		database = InvalidOid;
	PopActiveSnapshot();
	CommitTransactionCommand();
	return database;
}

/* The master that we started has ended: decide when to start the next one. */
static void
note_end(Launcher *launcher)
{
	TimestampTz now = GetCurrentTimestamp();

	pfree(launcher->handle);
	launcher->handle = NULL;
	if (TimestampDifferenceExceeds(launcher->started, now, GOOD_RUN_MS))
		launcher->backoff_ms = BACKOFF_FIRST_MS;
	else
		launcher->backoff_ms = Min(launcher->backoff_ms * 2, BACKOFF_LAST_MS);
	launcher->next_start = TimestampTzPlusMilliseconds(now, launcher->backoff_ms);
}

/* Is there a master, ours or one that outlived our predecessor? */
static bool
master_lives(Launcher *launcher)
{
	pid_t pid;

	if (launcher->handle != NULL)
	{
		if (GetBackgroundWorkerPid(launcher->handle, &pid) != BGWH_STOPPED)
			return true;
		note_end(launcher);
	}
	SpinLockAcquire(&so_shared->mutex);
	pid = so_shared->master_pid;
	SpinLockRelease(&so_shared->mutex);
	return pid != 0;
}

static void
start_master(Launcher *launcher, Oid database)
{
	if (so_registration_master(database, &launcher->handle))
	{
		launcher->started = GetCurrentTimestamp();
		launcher->complained = false;
		return;
	}
	launcher->handle = NULL;
	launcher->backoff_ms = Min(launcher->backoff_ms * 2, BACKOFF_LAST_MS);
	launcher->next_start = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), launcher->backoff_ms);
	so_master_news_refused("no background worker slot is free; increase \"max_worker_processes\" "
						   "and restart the server");
	if (!launcher->complained)
		ereport(WARNING,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("scaleout cannot start its master: no background worker slot is free"),
				 errhint("Increase \"max_worker_processes\".")));
	launcher->complained = true;
}

/* Start a master when one is wanted; returns how long to wait, in ms. */
static long
turn(Launcher *launcher)
{
	TimestampTz now;
	Oid database;

	if (so_shared_held() || master_lives(launcher))
		return LOOK_INTERVAL_MS;
	now = GetCurrentTimestamp();
	if (now < launcher->next_start)
		return TimestampDifferenceMilliseconds(now, launcher->next_start) + 1;
	database = so_launcher_find_database();
	if (OidIsValid(database))
		start_master(launcher, database);
	return launcher->handle != NULL
			   ? LOOK_INTERVAL_MS
			   : Max(TimestampDifferenceMilliseconds(now, launcher->next_start) + 1,
					 OidIsValid(database) ? 0 : LOOK_INTERVAL_MS);
}

void
so_launcher_main(Datum argument)
{
	Launcher launcher = {.backoff_ms = BACKOFF_FIRST_MS};
	bool called = false;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	so_server_log_init("scaleout-launcher");
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	so_shared_register_launcher();

	for (;;)
	{
		long wait_ms;
		int happened;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}

		/*
		 * A call while no master of ours is running (enable_scaleout, a hold
		 * that is released): what made the last one leave may be gone, so the
		 * caller does not wait for the back-off.
		 */
		if (called && launcher.handle == NULL)
		{
			launcher.backoff_ms = BACKOFF_FIRST_MS;
			launcher.next_start = 0;
		}
		wait_ms = turn(&launcher);
		pgstat_report_activity(STATE_IDLE, NULL);
		happened = WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, wait_ms,
							 PG_WAIT_EXTENSION);
		called = (happened & WL_LATCH_SET) != 0;
		if (called)
			ResetLatch(MyLatch);
	}
}
