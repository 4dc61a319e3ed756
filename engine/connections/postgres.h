/*
 * engine/connections/postgres.h
 *
 * PostgreSQL sessions by libpq, without ever blocking past a cancel signal.
 *
 * Process: runner and client, in the thread that owns the session.
 */
#ifndef ENGINE_CONNECTIONS_POSTGRES_H
#define ENGINE_CONNECTIONS_POSTGRES_H

#include "engine/connections/connection.h"

/*
 * The settings that libpq is given, as one text that identifies them; NULL
 * with *error when connection_string cannot be parsed.  It may hold a
 * password: never show it.  Owned by context.
 */
extern char *so_postgres_settings(TALLOC_CTX *context, const SoObject *properties, SoError *error);

/*
 * Connect.  settings come from so_postgres_settings; connect_time_out_ms 0 =
 * no limit but the network's.
 */
extern bool
so_postgres_open(SoConnection *connection, const char *settings, const char *application_name,
				 int64_t connect_time_out_ms, SoError *error) SO_WARN_UNUSED;
extern void so_postgres_close(SoConnection *connection);

/* Back to a fresh session: rollback, DISCARD ALL.  false: close it. */
extern bool so_postgres_reset(SoConnection *connection);

/*
 * The next result of what was sent, or NULL: at the end of the results (error
 * code SO_OK) or after a cancel, time-out or cut connection (error set; the
 * statement was cancelled on the server, the session marked broken when that
 * did not work).  The caller clears the result.
 */
extern PGresult *
so_postgres_next_result(SoConnection *connection, const SoWait *wait, SoError *error);

/* Wait until everything queued was sent. */
extern bool
so_postgres_flush(SoConnection *connection, const SoWait *wait, SoError *error) SO_WARN_UNUSED;

/* Cancel what the server is doing and read the rest; marks the session broken when it fails. */
extern void so_postgres_cancel(SoConnection *connection);

/* Run a command of our own that returns no rows (BEGIN, SAVEPOINT ...). */
extern bool so_postgres_command(SoConnection *connection, const char *sql, const SoWait *wait,
								SoError *error) SO_WARN_UNUSED;

/*
 * Fill *error from a failed result: SQLSTATE, message, detail and hint, and
 * the line of sql with a caret where the server gives a position.  sql may be
 * NULL; position_offset characters are added to the server's position when
 * sql is a longer text than what was sent.  Always returns false.
 */
extern bool so_postgres_error(SoConnection *connection, const PGresult *result, const char *sql,
							  int position_offset, SoError *error);

/*
 * "at line 3, column 8:\n  the line\n       ^" for a 1-based character
 * position in sql, into buffer; empty when there is no such position.
 */
extern void so_postgres_quote_position(const char *sql, int position, char *buffer, size_t size);

#endif /* ENGINE_CONNECTIONS_POSTGRES_H */
