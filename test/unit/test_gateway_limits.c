/*
 * test/unit/test_gateway_limits.c
 *
 * Ranges of settings, the time of an answer and the budget of log lines.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/limits.h"

static void
test_adjust(void **state)
{
	SoLimits limits = {
		.max_connections = 10000, .idle_timeout_ms = 75000, .request_timeout_ms = 20000};

	(void) state;
	so_limits_adjust(&limits, 1000000);
	assert_int_equal(limits.max_connections, 10000);
	assert_int_equal(limits.idle_timeout_ms, 75000);
	so_limits_adjust(&limits, 1024);
	assert_in_range(limits.max_connections, 900, 1000);
	limits = (SoLimits){0};
	so_limits_adjust(&limits, 10);
	assert_true(limits.max_connections > 0);
	assert_true(limits.idle_timeout_ms > 0);
	assert_true(limits.request_timeout_ms > 0);
}

/* Small answers have the time limit of a request, large ones so much more that slow lines work. */
static void
test_answer_time(void **state)
{
	SoLimits limits = {.request_timeout_ms = 20000};

	(void) state;
	assert_int_equal(so_limits_answer_ms(&limits, 0), 20000);
	assert_int_equal(so_limits_answer_ms(&limits, 1000), 20000);
	assert_int_equal(so_limits_answer_ms(&limits, SO_LIMIT_ANSWER_BYTES), 40000);
	/* The largest answer, on a line of 16 kB/s, and not for hours. */
	assert_in_range(so_limits_answer_ms(&limits, 48 << 20), 48 * 64 * 1000, 2 * 3600 * 1000);
	limits.request_timeout_ms = UINT32_MAX;
	assert_true(so_limits_answer_ms(&limits, 48 << 20) > UINT32_MAX);
}

static void
test_log_budget(void **state)
{
	SoLogBudget budget = {0};
	uint32_t suppressed;
	int written = 0;

	(void) state;
	for (int i = 0; i < 1000; i++)
	{
		written += so_limits_may_log(&budget, 5000 + i, &suppressed);
		assert_int_equal(suppressed, 0);
	}
	assert_in_range(written, 1, 100);
	assert_true(so_limits_may_log(&budget, 60000, &suppressed));
	assert_int_equal(suppressed, 1000 - written);
	assert_true(so_limits_may_log(&budget, 60001, &suppressed));
	assert_int_equal(suppressed, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_adjust),
		cmocka_unit_test(test_answer_time),
		cmocka_unit_test(test_log_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
