/*
 * bgworker/maintenance.h
 *
 * Retention and partitions, in a worker of its own that the master starts on a
 * timer.
 */
#ifndef BGWORKER_MAINTENANCE_H
#define BGWORKER_MAINTENANCE_H

#include "bgworker/master.h"

/* In the master, once: when the first maintenance is due. */
extern void so_maintenance_init(SoMaster *master);

/* In the master, at every turn: start the worker when its time has come. */
extern void so_maintenance_attend(SoMaster *master);

/* When so_maintenance_attend should be called again: monotonic ms. */
extern int64 so_maintenance_deadline(const SoMaster *master);

#endif /* BGWORKER_MAINTENANCE_H */
