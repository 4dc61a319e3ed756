/*
 * bgworker/refused.h
 *
 * Connections that the gateway has refused, for catalog.refused_connections.
 */
#ifndef BGWORKER_REFUSED_H
#define BGWORKER_REFUSED_H

#include "bgworker/tick.h"

/* A REFUSED frame: remembered until the next sign of life is written; false when malformed. */
extern bool so_refused_take(const SoFrame *frame);

/* In the transaction of the signs of life: what has come together. */
extern void so_refused_apply(SoMaster *master, SoBatch *batch);

/* After its commit: it is written. */
extern void so_refused_done(SoMaster *master, SoBatch *batch);

#endif /* BGWORKER_REFUSED_H */
