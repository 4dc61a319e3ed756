/*
 * test/unit/test_tasks_ftp_each.c
 *
 * Patterns of the FTP task: how a path is taken apart, which local files they
 * match, and what a failure among several does.  Servers are in
 * test/tap/t/311_task_ftp.pl.
 *
 * Process: unit test; files in a temporary directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/tasks/ftp.h"
#include "test/unit/task_fake.h"

static char folder[] = "/tmp/scaleout_ftp.XXXXXX";
static SoTaskRun *run;
static SoFtpRun ftp;
static SoError error;

static void
touch(const char *name)
{
	FILE *file = fopen(name, "w");

	assert_non_null(file);
	fclose(file);
}

static int
setup(void **state)
{
	(void) state;
	return mkdtemp(folder) == NULL || chdir(folder) != 0 ? -1 : 0;
}

static int
teardown(void **state)
{
	char command[100];

	(void) state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return chdir("/") == 0 ? system(command) : -1;
}

static int
begin(void **state)
{
	(void) state;
	run = fake_run_new(&so_task_ftp);
	memset(&ftp, 0, sizeof(ftp));
	ftp.run = run;
	ftp.names = json_array();
	return 0;
}

static int
end(void **state)
{
	(void) state;
	json_decref(ftp.names);
	fake_run_free(run);
	return 0;
}

static void
test_paths(void **state)
{
	static const struct
	{
		const char *path;
		const char *folder;
		const char *pattern;
		bool many;
	} rows[] = {
		{"a.csv", "", "a.csv", false},
		{"*.csv", "", "*.csv", true},
		{"in/a?.csv", "in", "a?.csv", true},
		{"/a.csv", "/", "a.csv", false},
		{"/srv/in/", "/srv/in", "", false},
		{"*/a.csv", "*", "a.csv", false}, /* only the last part has patterns */
		{"in/[a].csv", "in", "[a].csv", false},
		{"", "", "", false},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		char *folder_part;
		char *pattern;

		assert_int_equal(so_ftp_split_pattern(run->context, rows[i].path, &folder_part, &pattern),
						 rows[i].many);
		assert_string_equal(folder_part, rows[i].folder);
		assert_string_equal(pattern, rows[i].pattern);
	}
	assert_string_equal(so_ftp_join(run->context, "", "a"), "a");
	assert_string_equal(so_ftp_join(run->context, "/", "a"), "/a");
	assert_string_equal(so_ftp_join(run->context, "in", "a"), "in/a");
	assert_string_equal(so_ftp_join(run->context, "in/", "a"), "in/a");
}

/* Remembers what it is called with, and fails for names that begin with "bad". */
static bool
note(SoFtpRun *of, const char *path, const char *name, SoError *problem)
{
	so_ftp_done(of, path, 10);
	if (strncmp(name, "bad", 3) == 0)
		return so_error_set(problem, SO_ERR_TASK_FILE, path, "no %s", name);
	if (strncmp(name, "end", 3) == 0)
		return so_error_set(problem, SO_ERR_TASK_CANCELLED, path, "cancelled");
	return true;
}

static const char *
called(size_t i)
{
	return json_string_value(json_array_get(ftp.names, i));
}

static void
test_matches(void **state)
{
	(void) state;
	assert_int_equal(mkdir("match", 0700), 0);
	assert_int_equal(mkdir("match/folder.csv", 0700), 0);
	touch("match/b.csv");
	touch("match/a.csv");
	touch("match/.hidden.csv");
	touch("match/c.txt");
	ftp.local = "match/*.csv";
	assert_true(so_ftp_each_local(&ftp, note, &error));
	assert_int_equal(json_array_size(ftp.names), 2);
	assert_string_equal(called(0), "match/a.csv");
	assert_string_equal(called(1), "match/b.csv");
	assert_int_equal(ftp.files, 2);
	assert_int_equal(ftp.bytes, 20);
	/* Without a pattern it is that one, there or not. */
	ftp.local = "match/none";
	assert_true(so_ftp_each_local(&ftp, note, &error));
	assert_string_equal(called(2), "match/none");
	/* Nothing that matches is no failure, no folder is one. */
	ftp.local = "match/*.none";
	assert_true(so_ftp_each_local(&ftp, note, &error));
	assert_int_equal(ftp.files, 3);
	ftp.local = "missing/*";
	assert_false(so_ftp_each_local(&ftp, note, &error));
	assert_int_equal(error.code, SO_ERR_TASK_FILE);
	assert_non_null(strstr(error.message, "missing"));
}

static void
test_failures(void **state)
{
	(void) state;
	assert_int_equal(mkdir("fail", 0700), 0);
	touch("fail/a");
	touch("fail/bad1");
	touch("fail/bad2");
	touch("fail/c");
	ftp.local = "fail/*";
	assert_true(so_ftp_each_local(&ftp, note, &error));
	assert_int_equal(json_array_size(ftp.names), 4);
	assert_int_equal(ftp.failures, 2);
	assert_string_equal(ftp.first_failure.message, "no bad1");
	assert_non_null(strstr(run->log, "no bad2"));
	/* The first one ends it. */
	ftp.stop_on_failure = true;
	json_array_clear(ftp.names);
	assert_false(so_ftp_each_local(&ftp, note, &error));
	assert_string_equal(error.message, "no bad1");
	assert_int_equal(json_array_size(ftp.names), 2);
	/* So does the end of the task, whatever is wished. */
	ftp.stop_on_failure = false;
	json_array_clear(ftp.names);
	assert_int_equal(rename("fail/bad1", "fail/end"), 0);
	ftp.local = "fail/*";
	assert_false(so_ftp_each_local(&ftp, note, &error));
	assert_int_equal(error.code, SO_ERR_TASK_CANCELLED);
	assert_string_equal(called(json_array_size(ftp.names) - 1), "fail/end");
}

static void
test_delete(void **state)
{
	(void) state;
	assert_int_equal(mkdir("delete", 0700), 0);
	touch("delete/a.tmp");
	touch("delete/b.tmp");
	touch("delete/c");
	ftp.local = "delete/*.tmp";
	assert_true(so_ftp_delete_local(&ftp, &error));
	assert_int_equal(ftp.files, 2);
	assert_int_equal(access("delete/a.tmp", F_OK), -1);
	assert_int_equal(access("delete/b.tmp", F_OK), -1);
	assert_int_equal(access("delete/c", F_OK), 0);
	ftp.local = "delete/a.tmp";
	assert_false(so_ftp_delete_local(&ftp, &error));
	assert_int_equal(error.code, SO_ERR_TASK_FILE);
	assert_int_equal(ftp.files, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_paths, begin, end),
		cmocka_unit_test_setup_teardown(test_matches, begin, end),
		cmocka_unit_test_setup_teardown(test_failures, begin, end),
		cmocka_unit_test_setup_teardown(test_delete, begin, end),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
