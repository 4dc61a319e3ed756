/*
 * test/unit/test_common_refusal_list.c
 *
 * The list of refused connections: counts are added, the list does not grow, and
 * a flood from one network leaves the others in it.
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

#include "common/refusal_list.h"

static SoRefusalList list;

static void
add(const char *address, int certificate, int64_t when_ms, uint64_t count)
{
	SoRefusal refusal = {.state = "SO302", .first_ms = when_ms, .last_ms = when_ms, .count = count};

	snprintf(refusal.address, sizeof(refusal.address), "%s", address);
	/* Of the form "NETWORK#HOST" in this test. */
	snprintf(refusal.network, sizeof(refusal.network), "%.*s", (int) strcspn(address, "#"),
			 address);
	snprintf(refusal.thumbprint, sizeof(refusal.thumbprint), "%064d", certificate);
	snprintf(refusal.reason, sizeof(refusal.reason), "at %d", (int) when_ms);
	so_refusal_list_add(&list, &refusal);
}

static const SoRefusal *
find(const char *address, int certificate)
{
	char thumbprint[SO_THUMBPRINT_TEXT_SIZE];

	snprintf(thumbprint, sizeof(thumbprint), "%064d", certificate);
	for (uint32_t i = 0; i < list.count; i++)
	{
		if (strcmp(list.entries[i].address, address) == 0 &&
			strcmp(list.entries[i].thumbprint, thumbprint) == 0)
			return &list.entries[i];
	}
	return NULL;
}

static void
test_counts(void **state)
{
	(void) state;
	so_refusal_list_clear(&list);
	add("192.0.2.1", 1, 100, 1);
	add("192.0.2.1", 1, 300, 2);
	/* What was counted elsewhere may be older than what is here. */
	add("192.0.2.1", 1, 200, 4);
	add("192.0.2.2", 1, 200, 1);
	add("192.0.2.1", 2, 200, 1);
	assert_int_equal(list.count, 3);
	assert_int_equal(find("192.0.2.1", 1)->count, 7);
	assert_int_equal(find("192.0.2.1", 1)->first_ms, 100);
	assert_int_equal(find("192.0.2.1", 1)->last_ms, 300);
	assert_string_equal(find("192.0.2.1", 1)->reason, "at 300");
}

static void
test_flood_of_one_network(void **state)
{
	(void) state;
	so_refusal_list_clear(&list);
	add("192.0.2.1", 1, 1, 1);
	for (int i = 0; i < 1000; i++)
		add(i % 2 == 0 ? "2001:db8::#1" : "2001:db8::#2", i, 10 + i, 1);
	assert_int_equal(list.count, 1 + SO_REFUSAL_PER_NETWORK);
	assert_non_null(find("192.0.2.1", 1));
	assert_non_null(find("2001:db8::#2", 999));
	assert_null(find("2001:db8::#2", 999 - SO_REFUSAL_PER_NETWORK));
}

static void
test_flood_of_many_networks(void **state)
{
	char address[48];

	(void) state;
	so_refusal_list_clear(&list);
	for (int i = 0; i < 1000; i++)
	{
		snprintf(address, sizeof(address), "2001:db8::%x", (unsigned int) i);
		add(address, 1, 10 + i, 1);
		/* Who knocks again and again stays. */
		add("192.0.2.1", 1, 10 + i, 1);
	}
	assert_int_equal(list.count, SO_REFUSAL_MAX);
	assert_int_equal(find("192.0.2.1", 1)->count, 1000);
	assert_null(find("2001:db8::1", 1));
	assert_non_null(find(address, 1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_flood_of_one_network),
		cmocka_unit_test(test_flood_of_many_networks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
