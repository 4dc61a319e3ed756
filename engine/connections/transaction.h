/*
 * engine/connections/transaction.h
 *
 * The database transaction of a container with transaction_option = required.
 * It binds itself to the first connection manager that a task inside it uses;
 * all tasks of that manager then share one session, one after the other, with
 * a savepoint around each.  A second connection manager is refused, because
 * scaleout does not offer two-phase commit.
 *
 * Process: runner and client.  Made, committed and rolled back by the control
 * thread, when no task inside the container is running; joined by task threads.
 * If the process dies the server rolls back.
 */
#ifndef ENGINE_CONNECTIONS_TRANSACTION_H
#define ENGINE_CONNECTIONS_TRANSACTION_H

#include "engine/connections/pool.h"

/*
 * A transaction for the tasks below owner; nothing is sent to a server until
 * the first task connects.  isolation_level is the property's name
 * ("serializable", "read_committed", "unspecified" ...; NULL = the server's
 * default); only the container that begins the transaction decides it.
 * NULL without memory.  Ended by exactly one of commit and rollback.
 */
extern SoTransaction *
so_transaction_new(SoConnectionPool *pool, const SoExecutable *owner, const char *isolation_level);

/*
 * Commit and free.  false with *error when the server refused (for example
 * 40001: retry the container), the session was lost (the outcome is then
 * unknown and the message says so), or a statement inside ended the
 * transaction by itself; the work is then rolled back where that is possible.
 */
extern bool so_transaction_commit(SoTransaction *transaction, SoError *error) SO_WARN_UNUSED;

/* Roll back and free; NULL is allowed.  Cannot fail: a session that refuses is closed. */
extern void so_transaction_rollback(SoTransaction *transaction);

/* Has a task connected inside it, so that a server transaction exists? */
extern bool so_transaction_is_begun(const SoTransaction *transaction);

#endif /* ENGINE_CONNECTIONS_TRANSACTION_H */
