/*
 * bgworker/registration.c
 *
 * Registers the background workers of scaleout.
 *
 * Process: the postmaster (launcher), the launcher (master), the master
 * (maintenance, log copy).  Shared data: none of ours.  A registration is either
 * complete or does not exist; nothing can be left half-way.
 *
 * Exit codes are an interface to the postmaster: 0 means "forget this
 * worker", anything else "start it again after bgw_restart_time".  Only the
 * launcher is restarted by the postmaster; the others are watched by whoever
 * registered them, who knows better when a restart makes sense.
 */
#include "postgres.h"

#include "bgworker/registration.h"
#include "miscadmin.h"

/* Long enough not to fill the log when the launcher fails at once. */
#define LAUNCHER_RESTART_SECONDS 3

/* What every worker of ours has in common. */
static void
describe_worker(BackgroundWorker *worker, const char *name, const char *function, Oid database)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;

	/*
	 * Nothing of ours runs on a standby; at promotion all of it starts
	 * without a restart of the server.
	 */
	worker->bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker->bgw_restart_time = BGW_NEVER_RESTART;
	worker->bgw_main_arg = ObjectIdGetDatum(database);
	strlcpy(worker->bgw_library_name, "scaleout", BGW_MAXLEN);
	strlcpy(worker->bgw_function_name, function, BGW_MAXLEN);
	if (OidIsValid(database))
		snprintf(worker->bgw_name, BGW_MAXLEN, "%s for database %u", name, database);
	else
		strlcpy(worker->bgw_name, name, BGW_MAXLEN);
	strlcpy(worker->bgw_type, name, BGW_MAXLEN);
}

void
so_registration_launcher(void)
{
	BackgroundWorker worker;

	describe_worker(&worker, "scaleout launcher", "so_launcher_main", InvalidOid);
	worker.bgw_restart_time = LAUNCHER_RESTART_SECONDS;
	RegisterBackgroundWorker(&worker);
}

bool
so_registration_master(Oid database, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker;

	describe_worker(&worker, "scaleout master", "so_master_main", database);
	worker.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

bool
so_registration_log_copy(Oid database)
{
	BackgroundWorker worker;

	/* It says itself in shared memory that it is there. */
	describe_worker(&worker, "scaleout log copy", "so_log_copy_main", database);
	return RegisterDynamicBackgroundWorker(&worker, NULL);
}

bool
so_registration_maintenance(Oid database, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker;

	describe_worker(&worker, "scaleout maintenance", "so_maintenance_main", database);
	worker.bgw_notify_pid = MyProcPid;
	return RegisterDynamicBackgroundWorker(&worker, handle);
}
