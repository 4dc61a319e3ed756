/*
 * test/unit/test_common_log_file.c
 *
 * Log files: rotation by size and age, several writers, files that are moved,
 * and disks that are full.
 *
 * Process: unit test and children of it; files in a temporary directory.
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
#include <sys/wait.h>
#include <unistd.h>

#include "common/log_file.h"

static char folder[50];
static char path[100];
static SoLogFile file;
static uint64_t lost;
static SoError error;

static int
setup(void **state)
{
	(void) state;
	snprintf(folder, sizeof(folder), "/tmp/scaleout_log_file.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/worker.log", folder);
	so_log_file_init(&file);
	so_log_file_set(&file, path);
	file.keep = 2;
	lost = 0;
	return 0;
}

static int
teardown(void **state)
{
	char command[200];

	(void) state;
	so_log_file_close(&file);
	snprintf(command, sizeof(command), "chmod u+w '%s'; rm -rf '%s'", folder, folder);
	return system(command);
}

static SoLogFileResult
put(const char *line)
{
	return so_log_file_write(&file, line, strlen(line), &lost, &error);
}

static void
assert_content(const char *suffix, const char *wanted)
{
	char name[120];
	char text[1000];
	int fd;
	ssize_t got;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	fd = open(name, O_RDONLY);
	if (wanted == NULL)
	{
		assert_int_equal(fd, -1);
		return;
	}
	assert_true(fd >= 0);
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(got >= 0);
	text[got] = '\0';
	assert_string_equal(text, wanted);
}

static void
test_size(void **state)
{
	struct stat facts;

	(void) state;
	file.rotate_bytes = 10;
	assert_int_equal(put("first\n"), SO_LOG_FILE_WRITTEN);
	assert_int_equal(put("1234\n"), SO_LOG_FILE_WRITTEN);
	assert_content("", "1234\n");
	assert_content(".1", "first\n");
	put("56789\n");
	put("third\n");
	assert_content("", "third\n");
	assert_content(".1", "56789\n");
	assert_content(".2", "1234\n");
	assert_content(".3", NULL);
	/* A line that is larger than a file may be has one of its own. */
	put("longer than ten bytes\n");
	put("x\n");
	assert_content(".1", "longer than ten bytes\n");
	assert_content("", "x\n");
	assert_int_equal(stat(path, &facts), 0);
	assert_int_equal(facts.st_mode & 07777, 0600);
}

/* A pipe that nobody reads, or that is full, is an error and does not stop the process. */
static void
test_pipe(void **state)
{
	char text[1000];
	int reader;

	(void) state;
	assert_int_equal(mkfifo(path, 0600), 0);
	alarm(60);
	assert_false(so_log_file_open(&file, &error));
	assert_string_equal(so_error_state(error.code), "SO008");
	reader = open(path, O_RDONLY | O_NONBLOCK);
	assert_true(reader >= 0);
	memset(text, 'x', sizeof(text) - 2);
	text[sizeof(text) - 2] = '\n';
	text[sizeof(text) - 1] = '\0';
	while (put(text) == SO_LOG_FILE_WRITTEN)
		;
	assert_non_null(strstr(error.detail, "temporarily unavailable"));
	alarm(0);
	close(reader);
}

static void
test_none_kept(void **state)
{
	(void) state;
	file.rotate_bytes = 5;
	file.keep = 0;
	put("one\n");
	put("two\n");
	assert_content("", "two\n");
	assert_content(".1", NULL);
}

/* The age is that of the first line, also of an earlier process. */
static void
test_age(void **state)
{
	FILE *old = fopen(path, "we");

	(void) state;
	fputs("2026-01-31T12:00:00.123456Z WARNING scaleout-worker[1] old\n", old);
	fclose(old);
	file.rotate_age_s = 3600;
	put("new\n");
	put("newer\n");
	assert_content("", "newer\n");
	assert_content(".1", "2026-01-31T12:00:00.123456Z WARNING scaleout-worker[1] old\nnew\n");
	put("newest\n");
	assert_content("", "newer\nnewest\n");
}

/* logrotate renames it, or somebody removes it. */
static void
test_moved(void **state)
{
	char moved[120];

	(void) state;
	snprintf(moved, sizeof(moved), "%s.old", path);
	put("one\n");
	assert_int_equal(rename(path, moved), 0);
	put("two\n");
	assert_content(".old", "one\n");
	assert_content("", "two\n");
	assert_int_equal(unlink(path), 0);
	put("three\n");
	assert_content("", "three\n");
	assert_int_equal(file.opened_count, 3);
}

static void
test_full_disk(void **state)
{
	(void) state;
	so_log_file_set(&file, "/dev/full");
	assert_int_equal(put("one\n"), SO_LOG_FILE_FAILED);
	assert_string_equal(so_error_state(error.code), "SO008");
	assert_string_equal(error.place, "/dev/full");
	assert_non_null(strstr(error.detail, "No space left"));
	assert_int_equal(put("two\n"), SO_LOG_FILE_LOST);
	/* Tried again, without luck. */
	file.failed_ms -= 5000;
	assert_int_equal(put("three\n"), SO_LOG_FILE_LOST);
	/* Space again. */
	snprintf(file.path, sizeof(file.path), "%s", path);
	file.failed_ms -= 5000;
	assert_int_equal(put("four\n"), SO_LOG_FILE_RECOVERED);
	assert_int_equal(lost, 3);
	assert_int_equal(put("five\n"), SO_LOG_FILE_WRITTEN);
	assert_content("", "four\nfive\n");
}

static void
test_cannot_open(void **state)
{
	(void) state;
	so_log_file_set(&file, "/nowhere/worker.log");
	assert_false(so_log_file_open(&file, &error));
	assert_non_null(strstr(error.detail, "No such file"));
	assert_int_equal(put("one\n"), SO_LOG_FILE_FAILED);
	assert_int_equal(put("two\n"), SO_LOG_FILE_LOST);
	/* Another name is a new beginning. */
	so_log_file_set(&file, path);
	assert_int_equal(put("three\n"), SO_LOG_FILE_WRITTEN);
}

/* The folder takes no new names: the file grows on, no line is lost. */
static void
test_cannot_rotate(void **state)
{
	char name[150];

	(void) state;
	file.rotate_bytes = 5;
	put("one\n");
	/* Folders with something in them stand where the older files belong; not even root can replace them. */
	for (int number = 1; number <= 2; number++)
	{
		snprintf(name, sizeof(name), "%s.%d", path, number);
		assert_int_equal(mkdir(name, 0700), 0);
		snprintf(name, sizeof(name), "%s.%d/something", path, number);
		assert_int_equal(mkdir(name, 0700), 0);
	}
	assert_int_equal(put("two\n"), SO_LOG_FILE_WRITTEN);
	assert_int_equal(put("three\n"), SO_LOG_FILE_WRITTEN);
	assert_content("", "one\ntwo\nthree\n");
}

#define WRITERS 4
#define LINES   500

/* Several processes write and rotate: no line is lost, none is torn. */
static void
test_several_writers(void **state)
{
	pid_t children[WRITERS];
	int seen[WRITERS] = {0};
	int files = 0;

	(void) state;
	for (int writer = 0; writer < WRITERS; writer++)
	{
		children[writer] = fork();
		assert_true(children[writer] >= 0);
		if (children[writer] != 0)
			continue;
		file.rotate_bytes = 2000;
		file.keep = 1000;
		for (int i = 0; i < LINES; i++)
		{
			char line[40];

			snprintf(line, sizeof(line), "writer %d line %d\n", writer, i);
			if (put(line) != SO_LOG_FILE_WRITTEN)
				_exit(1);
		}
		_exit(0);
	}
	for (int writer = 0; writer < WRITERS; writer++)
	{
		int status;

		assert_int_equal(waitpid(children[writer], &status, 0), children[writer]);
		assert_int_equal(status, 0);
	}
	for (int number = 0; number <= 1000; number++)
	{
		char name[130];
		char line[100];
		FILE *stream;

		snprintf(name, sizeof(name), number == 0 ? "%s" : "%s.%d", path, number);
		stream = fopen(name, "re");
		if (stream == NULL)
			continue;
		files++;
		while (fgets(line, sizeof(line), stream) != NULL)
		{
			int writer;
			int i;
			char end;

			assert_int_equal(sscanf(line, "writer %d line %d%c", &writer, &i, &end), 3);
			assert_true(end == '\n' && writer >= 0 && writer < WRITERS);
			seen[writer]++;
		}
		fclose(stream);
	}
	for (int writer = 0; writer < WRITERS; writer++)
		assert_int_equal(seen[writer], LINES);
	assert_true(files > 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_size, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipe, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_age, setup, teardown),
		cmocka_unit_test_setup_teardown(test_moved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot_rotate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several_writers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
