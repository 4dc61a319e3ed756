/*
 * engine/connections/transaction.c
 *
 * The transaction of a transacted container: bound to the first connection
 * manager that is used inside, one session, one task at a time, a savepoint
 * around each task.
 *
 * Process: runner and client.  Task threads enter and leave, the control
 * thread ends it; pool->mutex protects the fields, and "busy" makes the
 * session one task's at a time.  If the process dies the server rolls back.
 */
#include "engine/connections/transaction.h"

#include <stdlib.h>
#include <string.h>

#include "engine/connections/pool_private.h"

SoTransaction *
so_transaction_new(SoConnectionPool *pool, const SoExecutable *owner, const char *isolation_level)
{
	SoTransaction *transaction = calloc(1, sizeof(*transaction));

	if (transaction == NULL)
		return NULL;
	transaction->pool = pool;
	transaction->owner = owner;
	if (isolation_level != NULL)
	{
		transaction->isolation_level = strdup(isolation_level);
		if (transaction->isolation_level == NULL)
		{
			free(transaction);
			return NULL;
		}
	}
	return transaction;
}

static void
free_transaction(SoTransaction *transaction)
{
	free(transaction->isolation_level);
	free(transaction->key);
	free(transaction->name);
	free(transaction);
}

bool
so_transaction_is_begun(const SoTransaction *transaction)
{
	return transaction->connection != NULL;
}

/* Wait for the session of the transaction and mark it busy; the mutex is held. */
static bool
seize(SoTransaction *transaction, const SoConnectRequest *request, SoError *error)
{
	for (;;)
	{
		if (transaction->key != NULL && strcmp(transaction->key, request->key) != 0)
			return so_error_set(
				error, SO_ERR_TASK_TRANSACTION_SPANS, request->name,
				"the transaction of \"%s\" runs on connection manager \"%s\" and cannot "
				"include \"%s\"",
				transaction->owner != NULL ? transaction->owner->name : "?", transaction->name,
				request->name);
		if (transaction->broken)
		{
			if (error != NULL)
				*error = transaction->reason;
			return false;
		}
		if (!transaction->busy)
			break;
		if (!so_pool_wait_change(transaction->pool, request->cancel_fd, error))
			return false;
	}
	if (transaction->key == NULL)
	{
		transaction->key = strdup(request->key);
		transaction->name = strdup(request->name);
		if (transaction->key == NULL || transaction->name == NULL)
			return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	}
	transaction->busy = true;
	return true;
}

static void
unseize(SoTransaction *transaction)
{
	pthread_mutex_lock(&transaction->pool->mutex);
	transaction->busy = false;
	so_pool_changed(transaction->pool);
	pthread_mutex_unlock(&transaction->pool->mutex);
}

/* The first task: take a session and begin. */
static bool
begin(SoTransaction *transaction, const SoConnectRequest *request, SoError *error)
{
	SoConnection *connection = so_pool_acquire(request, error);

	if (connection == NULL)
		return false;
	if (!connection->ops->begin(connection, transaction->isolation_level, error))
	{
		so_pool_release(transaction->pool, connection, true);
		return false;
	}
	pthread_mutex_lock(&transaction->pool->mutex);
	connection->transaction = transaction;
	transaction->connection = connection;
	pthread_mutex_unlock(&transaction->pool->mutex);
	return true;
}

SoConnection *
so_transaction_enter(const SoConnectRequest *request, SoError *error)
{
	SoTransaction *transaction = request->transaction;
	SoConnection *connection;
	bool seized;

	pthread_mutex_lock(&transaction->pool->mutex);
	seized = seize(transaction, request, error);
	pthread_mutex_unlock(&transaction->pool->mutex);
	if (!seized)
		return NULL;
	if (transaction->connection == NULL && !begin(transaction, request, error))
	{
		unseize(transaction);
		return NULL;
	}
	connection = transaction->connection;
	connection->run = request->run;
	connection->cancel_fd = request->cancel_fd;
	if (!connection->ops->enter_task(connection, error))
	{
		connection->run = NULL;
		connection->cancel_fd = -1;
		unseize(transaction);
		return NULL;
	}
	connection->in_savepoint = true;
	return connection;
}

bool
so_transaction_leave(SoConnection *connection, bool failed, SoError *error)
{
	SoTransaction *transaction = connection->transaction;
	SoError reason;
	bool good;

	so_error_clear(&reason);
	good = connection->ops->leave_task(connection, failed, &reason);
	connection->in_savepoint = false;
	connection->run = NULL;
	connection->cancel_fd = -1;
	if (!good && !transaction->broken)
	{
		pthread_mutex_lock(&transaction->pool->mutex);
		transaction->broken = true;
		transaction->reason = reason;
		pthread_mutex_unlock(&transaction->pool->mutex);
	}
	if (!good && error != NULL)
		*error = reason;
	unseize(transaction);
	return good;
}

/* Give the session back and free; ended tells that the server has no transaction open. */
static void
finish(SoTransaction *transaction, bool ended)
{
	if (transaction->connection != NULL)
		so_pool_release(transaction->pool, transaction->connection, ended);
	free_transaction(transaction);
}

bool
so_transaction_commit(SoTransaction *transaction, SoError *error)
{
	SoConnection *connection = transaction->connection;
	bool good = true;
	bool ended = true;

	if (connection != NULL && transaction->broken)
	{
		if (error != NULL)
			*error = transaction->reason;
		good = false;
		ended = connection->ops->rollback(connection);
	}
	else if (connection != NULL && !connection->ops->commit(connection, error))
	{
		good = false;
		ended = !connection->broken && connection->ops->rollback(connection);
	}
	finish(transaction, ended);
	return good;
}

void
so_transaction_rollback(SoTransaction *transaction)
{
	bool ended = true;

	if (transaction == NULL)
		return;
	if (transaction->connection != NULL)
		ended = transaction->connection->ops->rollback(transaction->connection);
	finish(transaction, ended);
}
