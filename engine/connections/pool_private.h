/*
 * engine/connections/pool_private.h
 *
 * What pool.c and transaction.c know of each other; not for other rooms.
 *
 * Process: runner and client.  Everything here is protected by pool->mutex,
 * except the session itself, which belongs to its owner.
 */
#ifndef ENGINE_CONNECTIONS_POOL_PRIVATE_H
#define ENGINE_CONNECTIONS_POOL_PRIVATE_H

#include <pthread.h>

#include "engine/connections/connection.h"
#include "engine/connections/transaction.h"

/* A thread that waits for a session; lives on its stack. */
typedef struct PoolWaiter
{
	int event_fd;
	struct PoolWaiter *next;
} PoolWaiter;

struct SoConnectionPool
{
	pthread_mutex_t mutex;
	char *application_name;
	SoConnection *connections;
	PoolWaiter *waiters;
};

struct SoTransaction
{
	SoConnectionPool *pool;
	const SoExecutable *owner;
	char *isolation_level; /* NULL = the server's default */
	char *key;             /* connection manager that it is bound to; NULL = not yet */
	char *name;
	SoConnection *connection; /* NULL until begun */
	bool busy;                /* a task is using the session, or beginning it */
	bool broken;              /* cannot be committed; reason says why */
	SoError reason;
};

/*
 * Wait, with pool->mutex held, until something changes in the pool; the mutex
 * is released meanwhile.  false with *error when the wait was cancelled.
 */
extern bool so_pool_wait_change(SoConnectionPool *pool, int cancel_fd, SoError *error);
/* Wake all who wait; with pool->mutex held. */
extern void so_pool_changed(SoConnectionPool *pool);

/* A session for request, busy and open; takes and releases pool->mutex itself. */
extern SoConnection *so_pool_acquire(const SoConnectRequest *request, SoError *error);
/* Back into the pool, reset unless it is retained; closed when broken or keep is false. */
extern void so_pool_release(SoConnectionPool *pool, SoConnection *connection, bool keep);

/* so_connection_pool_take and _give for a session inside a transaction. */
extern SoConnection *so_transaction_enter(const SoConnectRequest *request, SoError *error);
extern bool so_transaction_leave(SoConnection *connection, bool failed, SoError *error);

#endif /* ENGINE_CONNECTIONS_POOL_PRIVATE_H */
