/*
 * test/unit/test_tasks_process_arguments.c
 *
 * engine/tasks/process_arguments.c: splitting and finding.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/tasks/process.h"

static char *
split(TALLOC_CTX *context, const char *text)
{
	char *joined = talloc_strdup(context, "");
	int count;
	char **arguments = so_process_split_arguments(context, text, &count);

	for (int i = 0; i < count; i++)
		joined = talloc_asprintf_append(joined, "[%s]", arguments[i]);
	assert_null(arguments[count]);
	return joined;
}

static void
splits_as_windows_programs_do(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);

	(void) state;
	assert_string_equal(split(context, ""), "");
	assert_string_equal(split(context, "  "), "");
	assert_string_equal(split(context, "a b\tc"), "[a][b][c]");
	assert_string_equal(split(context, "\"a b\" c"), "[a b][c]");
	assert_string_equal(split(context, "--x=\"a b\"c"), "[--x=a bc]");
	assert_string_equal(split(context, "\"\""), "[]");
	assert_string_equal(split(context, "a \\\"b\\\""), "[a][\"b\"]");
	assert_string_equal(split(context, "\"C:\\dir\\\\\" b"), "[C:\\dir\\][b]");
	assert_string_equal(split(context, "a\\b \\\\server"), "[a\\b][\\\\server]");
	assert_string_equal(split(context, "$HOME `id` *"), "[$HOME][`id`][*]");
	talloc_free(context);
}

static void
finds_programs(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoError error;

	(void) state;
	assert_string_equal(so_process_find(context, "/bin/sh", NULL, true, &error), "/bin/sh");
	assert_non_null(so_process_find(context, "sh", NULL, false, &error));
	assert_null(so_process_find(context, "sh", NULL, true, &error));
	assert_int_equal(error.code, SO_ERR_TASK_PROCESS_NOT_STARTED);
	assert_non_null(so_process_find(context, "sh", "/bin", true, &error));
	assert_null(so_process_find(context, "no-such-program", NULL, false, &error));
	assert_null(so_process_find(context, "/etc/passwd", NULL, true, &error));
	assert_null(so_process_find(context, "/etc", NULL, true, &error));
	talloc_free(context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_as_windows_programs_do),
		cmocka_unit_test(finds_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
