/*
 * test/unit/test_tasks_execute_process.c
 *
 * engine/tasks/execute_process.c, process.c and output.c with real programs.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>

#include <cmocka.h>

#include "common/clock.h"
#include "engine/tasks/execute_process.h"
#include "task_fake.h"

static SoTaskRun *
shell(const char *script)
{
	SoTaskRun *run = fake_run_new(&so_task_execute_process);

	fake_set(run, "executable", "/bin/sh");
	fake_set_list(run, "arguments", "-c", script, NULL);
	return run;
}

static SoExecutionResult
execute(SoTaskRun *run)
{
	return so_task_execute_process.run(run);
}

static int
count_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

static void
output_becomes_events(void **state)
{
	SoTaskRun *run = shell("echo one; echo two >&2; printf three");

	(void) state;
	assert_int_equal(execute(run), SO_RESULT_SUCCESS);
	assert_non_null(strstr(run->log, "information: one\n"));
	assert_non_null(strstr(run->log, "information: (stderr) two\n"));
	assert_non_null(strstr(run->log, "information: three\n"));
	assert_int_equal(run->execution_value.as.integer, 0);
	fake_run_free(run);
}

static void
variables_are_routed(void **state)
{
	SoTaskRun *run = shell("read x; echo \"got $x in $PLACE\"; echo bad >&2");

	(void) state;
	fake_variable(run, "User::in", SO_TYPE_WSTR, "hello\n");
	fake_variable(run, "User::out", SO_TYPE_WSTR, "");
	fake_variable(run, "User::err", SO_TYPE_WSTR, "");
	fake_set(run, "standard_input_variable", "User::in");
	fake_set(run, "standard_output_variable", "User::out");
	fake_set(run, "standard_error_variable", "User::err");
	so_object_field(run->properties, "environment")->count = 1;
	so_object_field(run->properties, "environment")->names = talloc_array(run->context, char *, 1);
	so_object_field(run->properties, "environment")->strings =
		talloc_array(run->context, char *, 1);
	so_object_field(run->properties, "environment")->names[0] =
		talloc_strdup(run->context, "PLACE");
	so_object_field(run->properties, "environment")->strings[0] =
		talloc_strdup(run->context, "here");
	assert_int_equal(execute(run), SO_RESULT_SUCCESS);
	assert_string_equal(fake_text(run, "User::out"), "got hello in here");
	assert_string_equal(fake_text(run, "User::err"), "bad");
	fake_run_free(run);
}

static void
large_input_that_nobody_reads_is_no_error(void **state)
{
	SoTaskRun *run = shell("exit 0");
	char *text = malloc(1 << 20);

	(void) state;
	memset(text, 'x', (1 << 20) - 1);
	text[(1 << 20) - 1] = '\0';
	fake_variable(run, "User::in", SO_TYPE_WSTR, text);
	fake_set(run, "standard_input_variable", "User::in");
	assert_int_equal(execute(run), SO_RESULT_SUCCESS);
	free(text);
	fake_run_free(run);
}

static void
exit_codes_decide(void **state)
{
	SoTaskRun *run = shell("echo because >&2; exit 3");

	(void) state;
	assert_int_equal(execute(run), SO_RESULT_FAILURE);
	assert_int_equal(run->last_error.code, SO_ERR_TASK_PROCESS_EXIT_CODE);
	assert_non_null(strstr(run->last_error.detail, "because"));
	assert_int_equal(run->execution_value.as.integer, 3);
	fake_set(run, "success_value", "3");
	assert_int_equal(execute(run), SO_RESULT_SUCCESS);
	fake_set(run, "success_value", "0");
	fake_set(run, "fail_task_if_return_code_is_not_success_value", "false");
	assert_int_equal(execute(run), SO_RESULT_SUCCESS);
	fake_run_free(run);
	run = shell("echo why >&2; kill -SEGV $$");
	assert_int_equal(execute(run), SO_RESULT_FAILURE);
	assert_int_equal(run->last_error.code, SO_ERR_TASK_PROCESS_SIGNALLED);
	assert_non_null(strstr(run->last_error.detail, "standard error are:\nwhy"));
	fake_run_free(run);
}

/* The last lines are in the error, wherever the program has put them. */
static void
last_lines_are_shown(void **state)
{
	char file[] = "/tmp/scaleout_stderr.XXXXXX";
	int fd = mkstemp(file);
	SoTaskRun *run = shell("echo on output; exit 1");

	(void) state;
	close(fd);
	assert_int_equal(execute(run), SO_RESULT_FAILURE);
	assert_non_null(
		strstr(run->last_error.detail, "last lines on standard output are:\non output"));
	/* What goes into a variable may be anything; it is no explanation. */
	fake_variable(run, "User::out", SO_TYPE_WSTR, "");
	fake_set(run, "standard_output_variable", "User::out");
	assert_int_equal(execute(run), SO_RESULT_FAILURE);
	assert_string_equal(run->last_error.detail, "");
	fake_run_free(run);
	run = shell("i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done >&2; exit 1");
	fake_set(run, "standard_error_file", file);
	assert_int_equal(execute(run), SO_RESULT_FAILURE);
	assert_non_null(strstr(run->last_error.detail, "standard error are:\nline 4"));
	assert_non_null(strstr(run->last_error.detail, "\nline 499"));
	fake_run_free(run);
	run = shell("echo busy >&2; sleep 100");
	fake_set(run, "time_out", "300ms");
	assert_int_equal(execute(run), SO_RESULT_FAILURE);
	assert_int_equal(run->last_error.code, SO_ERR_TASK_TIMED_OUT);
	assert_non_null(strstr(run->last_error.detail, "standard error are:\nbusy"));
	fake_run_free(run);
	unlink(file);
}

static void
what_cannot_start_says_why(void **state)
{
	SoTaskRun *run = fake_run_new(&so_task_execute_process);

	(void) state;
	fake_set(run, "executable", "/no/such/program");
	assert_int_equal(execute(run), SO_RESULT_FAILURE);
	assert_int_equal(run->last_error.code, SO_ERR_TASK_PROCESS_NOT_STARTED);
	fake_set(run, "executable", "/bin/true");
	fake_set(run, "working_directory", "/no/such/folder");
	assert_int_equal(execute(run), SO_RESULT_FAILURE);
	assert_non_null(strstr(run->last_error.message, "/no/such/folder"));
	fake_run_free(run);
}

/* Wait until the process is gone; a zombie that waits for init counts as gone. */
static bool
is_gone(pid_t pid)
{
	int64_t deadline = so_clock_monotonic_ms() + 10000;
	char path[64];
	char text[256];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
	while (so_clock_monotonic_ms() < deadline)
	{
		FILE *file = fopen(path, "r");
		size_t got = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;

		if (file != NULL)
			fclose(file);
		text[got] = '\0';
		if (got == 0 || strstr(text, ") Z ") != NULL || kill(pid, 0) != 0)
			return true;
		poll(NULL, 0, 20);
	}
	return false;
}

static void
time_out_ends_the_whole_group(void **state)
{
	SoTaskRun *run = shell("trap '' TERM; sleep 1000 & echo $!; wait; sleep 1000");
	int64_t start = so_clock_monotonic_ms();
	const char *line;

	(void) state;
	fake_set(run, "time_out", "300ms");
	assert_int_equal(execute(run), SO_RESULT_FAILURE);
	assert_int_equal(run->last_error.code, SO_ERR_TASK_TIMED_OUT);
	assert_true(so_clock_monotonic_ms() - start < 30000);
	line = strstr(run->log, "information: ");
	assert_non_null(line);
	assert_true(is_gone(atoi(line + strlen("information: "))));
	fake_run_free(run);
}

static void
what_is_left_behind_is_killed(void **state)
{
	SoTaskRun *run = shell("sleep 1000 & echo $!");

	(void) state;
	assert_int_equal(execute(run), SO_RESULT_SUCCESS);
	assert_true(is_gone(atoi(strstr(run->log, "information: ") + strlen("information: "))));
	fake_run_free(run);
}

static void
a_cancel_is_a_cancel(void **state)
{
	SoTaskRun *run = shell("sleep 1000");

	(void) state;
	assert_int_equal(eventfd_write(run->cancel_fd, 1), 0);
	assert_int_equal(execute(run), SO_RESULT_CANCELED);
	assert_int_equal(run->errors, 0);
	fake_run_free(run);
}

static void
output_is_bounded(void **state)
{
	SoTaskRun *run = shell("while :; do echo 0123456789; done");

	(void) state;
	fake_variable(run, "User::out", SO_TYPE_WSTR, "");
	fake_set(run, "standard_output_variable", "User::out");
	fake_set(run, "maximum_output", "10000");
	assert_int_equal(execute(run), SO_RESULT_FAILURE);
	assert_int_equal(run->last_error.code, SO_ERR_TASK_OUTPUT_TOO_LARGE);
	fake_run_free(run);
	run = shell("i=0; while [ $i -lt 1500 ]; do echo line; i=$((i + 1)); done");
	assert_int_equal(execute(run), SO_RESULT_SUCCESS);
	assert_non_null(strstr(run->log, "SO832: 500 more lines of standard output are not shown"));
	fake_run_free(run);
}

static void
files_are_streams_too(void **state)
{
	char name[] = "/tmp/scaleout_test_XXXXXX";
	int fd = mkstemp(name);
	SoTaskRun *run = shell("echo first; echo second");
	char text[64] = "";

	(void) state;
	fake_set(run, "standard_output_file", name);
	assert_int_equal(execute(run), SO_RESULT_SUCCESS);
	assert_int_equal(read(fd, text, sizeof(text) - 1), 13);
	assert_string_equal(text, "first\nsecond\n");
	fake_run_free(run);
	run = shell("cat");
	fake_variable(run, "User::out", SO_TYPE_WSTR, "");
	fake_set(run, "standard_input_file", name);
	fake_set(run, "standard_output_variable", "User::out");
	assert_int_equal(execute(run), SO_RESULT_SUCCESS);
	assert_string_equal(fake_text(run, "User::out"), "first\nsecond");
	fake_run_free(run);
	close(fd);
	unlink(name);
}

static void
no_descriptor_leaks_in_or_out(void **state)
{
	SoTaskRun *run = shell("exec ls /proc/self/fd");
	int before = count_descriptors();
	int secret = open("/etc/passwd", O_RDONLY);

	(void) state;
	fake_variable(run, "User::out", SO_TYPE_WSTR, "");
	fake_set(run, "standard_output_variable", "User::out");
	for (int i = 0; i < 20; i++)
		assert_int_equal(execute(run), SO_RESULT_SUCCESS);
	/* 0, 1 and 2, and the folder that ls reads. */
	assert_string_equal(fake_text(run, "User::out"), "0\n1\n2\n3");
	close(secret);
	assert_int_equal(count_descriptors(), before);
	fake_run_free(run);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(output_becomes_events),
		cmocka_unit_test(variables_are_routed),
		cmocka_unit_test(large_input_that_nobody_reads_is_no_error),
		cmocka_unit_test(exit_codes_decide),
		cmocka_unit_test(last_lines_are_shown),
		cmocka_unit_test(what_cannot_start_says_why),
		cmocka_unit_test(time_out_ends_the_whole_group),
		cmocka_unit_test(what_is_left_behind_is_killed),
		cmocka_unit_test(a_cancel_is_a_cancel),
		cmocka_unit_test(output_is_bounded),
		cmocka_unit_test(files_are_streams_too),
		cmocka_unit_test(no_descriptor_leaks_in_or_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
