/*
 * test/unit/test_worker_agent_held.c
 *
 * What a worker holds: slots, redelivery, renewals and deadlines, with a clock
 * that the test sets; and the back-off and load figures, which are as pure.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "worker_agent/backoff.h"
#include "worker_agent/held.h"
#include "worker_agent/load.h"

static SoUuid
task_number(int number)
{
	SoUuid uuid = {{0}};

	uuid.bytes[1] = (uint8_t) number;
	uuid.bytes[15] = 1;
	return uuid;
}

static SoAttempt *
grant(SoHeld *held, int number, uint32_t attempt, int64_t now_ms)
{
	SoUuid task = task_number(number);

	return so_held_grant(held, &task, attempt, 60000, now_ms);
}

static void
test_slots(void **state)
{
	SoHeld *held = so_held_create(NULL);
	SoAttempt *first = grant(held, 1, 1, 0);
	SoAttempt *second = grant(held, 2, 1, 0);

	(void) state;
	assert_int_equal(so_held_capacity(held, 10), 8);
	so_held_set_state(held, first, SO_HELD_STOPPING);
	assert_int_equal(so_held_capacity(held, 10), 8);
	/* A finished attempt is held until it is acknowledged, but its slot is free. */
	so_held_set_state(held, first, SO_HELD_FINISHED);
	assert_int_equal(so_held_capacity(held, 10), 9);
	assert_int_equal(so_held_count(held), 2);
	so_held_drop(held, first, 5);
	assert_int_equal(so_held_count(held), 1);
	assert_int_equal(so_held_active(held), 1);
	so_held_drop(held, second, 5);
	assert_int_equal(so_held_active(held), 0);
	assert_int_equal(so_held_capacity(held, 10), 10);
	talloc_free(held);
}

static void
test_room_of_a_request(void **state)
{
	SoHeld *held = so_held_create(NULL);

	(void) state;
	for (int i = 0; i < SO_LIMIT_HELD - 3; i++)
	{
		SoUuid task = {{0}};

		task.bytes[2] = (uint8_t) (i >> 8);
		task.bytes[3] = (uint8_t) i;
		so_held_restore(held, &task, 1);
	}
	assert_int_equal(so_held_active(held), 0);
	assert_int_equal(so_held_capacity(held, 10), 3);
	talloc_free(held);
}

static void
test_redelivery(void **state)
{
	SoHeld *held = so_held_create(NULL);
	SoAttempt *attempt = grant(held, 1, 1, 0);

	(void) state;
	assert_null(grant(held, 1, 1, 10));
	assert_non_null(grant(held, 1, 2, 10));
	/* Poll 7 was open when the attempt was settled: its answer may still bring it again. */
	so_held_drop(held, attempt, 7);
	so_held_forget(held, 7);
	assert_null(grant(held, 1, 1, 20));
	so_held_forget(held, 8);
	assert_non_null(grant(held, 1, 1, 20));
	talloc_free(held);
}

static void
test_dropped_with_runner_is_kept(void **state)
{
	SoHeld *held = so_held_create(NULL);
	SoAttempt *attempt = grant(held, 1, 1, 0);
	SoUuid task = task_number(1);

	(void) state;
	attempt->runner = (struct SoRunner *) held;
	so_held_drop(held, attempt, 1);
	so_held_forget(held, UINT64_MAX);
	assert_ptr_equal(so_held_find(held, &task, 1), attempt);
	assert_ptr_equal(so_held_other_attempt(held, grant(held, 1, 2, 0)), attempt);
	attempt->runner = NULL;
	so_held_forget(held, UINT64_MAX);
	assert_null(so_held_find(held, &task, 1));
	talloc_free(held);
}

static void
test_renewal_counts_from_sending(void **state)
{
	SoHeld *held = so_held_create(NULL);
	SoAttempt *listed = grant(held, 1, 1, 1000);
	SoAttempt *later;
	SoByteBuffer out;

	(void) state;
	so_byte_buffer_init(&out);
	so_held_write(held, &out, SO_HELD_BY_REPORT, 3);
	later = grant(held, 2, 1, 1500);
	/* Sent at 2000, answered long after: the master renewed at 2000 or later. */
	so_held_renew(held, SO_HELD_BY_REPORT, 3, 2000);
	assert_int_equal(listed->renewed_ms, 2000);
	assert_int_equal(later->renewed_ms, 1500);
	assert_int_equal(so_held_deadline(listed, 600000), 62000);
	assert_int_equal(so_held_deadline(listed, 5000), 7000);
	/* An older answer that comes late takes nothing back. */
	so_held_renew(held, SO_HELD_BY_REPORT, 3, 1200);
	assert_int_equal(listed->renewed_ms, 2000);
	so_byte_buffer_free(&out);
	talloc_free(held);
}

static void
test_list_text(void **state)
{
	SoHeld *held = so_held_create(NULL);
	SoByteBuffer out;

	(void) state;
	so_byte_buffer_init(&out);
	so_held_write(held, &out, SO_HELD_BY_LEASE, 1);
	assert_int_equal(so_byte_buffer_length(&out), 2);
	so_byte_buffer_clear(&out);
	grant(held, 1, 1, 0);
	so_held_set_state(held, grant(held, 2, 3, 0), SO_HELD_FINISHED);
	so_held_write(held, &out, SO_HELD_BY_LEASE, 2);
	so_put_u8(&out, 0);
	assert_string_equal(
		(char *) out.data + out.start,
		"[{\"task\":\"00010000-0000-0000-0000-000000000001\",\"attempt\":1,\"state\":\"running\"},"
		"{\"task\":\"00020000-0000-0000-0000-000000000001\",\"attempt\":3,\"state\":\"finished\"}"
		"]");
	so_byte_buffer_free(&out);
	talloc_free(held);
}

static void
test_backoff(void **state)
{
	SoBackoff backoff = {.initial_ms = 200};

	(void) state;
	assert_int_equal(so_backoff_next(&backoff, 10000, 0), 100);
	assert_int_equal(so_backoff_next(&backoff, 10000, 0), 200);
	assert_int_equal(so_backoff_next(&backoff, 10000, 200), 600);
	for (int i = 0; i < 100; i++)
	{
		int64_t delay = so_backoff_next(&backoff, 10000, (uint32_t) i * 77777777);

		assert_in_range(delay, 400, 10000);
	}
	so_backoff_reset(&backoff);
	assert_int_equal(so_backoff_next(&backoff, 10000, 0), 100);
}

static void
test_load(void **state)
{
	SoLoad load = {0};

	(void) state;
	so_load_sample(&load, "cpu  100 0 100 800 0 0 0 0 0 0\n",
				   "MemTotal: 9 kB\nMemAvailable:   2048 kB\n", 1000);
	assert_true(load.cpu_percent == 0);
	assert_true(load.available_mb == 2.0);
	/* One busy second moves the average only a little, a minute of them a lot. */
	so_load_sample(&load, "cpu  200 0 100 800 0 0 0 0 0 0\n", "", 2000);
	assert_true(load.cpu_percent > 1 && load.cpu_percent < 5);
	assert_true(load.available_mb < 0);
	for (int i = 0; i < 60; i++)
	{
		char stat[100];

		snprintf(stat, sizeof(stat), "cpu  %d 0 100 800 0 0 0 0 0 0\n", 300 + i * 100);
		so_load_sample(&load, stat, "", 3000 + i * 1000);
	}
	assert_true(load.cpu_percent > 80);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_room_of_a_request),
		cmocka_unit_test(test_redelivery),
		cmocka_unit_test(test_dropped_with_runner_is_kept),
		cmocka_unit_test(test_renewal_counts_from_sending),
		cmocka_unit_test(test_list_text),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_load),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
