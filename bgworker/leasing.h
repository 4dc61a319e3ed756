/*
 * bgworker/leasing.h
 *
 * Handing tasks to agents.
 */
#ifndef BGWORKER_LEASING_H
#define BGWORKER_LEASING_H

#include "bgworker/tick.h"

/*
 * Is there an agent that waits for work and has not been asked about the
 * present queue?  With new_work the queue has just changed.
 */
extern bool so_leasing_wanted(SoMaster *master, bool new_work);

/* In the transaction: assign up to batch->lease_limit ready tasks to waiting agents. */
extern void so_leasing_apply(SoMaster *master, SoBatch *batch);

/* In a transaction: end the first task that would be leased, because it cannot be. */
extern void so_leasing_reject_first(SoMaster *master, SoBatch *batch, const ErrorData *error);

/* In the transaction: build the tasks that are sent again. */
extern void so_leasing_redeliver(SoMaster *master, SoBatch *batch);

/* After the commit: start the leases and answer the polls. */
extern void so_leasing_done(SoMaster *master, SoBatch *batch);

#endif /* BGWORKER_LEASING_H */
