/*
 * test/unit/test_checkpoint_cases.c
 *
 * Runs every package of test/fixtures/checkpoint by hand, with checkpoints in
 * files.
 *
 * Process: unit test, one at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "test/unit/checkpoint_case.h"

#define FOLDER "test/fixtures/checkpoint"

static void
test_case(void **state)
{
	checkpoint_case_run(*state);
}

int
main(void)
{
	struct CMUnitTest tests[256] = {{0}};
	glob_t files;
	size_t count = 0;
	int failed;

	if (glob(FOLDER "/*", 0, NULL, &files) != 0)
		return 1;
	for (size_t i = 0; i < files.gl_pathc && count < 256; i++)
	{
		const char *path = files.gl_pathv[i];
		size_t length = strlen(path);
		struct stat status;

		if (stat(path, &status) != 0 ||
			(!S_ISDIR(status.st_mode) && strcmp(path + length - 5, ".yaml") != 0))
			continue;
		tests[count].name = path + strlen(FOLDER) + 1;
		tests[count].test_func = test_case;
		tests[count++].initial_state = files.gl_pathv[i];
	}
	/* The matrix alone has 64. */
	if (count < 64)
		return 1;
	failed = _cmocka_run_group_tests("checkpoint cases", tests, count, NULL, NULL);
	globfree(&files);
	return failed;
}
