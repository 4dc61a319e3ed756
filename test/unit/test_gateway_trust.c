/*
 * test/unit/test_gateway_trust.c
 *
 * The trust set: order, duplicates, replacement, what stays of old entries.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "gateway/trust.h"

/* The n-th thumbprint of a scattered sequence. */
static SoThumbprint
numbered(uint32_t n)
{
	SoThumbprint thumbprint;

	memset(&thumbprint, 0, sizeof(thumbprint));
	n *= 2654435761u;
	memcpy(thumbprint.bytes, &n, sizeof(n));
	return thumbprint;
}

static void
replace(SoTrust *trust, uint32_t first, uint32_t count)
{
	SoThumbprint *set = calloc(count + 1, sizeof(*set));

	assert_non_null(set);
	for (uint32_t i = 0; i < count; i++)
		set[i] = numbered(first + i);
	assert_true(so_trust_replace(trust, (const uint8_t *) set, count));
	free(set);
}

static bool
trusted(const SoTrust *trust, uint32_t n)
{
	SoThumbprint thumbprint = numbered(n);

	return so_trust_find(trust, &thumbprint) != NULL;
}

static void
test_sets(void **state)
{
	SoTrust trust;

	(void) state;
	so_trust_init(&trust);
	assert_false(trust.received);
	assert_false(trusted(&trust, 0));
	replace(&trust, 0, 0);
	assert_true(trust.received);
	assert_false(trusted(&trust, 0));
	replace(&trust, 100, 5000);
	for (uint32_t i = 0; i < 6000; i++)
		assert_int_equal(trusted(&trust, i), i >= 100 && i < 5100);
	replace(&trust, 5099, 2);
	assert_false(trusted(&trust, 5098));
	assert_true(trusted(&trust, 5099));
	assert_true(trusted(&trust, 5100));
	so_trust_free(&trust);
}

static void
test_duplicates(void **state)
{
	SoThumbprint set[7];
	SoTrust trust;

	(void) state;
	so_trust_init(&trust);
	for (uint32_t i = 0; i < 7; i++)
		set[i] = numbered(i % 3);
	assert_true(so_trust_replace(&trust, (const uint8_t *) set, 7));
	assert_int_equal(trust.count, 3);
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(trusted(&trust, i), i < 3);
	so_trust_free(&trust);
}

static void
test_counters_stay(void **state)
{
	SoTrust trust;
	SoThumbprint kept = numbered(5);
	SoThumbprint dropped = numbered(1);

	(void) state;
	so_trust_init(&trust);
	replace(&trust, 0, 6);
	so_trust_find(&trust, &kept)->connections = 3;
	so_trust_find(&trust, &dropped)->leases = 2;
	replace(&trust, 4, 6);
	assert_int_equal(so_trust_find(&trust, &kept)->connections, 3);
	assert_null(so_trust_find(&trust, &dropped));
	replace(&trust, 0, 6);
	assert_int_equal(so_trust_find(&trust, &dropped)->leases, 0);
	so_trust_free(&trust);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets),
		cmocka_unit_test(test_duplicates),
		cmocka_unit_test(test_counters_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
