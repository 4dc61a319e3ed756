/*
 * engine/connections/connection.h
 *
 * One session with a database server: what the pool keeps and what the SQL
 * tasks work with.  The kinds are postgres (libpq) and odbc (unixODBC).
 *
 * Process: runner and client.  A session has one owner at a time (see pool.h);
 * while it is owned nobody else touches it, so it needs no lock of its own.
 */
#ifndef ENGINE_CONNECTIONS_CONNECTION_H
#define ENGINE_CONNECTIONS_CONNECTION_H

#include <libpq-fe.h>

#include "engine/connections/pool.h"

typedef enum SoConnectionKind
{
	SO_CONNECTION_POSTGRES,
	SO_CONNECTION_ODBC
} SoConnectionKind;

struct SoOdbcSession;

/* What a kind of session can do; the pool and transactions are written against this. */
typedef struct SoConnectionOps
{
	SoConnectionKind kind;
	const char *type_name; /* of the connection manager */
	/* What identifies where it leads, with every setting in it; NULL with *error. */
	char *(*settings)(TALLOC_CTX *context, const SoObject *properties, SoError *error);
	bool (*open)(SoConnection *connection, const char *settings, const char *application_name,
				 int64_t connect_time_out_ms, SoError *error);
	void (*close)(SoConnection *connection);
	/* Still usable, as far as can be told without asking the server? */
	bool (*alive)(SoConnection *connection);
	/* Back to a fresh session; false = close it. */
	bool (*reset)(SoConnection *connection);
	/* isolation_level as in so_transaction_new. */
	bool (*begin)(SoConnection *connection, const char *isolation_level, SoError *error);
	bool (*commit)(SoConnection *connection, SoError *error);
	bool (*rollback)(SoConnection *connection);
	/* Around a task inside a transaction. */
	bool (*enter_task)(SoConnection *connection, SoError *error);
	bool (*leave_task)(SoConnection *connection, bool failed, SoError *error);
} SoConnectionOps;

extern const SoConnectionOps so_postgres_connection_ops;
extern const SoConnectionOps so_odbc_connection_ops;

struct SoConnection
{
	SoConnectionKind kind;
	const SoConnectionOps *ops;
	char *key;                  /* connection manager's id */
	char *name;                 /* its name, for messages */
	char *settings;             /* everything that decides where it leads; holds secrets */
	bool retain;                /* retain_same_connection: kept as it is between tasks */
	bool busy;                  /* owned by a task or by a transaction */
	bool broken;                /* must be closed instead of reused */
	bool in_savepoint;          /* a task's savepoint is open */
	SoTransaction *transaction; /* whose session this is; NULL = none */
	SoTaskRun *run;             /* the owner, for notices; NULL between tasks */
	int cancel_fd;              /* the owner's; -1 = none */
	PGconn *pg;
	struct SoOdbcSession *odbc;
	SoConnection *next; /* in the pool */
};

/* How long a call may wait. */
typedef struct SoWait
{
	int cancel_fd;       /* readable = stop; -1 = none */
	int64_t deadline_ms; /* monotonic; 0 = none */
	int64_t time_out_ms; /* what the deadline was made of, for the message */
} SoWait;

/* A wait of the connection's owner; time_out_ms 0 = no limit. */
extern SoWait so_connection_wait(const SoConnection *connection, int64_t time_out_ms);

/* The property's text, NULL when unset, empty, or unknown to this type. */
extern const char *so_connection_text(const SoObject *properties, const char *name);
/* The property's boolean or integer, fallback when unknown to this type. */
extern bool so_connection_flag(const SoObject *properties, const char *name, bool fallback);
extern int64_t so_connection_number(const SoObject *properties, const char *name, int64_t fallback);

/*
 * Poll fd for events (POLLIN, POLLOUT) within the wait.  1 ready, 0 stopped
 * with *error (cancelled, timed out, or the call failed).  fd -1 waits for the
 * cancel or the deadline only.
 */
extern int so_wait_poll(const SoWait *wait, int fd, short events, SoError *error);

#endif /* ENGINE_CONNECTIONS_CONNECTION_H */
