/*
 * engine/connections/pool.c
 *
 * Keeps the sessions of one execution.  A session is handed to one task at a
 * time and reset when it comes back; retain_same_connection keeps one session
 * for its connection manager, as it is, and its tasks wait for each other.
 *
 * Process: runner and client; called by task threads and the control thread.
 * pool->mutex protects the lists and the flags of sessions; it is never held
 * during network traffic.  If the process dies, so do the sessions.
 */
#include "engine/connections/pool.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/connections/pool_private.h"

#define DEFAULT_CONNECT_TIME_OUT_MS 15000

static const SoConnectionOps *const kinds[] = {&so_postgres_connection_ops, &so_odbc_connection_ops,
											   NULL};

static const SoConnectionOps *
ops_for(const SoObject *properties)
{
	for (int i = 0; kinds[i] != NULL; i++)
	{
		if (strcmp(kinds[i]->type_name, properties->type->name) == 0)
			return kinds[i];
	}
	return NULL;
}

bool
so_connection_pool_supports(const SoObject *connection_properties)
{
	return ops_for(connection_properties) != NULL;
}

SoConnectionPool *
so_connection_pool_new(const char *application_name)
{
	SoConnectionPool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	pool->application_name = strdup(application_name);
	if (pool->application_name == NULL)
	{
		free(pool);
		return NULL;
	}
	pthread_mutex_init(&pool->mutex, NULL);
	return pool;
}

static void
free_connection(SoConnection *connection)
{
	if (connection->ops != NULL)
		connection->ops->close(connection);
	if (connection->settings != NULL)
		explicit_bzero(connection->settings, strlen(connection->settings));
	free(connection->settings);
	free(connection->key);
	free(connection->name);
	free(connection);
}

void
so_connection_pool_free(SoConnectionPool *pool)
{
	if (pool == NULL)
		return;
	while (pool->connections != NULL)
	{
		SoConnection *connection = pool->connections;

		pool->connections = connection->next;
		free_connection(connection);
	}
	pthread_mutex_destroy(&pool->mutex);
	free(pool->application_name);
	free(pool);
}

int
so_connection_pool_count(SoConnectionPool *pool)
{
	int count = 0;

	pthread_mutex_lock(&pool->mutex);
	for (SoConnection *connection = pool->connections; connection != NULL;
		 connection = connection->next)
		count++;
	pthread_mutex_unlock(&pool->mutex);
	return count;
}

void
so_pool_changed(SoConnectionPool *pool)
{
	for (PoolWaiter *waiter = pool->waiters; waiter != NULL; waiter = waiter->next)
	{
		/* The counter cannot overflow: a waiter leaves after its first wake-up. */
		if (eventfd_write(waiter->event_fd, 1) != 0)
			continue;
	}
}

bool
so_pool_wait_change(SoConnectionPool *pool, int cancel_fd, SoError *error)
{
	PoolWaiter waiter = {.next = pool->waiters};
	SoWait wait = {.cancel_fd = cancel_fd};
	PoolWaiter **link;
	bool woken;

	waiter.event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (waiter.event_fd < 0)
		return so_error_set(error, SO_ERR_SYSTEM_CALL, NULL, "eventfd failed: %s",
							strerrordesc_np(errno));
	pool->waiters = &waiter;
	pthread_mutex_unlock(&pool->mutex);
	woken = so_wait_poll(&wait, waiter.event_fd, POLLIN, error) == 1;
	pthread_mutex_lock(&pool->mutex);
	for (link = &pool->waiters; *link != &waiter; link = &(*link)->next)
		;
	*link = waiter.next;
	close(waiter.event_fd);
	return woken;
}

static void
unlink_connection(SoConnectionPool *pool, SoConnection *connection)
{
	SoConnection **link = &pool->connections;

	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
}

static bool
is_below(const SoExecutable *executable, const SoExecutable *owner)
{
	for (; executable != NULL; executable = executable->parent)
	{
		if (executable == owner)
			return true;
	}
	return false;
}

/*
 * An existing session for the request, marked busy; NULL when a new one must
 * be opened; with *error set when there is neither.  pool->mutex is held.
 */
static SoConnection *
find_session(const SoConnectRequest *request, const char *settings, bool retain, SoError *error)
{
	SoConnectionPool *pool = request->pool;

	so_error_clear(error);
	for (;;)
	{
		SoConnection *held = NULL;

		for (SoConnection *connection = pool->connections; connection != NULL;
			 connection = connection->next)
		{
			if (strcmp(connection->key, request->key) != 0 ||
				strcmp(connection->settings, settings) != 0)
				continue;
			if (!connection->busy)
			{
				connection->busy = true;
				return connection;
			}
			if (connection->retain)
				held = connection;
		}
		if (!retain || held == NULL)
			return NULL;
		if (held->transaction != NULL && held->transaction != request->transaction &&
			is_below(request->executable, held->transaction->owner))
		{
			so_error_set(error, SO_ERR_TASK_SESSION_HELD, request->name,
						 "the retained session of \"%s\" belongs to the transaction of \"%s\", "
						 "which this task does not join",
						 request->name, held->transaction->owner->name);
			return NULL;
		}
		if (!so_pool_wait_change(pool, request->cancel_fd, error))
			return NULL;
	}
}

/* A busy entry without a session yet, so that others see that it is being opened. */
static SoConnection *
add_entry(const SoConnectRequest *request, const SoConnectionOps *ops, const char *settings,
		  bool retain)
{
	SoConnection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL)
		return NULL;
	connection->kind = ops->kind;
	connection->ops = ops;
	connection->retain = retain;
	connection->busy = true;
	connection->cancel_fd = -1;
	connection->key = strdup(request->key);
	connection->name = strdup(request->name);
	connection->settings = strdup(settings);
	if (connection->key == NULL || connection->name == NULL || connection->settings == NULL)
	{
		free_connection(connection);
		return NULL;
	}
	connection->next = request->pool->connections;
	request->pool->connections = connection;
	return connection;
}

static int64_t
connect_time_out(const SoObject *properties)
{
	return so_connection_number(properties, "connect_timeout", DEFAULT_CONNECT_TIME_OUT_MS);
}

/* find_session and add_entry under the mutex; *fresh tells whether it must be opened. */
static SoConnection *
reserve_session(const SoConnectRequest *request, const SoConnectionOps *ops, const char *settings,
				bool *fresh, SoError *error)
{
	bool retain = so_connection_flag(request->properties, "retain_same_connection", false);
	SoConnection *connection;

	*fresh = false;
	pthread_mutex_lock(&request->pool->mutex);
	connection = find_session(request, settings, retain, error);
	if (connection == NULL && (error == NULL || error->code == SO_OK))
	{
		connection = add_entry(request, ops, settings, retain);
		*fresh = true;
		if (connection == NULL)
			so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	}
	pthread_mutex_unlock(&request->pool->mutex);
	return connection;
}

SoConnection *
so_pool_acquire(const SoConnectRequest *request, SoError *error)
{
	TALLOC_CTX *scratch = talloc_new(NULL);
	const SoConnectionOps *ops = ops_for(request->properties);
	SoConnection *connection = NULL;
	char *settings;
	bool fresh;

	settings = ops->settings(scratch, request->properties, error);
	if (settings != NULL)
		connection = reserve_session(request, ops, settings, &fresh, error);
	if (connection != NULL)
	{
		connection->run = request->run;
		connection->cancel_fd = request->cancel_fd;
		if (!fresh && !ops->alive(connection))
		{
			ops->close(connection);
			connection->broken = false;
			fresh = true;
		}
		if (fresh && !ops->open(connection, settings, request->pool->application_name,
								connect_time_out(request->properties), error))
		{
			so_pool_release(request->pool, connection, false);
			connection = NULL;
		}
	}
	if (settings != NULL)
		explicit_bzero(settings, strlen(settings));
	talloc_free(scratch);
	return connection;
}

void
so_pool_release(SoConnectionPool *pool, SoConnection *connection, bool keep)
{
	connection->run = NULL;
	connection->cancel_fd = -1;
	if (keep && !connection->broken && !connection->retain)
		keep = connection->ops->reset(connection);
	if (connection->broken)
		keep = false;
	pthread_mutex_lock(&pool->mutex);
	connection->busy = false;
	connection->transaction = NULL;
	if (!keep)
		unlink_connection(pool, connection);
	so_pool_changed(pool);
	pthread_mutex_unlock(&pool->mutex);
	/* A session that was kept may belong to somebody else by now. */
	if (!keep)
		free_connection(connection);
}

SoConnection *
so_connection_pool_take(const SoConnectRequest *request, SoError *error)
{
	if (ops_for(request->properties) == NULL)
	{
		so_error_set(error, SO_ERR_TASK_CONNECTION_KIND, request->name,
					 "connection manager \"%s\" is of type %s, not a database", request->name,
					 request->properties->type->name);
		return NULL;
	}
	if (request->transaction != NULL)
		return so_transaction_enter(request, error);
	return so_pool_acquire(request, error);
}

bool
so_connection_pool_give(SoConnectionPool *pool, SoConnection *connection, bool failed,
						SoError *error)
{
	if (connection->transaction != NULL)
		return so_transaction_leave(connection, failed, error);
	so_pool_release(pool, connection, true);
	return true;
}

SoConnection *
so_task_connect(SoTaskRun *run, const char *name, SoError *error)
{
	const SoExecutable *executable = so_task_executable(run);
	const SoObject *properties = so_task_connection_properties(run, name, error);
	const SoConnectionManager *manager;
	SoConnectRequest request;

	if (properties == NULL)
		return NULL;
	manager = executable != NULL && executable->package != NULL
				  ? so_package_connection(executable->package, name)
				  : NULL;
	request.pool = so_task_pool(run);
	request.transaction = so_task_transaction(run);
	request.executable = executable;
	request.run = run;
	request.key = manager != NULL && manager->id != NULL ? manager->id : name;
	request.name = manager != NULL && manager->name != NULL ? manager->name : name;
	request.properties = properties;
	request.cancel_fd = so_task_cancel_fd(run);
	return so_connection_pool_take(&request, error);
}

void
so_task_disconnect(SoTaskRun *run, SoConnection *connection, bool failed)
{
	SoError error;

	if (connection == NULL)
		return;
	so_error_clear(&error);
	/* A failed task has said why already; the transaction remembers that it cannot be committed. */
	if (!so_connection_pool_give(so_task_pool(run), connection, failed, &error) && !failed)
		so_task_error(run, &error);
}
