/*
 * bgworker/expiry.h
 *
 * Leases that end without a result.
 */
#ifndef BGWORKER_EXPIRY_H
#define BGWORKER_EXPIRY_H

#include "bgworker/tick.h"

/* In the transaction: the attempts of batch->expired are lost. */
extern void so_expiry_apply(SoMaster *master, SoBatch *batch);

/* After the commit: forget the leases, tell their agents, wake waiters. */
extern void so_expiry_done(SoMaster *master, SoBatch *batch);

#endif /* BGWORKER_EXPIRY_H */
