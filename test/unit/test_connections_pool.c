/*
 * test/unit/test_connections_pool.c
 *
 * Tasks that wait for a retained session: cancelled before and while they wait,
 * woken in any order, and never left behind when the session is lost.
 *
 * Process: unit test with threads; no server: what is opened fails at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "engine/connections/pool_private.h"
#include "engine/model/object_types.h"

#define THREADS  6
#define DEADLINE 20000

static TALLOC_CTX *context;
static SoConnectionPool *pool;
static SoObject *properties;
static int closed;

/* A task that asks for the session. */
typedef struct Asker
{
	pthread_t thread;
	SoConnectRequest request;
	SoConnection *connection;
	SoError error;
} Asker;

static void
count_close(SoConnection *connection)
{
	(void) connection;
	closed++;
}

static const SoConnectionOps fake = {.kind = SO_CONNECTION_POSTGRES, .close = count_close};

static int
set_up(void **state)
{
	SoValue text;
	SoValue yes = so_value_boolean(true);
	SoError error;

	(void) state;
	context = talloc_new(NULL);
	pool = so_connection_pool_new("test");
	properties = so_object_new(context, so_connection_type_find("postgres"));
	text = so_value_string(context, "host=/nonexistent-folder dbname=x user=x");
	assert_true(so_object_set(properties, "connection_string", &text, &error));
	assert_true(so_object_set(properties, "retain_same_connection", &yes, &error));
	closed = 0;
	return 0;
}

static int
tear_down(void **state)
{
	(void) state;
	assert_null(pool->waiters);
	so_connection_pool_free(pool);
	talloc_free(context);
	return 0;
}

static SoConnectRequest
request_with(int cancel_fd)
{
	return (SoConnectRequest){.pool = pool,
							  .key = "key",
							  .name = "warehouse",
							  .properties = properties,
							  .cancel_fd = cancel_fd};
}

/* The retained session, in use by somebody else. */
static SoConnection *
held_session(void)
{
	SoConnection *connection = calloc(1, sizeof(*connection));
	SoError error;

	assert_non_null(connection);
	connection->ops = &fake;
	connection->key = strdup("key");
	connection->name = strdup("warehouse");
	connection->settings = strdup(so_postgres_connection_ops.settings(context, properties, &error));
	connection->retain = true;
	connection->busy = true;
	connection->cancel_fd = -1;
	pool->connections = connection;
	return connection;
}

static void *
ask(void *argument)
{
	Asker *asker = argument;

	asker->connection = so_connection_pool_take(&asker->request, &asker->error);
	return NULL;
}

static int
waiter_count(void)
{
	int count = 0;

	pthread_mutex_lock(&pool->mutex);
	for (PoolWaiter *waiter = pool->waiters; waiter != NULL; waiter = waiter->next)
		count++;
	pthread_mutex_unlock(&pool->mutex);
	return count;
}

static void
wait_for_waiters(int count)
{
	const struct timespec moment = {.tv_nsec = 1000000};
	int64_t deadline = so_clock_monotonic_ms() + DEADLINE;

	while (waiter_count() != count && so_clock_monotonic_ms() < deadline)
		nanosleep(&moment, NULL); /* poll */
	assert_int_equal(waiter_count(), count);
}

static void
test_cancelled_before(void **state)
{
	int cancel = eventfd(1, EFD_CLOEXEC);
	SoConnectRequest request = request_with(cancel);
	SoError error;

	(void) state;
	held_session();
	assert_null(so_connection_pool_take(&request, &error));
	assert_int_equal(error.code, SO_ERR_TASK_CANCELLED);
	assert_int_equal(so_connection_pool_count(pool), 1);
	assert_null(pool->waiters);
	close(cancel);
}

/* From the middle, the begin and the end of the list; then the session is lost. */
static void
test_cancelled_while_waiting(void **state)
{
	static const int order[] = {3, 5, 0};
	SoConnection *session = held_session();
	Asker askers[THREADS];
	int left = THREADS;

	(void) state;
	memset(askers, 0, sizeof(askers));
	for (int i = 0; i < THREADS; i++)
	{
		askers[i].request = request_with(eventfd(0, EFD_CLOEXEC));
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
		wait_for_waiters(i + 1);
	}
	/* A change that gives nobody the session: all look, and wait again. */
	pthread_mutex_lock(&pool->mutex);
	so_pool_changed(pool);
	pthread_mutex_unlock(&pool->mutex);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
	{
		Asker *asker = &askers[order[i]];

		assert_int_equal(eventfd_write(asker->request.cancel_fd, 1), 0);
		assert_int_equal(pthread_join(asker->thread, NULL), 0);
		assert_null(asker->connection);
		assert_int_equal(asker->error.code, SO_ERR_TASK_CANCELLED);
		asker->thread = 0;
		wait_for_waiters(--left);
	}
	/* Each of the others opens one, fails, and lets the next one try. */
	so_pool_release(pool, session, false);
	assert_int_equal(closed, 1);
	for (int i = 0; i < THREADS; i++)
	{
		if (askers[i].thread != 0)
		{
			assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
			assert_null(askers[i].connection);
			assert_int_not_equal(askers[i].error.code, SO_OK);
			assert_int_not_equal(askers[i].error.code, SO_ERR_TASK_CANCELLED);
		}
		close(askers[i].request.cancel_fd);
	}
	assert_int_equal(so_connection_pool_count(pool), 0);
}

/* A task that its own transaction waits for must not wait for that transaction. */
static void
test_held_by_own_transaction(void **state)
{
	SoExecutable owner = {.name = (char[]){"sequence"}};
	SoExecutable inside = {.name = (char[]){"task"}, .parent = &owner};
	SoExecutable outside = {.name = (char[]){"other"}};
	SoConnection *session = held_session();
	SoTransaction *transaction = so_transaction_new(pool, &owner, NULL);
	SoConnectRequest request = request_with(-1);
	int cancel = eventfd(1, EFD_CLOEXEC);
	SoError error;

	(void) state;
	session->transaction = transaction;
	request.executable = &inside;
	assert_null(so_connection_pool_take(&request, &error));
	assert_int_equal(error.code, SO_ERR_TASK_SESSION_HELD);
	assert_non_null(strstr(error.message, "\"sequence\""));
	assert_int_equal(so_connection_pool_count(pool), 1);
	/* Somebody else waits for its end, here until cancelled. */
	request.executable = &outside;
	request.cancel_fd = cancel;
	assert_null(so_connection_pool_take(&request, &error));
	assert_int_equal(error.code, SO_ERR_TASK_CANCELLED);
	close(cancel);
	session->transaction = NULL;
	so_transaction_rollback(transaction);
}

/* Another connection manager, or other settings, is another session: nobody waits. */
static void
test_others_do_not_wait(void **state)
{
	SoValue text = so_value_string(context, "host=/nonexistent-folder dbname=y user=x");
	SoConnectRequest request = request_with(-1);
	SoError error;

	(void) state;
	held_session();
	request.key = "another";
	assert_null(so_connection_pool_take(&request, &error));
	assert_int_not_equal(error.code, SO_OK);
	request.key = "key";
	assert_true(so_object_set(properties, "connection_string", &text, &error));
	assert_null(so_connection_pool_take(&request, &error));
	assert_int_not_equal(error.code, SO_OK);
	assert_int_equal(so_connection_pool_count(pool), 1);
}

static void
test_not_a_database(void **state)
{
	SoConnectRequest request = request_with(-1);
	SoError error;

	(void) state;
	request.properties = so_object_new(context, so_connection_type_find("http"));
	assert_null(so_connection_pool_take(&request, &error));
	assert_int_equal(error.code, SO_ERR_TASK_CONNECTION_KIND);
	assert_int_equal(so_connection_pool_count(pool), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cancelled_before, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cancelled_while_waiting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_held_by_own_transaction, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_others_do_not_wait, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_a_database, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
