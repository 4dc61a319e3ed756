/*
 * test/unit/test_common_clock.c
 *
 * The clocks: one never goes back, the other is written as ISO 8601 in UTC.
 *
 * Process: the unit test itself; another time zone must not show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"

static void
test_monotonic(void **state)
{
	struct timespec before;
	struct timespec after;
	int64_t now;

	(void) state;
	clock_gettime(CLOCK_MONOTONIC, &before);
	now = so_clock_monotonic_ms();
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(now >= (int64_t) before.tv_sec * 1000 + before.tv_nsec / 1000000);
	assert_true(now <= (int64_t) after.tv_sec * 1000 + after.tv_nsec / 1000000);
}

/* The text names a moment between two readings of the clock, whatever the time zone is. */
static void
test_utc_text(void **state)
{
	char text[32];
	struct tm parts = {0};
	long microseconds;
	char end;
	time_t before;
	time_t then;

	(void) state;
	setenv("TZ", "Asia/Kathmandu", 1);
	tzset();
	before = time(NULL);
	assert_ptr_equal(so_clock_utc_text(text, sizeof(text)), text);
	assert_int_equal(strlen(text), 27);
	assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%6ld%c", &parts.tm_year, &parts.tm_mon,
							&parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec,
							&microseconds, &end),
					 8);
	assert_int_equal(end, 'Z');
	parts.tm_year -= 1900;
	parts.tm_mon -= 1;
	then = timegm(&parts);
	/* time() may run behind clock_gettime() by a tick. */
	assert_true(then >= before - 1 && then <= time(NULL) + 1);
}

/* A short buffer is filled and terminated, not overrun. */
static void
test_utc_text_short(void **state)
{
	char text[12];

	(void) state;
	memset(text, 'x', sizeof(text));
	so_clock_utc_text(text, 11);
	assert_int_equal(strlen(text), 10);
	assert_int_equal(text[11], 'x');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_monotonic),
		cmocka_unit_test(test_utc_text),
		cmocka_unit_test(test_utc_text_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
