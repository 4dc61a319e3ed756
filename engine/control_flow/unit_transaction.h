/*
 * engine/control_flow/unit_transaction.h
 *
 * transaction_option: which database transaction a unit takes part in, and its
 * end.
 *
 * Process: runner and client; control thread only, except for the commit and
 * rollback themselves, which run in a thread like a task, because a server may
 * take its time.
 */
#ifndef ENGINE_CONTROL_FLOW_UNIT_TRANSACTION_H
#define ENGINE_CONTROL_FLOW_UNIT_TRANSACTION_H

#include "engine/control_flow/unit.h"

/* Join or make the transaction of unit; false when an error was raised. */
extern bool so_unit_transaction_begin(SoUnit *unit) SO_WARN_UNUSED;

/* Commit (good) or roll back what unit owns, then so_unit_finish. */
extern void so_unit_transaction_end(SoUnit *unit, bool good);

/*
 * Would a transaction begun by unit need several connection managers?  Then
 * false with *error.
 */
extern bool so_unit_transaction_validate(const SoUnit *unit, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_CONTROL_FLOW_UNIT_TRANSACTION_H */
