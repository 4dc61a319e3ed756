/*
 * extension/entry.h
 *
 * The door from schema catalog to schema internal.  Every function of the
 * public API is the C function so_entry, SECURITY INVOKER: it takes the
 * caller's role, switches to the function's owner and calls the function of
 * the same name in schema internal with the caller as first argument.
 *
 * Process: client backends.
 */
#ifndef EXTENSION_ENTRY_H
#define EXTENSION_ENTRY_H

#include "postgres.h"

#include "fmgr.h"

/* The C function behind every function of schema catalog. */
extern PGDLLEXPORT Datum so_entry(PG_FUNCTION_ARGS);

/*
 * Cut the error context back to the innermost running entry function, so that
 * a refusal does not show our own functions to the caller; for code that is
 * about to ereport(ERROR).  No effect outside entry functions.  true when the
 * statement of the caller holds a password and must be hidden (errhidestmt).
 */
extern bool so_entry_cut_error_context(void);

#endif /* EXTENSION_ENTRY_H */
