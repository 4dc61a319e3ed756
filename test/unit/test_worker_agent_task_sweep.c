/*
 * test/unit/test_worker_agent_task_sweep.c
 *
 * Old task folders are removed, and nothing else.
 *
 * Process: unit test; files in a temporary directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker_agent/task_sweep.h"

#define OLD        "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11"
#define HELD       "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a12"
#define FRESH      "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a13"
#define FRESH_WORK "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a14"

static char folder[64];

static const char *
path_of(const char *name)
{
	static char path[300];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* A folder with a work folder and a file in it; changed in the year 1970 or now. */
static void
make(const char *name, int old, int work_old)
{
	struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
	char inner[100];
	int fd;

	assert_int_equal(mkdir(path_of(name), 0700), 0);
	snprintf(inner, sizeof(inner), "%s/work", name);
	assert_int_equal(mkdir(path_of(inner), 0700), 0);
	snprintf(inner, sizeof(inner), "%s/work/file", name);
	fd = open(path_of(inner), O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
	snprintf(inner, sizeof(inner), "%s/work", name);
	if (work_old)
		assert_int_equal(utimensat(AT_FDCWD, path_of(inner), times, 0), 0);
	if (old)
		assert_int_equal(utimensat(AT_FDCWD, path_of(name), times, 0), 0);
}

static int
exists(const char *name)
{
	return access(path_of(name), F_OK) == 0;
}

static void
test_sweep(void **state)
{
	SoUuid held;

	(void) state;
	snprintf(folder, sizeof(folder), "/tmp/scaleout-sweep-XXXXXX");
	assert_non_null(mkdtemp(folder));
	make(OLD, 1, 1);
	make(HELD, 1, 1);
	make(FRESH, 0, 1);
	make(FRESH_WORK, 1, 0);
	make("notes", 1, 1);
	assert_true(so_uuid_parse(HELD, &held));
	assert_int_equal(so_task_sweep(folder, 3600000, &held, 1), 1);
	assert_false(exists(OLD));
	assert_true(exists(HELD));
	assert_true(exists(FRESH));
	assert_true(exists(FRESH_WORK));
	assert_true(exists("notes"));
	assert_int_equal(so_task_sweep("/nonexistent", 1, NULL, 0), 0);
	/* The second time nothing is held. */
	assert_int_equal(so_task_sweep(folder, 3600000, NULL, 0), 1);
	assert_int_equal(so_task_sweep(folder, -3600000, NULL, 0), 2);
	assert_false(exists(FRESH));
	unlink(path_of("notes/work/file"));
	rmdir(path_of("notes/work"));
	rmdir(path_of("notes"));
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
