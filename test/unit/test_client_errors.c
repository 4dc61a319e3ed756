/*
 * test/unit/test_client_errors.c
 *
 * The error table: unique codes in their room, a hint for each, and
 * docs/errors.md is what the table says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/errors.h"
#include "common/error.h"

static void
every_code_is_complete(void **state)
{
	(void) state;
	for (int code = 1; code < SO_ERROR_COUNT; code++)
	{
		const char *text = so_error_state((SoErrorCode) code);

		assert_int_equal(strlen(text), 5);
		assert_memory_equal(text, "SO", 2);
		assert_true(strlen(so_error_summary((SoErrorCode) code)) > 5);
		assert_true(strlen(so_error_default_hint((SoErrorCode) code)) > 5);
		assert_int_equal(so_error_from_state(text), code);
		/* 0: never the answer to a request; 200: a warning beside a success */
		if (so_error_http_status((SoErrorCode) code) != 0 &&
			so_error_http_status((SoErrorCode) code) != 200)
			assert_in_range(so_error_http_status((SoErrorCode) code), 400, 599);
	}
	assert_int_equal(so_error_from_state("SOXXX"), SO_OK);
}

static void
the_page_is_made_from_the_table(void **state)
{
	char *made = NULL;
	size_t made_size = 0;
	FILE *stream = open_memstream(&made, &made_size);
	FILE *page = fopen("docs/errors.md", "r");
	char *text;
	size_t size;

	(void) state;
	assert_non_null(stream);
	assert_non_null(page);
	so_errors_write_markdown(stream);
	fclose(stream);
	text = calloc(1, made_size + 2);
	assert_non_null(text);
	size = fread(text, 1, made_size + 1, page);
	fclose(page);
	if (size != made_size || memcmp(text, made, size) != 0)
		fail_msg("docs/errors.md is old; run: scaleout errors --markdown > docs/errors.md");
	free(text);
	free(made);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_is_complete),
		cmocka_unit_test(the_page_is_made_from_the_table),
	};

	return cmocka_run_group_tests_name("client_errors", tests, NULL, NULL);
}
