/*
 * bgworker/requests.h
 *
 * Requests of user functions: start, stop, changes of workers and settings.
 */
#ifndef BGWORKER_REQUESTS_H
#define BGWORKER_REQUESTS_H

#include "bgworker/tick.h"

/* In the transaction: apply the rows of internal.request that are visible now. */
extern void so_requests_apply(SoMaster *master, SoBatch *batch);

/* In a transaction: take the first row out, because it cannot be applied; says so. */
extern void so_requests_reject_first(SoMaster *master, SoBatch *batch, const ErrorData *error);

/* After the commit: tell agents, wake waiters, remember the position. */
extern void so_requests_done(SoMaster *master, SoBatch *batch);

#endif /* BGWORKER_REQUESTS_H */
