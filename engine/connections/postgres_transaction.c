/*
 * engine/connections/postgres_transaction.c
 *
 * The transaction side of a PostgreSQL session: begin with an isolation level,
 * a savepoint around each task, commit and rollback; and the table of
 * functions by which the pool knows PostgreSQL.
 *
 * Process: runner and client.  begin, enter and leave run in the task's
 * thread, commit and rollback in the control thread, never at the same time.
 * If the process dies half-way the server rolls the transaction back.
 */
#include "engine/connections/postgres.h"

#include <poll.h>
#include <string.h>

/* Housekeeping commands wait no longer than this. */
#define COMMAND_TIME_OUT_MS 30000
/* A commit may flush a lot and wait for a standby. */
#define COMMIT_TIME_OUT_MS 600000

static bool
postgres_alive(SoConnection *connection)
{
	struct pollfd socket = {.fd = PQsocket(connection->pg), .events = POLLIN};

	if (PQstatus(connection->pg) != CONNECTION_OK || socket.fd < 0)
		return false;
	/* An idle session says nothing, unless it is being closed. */
	if (poll(&socket, 1, 0) <= 0)
		return true;
	return PQconsumeInput(connection->pg) != 0 && PQstatus(connection->pg) == CONNECTION_OK;
}

static const char *
begin_statement(const char *isolation_level)
{
	static const struct
	{
		const char *level;
		const char *sql;
	} statements[] = {{"unspecified", "BEGIN"},
					  {"chaos", "BEGIN ISOLATION LEVEL READ UNCOMMITTED"},
					  {"read_uncommitted", "BEGIN ISOLATION LEVEL READ UNCOMMITTED"},
					  {"read_committed", "BEGIN ISOLATION LEVEL READ COMMITTED"},
					  {"repeatable_read", "BEGIN ISOLATION LEVEL REPEATABLE READ"},
					  {"snapshot", "BEGIN ISOLATION LEVEL REPEATABLE READ"},
					  {"serializable", "BEGIN ISOLATION LEVEL SERIALIZABLE"},
					  {NULL, NULL}};

	for (int i = 0; isolation_level != NULL && statements[i].level != NULL; i++)
	{
		if (strcmp(statements[i].level, isolation_level) == 0)
			return statements[i].sql;
	}
	return "BEGIN";
}

static bool
postgres_begin(SoConnection *connection, const char *isolation_level, SoError *error)
{
	SoWait wait = so_connection_wait(connection, COMMAND_TIME_OUT_MS);

	if (PQtransactionStatus(connection->pg) != PQTRANS_IDLE)
		return so_error_set(
			error, SO_ERR_TASK_TRANSACTION_BROKEN, connection->name,
			"the session is already inside a transaction that an earlier statement began");
	return so_postgres_command(connection, begin_statement(isolation_level), &wait, error);
}

static bool
postgres_commit(SoConnection *connection, SoError *error)
{
	SoWait wait = so_connection_wait(connection, COMMIT_TIME_OUT_MS);

	switch (PQtransactionStatus(connection->pg))
	{
		case PQTRANS_INTRANS:
			break;
		case PQTRANS_INERROR:
			return so_error_set(
				error, SO_ERR_TASK_TRANSACTION_BROKEN, connection->name,
				"a statement of the transaction failed, so it can only be rolled back");
		default:
			return so_error_set(error, SO_ERR_TASK_TRANSACTION_BROKEN, connection->name,
								"the transaction is no longer open");
	}
	return so_postgres_command(connection, "COMMIT", &wait, error);
}

static bool
postgres_rollback(SoConnection *connection)
{
	SoWait wait = so_connection_wait(connection, COMMAND_TIME_OUT_MS);
	SoError ignored;

	if (connection->broken || PQstatus(connection->pg) != CONNECTION_OK)
		return false;
	if (PQtransactionStatus(connection->pg) == PQTRANS_IDLE)
		return true;
	return so_postgres_command(connection, "ROLLBACK", &wait, &ignored);
}

static bool
postgres_enter_task(SoConnection *connection, SoError *error)
{
	SoWait wait = so_connection_wait(connection, COMMAND_TIME_OUT_MS);

	return so_postgres_command(connection, "SAVEPOINT so_task", &wait, error);
}

static bool
postgres_leave_task(SoConnection *connection, bool failed, SoError *error)
{
	/* Cancelled or not, the savepoint must be settled: the container decides about the rest. */
	SoWait wait = so_connection_wait(connection, COMMAND_TIME_OUT_MS);

	wait.cancel_fd = -1;
	if (connection->broken || PQstatus(connection->pg) != CONNECTION_OK)
		return so_error_set(error, SO_ERR_TASK_CONNECTION_LOST, connection->name,
							"the session of the transaction was cut");
	if (PQtransactionStatus(connection->pg) == PQTRANS_IDLE)
		return so_error_set(error, SO_ERR_TASK_TRANSACTION_BROKEN, connection->name,
							"a statement of the task ended the transaction of its container");
	if (failed || PQtransactionStatus(connection->pg) == PQTRANS_INERROR)
		return so_postgres_command(connection, "ROLLBACK TO SAVEPOINT so_task", &wait, error) &&
			   so_postgres_command(connection, "RELEASE SAVEPOINT so_task", &wait, error);
	return so_postgres_command(connection, "RELEASE SAVEPOINT so_task", &wait, error);
}

const SoConnectionOps so_postgres_connection_ops = {
	.kind = SO_CONNECTION_POSTGRES,
	.type_name = "postgres",
	.settings = so_postgres_settings,
	.open = so_postgres_open,
	.close = so_postgres_close,
	.alive = postgres_alive,
	.reset = so_postgres_reset,
	.begin = postgres_begin,
	.commit = postgres_commit,
	.rollback = postgres_rollback,
	.enter_task = postgres_enter_task,
	.leave_task = postgres_leave_task,
};
