/*
 * test/unit/test_connections_postgres_error.c
 *
 * engine/connections/postgres_error.c: the caret under the place.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/connections/postgres.h"

static void
check(const char *sql, int position, const char *expected)
{
	char buffer[600];

	so_postgres_quote_position(sql, position, buffer, sizeof(buffer));
	assert_string_equal(buffer, expected);
}

static void
carets_stand_under_their_place(void **state)
{
	(void) state;
	check("SELECT x", 8, "line 1, column 8:\n  SELECT x\n         ^");
	check("SELECT 1;\n\tSELECT y\nFROM z", 19, "line 2, column 9:\n  \tSELECT y\n  \t       ^");
	check("SELECT '\xc3\xa4', x", 13,
		  "line 1, column 13:\n  SELECT '\xc3\xa4', x\n              ^");
	check("SELECT (", 9, "line 1, column 9:\n  SELECT (\n          ^");
	check("SELECT", 0, "");
	check(NULL, 3, "");
	check("SELECT", 100, "line 1, column 7:\n  SELECT\n        ^");
}

static void
long_lines_are_cut(void **state)
{
	char sql[500];
	char buffer[600];

	(void) state;
	memset(sql, 'a', sizeof(sql) - 1);
	sql[sizeof(sql) - 1] = '\0';
	sql[249] = 'X';
	so_postgres_quote_position(sql, 250, buffer, sizeof(buffer));
	assert_non_null(strstr(buffer, "line 1, column 250:\n  ...aaa"));
	assert_non_null(strstr(buffer, "aaa...\n"));
	/* The caret stands as far in its line as X in the line above. */
	assert_int_equal(strchr(buffer, '^') - strrchr(buffer, '\n'),
					 strchr(buffer, 'X') - strchr(buffer, '\n'));
	so_postgres_quote_position(sql, 250, buffer, 40);
	assert_string_equal(buffer, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(carets_stand_under_their_place),
		cmocka_unit_test(long_lines_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
