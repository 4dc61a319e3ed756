/*
 * test/unit/test_tasks_bulk_insert_rows.c
 *
 * engine/tasks/bulk_insert_rows.c: where rows end, whole and byte by byte.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/tasks/bulk_insert.h"

/* The rows between brackets, cut from bytes that come step at a time. */
static void
check(bool csv, char quote, char escape, const char *bytes, const char *expected)
{
	for (size_t step = 1; step <= strlen(bytes); step++)
	{
		SoRowScanner scanner;
		char rows[256] = "[";
		size_t length = strlen(bytes);
		size_t used = 1;

		so_row_scanner_init(&scanner, csv, quote, escape);
		for (size_t at = 0; at < length;)
		{
			size_t piece = length - at < step ? length - at : step;
			size_t row = so_row_scanner_next(&scanner, bytes + at, piece);
			size_t take = row > 0 ? row : piece;

			memcpy(rows + used, bytes + at, take);
			used += take;
			at += take;
			if (row > 0)
			{
				memcpy(rows + used, "][", 2);
				used += 2;
			}
		}
		rows[used++] = ']';
		rows[used] = '\0';
		assert_string_equal(rows, expected);
	}
}

static void
rows_end_where_copy_ends_them(void **state)
{
	(void) state;
	check(true, '"', '"', "a,b\nc,d\n", "[a,b\n][c,d\n][]");
	check(true, '"', '"', "a\r\nb\r\n", "[a\r\n][b\r\n][]");
	check(true, '"', '"', "\"a\nb\"\nc", "[\"a\nb\"\n][c]");
	check(true, '"', '"', "\"a\"\"\nb\"\nc\n", "[\"a\"\"\nb\"\n][c\n][]");
	check(true, '"', '\\', "\"a\\\"\nb\"\nc\n", "[\"a\\\"\nb\"\n][c\n][]");
	check(true, '"', '\\', "\"a\\\\\"\nc\n", "[\"a\\\\\"\n][c\n][]");
	check(true, '\'', '\'', "\"\n'\n'\n", "[\"\n]['\n'\n][]");
	check(false, 0, 0, "a\tb\nc\\\nd\ne", "[a\tb\n][c\\\nd\n][e]");
	check(false, 0, 0, "a\\\\\nb\n", "[a\\\\\n][b\n][]");
	check(false, 0, 0, "\"\nx\n", "[\"\n][x\n][]");
}

static void
lines_are_counted_inside_rows(void **state)
{
	SoRowScanner scanner;
	const char *bytes = "\"a\n\n\"\nb\n";

	(void) state;
	so_row_scanner_init(&scanner, true, '"', '"');
	assert_int_equal(so_row_scanner_next(&scanner, bytes, strlen(bytes)), 6);
	assert_int_equal(scanner.line, 4);
}

static void
finds_the_line_in_a_context(void **state)
{
	(void) state;
	assert_int_equal(so_bulk_insert_error_line("COPY sales, line 3, column qty: \"x, line 9\""), 3);
	assert_int_equal(so_bulk_insert_error_line("COPY sales, line 17: \"a\""), 17);
	assert_int_equal(so_bulk_insert_error_line("COPY sales, line 17"), 17);
	assert_int_equal(so_bulk_insert_error_line("COPY sales, line x, line 4"), 4);
	assert_int_equal(so_bulk_insert_error_line("SQL function f"), 0);
	assert_int_equal(so_bulk_insert_error_line(NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_end_where_copy_ends_them),
		cmocka_unit_test(lines_are_counted_inside_rows),
		cmocka_unit_test(finds_the_line_in_a_context),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
