/*
 * bgworker/counters.h
 *
 * Counters of the master's work.
 */
#ifndef BGWORKER_COUNTERS_H
#define BGWORKER_COUNTERS_H

/* In the master: one transaction was committed for that many requests of agents. */
extern void so_counters_transaction(int requests, int reports);

#endif /* BGWORKER_COUNTERS_H */
