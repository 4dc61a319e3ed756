/*
 * engine/connections/pool.h
 *
 * The sessions of one execution.  Tasks take a session with so_task_connect
 * and give it back with so_task_disconnect; in between it is theirs alone.
 *
 * Process: runner and client.  One pool per execution, made by the control
 * thread and shared by all task threads; a mutex inside protects it.  It is
 * allocated with malloc, because talloc roots are not shared between threads.
 */
#ifndef ENGINE_CONNECTIONS_POOL_H
#define ENGINE_CONNECTIONS_POOL_H

#include "engine/tasks/task.h"

typedef struct SoConnectionPool SoConnectionPool;
typedef struct SoTransaction SoTransaction;

/*
 * A new, empty pool.  application_name is what servers show for its sessions
 * ("scaleout load_sales"); copied.  NULL without memory.
 */
extern SoConnectionPool *so_connection_pool_new(const char *application_name);

/* Close every session.  All tasks must have ended.  NULL is allowed. */
extern void so_connection_pool_free(SoConnectionPool *pool);

/* Sessions that are open now, in use or idle; for tests and diagnostics. */
extern int so_connection_pool_count(SoConnectionPool *pool);

/*
 * Is this object a connection manager whose sessions the pool can open
 * ("postgres", "odbc")?
 */
extern bool so_connection_pool_supports(const SoObject *connection_properties);

/*
 * What so_task_connect and so_task_disconnect do, with the surroundings as
 * arguments.  key identifies the connection manager (its id); transaction may
 * be NULL; run may be NULL in tests (then server notices are dropped).
 */
typedef struct SoConnectRequest
{
	SoConnectionPool *pool;
	SoTransaction *transaction;
	const SoExecutable *executable; /* who asks; NULL when unknown */
	SoTaskRun *run;                 /* receives the server's notices */
	const char *key;
	const char *name;           /* for messages */
	const SoObject *properties; /* of the connection manager */
	int cancel_fd;              /* readable = give up; -1 = none */
} SoConnectRequest;

extern SoConnection *so_connection_pool_take(const SoConnectRequest *request, SoError *error);

/*
 * Give the session back.  failed rolls the task's savepoint back inside a
 * transaction.  false with *error when the session could not be put in order;
 * inside a transaction its commit will then be refused.
 */
extern bool so_connection_pool_give(SoConnectionPool *pool, SoConnection *connection, bool failed,
									SoError *error);

#endif /* ENGINE_CONNECTIONS_POOL_H */
