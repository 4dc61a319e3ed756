/*
 * test/unit/test_model_value_decimal_text.c
 *
 * Decimals as texts: what is read, what has too many digits, what is no number; and doubles.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "engine/model/value_decimal_text.h"

static void
test_parse(void **state)
{
	static const struct
	{
		const char *text;
		int read;
		const char *written; /* what it is when read */
	} rows[] = {
		{"0", 1, "0"},
		{"-0", 1, "0"},
		{"-0.00", 1, "0.00"},
		{"+7", 1, "7"},
		{"007.10", 1, "7.10"},
		{".5", 1, "0.5"},
		{"5.", 1, "5"},
		{"1e3", 1, "1000"},
		{"1.5E-3", 1, "0.0015"},
		{"12e-1", 1, "1.2"},
		{"0e99999", 1, "0"},
		{"99999999999999999999999999999999999999", 1, "99999999999999999999999999999999999999"},
		{"100000000000000000000000000000000000000", -1, NULL},
		{"00000000000000000000000000000000000000001", 1, "1"},
		{"1e37", 1, "10000000000000000000000000000000000000"},
		{"1e38", -1, NULL},
		{"1e999999999999", -1, NULL},
		{"-1e-37", 1, "-0.0000000000000000000000000000000000001"},
		{"1e-38", 1, "0.00000000000000000000000000000000000001"},
		{"-1e-39", 1, "0.00000000000000000000000000000000000000"},
		{"0.123456789012345678901234567890123456789", 1,
		 "0.12345678901234567890123456789012345678"},
		{"1.2345678901234567890123456789012345678999", 1,
		 "1.2345678901234567890123456789012345678"},
		{"", 0, NULL},
		{"-", 0, NULL},
		{".", 0, NULL},
		{"e5", 0, NULL},
		{"1e", 0, NULL},
		{"1e+", 0, NULL},
		{"1.2.3", 0, NULL},
		{"1,5", 0, NULL},
		{" 1", 0, NULL},
		{"1 ", 0, NULL},
		{"--1", 0, NULL},
		{"0x10", 0, NULL},
		{"nan", 0, NULL},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoDecimal decimal;
		char text[SO_DECIMAL_TEXT_SIZE];
		int read = so_decimal_parse(rows[i].text, strlen(rows[i].text), &decimal);

		if (read != rows[i].read)
			fail_msg("\"%s\": %d", rows[i].text, read);
		if (read == 1 && strcmp(so_decimal_format(&decimal, text), rows[i].written) != 0)
			fail_msg("\"%s\" is %s", rows[i].text, text);
	}
}

/* The length counts, not a terminator. */
static void
test_length(void **state)
{
	SoDecimal decimal;

	(void) state;
	assert_int_equal(so_decimal_parse("123", 2, &decimal), 1);
	assert_true(decimal.digits == 12);
	assert_int_equal(so_decimal_parse("1e5", 2, &decimal), 0);
	assert_int_equal(so_decimal_parse("1\0002", 3, &decimal), 0);
}

static void
test_doubles(void **state)
{
	static const struct
	{
		double value;
		const char *written; /* NULL: is none */
	} rows[] = {
		{0.1, "0.1"},
		{-0.0, "0"},
		{1.0 / 3.0, "0.3333333333333333"},
		{1e37, "10000000000000000000000000000000000000"},
		{1e38, NULL},
		{-123456.75, "-123456.75"},
		{HUGE_VAL, NULL},
		{-HUGE_VAL, NULL},
		{(double) NAN, NULL},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoDecimal decimal;
		char text[SO_DECIMAL_TEXT_SIZE];
		bool good = so_decimal_from_real(rows[i].value, &decimal);

		assert_int_equal(good, rows[i].written != NULL);
		if (!good)
			continue;
		assert_string_equal(so_decimal_format(&decimal, text), rows[i].written);
		assert_true(so_decimal_to_real(&decimal) == rows[i].value);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_doubles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
