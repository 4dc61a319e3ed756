/*
 * test/unit/test_model_value_wide.c
 *
 * 256-bit integers at the edges of their words.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/model/value_wide.h"

#define FULL UINT64_MAX

static void
check(SoWide value, uint64_t w3, uint64_t w2, uint64_t w1, uint64_t w0)
{
	assert_true(value.word[3] == w3);
	assert_true(value.word[2] == w2);
	assert_true(value.word[1] == w1);
	assert_true(value.word[0] == w0);
}

static SoDigits
digits(uint64_t high, uint64_t low)
{
	return ((SoDigits) high << 64) | low;
}

static void
test_multiply(void **state)
{
	(void) state;
	check(so_wide_multiply(0, digits(FULL, FULL)), 0, 0, 0, 0);
	check(so_wide_multiply(1, digits(FULL, FULL)), 0, 0, FULL, FULL);
	/* (2^128 - 1)^2 = 2^256 - 2^129 + 1 */
	check(so_wide_multiply(digits(FULL, FULL), digits(FULL, FULL)), FULL, FULL - 1, 0, 1);
	check(so_wide_multiply(digits(1, 0), digits(1, 0)), 0, 1, 0, 0);
}

static void
test_words(void **state)
{
	SoWide value = {{FULL, FULL, 0, 0}};

	(void) state;
	so_wide_multiply_word(&value, FULL);
	check(value, 0, FULL - 1, FULL, 1);
	assert_true(so_wide_divide_word(&value, FULL) == 0);
	check(value, 0, 0, FULL, FULL);
	assert_true(so_wide_divide_word(&value, 10) == 5); /* 2^128 - 1 ends in 5 */
	assert_true(so_wide_divide_word(&value, 1) == 0);
}

static void
test_sums(void **state)
{
	const SoWide most = {{FULL, FULL, FULL, 0}};
	const SoWide one = {{1, 0, 0, 0}};
	SoWide sum = so_wide_add(&most, &one);

	(void) state;
	check(sum, 1, 0, 0, 0);
	check(so_wide_subtract(&sum, &one), 0, FULL, FULL, FULL);
	check(so_wide_subtract(&sum, &sum), 0, 0, 0, 0);
	/* A borrow through a word that is all ones on the right. */
	check(so_wide_subtract(&sum, &most), 0, 0, 0, 1);
	assert_true(so_wide_compare(&most, &sum) < 0);
	assert_true(so_wide_compare(&sum, &most) > 0);
	assert_int_equal(so_wide_compare(&most, &most), 0);
	assert_true(so_wide_compare(&one, &most) < 0);
	assert_true(so_wide_low(&most) == digits(FULL, FULL));
}

/* quotient * divisor + remainder is the dividend again. */
static void
test_divide(void **state)
{
	const SoDigits divisors[] = {1, 2, 10, digits(0, FULL), digits(1, 0), digits(FULL / 4, 17)};
	const SoWide dividend = {{17, FULL, 3, 0}};

	(void) state;
	for (size_t i = 0; i < sizeof(divisors) / sizeof(divisors[0]); i++)
	{
		SoDigits remainder;
		SoWide quotient = so_wide_divide(&dividend, divisors[i], &remainder);
		SoWide low = so_wide_multiply(so_wide_low(&quotient), divisors[i]);
		SoWide high = so_wide_multiply(digits(quotient.word[3], quotient.word[2]), divisors[i]);
		SoWide rest = {{(uint64_t) remainder, (uint64_t) (remainder >> 64), 0, 0}};

		assert_true(remainder < divisors[i]);
		high = (SoWide){{0, 0, high.word[0], high.word[1]}};
		low = so_wide_add(&low, &high);
		low = so_wide_add(&low, &rest);
		assert_int_equal(so_wide_compare(&low, &dividend), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_multiply),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_divide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
