/*
 * bgworker/split.h
 *
 * A batch that failed in SQL: find the offender, save the others.
 */
#ifndef BGWORKER_SPLIT_H
#define BGWORKER_SPLIT_H

#include "bgworker/tick.h"

/*
 * The batch failed with an error that a repetition does not cure.  Its parts
 * are run in transactions of their own, the part that fails is halved, until
 * the offender is alone; that is recorded and answered as rejected.
 */
extern void so_split_batch(SoMaster *master, SoBatch *batch, ErrorData *error);

#endif /* BGWORKER_SPLIT_H */
