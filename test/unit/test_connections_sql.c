/*
 * test/unit/test_connections_sql.c
 *
 * Cells of results as values and as JSON, waits with deadlines and cancel signals, and
 * what is read of a connection manager.
 *
 * Process: unit test; no server.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <strings.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "engine/connections/odbc.h"
#include "engine/connections/sql.h"
#include "engine/model/object_types.h"

static TALLOC_CTX *context;

static int
begin(void **state)
{
	(void) state;
	context = talloc_new(NULL);
	return 0;
}

static int
end(void **state)
{
	(void) state;
	talloc_free(context);
	return 0;
}

/* A result of one row and one column. */
static SoSqlResult *
one_cell(SoDataType type, const char *text)
{
	SoSqlResult *result = talloc_zero(context, SoSqlResult);

	result->column_count = 1;
	result->columns = talloc_zero(context, SoSqlColumn);
	result->columns[0].name = "c";
	result->columns[0].type = type;
	result->row_count = 1;
	result->cells = talloc_zero_array(context, const char *, 1);
	result->cells[0] = text;
	return result;
}

static void
test_cells(void **state)
{
	/* type, what the server writes, type of the value, the value as text */
	static const struct
	{
		SoDataType type;
		const char *text;
		SoDataType value_type;
		const char *value;
	} rows[] = {
		{SO_TYPE_I4, "-17", SO_TYPE_I4, "-17"},
		{SO_TYPE_I8, "9223372036854775807", SO_TYPE_I8, "9223372036854775807"},
		{SO_TYPE_WSTR, " \xc3\xa4 ", SO_TYPE_WSTR, " \xc3\xa4 "},
		{SO_TYPE_WSTR, "", SO_TYPE_WSTR, ""},
		{SO_TYPE_BOOL, "t", SO_TYPE_BOOL, "true"},
		{SO_TYPE_BOOL, "f", SO_TYPE_BOOL, "false"},
		{SO_TYPE_BOOL, "1", SO_TYPE_BOOL, "true"},
		{SO_TYPE_BOOL, "0", SO_TYPE_BOOL, "false"},
		{SO_TYPE_NUMERIC, "123456789.125", SO_TYPE_NUMERIC, "123456789.125"},
		/* There is no such number: the text is all there is. */
		{SO_TYPE_NUMERIC, "NaN", SO_TYPE_WSTR, "NaN"},
		{SO_TYPE_DBDATE, "infinity", SO_TYPE_WSTR, "infinity"},
		{SO_TYPE_DBDATE, "0044-03-15 BC", SO_TYPE_WSTR, "0044-03-15 BC"},
		{SO_TYPE_I4, "2147483648", SO_TYPE_WSTR, "2147483648"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoValue value = so_sql_cell(context, one_cell(rows[i].type, rows[i].text), 0, 0);
		char *text = so_value_to_text(context, &value);

		if (value.type != rows[i].value_type)
			fail_msg("%s is of type %d", rows[i].text, (int) value.type);
		assert_false(value.is_null);
		if (rows[i].type == SO_TYPE_BOOL)
			assert_int_equal(strcasecmp(text, rows[i].value), 0);
		else
			assert_string_equal(text, rows[i].value);
	}
}

static void
test_null(void **state)
{
	static const SoDataType types[] = {SO_TYPE_I4, SO_TYPE_WSTR, SO_TYPE_BOOL,
									   SO_TYPE_DBTIMESTAMP2};

	(void) state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
	{
		SoValue value = so_sql_cell(context, one_cell(types[i], NULL), 0, 0);

		assert_true(value.is_null);
		assert_int_equal(value.type, types[i]);
	}
}

/* Offsets as PostgreSQL writes them, before and behind Greenwich, with fractions. */
static void
test_offsets(void **state)
{
	static const char *const rows[][2] = {
		{"2026-01-31 12:00:00+01", "2026-01-31 12:00:00 +01:00"},
		{"2026-01-31 12:00:00-05:30", "2026-01-31 12:00:00 -05:30"},
		{"2026-01-31 12:00:00.125+00", "2026-01-31 12:00:00.125 +00:00"},
		{"2026-01-31 12:00:00 +02:00", "2026-01-31 12:00:00 +02:00"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoValue value = so_sql_cell(context, one_cell(SO_TYPE_DBTIMESTAMPOFFSET, rows[i][0]), 0, 0);
		SoValue wanted;
		SoError error;

		assert_int_equal(value.type, SO_TYPE_DBTIMESTAMPOFFSET);
		assert_true(
			so_value_from_text(context, SO_TYPE_DBTIMESTAMPOFFSET, rows[i][1], &wanted, &error));
		assert_true(so_value_same(&value, &wanted));
	}
}

static void
test_json(void **state)
{
	SoSqlResults results = {0};
	SoSqlResult *result = so_sql_results_add(context, &results);
	static const char *cells[] = {"1", "a", NULL, "2", NULL, "t"};
	json_t *json;
	json_t *wanted;

	(void) state;
	assert_int_equal(result->affected, -1);
	assert_int_equal(result->column_count, 0);
	result->column_count = 3;
	result->columns = talloc_zero_array(context, SoSqlColumn, 3);
	result->columns[0] = (SoSqlColumn){"id", SO_TYPE_I4};
	result->columns[1] = (SoSqlColumn){"name", SO_TYPE_WSTR};
	result->columns[2] = (SoSqlColumn){"good", SO_TYPE_BOOL};
	result->row_count = 2;
	result->cells = cells;
	json = so_sql_result_json(result);
	wanted = json_pack("{s:[s,s,s], s:[s,s,s], s:[[i,s,n],[i,n,b]]}", "columns", "id", "name",
					   "good", "types", so_data_type_variable_name(SO_TYPE_I4), "string", "boolean",
					   "rows", 1, "a", 2, 1);
	assert_non_null(wanted);
	assert_true(json_equal(json, wanted));
	json_decref(json);
	json_decref(wanted);

	/* Results are kept when there are more. */
	for (int i = 0; i < 20; i++)
		so_sql_results_add(context, &results)->affected = i;
	assert_int_equal(results.count, 21);
	assert_int_equal(results.items[0].row_count, 2);
	assert_int_equal(results.items[20].affected, 19);
}

/* engine/connections/connection.h: ready, cancelled, over; a cancel comes first. */
static void
test_wait(void **state)
{
	SoConnection connection = {.cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
	int ready = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	int never = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	SoWait wait = so_connection_wait(&connection, 0);
	SoError error;

	(void) state;
	assert_int_equal(wait.deadline_ms, 0);
	assert_int_equal(so_wait_poll(&wait, ready, POLLIN, &error), 1);

	wait = so_connection_wait(&connection, 3600000);
	assert_true(wait.deadline_ms > so_clock_monotonic_ms());
	assert_int_equal(so_wait_poll(&wait, ready, POLLIN, &error), 1);

	wait = so_connection_wait(&connection, 1);
	assert_int_equal(so_wait_poll(&wait, never, POLLIN, &error), 0);
	assert_string_equal(so_error_state(error.code), "SO806");
	assert_non_null(strstr(error.message, "0.001 s"));
	assert_int_equal(so_wait_poll(&wait, -1, 0, &error), 0);
	assert_string_equal(so_error_state(error.code), "SO806");
	/* What is ready is taken even when the time is over. */
	assert_int_equal(so_wait_poll(&wait, ready, POLLIN, &error), 1);

	wait = so_connection_wait(&connection, 0);
	assert_int_equal(eventfd_write(connection.cancel_fd, 1), 0);
	assert_int_equal(so_wait_poll(&wait, ready, POLLIN, &error), 0);
	assert_string_equal(so_error_state(error.code), "SO807");
	assert_int_equal(so_wait_poll(&wait, -1, 0, &error), 0);
	assert_string_equal(so_error_state(error.code), "SO807");

	/* Without a cancel descriptor only the deadline ends it. */
	wait = (SoWait){.cancel_fd = -1, .deadline_ms = 1, .time_out_ms = 2000};
	assert_int_equal(so_wait_poll(&wait, never, POLLIN, &error), 0);
	assert_string_equal(so_error_state(error.code), "SO806");
	close(connection.cancel_fd);
	close(ready);
	close(never);
}

static void
test_properties(void **state)
{
	SoObject *object = so_object_new(context, so_connection_type_find("postgres"));
	SoValue value = so_value_string(context, "service=test");
	SoError error;

	(void) state;
	assert_null(so_connection_text(object, "connection_string"));
	assert_null(so_connection_text(object, "no_such_property"));
	assert_true(so_object_set(object, "connection_string", &value, &error));
	assert_string_equal(so_connection_text(object, "connection_string"), "service=test");
	assert_true(so_connection_flag(object, "no_such_property", true));
	assert_false(so_connection_flag(object, "no_such_property", false));
	assert_false(so_connection_flag(object, "retain_same_connection", true));
	assert_int_equal(so_connection_number(object, "no_such_property", 17), 17);
}

/* engine/connections/odbc.h: texts to UTF-16 and back. */
static void
test_utf16(void **state)
{
	static const char *const texts[] = {"", "plain", "\xc3\xa4\xe2\x82\xac", "a\xf0\x9f\x98\x80z"};
	static const size_t lengths[] = {0, 5, 2, 4};
	static const SQLWCHAR broken[] = {'a', 0xD800, 'b', 0xDC00, 0xD83D};
	size_t length;
	SQLWCHAR *wide;

	(void) state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		wide = so_odbc_wide(context, texts[i], &length);
		assert_int_equal(length, lengths[i]);
		assert_int_equal(wide[length], 0);
		assert_string_equal(so_odbc_narrow(context, wide, length), texts[i]);
	}
	wide = so_odbc_wide(context, "\xf0\x9f\x98\x80", NULL);
	assert_int_equal(wide[0], 0xD83D);
	assert_int_equal(wide[1], 0xDE00);
	/* Halves of pairs, and bytes that are no characters. */
	assert_string_equal(so_odbc_narrow(context, broken, 5), "a\xef\xbf\xbd"
															"b\xef\xbf\xbd\xef\xbf\xbd");
	wide = so_odbc_wide(context, "a\xff\xc3", &length);
	assert_int_equal(length, 3);
	assert_int_equal(wide[1], 0xFFFD);
	assert_int_equal(wide[2], 0xFFFD);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cells, begin, end),
		cmocka_unit_test_setup_teardown(test_null, begin, end),
		cmocka_unit_test_setup_teardown(test_offsets, begin, end),
		cmocka_unit_test_setup_teardown(test_json, begin, end),
		cmocka_unit_test_setup_teardown(test_wait, begin, end),
		cmocka_unit_test_setup_teardown(test_properties, begin, end),
		cmocka_unit_test_setup_teardown(test_utf16, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
