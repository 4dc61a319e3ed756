/*
 * test/unit/test_model_corpus.c
 *
 * Replays the fuzzer's corpus without a fuzzer: every input that ever was a
 * finding must stay harmless.
 *
 * Process: the unit test itself; runs in the top folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>

#include "fuzz/fuzz_load.c"

#define CORPUS "fuzz/corpus/load"

static void
replay(const char *name)
{
	char path[512];
	uint8_t data[131072];
	size_t size;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", CORPUS, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	size = fread(data, 1, sizeof(data), file);
	fclose(file);
	assert_int_equal(LLVMFuzzerTestOneInput(data, size), 0);
}

static void
test_corpus(void **state)
{
	DIR *folder = opendir(CORPUS);
	struct dirent *entry;
	int count = 0;

	(void) state;
	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL)
	{
		if (entry->d_name[0] == '.')
			continue;
		replay(entry->d_name);
		count++;
	}
	closedir(folder);
	assert_true(count >= 50);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
