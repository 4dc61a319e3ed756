/*
 * bgworker/log_remote.h
 *
 * The connection to the log database: libpq without ever blocking.
 */
#ifndef BGWORKER_LOG_REMOTE_H
#define BGWORKER_LOG_REMOTE_H

#include "common/error.h"
#include "libpq-fe.h"
#include "utils/uuid.h"

typedef struct SoLogRemote
{
	PGconn *connection;  /* NULL: not connected */
	uint32 generation;   /* of the log database that is wanted; another one ends every wait */
	bool gave_up;        /* the last failure was no failure: somebody wants us elsewhere */
	bool position_known; /* of source */
	pg_uuid_t source;
	int64 position;    /* everything up to it is committed there; 0: nothing yet */
	bool position_row; /* there is a row */
	int64 memory;      /* bytes this process had when the last statement was sent */
	SoError error;     /* of the last failure */
} SoLogRemote;

/*
 * All of these return false with remote->error filled in (or gave_up set), the
 * connection closed and the remote transaction gone.  They must be called
 * outside of transactions of this server.  Interrupts are served while waiting.
 */

/* Connect and look whether the tables are there and may be written. */
extern bool so_log_remote_open(SoLogRemote *remote, const char *connection_string,
							   bool by_superuser) SO_WARN_UNUSED;

/* Learn how far the copy of the source has come. */
extern bool so_log_remote_position(SoLogRemote *remote, const pg_uuid_t *source) SO_WARN_UNUSED;

/*
 * Copy the lines (COPY's text format, with these columns) and move the position
 * of the source to the given number, in one transaction.  *moved is false, and
 * nothing was copied, when somebody else has moved the position meanwhile; it is
 * then to be learned again.
 */
extern bool so_log_remote_copy(SoLogRemote *remote, const char *columns, const char *lines,
							   size_t length, int64 position, bool *moved) SO_WARN_UNUSED;

/*
 * Is the other side still there, while nothing was to be done?  Does not wait.
 * It is left open unless what it says unasked has no end, which is a failure.
 */
extern bool so_log_remote_alive(SoLogRemote *remote) SO_WARN_UNUSED;

extern void so_log_remote_close(SoLogRemote *remote);

#endif /* BGWORKER_LOG_REMOTE_H */
