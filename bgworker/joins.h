/*
 * bgworker/joins.h
 *
 * Workers that join by an enrollment token.
 */
#ifndef BGWORKER_JOINS_H
#define BGWORKER_JOINS_H

#include "bgworker/tick.h"

/* In the transaction: judge the attempts, trust the certificates of the accepted. */
extern void so_joins_apply(SoMaster *master, SoBatch *batch);

/* After the commit: the answers, and a line in the log for each. */
extern void so_joins_done(SoMaster *master, SoBatch *batch);

#endif /* BGWORKER_JOINS_H */
