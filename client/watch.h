/*
 * client/watch.h
 *
 * scaleout watch: follows an execution until it ends.
 */
#ifndef CLIENT_WATCH_H
#define CLIENT_WATCH_H

#include <libpq-fe.h>
#include <stdbool.h>

/* Returns an exit code of client/options.h. */
extern int so_client_watch(int argc, char **argv);

/*
 * Follow execution_id on an open connection: a line per event as it happens and,
 * on a terminal, a line at the bottom that moves.  Ctrl-C stops watching, not
 * the execution.  A server that is lost is waited for patience_s seconds.  Returns
 * dtexec's exit code for the final status.
 */
extern int
so_watch_execution(PGconn *connection, const char *execution_id, bool verbose, int patience_s);

#endif /* CLIENT_WATCH_H */
