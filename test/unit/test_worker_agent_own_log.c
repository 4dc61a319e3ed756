/*
 * test/unit/test_worker_agent_own_log.c
 *
 * Where the agent's log goes, and the fields of the journal.
 *
 * Process: unit test; the journal is a fake of this file, and a file takes the
 * place of standard error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <syslog.h>
#include <unistd.h>

#include "worker_agent/own_log.h"

static SoSettings settings;
static char empty[] = "";
static char folder[50];
static char path[100];

static int
setup(void **state)
{
	static char file[] = "worker.conf";
	static char destination[] = "auto";

	(void) state;
	memset(&settings, 0, sizeof(settings));
	settings.file = file;
	settings.log_destination = destination;
	settings.log_file = empty;
	settings.log_level = 126;
	settings.log_rotation_count = 2;
	snprintf(folder, sizeof(folder), "/tmp/scaleout_own_log.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/worker.log", folder);
	return 0;
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

static SoOwnLogDestination
destination(const char *wanted, char *file, const char *stream)
{
	char copy[20];

	snprintf(copy, sizeof(copy), "%s", wanted);
	settings.log_destination = copy;
	settings.log_file = file;
	return so_own_log_destination(&settings, stream);
}

static void
test_destination(void **state)
{
	struct stat facts;
	char here[100];
	char other[100];

	(void) state;
	assert_int_equal(fstat(STDERR_FILENO, &facts), 0);
	snprintf(here, sizeof(here), "%ju:%ju", (uintmax_t) facts.st_dev, (uintmax_t) facts.st_ino);
	snprintf(other, sizeof(other), "%ju:%ju", (uintmax_t) facts.st_dev,
			 (uintmax_t) facts.st_ino + 1);
	assert_int_equal(destination("auto", empty, NULL), SO_OWN_LOG_STDERR);
	assert_int_equal(destination("auto", empty, here), SO_OWN_LOG_JOURNAL);
	/* It was the journal's, but somebody has redirected it. */
	assert_int_equal(destination("auto", empty, other), SO_OWN_LOG_STDERR);
	assert_int_equal(destination("auto", empty, "nonsense"), SO_OWN_LOG_STDERR);
	assert_int_equal(destination("auto", path, here), SO_OWN_LOG_FILE);
	assert_int_equal(destination("file", path, here), SO_OWN_LOG_FILE);
	assert_int_equal(destination("stderr", path, here), SO_OWN_LOG_STDERR);
	assert_int_equal(destination("journal", path, NULL), SO_OWN_LOG_JOURNAL);
}

static void
test_priorities(void **state)
{
	(void) state;
	assert_int_equal(so_own_log_priority(SO_LOG_CRITICAL), LOG_CRIT);
	assert_int_equal(so_own_log_priority(SO_LOG_ERROR), LOG_ERR);
	assert_int_equal(so_own_log_priority(SO_LOG_WARNING), LOG_WARNING);
	assert_int_equal(so_own_log_priority(SO_LOG_AUDIT), LOG_NOTICE);
	assert_int_equal(so_own_log_priority(SO_LOG_INFORMATION), LOG_INFO);
	assert_int_equal(so_own_log_priority(SO_LOG_PROGRESS), LOG_INFO);
	assert_int_equal(so_own_log_priority(SO_LOG_VERBOSE), LOG_DEBUG);
}

/* Lines of a program that logs to a file, and what it prints to standard error besides. */
static void
test_file(void **state)
{
	int saved = dup(STDERR_FILENO);
	char text[3000];
	char old[120];
	struct stat facts;
	SoError error;
	FILE *stream;
	size_t got;

	(void) state;
	settings.log_file = path;
	settings.log_rotation_size = 1;
	assert_true(so_own_log_open(&settings, &error));
	so_log_open("scaleout-worker", 126);
	so_log(SO_LOG_WARNING, "SO401: one");
	dprintf(STDERR_FILENO, "printed by a library\n");
	so_log(SO_LOG_INFORMATION, "two\nlines");
	/* More than a megabyte: a file is kept. */
	for (int i = 0; i < 300; i++)
		so_log(SO_LOG_INFORMATION, "%04000d", i);
	dprintf(STDERR_FILENO, "printed later\n");
	settings.log_file = empty;
	assert_true(so_own_log_open(&settings, &error));
	so_log_set_sink(NULL, NULL);
	dup2(saved, STDERR_FILENO);
	close(saved);

	snprintf(old, sizeof(old), "%s.1", path);
	stream = fopen(old, "re");
	assert_non_null(stream);
	got = fread(text, 1, sizeof(text) - 1, stream);
	fclose(stream);
	text[got] = '\0';
	assert_non_null(strstr(text, " WARNING scaleout-worker["));
	assert_non_null(strstr(text, "] SO401: one\nprinted by a library\n"));
	assert_non_null(strstr(text, "] two\n\tlines\n"));
	assert_int_equal(stat(path, &facts), 0);
	assert_true(facts.st_size > 50000 && facts.st_size < 1048576);
	stream = fopen(path, "re");
	assert_non_null(stream);
	assert_int_equal(fseek(stream, -14, SEEK_END), 0);
	got = fread(text, 1, 14, stream);
	fclose(stream);
	/* Standard error follows the rotation. */
	assert_memory_equal(text, "printed later\n", 14);
}

static void
test_refused(void **state)
{
	static char nowhere[] = "/nowhere/worker.log";
	static char file[] = "file";
	SoError error;

	(void) state;
	settings.log_file = nowhere;
	assert_false(so_own_log_open(&settings, &error));
	assert_string_equal(so_error_state(error.code), "SO008");
	settings.log_destination = file;
	settings.log_file = empty;
	assert_false(so_own_log_open(&settings, &error));
	assert_string_equal(so_error_state(error.code), "SO402");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_destination, setup, teardown),
		cmocka_unit_test_setup_teardown(test_priorities, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
