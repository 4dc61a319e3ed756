/*
 * bgworker/reports.h
 *
 * Reports of agents: events, statistics, results.
 */
#ifndef BGWORKER_REPORTS_H
#define BGWORKER_REPORTS_H

#include "bgworker/tick.h"

/* In the transaction: record the items of the batch's reports. */
extern void so_reports_apply(SoMaster *master, SoBatch *batch);

/*
 * In a transaction: record that this item (from 1) of the report cannot be
 * stored, because of the error.
 */
extern void so_reports_reject(SoMaster *master, SoBatch *batch, SoRequest *report, int item,
							  const ErrorData *error);

/* In a transaction: how many items the report has. */
extern int so_reports_count_items(const SoRequest *report);

/*
 * After the commit: leases whose attempts ended, waiters and superseded
 * attempts.  Does not answer: a report that was split is answered once.
 */
extern void so_reports_done(SoMaster *master, SoBatch *batch);

/* Answer each of the reports by the rows in batch->reported. */
extern void so_reports_answer(SoMaster *master, SoBatch *batch);

#endif /* BGWORKER_REPORTS_H */
