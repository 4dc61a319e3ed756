/*
 * extension/wait.h
 *
 * What procedures that wait have in common: they are statements of their own,
 * have a time limit, and return their INOUT arguments as a row.
 *
 * Process: client backends.
 */
#ifndef EXTENSION_WAIT_H
#define EXTENSION_WAIT_H

#include "fmgr.h"

/* A broadcast is lost when the master dies between its commit and the call. */
#define SO_WAIT_LOOK_AGAIN_MS 5000
#define SO_WAIT_FOREVER       (-1)

/* Refuse to wait inside a transaction block, on a standby and without the library preloaded. */
extern void so_wait_require_own_statement(FunctionCallInfo fcinfo);

/* Milliseconds of an interval argument; SO_WAIT_FOREVER for NULL, months count 30 days. */
extern int64 so_wait_timeout_ms(FunctionCallInfo fcinfo, int argument);

/* The INOUT arguments (at most two, none NULL) as the result; called after SPI_finish. */
extern Datum so_wait_row(FunctionCallInfo fcinfo, Datum *values);

#endif /* EXTENSION_WAIT_H */
