/*
 * test/unit/test_common_utf8.c
 *
 * What counts as UTF-8, what becomes of the rest, and where text may be cut.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/utf8.h"

#define R SO_UTF8_REPLACEMENT

static void
test_clean(void **state)
{
	static const struct
	{
		const char *bytes;
		size_t size;
		const char *wanted;
	} cases[] = {
		{"", 0, ""},
		{"plain\ttext\r\n", 12, "plain\ttext\r\n"},
		{"a\0b", 3, "a" R "b"},
		{"gr\xC3\xBC\xC3\x9F", 6, "gr\xC3\xBC\xC3\x9F"},
		{"\xE2\x82\xAC\xF0\x9F\x98\x80", 7, "\xE2\x82\xAC\xF0\x9F\x98\x80"},
		{"\xFF\xFE", 2, R R},
		{"a\xC3", 2, "a" R},
		{"\x80z", 2, R "z"},
		{"\xC0\xAF", 2, R R},             /* too long a form */
		{"\xE0\x80\xAF", 3, R R R},       /* the same with three bytes */
		{"\xED\xA0\x80", 3, R R R},       /* a surrogate */
		{"\xF4\x90\x80\x80", 4, R R R R}, /* beyond U+10FFFF */
		{"\xC3(", 2, R "("},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		SoByteBuffer out;

		so_byte_buffer_init(&out);
		so_utf8_put_clean(&out, (const uint8_t *) cases[i].bytes, cases[i].size);
		assert_int_equal(so_byte_buffer_length(&out), strlen(cases[i].wanted));
		if (cases[i].wanted[0] != '\0')
			assert_memory_equal(out.data + out.start, cases[i].wanted, strlen(cases[i].wanted));
		so_byte_buffer_free(&out);
	}
}

static void
test_whole(void **state)
{
	static const struct
	{
		const char *bytes;
		size_t whole;
	} cases[] = {
		{"", 0},
		{"abc", 3},
		{"ab\xC3", 2},
		{"ab\xC3\xBC", 4},
		{"a\xE2\x82", 1},
		{"a\xE2\x82\xAC", 4},
		{"\xF0\x9F\x98", 0},
		{"\xF0\x9F\x98\x80", 4},
		{"a\xFF", 2},            /* never part of a character: it is replaced, not waited for */
		{"\x80\x80\x80\x80", 4}, /* nor are these */
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(so_utf8_whole((const uint8_t *) cases[i].bytes, strlen(cases[i].bytes)),
						 cases[i].whole);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
