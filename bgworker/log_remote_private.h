/*
 * bgworker/log_remote_private.h
 *
 * What the files of the connection to the log database share: log_remote.c (what the
 * copy does there), log_remote_statement.c and log_remote_link.c (the connection).
 *
 * Those that return bool return false with remote->error filled in (or gave_up set)
 * and the connection closed.
 */
#ifndef BGWORKER_LOG_REMOTE_PRIVATE_H
#define BGWORKER_LOG_REMOTE_PRIVATE_H

#include "bgworker/log_remote.h"

/* ---- log_remote_link.c ---- */

/* Connect and log in, as libpq reads the string; by_superuser: who wrote it is one here. */
extern bool so_log_remote_connect(SoLogRemote *remote, const char *connection_string,
								  bool by_superuser) SO_WARN_UNUSED;

/* Close, the error having been filled in; returns false. */
extern bool so_log_remote_fail(SoLogRemote *remote);
/* Close with what libpq says of the connection; returns false. */
extern bool so_log_remote_lost(SoLogRemote *remote);
/* Close because no PostgreSQL answers like that; returns false. */
extern bool so_log_remote_wrong_answer(SoLogRemote *remote);

/* The time, on the monotonic clock in ms, until which the other side must have answered. */
extern int64 so_log_remote_deadline(void);
/* Wait until the socket is readable or writable (WL_SOCKET_...). */
extern bool so_log_remote_wait(SoLogRemote *remote, int events, int64 deadline) SO_WARN_UNUSED;
/* Read what has come. */
extern bool so_log_remote_hear(SoLogRemote *remote) SO_WARN_UNUSED;

/*
 * Whoever sets the connection string chooses the server, and libpq keeps what it
 * says, also what has no end: one long row, settings.  It does not tell how much
 * that is, and has no limit.  So what this process has is marked before a statement,
 * and checked while its answer comes.
 */
extern void so_log_remote_mark_memory(SoLogRemote *remote);
extern bool so_log_remote_check_memory(SoLogRemote *remote) SO_WARN_UNUSED;

/* ---- log_remote_statement.c ---- */

/* Run a statement; *result is the caller's, who clears it; NULL when it is not wanted. */
extern bool
so_log_remote_run(SoLogRemote *remote, const char *sql, int n, const char *const *values,
				  ExecStatusType wanted, PGresult **result) SO_WARN_UNUSED;

/* The rows of a query, one at most, of so many columns. */
extern bool
so_log_remote_query(SoLogRemote *remote, const char *sql, int n, const char *const *values,
					int columns, PGresult **result) SO_WARN_UNUSED;

/* Run a COPY FROM STDIN with these lines. */
extern bool so_log_remote_copy_from(SoLogRemote *remote, const char *sql, const char *lines,
									size_t length) SO_WARN_UNUSED;

#endif /* BGWORKER_LOG_REMOTE_PRIVATE_H */
