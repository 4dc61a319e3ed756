/*
 * test/unit/test_tasks_file_directory.c
 *
 * Folders: created with parents, copied and moved with what is in them, deleted
 * without following links.
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

static char folder[] = "/tmp/scaleout_folder.XXXXXX";
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
shell(const char *command)
{
	assert_int_equal(system(command), 0);
}

/* Everything in the folder, sorted; links as "name->target". */
static void
assert_listing(const char *wanted)
{
	char text[1000] = "";
	FILE *list = popen("LC_ALL=C find . -mindepth 1 -printf '%P' "
					   "\\( -type l -printf '->%l' -o -true \\) -printf '\\n' | LC_ALL=C sort | "
					   "tr '\\n' ' '",
					   "r");

	assert_non_null(list);
	if (fgets(text, sizeof(text), list) == NULL)
		text[0] = '\0';
	pclose(list);
	assert_string_equal(text, wanted);
}

static void
assert_code(const char *code)
{
	assert_string_equal(so_error_state(error.code), code);
}

static void
test_create(void **state)
{
	(void) state;
	assert_true(so_file_create_directory(&operation, "a/b/c/", false, &error));
	assert_listing("a a/b a/b/c ");
	assert_false(so_file_create_directory(&operation, "a/b", false, &error));
	assert_code("SO831");
	assert_true(so_file_create_directory(&operation, "a/b", true, &error));
	shell("touch file; ln -s nowhere broken");
	assert_false(so_file_create_directory(&operation, "file", true, &error));
	assert_code("SO831");
	assert_false(so_file_create_directory(&operation, "broken", true, &error));
	assert_code("SO831");
	assert_false(so_file_create_directory(&operation, "file/x", true, &error));
	assert_code("SO814");
}

static void
test_copy(void **state)
{
	struct stat status;

	(void) state;
	shell("mkdir -p a/b; chmod 750 a/b; echo 1 >a/one; echo 2 >a/b/two; ln -s ../one a/b/link");
	assert_true(so_file_copy_directory(&operation, "a", "x/y", &error));
	assert_listing("a a/b a/b/link->../one a/b/two a/one "
				   "x x/y x/y/b x/y/b/link->../one x/y/b/two x/y/one ");
	assert_int_equal(stat("x/y/b", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0750);
	shell("cmp a/b/two x/y/b/two");
}

/* Into a folder that is there: what has the same name is replaced only when allowed, links too. */
static void
test_copy_twice(void **state)
{
	(void) state;
	shell("mkdir a; echo 1 >a/one; ln -s one a/link; mkdir b; echo other >b/other");
	assert_true(so_file_copy_directory(&operation, "a", "b", &error));
	shell("echo 2 >a/one; ln -sfn two a/link");
	assert_false(so_file_copy_directory(&operation, "a", "b", &error));
	assert_code("SO831");
	operation.overwrite = true;
	assert_true(so_file_copy_directory(&operation, "a", "b", &error));
	assert_listing("a a/link->two a/one b b/link->two b/one b/other ");
	shell("cmp a/one b/one");
}

/* A link alone: refused like a file when it would replace something. */
static void
test_copy_link(void **state)
{
	(void) state;
	shell("mkdir a b; ln -s one a/link; echo precious >b/link");
	assert_false(so_file_copy_directory(&operation, "a", "b", &error));
	assert_code("SO831");
	shell("grep -q precious b/link");
}

static void
test_copy_refused(void **state)
{
	(void) state;
	shell("mkdir -p a/b; touch file; ln -s a to_a; mkfifo a/pipe");
	assert_false(so_file_copy_directory(&operation, "none", "x", &error));
	assert_code("SO814");
	assert_false(so_file_copy_directory(&operation, "file", "x", &error));
	assert_code("SO814");
	/* Into itself it would never end. */
	assert_false(so_file_copy_directory(&operation, "a", "a", &error));
	assert_code("SO814");
	assert_false(so_file_copy_directory(&operation, "a", "a/b/c/d", &error));
	assert_code("SO814");
	assert_false(so_file_copy_directory(&operation, "a", "to_a/x", &error));
	assert_code("SO814");
	assert_false(so_file_copy_directory(&operation, "a", "./a/../a/x", &error));
	assert_code("SO814");
	assert_listing("a a/b a/pipe file to_a->a ");
	/* A pipe cannot be copied, and is not waited for. */
	assert_false(so_file_copy_directory(&operation, "a", "x", &error));
	assert_code("SO814");
	/* The root of the system contains every destination; cancelled, should that be missed. */
	operation.cancel_fd = eventfd(1, EFD_CLOEXEC);
	assert_false(so_file_copy_directory(&operation, "/", "x/y", &error));
	assert_code("SO814");
	close(operation.cancel_fd);
}

/* A name that only begins like the folder's is not inside it. */
static void
test_copy_beside(void **state)
{
	(void) state;
	shell("mkdir a; touch a/f");
	assert_true(so_file_copy_directory(&operation, "a", "ab", &error));
	assert_listing("a a/f ab ab/f ");
}

static void
test_move(void **state)
{
	(void) state;
	shell("mkdir -p a/b; touch a/b/f");
	assert_true(so_file_move_directory(&operation, "a", "x", &error));
	assert_listing("x x/b x/b/f ");
	shell("mkdir -p y/b; touch y/b/g y/h");
	assert_false(so_file_move_directory(&operation, "x", "y", &error));
	assert_code("SO831");
	operation.overwrite = true;
	assert_true(so_file_move_directory(&operation, "x", "y", &error));
	assert_listing("y y/b y/b/f y/b/g y/h ");
	assert_false(so_file_move_directory(&operation, "y", "y/b/z", &error));
	assert_code("SO814");
	assert_false(so_file_move_directory(&operation, "y/h", "z", &error));
	assert_code("SO814");
	assert_false(so_file_move_directory(&operation, "none", "z", &error));
	assert_code("SO814");
	assert_listing("y y/b y/b/f y/b/g y/h ");
}

/* Onto the folder that it lies in: what has the folder's own name would be lost. */
static void
test_move_up(void **state)
{
	(void) state;
	shell("mkdir -p a/b/b; echo precious >a/b/b/f");
	operation.overwrite = true;
	assert_false(so_file_move_directory(&operation, "a/b", "a", &error));
	assert_code("SO814");
	shell("grep -q precious a/b/b/f");
}

static void
test_delete(void **state)
{
	(void) state;
	shell("mkdir -p a/b/c keep; touch a/1 a/b/2 keep/f; ln -s ../keep a/link; ln -s a to_a");
	assert_true(so_file_delete_directory(&operation, "a", true, &error));
	assert_listing("a keep keep/f to_a->a ");
	shell("touch a/1");
	/* A link to a folder is not a folder, but its content can be meant. */
	assert_false(so_file_delete_directory(&operation, "to_a", false, &error));
	assert_code("SO814");
	assert_true(so_file_delete_directory(&operation, "to_a", true, &error));
	assert_listing("a keep keep/f to_a->a ");
	assert_true(so_file_delete_directory(&operation, "a", false, &error));
	assert_listing("keep keep/f to_a->a ");
	assert_false(so_file_delete_directory(&operation, "a", false, &error));
	assert_code("SO814");
	assert_false(so_file_delete_directory(&operation, "keep/f", false, &error));
	assert_code("SO814");
	assert_listing("keep keep/f to_a->a ");
}

/* The root folder is refused under any of its names; nothing below is looked at. */
static void
test_delete_root(void **state)
{
	static const char *const names[] = {"/", "//", "/.", "/../", "/tmp/.."};

	(void) state;
	operation.cancel_fd = eventfd(1, EFD_CLOEXEC);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
	{
		assert_false(so_file_delete_directory(&operation, names[i], i % 2 == 0, &error));
		assert_code("SO814");
	}
	close(operation.cancel_fd);
	assert_int_equal(operation.files, 0);
}

static void
test_cancel(void **state)
{
	(void) state;
	shell("mkdir a; touch a/f");
	operation.cancel_fd = eventfd(1, EFD_CLOEXEC);
	assert_false(so_file_delete_directory(&operation, "a", false, &error));
	assert_code("SO807");
	assert_false(so_file_copy_directory(&operation, "a", "b", &error));
	assert_code("SO807");
	close(operation.cancel_fd);
	assert_int_equal(access("a/f", F_OK), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create, begin, end),
		cmocka_unit_test_setup_teardown(test_copy, begin, end),
		cmocka_unit_test_setup_teardown(test_copy_twice, begin, end),
		cmocka_unit_test_setup_teardown(test_copy_link, begin, end),
		cmocka_unit_test_setup_teardown(test_copy_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_copy_beside, begin, end),
		cmocka_unit_test_setup_teardown(test_move, begin, end),
		cmocka_unit_test_setup_teardown(test_move_up, begin, end),
		cmocka_unit_test_setup_teardown(test_delete, begin, end),
		cmocka_unit_test_setup_teardown(test_delete_root, begin, end),
		cmocka_unit_test_setup_teardown(test_cancel, begin, end),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
