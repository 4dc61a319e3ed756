/*
 * test/unit/test_client_table.c
 *
 * Query results as tables and as JSON; results are made without a server.
 *
 * Process: the unit test itself; its output goes to a file for a while.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/database.h"
#include "client/table.h"

static char output[8192];

/* Columns: one of each type that is no text in JSON, and texts. */
static PGresult *
make_result(int rows)
{
	static const struct
	{
		const char *name;
		Oid type;
		const char *values[2];
	} columns[] = {
		{"b", 16, {"t", "f"}},
		{"i2", 21, {"-7", "0"}},
		{"i4", 23, {"2147483647", NULL}},
		{"i8", 20, {"-9223372036854775808", "9223372036854775807"}},
		{"f4", 700, {"0.5", "-1e+10"}},
		{"f8", 701, {"0.1", NULL}},
		{"num", 1700, {"12345678901234567890.5", "0"}},
		{"text", 25, {"a \"b\"\n\xc3\xa4", ""}},
	};
	enum
	{
		count = sizeof(columns) / sizeof(columns[0])
	};
	PGresAttDesc attributes[count] = {0};
	PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

	for (int i = 0; i < count; i++)
	{
		char *name = strdup(columns[i].name);

		attributes[i].name = name;
		attributes[i].typid = columns[i].type;
		attributes[i].typlen = -1;
		attributes[i].atttypmod = -1;
	}
	assert_int_equal(PQsetResultAttrs(result, count, attributes), 1);
	for (int i = 0; i < count; i++)
	{
		free(attributes[i].name);
		for (int row = 0; row < rows; row++)
		{
			const char *text = columns[i].values[row];
			char *copy = text != NULL ? strdup(text) : NULL;

			assert_int_equal(PQsetvalue(result, row, i, copy, copy ? (int) strlen(copy) : -1), 1);
			free(copy);
		}
	}
	return result;
}

/* What so_table_print writes to stdout, or so_database_print_error to stderr. */
static const char *
captured(const PGresult *result, bool as_json, const SoError *error)
{
	char path[] = "/tmp/scaleout_table.XXXXXX";
	int file = mkstemp(path);
	int saved[2] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
	ssize_t size;

	assert_true(file >= 0);
	unlink(path);
	fflush(NULL);
	dup2(file, STDOUT_FILENO);
	dup2(file, STDERR_FILENO);
	if (result != NULL)
		so_table_print(result, as_json);
	else
		so_database_print_error(error);
	fflush(NULL);
	for (int i = 0; i < 2; i++)
	{
		dup2(saved[i], i + STDOUT_FILENO);
		close(saved[i]);
	}
	size = pread(file, output, sizeof(output) - 1, 0);
	output[size > 0 ? size : 0] = '\0';
	close(file);
	return output;
}

/* Numbers and booleans as such, NULL as null, everything else as text. */
static void
test_json(void **state)
{
	PGresult *result = make_result(2);
	json_t *rows = json_loads(captured(result, true, NULL), 0, NULL);
	json_t *wanted = json_pack(
		"[{s:b, s:i, s:i, s:I, s:f, s:f, s:s, s:s}, {s:b, s:i, s:n, s:I, s:f, s:n, s:s, s:s}]", "b",
		1, "i2", -7, "i4", 2147483647, "i8", (json_int_t) INT64_MIN, "f4", 0.5, "f8", 0.1, "num",
		"12345678901234567890.5", "text", "a \"b\"\n\xc3\xa4", "b", 0, "i2", 0, "i4", "i8",
		(json_int_t) INT64_MAX, "f4", -1e10, "f8", "num", "0", "text", "");

	(void) state;
	assert_non_null(rows);
	assert_non_null(wanted);
	assert_true(json_equal(rows, wanted));
	assert_int_equal(output[strlen(output) - 1], '\n');
	json_decref(rows);
	json_decref(wanted);
	PQclear(result);
}

/* JSON has no NaN and no infinity; the column is there all the same. */
static void
test_json_not_finite(void **state)
{
	static const char *const texts[] = {"NaN", "Infinity", "-Infinity"};

	(void) state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		PGresult *result = make_result(1);
		char *copy = strdup(texts[i]);
		json_t *rows;

		assert_int_equal(PQsetvalue(result, 0, 5, copy, (int) strlen(copy)), 1);
		free(copy);
		rows = json_loads(captured(result, true, NULL), 0, NULL);
		assert_non_null(rows);
		assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "f8")),
							texts[i]);
		json_decref(rows);
		PQclear(result);
	}
}

static void
test_json_empty(void **state)
{
	PGresult *result = make_result(0);

	(void) state;
	assert_string_equal(captured(result, true, NULL), "[]\n");
	PQclear(result);
}

static void
test_table(void **state)
{
	PGresult *result = make_result(2);

	(void) state;
	captured(result, false, NULL);
	assert_non_null(strstr(output, "12345678901234567890.5"));
	assert_non_null(strstr(output, "i4"));
	assert_null(strchr(output, '{'));
	PQclear(result);
}

static void
test_wants_json(void **state)
{
	int saved = dup(STDOUT_FILENO);
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	bool answers[4];

	(void) state;
	fflush(stdout);
	dup2(nowhere, STDOUT_FILENO);
	answers[0] = so_table_wants_json(false, false);
	answers[1] = so_table_wants_json(false, true);
	answers[2] = so_table_wants_json(true, false);
	answers[3] = so_table_wants_json(true, true);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(nowhere);
	assert_true(answers[0]);
	assert_false(answers[1]);
	assert_true(answers[2]);
	assert_true(answers[3]);
}

/* client/database.h: a field as text, "" for NULL and for a column that is not there. */
static void
test_value(void **state)
{
	PGresult *result = make_result(2);

	(void) state;
	assert_string_equal(so_database_value(result, 0, "i4"), "2147483647");
	assert_string_equal(so_database_value(result, 1, "i4"), "");
	assert_string_equal(so_database_value(result, 0, "what"), "");
	PQclear(result);
}

static void
test_print_error(void **state)
{
	SoError error;

	(void) state;
	so_error_set(&error, SO_ERR_CLIENT_USAGE, "--folder", "the folder is missing");
	so_error_hint(&error, "%s", "");
	assert_string_equal(captured(NULL, false, &error),
						"scaleout: SO901: the folder is missing (--folder)\n");
	so_error_set(&error, SO_ERR_CLIENT_USAGE, NULL, "no");
	so_error_detail(&error, "Because.");
	so_error_hint(&error, "Try.");
	assert_string_equal(captured(NULL, false, &error),
						"scaleout: SO901: no\nDETAIL:  Because.\nHINT:  Try.\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json),        cmocka_unit_test(test_json_not_finite),
		cmocka_unit_test(test_json_empty),  cmocka_unit_test(test_table),
		cmocka_unit_test(test_wants_json),  cmocka_unit_test(test_value),
		cmocka_unit_test(test_print_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
