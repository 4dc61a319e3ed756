/*
 * test/unit/test_common_nearest.c
 *
 * The name that was probably meant, and where nothing is near enough.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/nearest.h"

/* What was probably meant, and where nothing is near enough. */
static void
test_nearest(void **state)
{
	static const char *const names[] = {
		"sql",         "sql_file", "connection", "max_concurrent_executables",
		"description", "disable",  "on",         NULL};
	static const struct
	{
		const char *wanted;
		const char *name;
	} rows[] = {
		{"conection", "connection"},
		{"CONNECTION", "connection"},
		{"connectoin", "connection"},
		{"SqlFile", "sql_file"},
		{"sqlfile", "sql_file"},
		{"slq", "sql"},
		{"MaxConcurrentExecutables", "max_concurrent_executables"},
		{"desciption", "description"},
		{"disabled", "disable"},
		{"zzz", NULL},
		{"x", NULL},
		{"connect", NULL},
		{"", NULL},
		{"something_else_entirely", NULL},
		/* two letters are too many for three of them, three for seven */
		{"sl", "sql"},
		{"sxx", NULL},
		{"disble", "disable"},
		{"disxxx", NULL},
		/* several are equally near: the first */
		{"sql_fle", "sql_file"},
		{"or", "on"},
		{"_-_", NULL},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoNearest nearest;

		so_nearest_begin(&nearest, rows[i].wanted);
		for (int j = 0; names[j] != NULL; j++)
			so_nearest_offer(&nearest, names[j]);
		if (rows[i].name == NULL && nearest.name != NULL)
			fail_msg("%s: %s", rows[i].wanted, nearest.name);
		if (rows[i].name != NULL && nearest.name == NULL)
			fail_msg("%s: nothing", rows[i].wanted);
		if (rows[i].name != NULL)
			assert_string_equal(nearest.name, rows[i].name);
	}
}

/* Names far longer than any of ours. */
static void
test_nearest_long(void **state)
{
	char wanted[500];
	char offered[500];
	SoNearest nearest;

	(void) state;
	memset(wanted, 'a', sizeof(wanted) - 1);
	wanted[sizeof(wanted) - 1] = '\0';
	memset(offered, 'b', sizeof(offered) - 1);
	offered[sizeof(offered) - 1] = '\0';
	so_nearest_begin(&nearest, wanted);
	so_nearest_offer(&nearest, offered);
	so_nearest_offer(&nearest, "");
	assert_null(nearest.name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_nearest_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
