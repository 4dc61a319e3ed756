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
static int recoveries;
static SoLogSubject subject = {.execution_id = 42, .task = TASK, .attempt = 1};

static void
count_complaint(const SoLogRecord *record, void *context)
{
	(void) context;
	if (record->level == SO_LOG_ERROR)
	{
		complaints++;
		assert_true(strcmp(record->code, "SO454") == 0 || strcmp(record->code, "SO457") == 0);
		assert_int_equal(record->subject->execution_id, 42);
	}
	if (record->level == SO_LOG_INFORMATION)
		recoveries++;
}

static int
setup(void **state)
{
	(void) state;
	snprintf(folder, sizeof(folder), "/tmp/scaleout_task_log.XXXXXX");
	memset(&settings, 0, sizeof(settings));
	settings.tasks_root_folder = folder;
	settings.task_log_enabled = true;
	settings.task_log_level = 127;
	complaints = 0;
	recoveries = 0;
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

	snprintf(path, sizeof(path), "%s/" TASK "%s", settings.tasks_root_folder, name);
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

static void
add(SoTaskLog *log, const char *line)
{
	so_task_log_line(log, &settings, SO_LOG_INFORMATION, line, strlen(line));
}

static void
add_now(SoTaskLog *log, const char *line)
{
	add(log, line);
	so_task_log_flush(log, &settings, &subject);
}

static void
finish(SoTaskLog *log)
{
	so_task_log_finish(log, &settings, &subject, 123);
}

/* The whole file; lines of the agent without their time and process. */
static const char *
content(const char *name)
{
	static char text[20000];
	int fd = open(path_of(name), O_RDONLY);
	ssize_t got;

	assert_true(fd >= 0);
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(got >= 0);
	text[got] = '\0';
	return text;
}

/* The file comes with the first line, is private, and is continued after a restart. */
static void
test_one_file(void **state)
{
	SoTaskLog log;

	(void) state;
	so_task_log_init(&log);
	finish(&log);
	assert_int_equal(access(path_of(""), F_OK), -1);
	so_task_log_init(&log);
	add(&log, "one");
	add(&log, "two\n\tmore of two");
	assert_int_equal(access(path_of(""), F_OK), -1);
	so_task_log_flush(&log, &settings, &subject);
	assert_content("/attempt-1.log", "one\ntwo\n\tmore of two\n");
	assert_mode("/attempt-1.log", 0600);
	finish(&log);
	assert_int_equal(log.fd, -1);

	so_task_log_init(&log);
	add(&log, "three");
	finish(&log);
	assert_content("/attempt-1.log", "one\ntwo\n\tmore of two\nthree\n");
	assert_int_equal(complaints, 0);
}

/* Every attempt has a file of its own. */
static void
test_attempts(void **state)
{
	SoLogSubject second = {.execution_id = 42, .task = TASK, .attempt = 2};
	SoTaskLog log;

	(void) state;
	so_task_log_init(&log);
	add(&log, "first try");
	finish(&log);
	so_task_log_init(&log);
	add(&log, "second try");
	so_task_log_finish(&log, &settings, &second, 123);
	assert_content("/attempt-1.log", "first try\n");
	assert_content("/attempt-2.log", "second try\n");
}

/* Each of the seven bits lets its level through and no other. */
static void
test_levels(void **state)
{
	(void) state;
	for (int bit = 0; bit < 7; bit++)
	{
		char wanted[10];
		SoTaskLog log;

		settings.task_log_level = 1 << bit;
		assert_int_equal(so_task_log_mask(&settings), 1 << bit);
		so_task_log_init(&log);
		for (int level = 0; level < 7; level++)
		{
			char line[2] = {(char) ('0' + level), '\0'};

			so_task_log_line(&log, &settings, (SoLogLevel) (1 << level), line, 1);
		}
		finish(&log);
		snprintf(wanted, sizeof(wanted), "%d\n", bit);
		assert_content("/attempt-1.log", wanted);
		assert_int_equal(unlink(path_of("/attempt-1.log")), 0);
	}
}

/* Switched off and on again while the attempt runs: the same file goes on. */
static void
test_switched_under_way(void **state)
{
	SoTaskLog log;

	(void) state;
	so_task_log_init(&log);
	add_now(&log, "a");
	settings.task_log_enabled = false;
	assert_int_equal(so_task_log_mask(&settings), 0);
	add_now(&log, "b");
	so_task_log_output(&log, &settings, 1, "c\n", 2);
	so_task_log_say(&log, &settings, SO_LOG_CRITICAL, "d");
	settings.task_log_enabled = true;
	add_now(&log, "e");
	finish(&log);
	assert_content("/attempt-1.log", "a\ne\n");
}

static void
test_segments(void **state)
{
	SoTaskLog log;

	(void) state;
	settings.task_log_segment = 3600000;
	so_task_log_init(&log);
	add_now(&log, "a");
	add_now(&log, "b");
	/* As if the file had been opened an hour ago. */
	log.opened_ms = so_clock_monotonic_ms() - 3600000;
	add_now(&log, "c");
	log.opened_ms = so_clock_monotonic_ms() - 3600000;
	add_now(&log, "d");
	finish(&log);
	assert_content("/attempt-1.log", "a\nb\n");
	assert_content("/attempt-1.2.log", "c\n");
	assert_content("/attempt-1.3.log", "d\n");
}

/* What the process prints: whole lines, long ones in pieces, bytes that are no text, a last part. */
static void
test_output(void **state)
{
	char many[SO_TASK_LOG_PIECE + 10];
	const char *text;
	SoTaskLog log;

	(void) state;
	memset(many, 'x', sizeof(many));
	so_task_log_init(&log);
	so_task_log_output(&log, &settings, 77, "one\ntw", 6);
	so_task_log_output(&log, &settings, 77, "o\n\n\xff\x00\x1b[1m\nthree", 15);
	so_task_log_output(&log, &settings, 77, "\n", 1);
	so_task_log_output(&log, &settings, 77, many, sizeof(many));
	finish(&log);
	text = content("/attempt-1.log");
	assert_int_equal(text[26], 'Z');
	assert_non_null(strstr(text, " WARNING scaleout-runner[77] output: one\n"));
	assert_non_null(strstr(text, " WARNING scaleout-runner[77] output: two\n"));
	assert_non_null(strstr(text, "] output: ???[1m\n"));
	assert_non_null(strstr(text, "] output: three\n"));
	assert_non_null(strstr(text, "x\n"));
	assert_non_null(strstr(text, "] output: xxxxxxxxxx\n"));
	settings.task_log_level = 127 & ~SO_LOG_WARNING;
	so_task_log_init(&log);
	so_task_log_output(&log, &settings, 77, "quiet\n", 6);
	finish(&log);
	assert_null(strstr(content("/attempt-1.log"), "quiet"));
}

/* A program that prints without end: the log says that it is full, and what is missing. */
static void
test_full(void **state)
{
	char line[100000];
	const char *text;
	struct stat facts;
	SoTaskLog log;

	(void) state;
	settings.task_log_max_size = 1;
	memset(line, 'y', sizeof(line));
	so_task_log_init(&log);
	for (int i = 0; i < 50; i++)
	{
		so_task_log_line(&log, &settings, SO_LOG_INFORMATION, line, sizeof(line));
		so_task_log_flush(&log, &settings, &subject);
	}
	finish(&log);
	assert_int_equal(stat(path_of("/attempt-1.log"), &facts), 0);
	assert_true(facts.st_size > 900000 && facts.st_size < 1100000);
	{
		int fd = open(path_of("/attempt-1.log"), O_RDONLY);
		static char end[2000];
		ssize_t got = pread(fd, end, sizeof(end) - 1, facts.st_size - 1000);

		close(fd);
		assert_true(got > 0);
		end[got] = '\0';
		text = end;
	}
	assert_non_null(strstr(text, " WARNING scaleout-worker["));
	assert_non_null(
		strstr(text, "SO458: the log of this attempt has reached TaskLogMaxSize (1 MB)"));
	assert_non_null(strstr(text, "the attempt has ended; 40 lines were not written\n"));
	assert_int_equal(complaints, 0);
}

/* A log that cannot be opened is complained about once, nothing breaks, and it says what it lacks. */
static void
test_cannot_open(void **state)
{
	char elsewhere[100];
	const char *text;
	SoTaskLog log;

	(void) state;
	snprintf(elsewhere, sizeof(elsewhere), "%s/later", folder);
	settings.tasks_root_folder = elsewhere;
	so_task_log_init(&log);
	for (int i = 0; i < 3; i++)
		add_now(&log, "a");
	assert_int_equal(complaints, 1);
	assert_int_equal(log.fd, -1);
	assert_int_equal(log.lost_lines, 3);
	/* The folder is there again, and the time to try again has come. */
	assert_int_equal(mkdir(elsewhere, 0700), 0);
	add_now(&log, "b");
	assert_int_equal(log.lost_lines, 4);
	log.failed_ms -= 5000;
	add_now(&log, "c");
	add_now(&log, "d");
	finish(&log);
	text = content("/attempt-1.log");
	assert_non_null(strstr(text, "] 4 lines before this one could not be written\nc\nd\n"));
	assert_int_equal(complaints, 1);
	assert_int_equal(recoveries, 1);
}

static void
test_disk_full(void **state)
{
	SoTaskLog log;

	(void) state;
	so_task_log_init(&log);
	log.fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(log.fd >= 0);
	for (int i = 0; i < 3; i++)
		add_now(&log, "a");
	assert_int_equal(complaints, 1);
	assert_int_equal(log.lost_lines, 3);
	/* Space again. */
	log.failed_ms -= 5000;
	add_now(&log, "b");
	finish(&log);
	assert_non_null(
		strstr(content("/attempt-1.log"), "] 3 lines before this one could not be written\nb\n"));
	assert_int_equal(complaints, 1);
}

/* Somebody removes the folder under way: it is made again, and the file says so. */
static void
test_removed(void **state)
{
	char command[200];
	SoTaskLog log;

	(void) state;
	so_task_log_init(&log);
	add_now(&log, "a");
	snprintf(command, sizeof(command), "rm -rf '%s'/" TASK, folder);
	assert_int_equal(system(command), 0);
	log.checked_ms -= 1000;
	add_now(&log, "b");
	finish(&log);
	assert_non_null(
		strstr(content("/attempt-1.log"), "] the log was removed under way; it goes on here\nb\n"));
	assert_int_equal(complaints, 0);
}

/* A package that puts a pipe in the place of the log does not stop the agent. */
static void
test_pipe(void **state)
{
	SoTaskLog log;
	SoError error;

	(void) state;
	assert_true(so_task_folder_make(&settings, TASK, &error));
	assert_int_equal(mkfifo(path_of("/attempt-1.log"), 0600), 0);
	so_task_log_init(&log);
	alarm(60);
	so_task_log_say(&log, &settings, SO_LOG_WARNING, "lost");
	so_task_log_flush(&log, &settings, &subject);
	alarm(0);
	assert_int_equal(complaints, 1);
	assert_int_equal(log.lost_lines, 1);
	so_byte_buffer_free(&log.lines);
}

/* A link in the place of the log is not followed. */
static void
test_link(void **state)
{
	SoError error;
	SoTaskLog log;

	(void) state;
	assert_true(so_task_folder_make(&settings, TASK, &error));
	assert_int_equal(symlink("/dev/null", path_of("/attempt-1.log")), 0);
	so_task_log_init(&log);
	add_now(&log, "a");
	assert_int_equal(complaints, 1);
	finish(&log);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_folders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tidy_keeps_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folder_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_attempts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test_setup_teardown(test_switched_under_way, setup, teardown),
		cmocka_unit_test_setup_teardown(test_segments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_output, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
