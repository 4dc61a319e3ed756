/*
 * extension/outcome.h
 *
 * What became of an operation, as an error for those who look at errors only.
 *
 * Process: client backends; no state.
 */
#ifndef EXTENSION_OUTCOME_H
#define EXTENSION_OUTCOME_H

/* Whether an operation with this status (catalog.operations) changes no more. */
extern bool so_outcome_is_final(int status);

/*
 * Raise an error unless the status is succeeded (7) or completed (9): SO146
 * failed, SO147 canceled, SO148 not ended.  The message has the operation, its
 * package and its first error with code, the hint what to do.  Reads the public
 * views as the present user, inside a connected SPI; returns after a success.
 */
extern void so_outcome_raise(int64 operation_id, int status);

#endif /* EXTENSION_OUTCOME_H */
