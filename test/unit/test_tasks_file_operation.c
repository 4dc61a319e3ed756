/*
 * test/unit/test_tasks_file_operation.c
 *
 * Files: copied whole or not at all, moved, replaced only when allowed; checksums and names.
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
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/tasks/file_operation.h"

static char folder[] = "/tmp/scaleout_file.XXXXXX";
static SoFileOperation operation;
static SoError error;

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
	memset(&operation, 0, sizeof(operation));
	operation.context = talloc_new(NULL);
	operation.cancel_fd = -1;
	return 0;
}

static int
end(void **state)
{
	(void) state;
	talloc_free(operation.context);
	return system("rm -rf ./*");
}

static void
make_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void
assert_file(const char *path, const char *wanted)
{
	char text[100];
	int fd = open(path, O_RDONLY);
	ssize_t got;

	assert_true(fd >= 0);
	got = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(got >= 0);
	text[got] = '\0';
	assert_string_equal(text, wanted);
}

/* Nothing but these names is in the folder: no temporary file is left. */
static void
assert_listing(const char *wanted)
{
	char text[500] = "";
	FILE *list = popen("LC_ALL=C find . -mindepth 1 | LC_ALL=C sort | tr '\\n' ' '", "r");

	assert_non_null(list);
	if (fgets(text, sizeof(text), list) == NULL)
		text[0] = '\0';
	pclose(list);
	assert_string_equal(text, wanted);
}

static void
test_copy(void **state)
{
	struct timespec times[2] = {{.tv_sec = 1000000}, {.tv_sec = 2000000, .tv_nsec = 5000}};
	struct stat status;

	(void) state;
	make_file("a", "hello", 0641);
	assert_int_equal(utimensat(AT_FDCWD, "a", times, 0), 0);
	assert_true(so_file_copy(&operation, "a", "b", &error));
	assert_file("b", "hello");
	assert_file("a", "hello");
	assert_int_equal(stat("b", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0641);
	assert_int_equal(status.st_mtim.tv_sec, 2000000);
	assert_int_equal(operation.files, 1);
	assert_int_equal(operation.bytes, 5);
	assert_listing("./a ./b ");
}

/* More than one block, and nothing at all. */
static void
test_copy_sizes(void **state)
{
	char before[65];
	char after[65];

	(void) state;
	make_file("a", "", 0600);
	assert_true(so_file_copy(&operation, "a", "empty", &error));
	assert_file("empty", "");
	assert_int_equal(truncate("a", 3 * 1024 * 1024 + 17), 0);
	assert_true(so_file_copy(&operation, "a", "large", &error));
	assert_true(so_file_sha256("a", before, &error));
	assert_true(so_file_sha256("large", after, &error));
	assert_string_equal(before, after);
	assert_int_equal(operation.bytes, 3 * 1024 * 1024 + 17);
	/* A file that says it has no size. */
	assert_true(so_file_copy(&operation, "/proc/self/status", "status", &error));
	assert_int_not_equal(access("status", F_OK), -1);
}

static void
test_overwrite(void **state)
{
	(void) state;
	make_file("a", "new", 0600);
	make_file("b", "old", 0600);
	assert_false(so_file_copy(&operation, "a", "b", &error));
	assert_string_equal(so_error_state(error.code), "SO831");
	assert_file("b", "old");
	assert_false(so_file_move(&operation, "a", "b", &error));
	assert_string_equal(so_error_state(error.code), "SO831");
	assert_file("a", "new");
	operation.overwrite = true;
	assert_true(so_file_copy(&operation, "a", "b", &error));
	assert_file("b", "new");
	make_file("c", "moved", 0600);
	assert_true(so_file_move(&operation, "c", "b", &error));
	assert_file("b", "moved");
	assert_listing("./a ./b ");
}

static void
test_move(void **state)
{
	(void) state;
	make_file("a", "x", 0600);
	assert_true(so_file_move(&operation, "a", "b", &error));
	assert_listing("./b ");
	assert_int_equal(operation.files, 1);
	assert_false(so_file_move(&operation, "a", "c", &error));
	assert_string_equal(so_error_state(error.code), "SO814");
	assert_string_equal(error.place, "a");
	assert_false(so_file_move(&operation, "b", "no/where", &error));
	assert_string_equal(so_error_state(error.code), "SO814");
	assert_file("b", "x");
}

/* What is no file: said at once; a pipe that nobody writes to must not be waited for. */
static void
test_copy_refused(void **state)
{
	(void) state;
	assert_false(so_file_copy(&operation, "none", "b", &error));
	assert_string_equal(so_error_state(error.code), "SO814");
	assert_int_equal(mkdir("d", 0700), 0);
	assert_false(so_file_copy(&operation, "d", "b", &error));
	assert_string_equal(so_error_state(error.code), "SO814");
	assert_int_equal(mkfifo("pipe", 0600), 0);
	assert_false(so_file_copy(&operation, "pipe", "b", &error));
	assert_string_equal(so_error_state(error.code), "SO814");
	make_file("a", "x", 0600);
	assert_false(so_file_copy(&operation, "a", "no/where", &error));
	assert_string_equal(so_error_state(error.code), "SO814");
	operation.overwrite = true;
	assert_false(so_file_copy(&operation, "a", "d", &error));
	assert_int_equal(operation.files, 0);
	assert_listing("./a ./d ./pipe ");
}

/* A cancelled copy leaves nothing under any name. */
static void
test_cancel(void **state)
{
	(void) state;
	make_file("a", "x", 0600);
	operation.cancel_fd = eventfd(1, EFD_CLOEXEC);
	assert_false(so_file_copy(&operation, "a", "b", &error));
	assert_string_equal(so_error_state(error.code), "SO807");
	assert_listing("./a ");
	close(operation.cancel_fd);
}

static void
test_sha256(void **state)
{
	char hex[65];

	(void) state;
	make_file("a", "abc", 0600);
	assert_true(so_file_sha256("a", hex, &error));
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_false(so_file_sha256("none", hex, &error));
	assert_string_equal(so_error_state(error.code), "SO814");
	assert_int_equal(mkdir("d", 0700), 0);
	assert_false(so_file_sha256("d", hex, &error));
	assert_string_equal(so_error_state(error.code), "SO814");
}

static void
test_names(void **state)
{
	static const char *const rows[][2] = {{"a", "a"},    {"/srv/in/a.csv", "a.csv"},
										  {"a/b/", "b"}, {"a/b///", "b"},
										  {"/", ""},     {"", ""},
										  {"./.x", ".x"}};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(so_file_base_name(operation.context, rows[i][0]), rows[i][1]);
}

static void
test_questions(void **state)
{
	(void) state;
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(symlink("d", "to_d"), 0);
	assert_int_equal(symlink("nowhere", "broken"), 0);
	make_file("a", "", 0600);
	assert_true(so_file_exists("a") && so_file_exists("d") && so_file_exists("broken"));
	assert_false(so_file_exists("nowhere"));
	assert_true(so_file_is_directory("d") && so_file_is_directory("to_d"));
	assert_false(so_file_is_directory("a") || so_file_is_directory("broken"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_copy, begin, end),
		cmocka_unit_test_setup_teardown(test_copy_sizes, begin, end),
		cmocka_unit_test_setup_teardown(test_overwrite, begin, end),
		cmocka_unit_test_setup_teardown(test_move, begin, end),
		cmocka_unit_test_setup_teardown(test_copy_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_cancel, begin, end),
		cmocka_unit_test_setup_teardown(test_sha256, begin, end),
		cmocka_unit_test_setup_teardown(test_names, begin, end),
		cmocka_unit_test_setup_teardown(test_questions, begin, end),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
