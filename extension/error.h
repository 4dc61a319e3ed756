/*
 * extension/error.h
 *
 * Errors of the SQL side: the codes of the common table as SQLSTATEs.
 *
 * Process: every process of the server; no state.
 */
#ifndef EXTENSION_ERROR_H
#define EXTENSION_ERROR_H

#include "common/error.h"
#include "extension/compat.h"

/* The SQLSTATE of a code, for ereport: errcode(so_error_sqlstate(...)). */
extern int so_error_sqlstate(SoErrorCode code);
#define so_errcode(code) errcode(so_error_sqlstate(code))

/* Raise an error value of the common code; never returns. */
pg_noreturn extern void so_error_raise(const SoError *error);

/* SO105 when the library was not preloaded. */
extern void so_error_require_preload(void);

#endif /* EXTENSION_ERROR_H */
