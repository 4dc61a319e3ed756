/*
 * test/unit/test_gateway_json_clean.c
 *
 * What is replaced in JSON texts, and that nothing else is touched.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "gateway/json_clean.h"

#define R "\xEF\xBF\xBD"

/* Clean exactly these bytes (no terminator behind them) and compare. */
static void
check(const char *text, size_t size, const char *expected, size_t expected_size)
{
	SoByteBuffer copy;
	const char *clean;
	size_t clean_size;
	SoError error;
	char *exact = malloc(size > 0 ? size : 1);

	assert_non_null(exact);
	memcpy(exact, text, size);
	so_byte_buffer_init(&copy);
	assert_true(so_json_clean(exact, size, &copy, &clean, &clean_size, &error));
	assert_int_equal(clean_size, expected_size);
	assert_memory_equal(clean, expected, expected_size);
	if (size == expected_size && memcmp(text, expected, size) == 0)
		assert_ptr_equal(clean, exact);
	so_byte_buffer_free(&copy);
	free(exact);
}

#define CHECK(text, expected) check(text, sizeof(text) - 1, expected, sizeof(expected) - 1)

static void
test_clean_texts_stay(void **state)
{
	static const char *const texts[] = {
		"",
		"{}",
		"[1,2,{\"a\":\"b\"}]",
		"\"gr\xC3\xBC\xC3\x9F\"",
		"\"\xF0\x9F\x98\x80\"",
		"\"\\u00e9\\ud83d\\ude00\\n\\\"\\\\\"",
		"\"\\\\u0000\"",
		"\"\\\\\\\\u0000\"",
		"\"\xED\x9F\xBF\xEE\x80\x80\"",
		"\"\xF4\x8F\xBF\xBF\"",
		"not JSON at all",
		"\"unfinished \\",
		"\"unfinished \\u12",
		"\\u0000 outside",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		check(texts[i], strlen(texts[i]), texts[i], strlen(texts[i]));
}

static void
test_replacements(void **state)
{
	(void) state;
	CHECK("\"a\0b\"", "\"a" R "b\"");
	CHECK("\"a\\u0000b\"", "\"a\\ufffdb\"");
	CHECK("\"\\\\\\u0000\"", "\"\\\\\\ufffd\"");
	CHECK("\"\\ud800\"", "\"\\ufffd\"");
	CHECK("\"\\ude00\"", "\"\\ufffd\"");
	CHECK("\"\\ud83d\\ud83d\\ude00\"", "\"\\ufffd\\ud83d\\ude00\"");
	CHECK("\"\\uD83Dx\\uDE00\"", "\"\\ufffdx\\ufffd\"");
	CHECK("\"\xFF\xFE\"", "\"" R R "\"");
	CHECK("\"\xC3\"", "\"" R "\"");
	CHECK("\"\xE2\x82\"", "\"" R R "\"");
	CHECK("\"\xC0\x80\"", "\"" R R "\"");
	CHECK("\"\xED\xA0\x80\"", "\"" R R R "\"");
	CHECK("\"\xF4\x90\x80\x80\"", "\"" R R R R "\"");
	CHECK("\"\xE0\x80\x80\"", "\"" R R R "\"");
	CHECK("\"\\\xFF\"", "\"\\" R "\"");
	CHECK("\0", R);
	CHECK("\xC3", R);
}

static void
test_limits(void **state)
{
	size_t size = 4 * SO_JSON_MAX_VALUES;
	char *text = malloc(size);
	SoByteBuffer copy;
	const char *clean;
	size_t clean_size;
	SoError error;

	(void) state;
	assert_non_null(text);
	so_byte_buffer_init(&copy);
	memset(text, '[', size);
	assert_true(so_json_clean(text, SO_JSON_MAX_DEPTH, &copy, &clean, &clean_size, &error));
	assert_false(so_json_clean(text, SO_JSON_MAX_DEPTH + 1, &copy, &clean, &clean_size, &error));
	assert_int_equal(error.code, SO_ERR_REQUEST_MALFORMED);
	memset(text, ',', size);
	assert_true(so_json_clean(text, SO_JSON_MAX_VALUES, &copy, &clean, &clean_size, &error));
	assert_false(so_json_clean(text, SO_JSON_MAX_VALUES + 1, &copy, &clean, &clean_size, &error));
	assert_int_equal(error.code, SO_ERR_REQUEST_TOO_LARGE);
	/* Inside a string nothing counts. */
	text[0] = '"';
	assert_true(so_json_clean(text, size, &copy, &clean, &clean_size, &error));
	free(text);
	so_byte_buffer_free(&copy);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean_texts_stay),
		cmocka_unit_test(test_replacements),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
