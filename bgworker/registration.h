/*
 * bgworker/registration.h
 *
 * The one place that registers background workers, so that the restart policy
 * of each of them stands in one file.
 */
#ifndef BGWORKER_REGISTRATION_H
#define BGWORKER_REGISTRATION_H

#include "postmaster/bgworker.h"

/*
 * Register the launcher with the postmaster.  Called from _PG_init while the
 * library is being preloaded, after the settings are defined.
 */
extern void so_registration_launcher(void);

/*
 * Register a master for the database; the calling process is notified when it
 * starts and stops.  Returns false when no worker slot is free.
 */
extern bool so_registration_master(Oid database, BackgroundWorkerHandle **handle);

/*
 * Register a maintenance worker for the database.  Returns false when no
 * worker slot is free.
 */
extern bool so_registration_maintenance(Oid database, BackgroundWorkerHandle **handle);

/*
 * Register a worker that copies messages to the log database.  Returns false
 * when no worker slot is free.
 */
extern bool so_registration_log_copy(Oid database);

/* Entry points of the workers, found by name in the library. */
extern PGDLLEXPORT void so_launcher_main(Datum argument);
extern PGDLLEXPORT void so_master_main(Datum argument);
extern PGDLLEXPORT void so_maintenance_main(Datum argument);
extern PGDLLEXPORT void so_log_copy_main(Datum argument);

#endif /* BGWORKER_REGISTRATION_H */
