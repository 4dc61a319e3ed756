/*
 * test/unit/test_control_flow_message_queue.c
 *
 * The queue from task threads to the control thread: order, wake-ups, and that a chatty
 * task waits.
 *
 * Process: unit test with threads of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "engine/control_flow/message_queue.h"

#define THREADS  4
#define MESSAGES 6000 /* of each thread; more than the queue holds */

static SoMessageQueue *queue;
static atomic_int put_count;

static int
begin(void **state)
{
	SoError error;

	(void) state;
	queue = so_message_queue_new(&error);
	return queue == NULL ? -1 : 0;
}

static int
end(void **state)
{
	(void) state;
	so_message_queue_free(queue);
	return 0;
}

static bool
readable(void)
{
	struct pollfd fds = {.fd = so_message_queue_fd(queue), .events = POLLIN};

	return poll(&fds, 1, 0) == 1;
}

static void
put(int number, bool may_wait)
{
	SoMessage *message = so_message_new(NULL, SO_MESSAGE_INFORMATION);

	message->low = number;
	so_message_queue_put(queue, message, may_wait);
}

static void
test_order(void **state)
{
	SoMessage *message;

	(void) state;
	assert_null(so_message_queue_take(queue));
	assert_false(readable());
	for (int i = 0; i < 10; i++)
		put(i, true);
	for (int i = 0; i < 10; i++)
	{
		assert_true(readable());
		message = so_message_queue_take(queue);
		assert_non_null(message);
		assert_int_equal(message->low, i);
		talloc_free(message);
	}
	assert_false(readable());
	assert_null(so_message_queue_take(queue));
	/* And again, after it was empty. */
	put(11, true);
	assert_true(readable());
	message = so_message_queue_take(queue);
	assert_int_equal(message->low, 11);
	talloc_free(message);
}

static void
test_stamp(void **state)
{
	SoMessage *message = so_message_new(NULL, SO_MESSAGE_INFORMATION);

	(void) state;
	assert_int_equal(message->thread_id, gettid());
	assert_true(message->time_us > INT64_C(1600000000) * 1000000);
	assert_false(message->task_ended);
	assert_null(message->text);
	talloc_free(message);
}

/* What nobody took is freed with the queue (the leak checker looks). */
static void
test_free_with_messages(void **state)
{
	(void) state;
	for (int i = 0; i < 100; i++)
		put(i, true);
}

/* The control thread never waits for itself, however long the queue is. */
static void
test_control_thread(void **state)
{
	int count = 0;
	SoMessage *message;

	(void) state;
	for (int i = 0; i < 10000; i++)
		put(i, false);
	while ((message = so_message_queue_take(queue)) != NULL)
	{
		assert_int_equal(message->low, count++);
		talloc_free(message);
	}
	assert_int_equal(count, 10000);
	assert_false(readable());
}

static void *
chat(void *argument)
{
	int thread = (int) (intptr_t) argument;

	for (int i = 0; i < MESSAGES; i++)
	{
		put(thread * MESSAGES + i, true);
		atomic_fetch_add(&put_count, 1);
	}
	return NULL;
}

/* Many threads: each one's messages in its order, none lost, and never too many at once. */
static void
test_threads(void **state)
{
	pthread_t threads[THREADS];
	int next[THREADS] = {0};
	int taken = 0;

	(void) state;
	atomic_store(&put_count, 0);
	for (intptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, chat, (void *) i), 0);
	while (taken < THREADS * MESSAGES)
	{
		struct pollfd fds = {.fd = so_message_queue_fd(queue), .events = POLLIN};
		SoMessage *message;

		assert_int_equal(poll(&fds, 1, 30000), 1);
		while ((message = so_message_queue_take(queue)) != NULL)
		{
			int thread = (int) (message->low / MESSAGES);

			taken++;
			assert_int_equal(message->low % MESSAGES, next[thread]++);
			talloc_free(message);
			/* 4096 may wait in the queue, and each thread has one in its hands. */
			assert_true(atomic_load(&put_count) - taken <= 4096 + THREADS);
		}
	}
	for (int i = 0; i < THREADS; i++)
	{
		pthread_join(threads[i], NULL);
		assert_int_equal(next[i], MESSAGES);
	}
	assert_false(readable());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, begin, end),
		cmocka_unit_test_setup_teardown(test_stamp, begin, end),
		cmocka_unit_test_setup_teardown(test_free_with_messages, begin, end),
		cmocka_unit_test_setup_teardown(test_control_thread, begin, end),
		cmocka_unit_test_setup_teardown(test_threads, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
