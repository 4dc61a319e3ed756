/*
 * test/unit/test_client_read_text.c
 *
 * Whole files in and out: sizes, modes, and what is left when it fails.
 *
 * Process: the unit test itself; files in a temporary directory.
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

#include "client/read_text.h"

static char folder[] = "/tmp/scaleout_text.XXXXXX";
static char path[100];
static TALLOC_CTX *context;
static SoError error;

static int
setup(void **state)
{
	(void) state;
	context = talloc_new(NULL);
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/file", folder);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	talloc_free(context);
	unlink(path);
	return rmdir(folder);
}

static void
assert_content(const char *wanted)
{
	size_t length = 0;
	char *text = so_read_text(context, path, &length, &error);

	assert_non_null(text);
	assert_string_equal(text, wanted);
	assert_int_equal(length, strlen(wanted));
}

static bool
exists_beside(void)
{
	char beside[120];

	snprintf(beside, sizeof(beside), "%s.new", path);
	return access(beside, F_OK) == 0;
}

static void
test_write_and_read(void **state)
{
	(void) state;
	assert_true(so_write_text(path, "first\n", &error));
	assert_content("first\n");
	assert_true(so_write_text(path, "", &error));
	assert_content("");
	assert_true(so_write_text(path, "\xc3\xa4", &error));
	assert_content("\xc3\xa4");
	assert_false(exists_beside());
}

/* Sizes around those of the buffer; the text is terminated behind its end. */
static void
test_sizes(void **state)
{
	static const size_t sizes[] = {1, 65534, 65535, 65536, 131071, 131072, 1000000};

	(void) state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
	{
		char *text = test_malloc(sizes[i] + 1);
		size_t length;
		char *got;

		for (size_t j = 0; j < sizes[i]; j++)
			text[j] = (char) ('a' + j % 23);
		text[sizes[i]] = '\0';
		assert_true(so_write_text(path, text, &error));
		got = so_read_text(context, path, &length, &error);
		assert_non_null(got);
		assert_int_equal(length, sizes[i]);
		assert_string_equal(got, text);
		test_free(text);
	}
}

/* NUL bytes are part of the text. */
static void
test_nul(void **state)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	size_t length = 0;
	char *text;

	(void) state;
	assert_int_equal(write(fd, "a\0b", 3), 3);
	close(fd);
	text = so_read_text(context, path, &length, &error);
	assert_non_null(text);
	assert_int_equal(length, 3);
	assert_memory_equal(text, "a\0b", 4);
}

/* Who may read and write the file stays as it was. */
static void
test_mode(void **state)
{
	struct stat before;
	struct stat after;

	(void) state;
	assert_true(so_write_text(path, "a", &error));
	assert_int_equal(chmod(path, 0640), 0);
	assert_int_equal(stat(path, &before), 0);
	assert_true(so_write_text(path, "b", &error));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_mode & 07777, 0640);
	/* Replaced as a whole: who has the old one open reads the old one. */
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_content("b");
}

static void
test_cannot_read(void **state)
{
	size_t length;

	(void) state;
	assert_null(so_read_text(context, "/nowhere/file", &length, &error));
	assert_string_equal(so_error_state(error.code), "SO007");
	assert_string_equal(error.place, "/nowhere/file");
	assert_non_null(strstr(error.message, "No such file"));
	assert_null(so_read_text(context, folder, &length, &error));
	assert_string_equal(so_error_state(error.code), "SO007");
	assert_non_null(strstr(error.message, "directory"));
}

static void
test_too_large(void **state)
{
	size_t length;

	(void) state;
	assert_true(so_write_text(path, "a", &error));
	assert_int_equal(truncate(path, 64 * 1024 * 1024 + 1), 0);
	assert_null(so_read_text(context, path, &length, &error));
	assert_string_equal(so_error_state(error.code), "SO007");
	assert_non_null(strstr(error.message, "too large"));
	assert_int_equal(truncate(path, 0), 0);
}

/* What cannot be replaced stays as it is. */
static void
test_cannot_write(void **state)
{
	(void) state;
	assert_false(so_write_text("/nowhere/file", "a", &error));
	assert_string_equal(so_error_state(error.code), "SO008");
	assert_false(so_write_text(folder, "a", &error));
	assert_string_equal(so_error_state(error.code), "SO008");
	/* "folder.new" is not left behind. */
	snprintf(path, sizeof(path), "%s", folder);
	assert_false(exists_beside());
	snprintf(path, sizeof(path), "%s/file", folder);
}

/* "-" is standard input, which stays open. */
static void
test_standard_input(void **state)
{
	int saved = dup(STDIN_FILENO);
	int ends[2];
	size_t length;
	char *text;

	(void) state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "from a pipe", 11), 11);
	close(ends[1]);
	dup2(ends[0], STDIN_FILENO);
	close(ends[0]);
	text = so_read_text(context, "-", &length, &error);
	assert_non_null(text);
	assert_string_equal(text, "from a pipe");
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	dup2(saved, STDIN_FILENO);
	close(saved);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_and_read),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_mode),
		cmocka_unit_test(test_cannot_read),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_cannot_write),
		cmocka_unit_test(test_standard_input),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
