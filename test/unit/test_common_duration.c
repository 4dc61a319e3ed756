/*
 * test/unit/test_common_duration.c
 *
 * Durations in both spellings, and texts that are none.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/duration.h"

#define HOUR INT64_C(3600000)

static void
test_accepts(void **state)
{
	static const struct
	{
		const char *text;
		int64_t milliseconds;
	} rows[] = {
		{"00:00:00", 0},
		{"00:00:30", 30000},
		{"00:01:00", 60000},
		{"12:00:00", 12 * HOUR},
		{"1.00:00:00", 24 * HOUR},
		{"7.12:30:15", 180 * HOUR + 30 * 60000 + 15000},
		{"00:00:00.25", 250},
		{"00:00:01.001", 1001},
		{"00:00:01.0019", 1001},
		{"250ms", 250},
		{"30s", 30000},
		{"5min", 300000},
		{"12h", 12 * HOUR},
		{"7d", 168 * HOUR},
		{"5 min", 300000},
		{"0s", 0},
		{"48:00:00", 48 * HOUR},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		int64_t milliseconds = -1;
		SoError error;

		if (!so_duration_parse(rows[i].text, "x", &milliseconds, &error))
			fail_msg("%s: %s", rows[i].text, error.message);
		assert_true(milliseconds == rows[i].milliseconds);
	}
}

static void
test_refuses(void **state)
{
	static const char *const rows[] = {
		"",
		" ",
		"30",
		"s",
		"-5s",
		"30 seconds",
		"1:2",
		"00:60:00",
		"00:00:60",
		"1.24:00:00",
		"1.2.3:00:00",
		"00:00:00x",
		"99999999999999999999s",
		"99999999999999999999:00:00",
		"1e3s",
		"36501d",
		"30S ",
		"5m",
		"00:00",
		"::",
		"0x10s",
		"1.:00:00",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		int64_t milliseconds = 0;
		SoError error;

		if (so_duration_parse(rows[i], "LeaseInterval", &milliseconds, &error))
			fail_msg("\"%s\" was accepted as %lld", rows[i], (long long) milliseconds);
		assert_int_equal(error.code, SO_ERR_INVALID_DURATION);
		assert_string_equal(error.place, "LeaseInterval");
	}
}

/* What is written is read as the same. */
static void
test_format_round_trip(void **state)
{
	static const struct
	{
		int64_t milliseconds;
		const char *text;
	} rows[] = {
		{0, "00:00:00"},
		{30250, "00:00:30.250"},
		{93784000, "1.02:03:04"},
		{HOUR - 1, "00:59:59.999"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		char buffer[40];
		int64_t milliseconds;
		SoError error;

		assert_string_equal(so_duration_format(rows[i].milliseconds, buffer, sizeof(buffer)),
							rows[i].text);
		assert_true(so_duration_parse(buffer, "x", &milliseconds, &error));
		assert_true(milliseconds == rows[i].milliseconds);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_format_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
