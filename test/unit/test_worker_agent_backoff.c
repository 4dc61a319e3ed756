/*
 * test/unit/test_worker_agent_backoff.c
 *
 * Delays between tries: they double, stay in their range, and begin anew.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker_agent/backoff.h"

#define MAXIMUM 60000

/* The n-th delay is in the upper half of initial * 2^n, whatever the random bits are. */
static void
test_doubles(void **state)
{
	static const uint32_t bits[] = {0, 1, 499, 500, 12345, 0x7fffffff, 0x80000000, UINT32_MAX};

	(void) state;
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
	{
		SoBackoff backoff = {.initial_ms = 1000};
		int64_t whole = 1000;

		for (int n = 0; n < 100; n++)
		{
			int64_t delay = so_backoff_next(&backoff, MAXIMUM, bits[i]);

			assert_true(delay >= whole / 2 && delay <= whole);
			assert_int_equal(backoff.failures, n + 1);
			whole = whole * 2 < MAXIMUM ? whole * 2 : MAXIMUM;
		}
	}
}

/* Both ends of the range are drawn, so that many agents spread. */
static void
test_spreads(void **state)
{
	SoBackoff low = {.initial_ms = 1000};
	SoBackoff high = {.initial_ms = 1000};

	(void) state;
	assert_int_equal(so_backoff_next(&low, MAXIMUM, 0), 500);
	assert_int_equal(so_backoff_next(&high, MAXIMUM, 500), 1000);
}

static void
test_reset(void **state)
{
	SoBackoff backoff = {.initial_ms = 200};

	(void) state;
	for (int i = 0; i < 5; i++)
		so_backoff_next(&backoff, MAXIMUM, 7);
	so_backoff_reset(&backoff);
	assert_int_equal(backoff.failures, 0);
	assert_true(so_backoff_next(&backoff, MAXIMUM, UINT32_MAX) <= 200);
}

/* A maximum as small as the first delay; a large one and thousands of failures. */
static void
test_limits(void **state)
{
	SoBackoff small = {.initial_ms = 1000};
	SoBackoff large = {.initial_ms = 60000};

	(void) state;
	for (int i = 0; i < 5000; i++)
	{
		int64_t delay = so_backoff_next(&small, 1000, (uint32_t) i * 2654435761u);

		assert_true(delay >= 500 && delay <= 1000);
		delay = so_backoff_next(&large, INT64_C(86400000), (uint32_t) i * 2654435761u);
		assert_true(delay >= 30000 && delay <= INT64_C(86400000));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_doubles),
		cmocka_unit_test(test_spreads),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
