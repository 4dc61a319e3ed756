/*
 * bgworker/state.h
 *
 * What the master says of itself in the catalog, and the trust set.
 */
#ifndef BGWORKER_STATE_H
#define BGWORKER_STATE_H

#include "bgworker/tick.h"

/* Before the first turn, in a transaction: the live leases of earlier masters. */
extern void so_state_load_leases(SoMaster *master);

/* In the transaction: LAST_ONLINE_TIME of master and agents. */
extern void so_state_online(SoMaster *master, SoBatch *batch);

/* In the transaction: where the gateway listens, and with which certificate. */
extern void so_state_listening(SoMaster *master, SoBatch *batch);

/* In the transaction: read the trust set. */
extern void so_state_trust(SoMaster *master, SoBatch *batch);

/* After the commit: the TRUST frame. */
extern void so_state_trust_done(SoMaster *master, SoBatch *batch);

/* After the commit: the flags of what was written. */
extern void so_state_done(SoMaster *master, SoBatch *batch);

#endif /* BGWORKER_STATE_H */
