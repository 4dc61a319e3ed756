/*
 * client/reconnect.h
 *
 * Waiting for a server that restarts, for the commands that follow an
 * execution: it goes on meanwhile.
 */
#ifndef CLIENT_RECONNECT_H
#define CLIENT_RECONNECT_H

#include <libpq-fe.h>
#include <signal.h>
#include <stdbool.h>

#include "common/error.h"

#define SO_RECONNECT_DEFAULT_S 60

/*
 * Connect the connection anew, trying for patience_s seconds, and say on stderr
 * that it was lost and when it is back.  interrupted may be NULL; once it is set,
 * the wait ends at once and the result is true, with the connection as it is.
 * false with *error (SO902) when the server did not come back in time.
 */
extern bool so_reconnect(PGconn *connection, int patience_s,
						 const volatile sig_atomic_t *interrupted, SoError *error) SO_WARN_UNUSED;

#endif /* CLIENT_RECONNECT_H */
