/*
 * test/unit/test_worker_agent_task_log.c
 *
 * Folders and log files of tasks: names, segments, failures.
 *
 * Process: unit test; files in a temporary directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker_agent/task_log.h"

#define TASK "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11"

static char folder[40];
static SoSettings settings;
static int complaints;

static void
count_complaint(SoLogLevel level, const char *line, void *context)
{
	(void) line;
	(void) context;
	if (level == SO_LOG_ERROR)
		complaints++;
}

static int
setup(void **state)
{
	(void) state;
	snprintf(folder, sizeof(folder), "/tmp/scaleout_task_log.XXXXXX");
	memset(&settings, 0, sizeof(settings));
	settings.tasks_root_folder = folder;
	complaints = 0;
	so_log_set_sink(count_complaint, NULL);
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	char command[100];

	(void) state;
	so_log_set_sink(NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static const char *
path_of(const char *name)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/" TASK "%s", folder, name);
	return path;
}

static void
assert_content(const char *name, const char *wanted)
{
	char text[200];
	int fd = open(path_of(name), O_RDONLY);
	ssize_t got;

	assert_true(fd >= 0);
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(got >= 0);
	text[got] = '\0';
	assert_string_equal(text, wanted);
}

static void
assert_mode(const char *name, mode_t mode)
{
	struct stat status;

	assert_int_equal(stat(path_of(name), &status), 0);
	assert_int_equal(status.st_mode & 07777, mode);
}

/* Nobody else may read what a task writes. */
static void
test_folders(void **state)
{
	SoError error;

	(void) state;
	assert_true(so_task_folder_make(&settings, TASK, &error));
	assert_mode("", 0700);
	assert_mode("/work", 0700);
	assert_true(so_task_folder_make(&settings, TASK, &error));
	so_task_folder_tidy(&settings, TASK);
	assert_int_equal(access(path_of(""), F_OK), -1);
	so_task_folder_tidy(&settings, TASK);
}

/* What a task leaves in its work folder stays. */
static void
test_tidy_keeps_files(void **state)
{
	SoError error;
	int fd;

	(void) state;
	assert_true(so_task_folder_make(&settings, TASK, &error));
	fd = open(path_of("/work/result.csv"), O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	so_task_folder_tidy(&settings, TASK);
	assert_int_equal(access(path_of("/work/result.csv"), F_OK), 0);
	assert_int_equal(unlink(path_of("/work/result.csv")), 0);
	fd = open(path_of("/attempt-1.log"), O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	so_task_folder_tidy(&settings, TASK);
	assert_int_equal(access(path_of("/work"), F_OK), -1);
	assert_int_equal(access(path_of("/attempt-1.log"), F_OK), 0);
}

static void
test_folder_fails(void **state)
{
	char elsewhere[100];
	SoError error;

	(void) state;
	snprintf(elsewhere, sizeof(elsewhere), "%s/is/not/there", folder);
	settings.tasks_root_folder = elsewhere;
	assert_false(so_task_folder_make(&settings, TASK, &error));
	assert_string_equal(so_error_state(error.code), "SO454");
	assert_non_null(strstr(error.place, elsewhere));
	assert_string_not_equal(error.detail, "");
}

/* The file comes with the first line, is private, and is continued after a restart. */
static void
test_one_file(void **state)
{
	SoTaskLog log;

	(void) state;
	so_task_log_init(&log);
	so_task_log_close(&log);
	assert_int_equal(access(path_of(""), F_OK), -1);
	so_task_log_write(&log, &settings, TASK, 3, "one\n", 4);
	so_task_log_write(&log, &settings, TASK, 3, "tw", 2);
	so_task_log_write(&log, &settings, TASK, 3, "o\n", 2);
	assert_content("/attempt-3.log", "one\ntwo\n");
	assert_mode("/attempt-3.log", 0600);
	so_task_log_close(&log);
	assert_int_equal(log.fd, -1);

	so_task_log_init(&log);
	so_task_log_write(&log, &settings, TASK, 3, "three\n", 6);
	so_task_log_close(&log);
	assert_content("/attempt-3.log", "one\ntwo\nthree\n");
	assert_int_equal(complaints, 0);
}

static void
test_segments(void **state)
{
	SoTaskLog log;

	(void) state;
	settings.task_log_segment = 3600000;
	so_task_log_init(&log);
	so_task_log_write(&log, &settings, TASK, 1, "a", 1);
	so_task_log_write(&log, &settings, TASK, 1, "b", 1);
	/* As if the file had been opened an hour ago. */
	log.opened_ms = so_clock_monotonic_ms() - 3600000;
	so_task_log_write(&log, &settings, TASK, 1, "c", 1);
	log.opened_ms = so_clock_monotonic_ms() - 3600000;
	so_task_log_write(&log, &settings, TASK, 1, "d", 1);
	so_task_log_close(&log);
	assert_content("/attempt-1.log", "ab");
	assert_content("/attempt-1.2.log", "c");
	assert_content("/attempt-1.3.log", "d");
}

/* A log that cannot be opened is complained about once, and nothing breaks. */
static void
test_cannot_open(void **state)
{
	char elsewhere[100];
	SoTaskLog log;

	(void) state;
	snprintf(elsewhere, sizeof(elsewhere), "%s/is/not/there", folder);
	settings.tasks_root_folder = elsewhere;
	so_task_log_init(&log);
	for (int i = 0; i < 3; i++)
		so_task_log_write(&log, &settings, TASK, 1, "a", 1);
	assert_int_equal(complaints, 1);
	assert_int_equal(log.fd, -1);
	so_task_log_close(&log);
}

static void
test_cannot_write(void **state)
{
	SoTaskLog log;

	(void) state;
	so_task_log_init(&log);
	log.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(log.fd >= 0);
	for (int i = 0; i < 3; i++)
		so_task_log_write(&log, &settings, TASK, 1, "a", 1);
	assert_int_equal(complaints, 1);
	so_task_log_close(&log);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_folders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tidy_keeps_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_segments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot_write, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
