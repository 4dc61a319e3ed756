/*
 * test/unit/test_gateway_join_limit.c
 *
 * Attempts to join: the limit of an address, of all, the window, and what counts as one address.
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
	/* Each of them has not tried before. */
	assert_int_equal(allowed, 2 * SO_JOIN_ALTOGETHER);
	for (int i = 0; i < 2 * SO_JOIN_ALTOGETHER; i++)
	{
		snprintf(peer, sizeof(peer), "10.0.%d.%d:9", i / 250, i % 250);
		assert_false(so_join_limit_allow(&limit, peer, 5000));
	}
	allowed = 0;
	for (int i = 0; i < 2 * SO_JOIN_FIRST; i++)
	{
		snprintf(peer, sizeof(peer), "[2001:db8:0:%x::1]:9", i);
		allowed += so_join_limit_allow(&limit, peer, 5000);
	}
	assert_int_equal(allowed, SO_JOIN_FIRST - SO_JOIN_ALTOGETHER);
	/* One address that is over its limit leaves the others their share. */
	memset(&limit, 0, sizeof(limit));
	for (int i = 0; i < 10 * SO_JOIN_ALTOGETHER; i++)
		so_join_limit_allow(&limit, "192.0.2.7:1", 5000);
	assert_int_equal(limit.all.attempts, SO_JOIN_PER_ADDRESS);
	assert_true(so_join_limit_allow(&limit, "192.0.2.8:1", 5000));
}

static void
test_networks(void **state)
{
	static const char *const table[][2] = {
		{"192.0.2.7:41822", "192.0.2.7"},
		{"[2001:db8::1]:1", "2001:db8::"},
		{"[2001:db8::ffff:1:2:3]:65535", "2001:db8::"},
		{"[2001:db8:0:1::1]:1", "2001:db8:0:1::"},
		{"[fe80::1%eth0]:1", "fe80::"},
		{"[::ffff:192.0.2.7]:1", "192.0.2.7"},
		{"[::1]:1", "::"},
		{"?:0", "?"},
	};
	char network[SO_PEER_NETWORK_SIZE];
	static SoJoinLimit limit;
	char peer[64];

	(void) state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
	{
		so_peer_network(table[i][0], network);
		assert_string_equal(network, table[i][1]);
	}
	for (int i = 0; i < SO_JOIN_PER_ADDRESS; i++)
	{
		snprintf(peer, sizeof(peer), "[2001:db8::%x]:9", i + 1);
		assert_true(so_join_limit_allow(&limit, peer, 1000));
	}
	assert_false(so_join_limit_allow(&limit, "[2001:db8::ffff]:9", 1000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_address),
		cmocka_unit_test(test_all_addresses),
		cmocka_unit_test(test_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
