/*
 * engine/connections/odbc.h
 *
 * ODBC sessions by unixODBC.  Texts go through the wide functions as UTF-16,
 * so that no locale decides about characters.
 *
 * Process: runner and client, in the thread that owns the session.
 */
#ifndef ENGINE_CONNECTIONS_ODBC_H
#define ENGINE_CONNECTIONS_ODBC_H

#include <sql.h>
#include <sqlext.h>
#include <sqlucode.h>

#include "engine/connections/connection.h"

typedef struct SoOdbcSession
{
	SQLHENV environment;
	SQLHDBC database;
	bool connected;
} SoOdbcSession;

/* UTF-8 to zero-terminated UTF-16 in context; *length in units, may be NULL. */
extern SQLWCHAR *so_odbc_wide(TALLOC_CTX *context, const char *text, size_t *length);
/* length units of UTF-16 to UTF-8 in context; broken pairs become U+FFFD. */
extern char *so_odbc_narrow(TALLOC_CTX *context, const SQLWCHAR *text, size_t length);

/*
 * Fill *error from the diagnostics of a handle.  sql may be NULL and is named
 * in the detail.  Always returns false.
 */
extern bool so_odbc_error(SoConnection *connection, SQLSMALLINT kind, SQLHANDLE handle,
						  const char *sql, SoError *error);

/*
 * Watches a blocking call: a thread that calls SQLCancel when the wait ends.
 * begin before the call, end after it; end returns false with *error when the
 * call was stopped.
 */
typedef struct SoOdbcWatch SoOdbcWatch;
extern SoOdbcWatch *so_odbc_watch_begin(SQLHSTMT statement, const SoWait *wait, SoError *error);
extern bool so_odbc_watch_end(SoOdbcWatch *watch, SoError *error);

#endif /* ENGINE_CONNECTIONS_ODBC_H */
