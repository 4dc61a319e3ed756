/*
 * test/unit/test_gateway_request_corpus.c
 *
 * Replays the fuzzer's corpus without a fuzzer, every input whole and cut at
 * many places: what ever was a finding must stay harmless.
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

#include "fuzz/fuzz_request.c"

#define CORPUS       "fuzz/corpus/request"
#define REPLAY_BYTES (1024 * 1024)
#define MAX_CUTS     200

static void
replay(const char *name)
{
	char path[512];
	uint8_t *data = malloc(REPLAY_BYTES);
	size_t size;
	size_t step;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", CORPUS, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	assert_non_null(data);
	size = fread(data, 1, REPLAY_BYTES, file);
	fclose(file);
	step = size / MAX_CUTS + 1;
	for (size_t cut = size % step; cut <= size; cut += step)
	{
		/* A copy of the exact size, so that a read past its end is seen. */
		uint8_t *exact = malloc(cut > 0 ? cut : 1);

		assert_non_null(exact);
		memcpy(exact, data, cut);
		assert_int_equal(LLVMFuzzerTestOneInput(exact, cut), 0);
		free(exact);
	}
	free(data);
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
	assert_true(count >= 40);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
