/*
 * test/unit/test_gateway_limits.c
 *
 * Ranges of settings and the budget of log lines.
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
		cmocka_unit_test(test_log_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
