/*
 * test/unit/test_gateway_pending.c
 *
 * Request numbers: unique, found once, memory reused.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/pending.h"

#define CONNECTION(n) ((SoDoorConnection *) (uintptr_t) (0x1000 + (n) *16))

static void
test_add_and_take(void **state)
{
	SoPending pending;
	SoPendingSlot slot;
	uint64_t numbers[1000];

	(void) state;
	so_pending_init(&pending);
	for (int round = 0; round < 3; round++)
	{
		for (int i = 0; i < 1000; i++)
		{
			numbers[i] = so_pending_add(&pending, CONNECTION(i), SO_REQUEST_REPORT, 10);
			assert_true(numbers[i] != 0);
		}
		assert_int_equal(pending.count, 1000);
		assert_int_equal(pending.bytes, 10000);
		for (int i = 999; i >= 0; i--)
		{
			assert_true(so_pending_take(&pending, numbers[i], &slot));
			assert_ptr_equal(slot.connection, CONNECTION(i));
			assert_int_equal(slot.kind, SO_REQUEST_REPORT);
			assert_false(so_pending_take(&pending, numbers[i], &slot));
		}
		assert_int_equal(pending.count, 0);
		assert_int_equal(pending.bytes, 0);
	}
	assert_true(pending.capacity <= 1024);
	so_pending_free(&pending);
}

static void
test_numbers_do_not_return(void **state)
{
	SoPending pending;
	SoPendingSlot slot;
	uint64_t last = 0;

	(void) state;
	so_pending_init(&pending);
	for (int i = 0; i < 10000; i++)
	{
		uint64_t number = so_pending_add(&pending, CONNECTION(i), SO_REQUEST_LEASE, 1);

		assert_true(number > last);
		if (last != 0)
			assert_false(so_pending_take(&pending, last, &slot));
		assert_true(so_pending_take(&pending, number, &slot));
		last = number;
	}
	so_pending_free(&pending);
}

static void
test_foreign_numbers(void **state)
{
	SoPending pending;
	SoPendingSlot slot;

	(void) state;
	so_pending_init(&pending);
	assert_false(so_pending_take(&pending, 0, &slot));
	assert_false(so_pending_take(&pending, UINT64_MAX, &slot));
	so_pending_add(&pending, CONNECTION(1), SO_REQUEST_LEASE, 1);
	assert_false(so_pending_take(&pending, 0, &slot));
	assert_false(so_pending_take(&pending, UINT64_MAX, &slot));
	assert_false(so_pending_take(&pending, 1, &slot));
	so_pending_free(&pending);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_add_and_take),
		cmocka_unit_test(test_numbers_do_not_return),
		cmocka_unit_test(test_foreign_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
