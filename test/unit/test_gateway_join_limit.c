/*
 * test/unit/test_gateway_join_limit.c
 *
 * Attempts to join: the limit of an address, of all, and the window.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "gateway/join_limit.h"

static void
test_one_address(void **state)
{
	static SoJoinLimit limit;

	(void) state;
	memset(&limit, 0, sizeof(limit));
	for (int i = 0; i < SO_JOIN_PER_ADDRESS; i++)
		assert_true(so_join_limit_allow(&limit, "192.0.2.7:1", 1000 + i));
	assert_false(so_join_limit_allow(&limit, "192.0.2.7:2", 2000));
	assert_true(so_join_limit_allow(&limit, "[2001:db8::1]:2", 2000));
	assert_true(so_join_limit_allow(&limit, "192.0.2.8:2", 2000));
	assert_true(so_join_limit_allow(&limit, "192.0.2.7:3", 1000 + SO_JOIN_WINDOW_MS));
}

static void
test_all_addresses(void **state)
{
	static SoJoinLimit limit;
	char peer[32];
	int allowed = 0;

	(void) state;
	memset(&limit, 0, sizeof(limit));
	for (int i = 0; i < 2 * SO_JOIN_ALTOGETHER; i++)
	{
		snprintf(peer, sizeof(peer), "10.0.%d.%d:9", i / 250, i % 250);
		allowed += so_join_limit_allow(&limit, peer, 5000);
	}
	assert_int_equal(allowed, SO_JOIN_ALTOGETHER);
	/* One address that is over its limit leaves the others their share. */
	memset(&limit, 0, sizeof(limit));
	for (int i = 0; i < 10 * SO_JOIN_ALTOGETHER; i++)
		so_join_limit_allow(&limit, "192.0.2.7:1", 5000);
	assert_int_equal(limit.all.attempts, SO_JOIN_PER_ADDRESS);
	assert_true(so_join_limit_allow(&limit, "192.0.2.8:1", 5000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_address),
		cmocka_unit_test(test_all_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
