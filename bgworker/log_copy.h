/*
 * bgworker/log_copy.h
 *
 * The additional copy of event messages: its worker, and what the master does
 * for it.
 */
#ifndef BGWORKER_LOG_COPY_H
#define BGWORKER_LOG_COPY_H

#include "bgworker/tick.h"

/* In the master, once. */
extern void so_log_copy_init(SoMaster *master);

/* Has the worker told something that belongs into the catalog now? */
extern bool so_log_copy_due(const SoMaster *master);

/* In the transaction of the turn: write down what the worker has told. */
extern void so_log_copy_apply(SoMaster *master, SoBatch *batch);

/* After its commit: the worker may have something to do. */
extern void so_log_copy_done(SoMaster *master, SoBatch *batch);

/* At every turn: start the worker when there is a log database and no worker. */
extern void so_log_copy_attend(SoMaster *master);

/* When the next turn is due for it: monotonic ms. */
extern int64 so_log_copy_deadline(const SoMaster *master);

/* Another log database, or none: in the catalog since this transaction. */
extern void so_log_copy_changed(SoMaster *master);

#endif /* BGWORKER_LOG_COPY_H */
