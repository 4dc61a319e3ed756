/*
 * test/unit/test_common_thumbprint.c
 *
 * Thumbprints: the digest, the text form, what is accepted and what is not.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/thumbprint.h"

/* SHA-256 of "abc", FIPS 180-2 appendix B.1 */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

static void
test_known_digest(void **state)
{
	SoThumbprint thumbprint;
	SoError error;
	char text[SO_THUMBPRINT_TEXT_SIZE];

	(void) state;
	assert_true(so_thumbprint_of_der("abc", 3, &thumbprint, &error));
	assert_string_equal(so_thumbprint_format(&thumbprint, text), ABC);
}

static void
test_parse_accepts(void **state)
{
	static const char *const forms[] = {
		ABC,
		"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
		"BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:"
		"15:AD",
		"  ba7816bf 8f01cfea 414140de 5dae2223\tb00361a3 96177a9c b410ff61 f20015ad ",
		"\xe2\x80\x8e" ABC,
		"\xef\xbb\xbf" ABC "\xc2\xa0",
	};
	SoThumbprint expected;
	SoThumbprint thumbprint;
	SoError error;

	(void) state;
	assert_true(so_thumbprint_of_der("abc", 3, &expected, &error));
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
	{
		memset(&thumbprint, 0xEE, sizeof(thumbprint));
		assert_true(so_thumbprint_parse(forms[i], &thumbprint, &error));
		assert_true(so_thumbprint_equal(&thumbprint, &expected));
	}
}

static void
test_parse_refuses(void **state)
{
	static const struct
	{
		const char *text;
		const char *says;
	} rows[] = {
		{"", "fewer"},
		{"ba78", "fewer"},
		{ABC "0", "more"},
		{ABC ABC, "more"},
		{"a9993e364706816aba3e25717850c26c9cd0d89d", "SHA-1"},
		{"xa7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "character 1 "},
		{"sha256:ba7816", "character 1 "},
		{"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a\n", "character 64"},
	};
	SoError error;

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoThumbprint thumbprint;
		SoThumbprint before;

		memset(&thumbprint, 0xEE, sizeof(thumbprint));
		before = thumbprint;
		assert_false(so_thumbprint_parse(rows[i].text, &thumbprint, &error));
		assert_int_equal(error.code, SO_ERR_THUMBPRINT_MALFORMED);
		assert_non_null(strstr(error.message, rows[i].says));
		assert_true(so_thumbprint_equal(&thumbprint, &before));
	}
}

static void
test_lists(void **state)
{
	static const struct
	{
		const char *text;
		int count; /* 0: refused */
	} rows[] = {
		{ABC, 1},
		{ABC "," ABC, 2},
		{ABC ", " ABC " ," ABC, 3},
		{"", 0},
		{",", 0},
		{ABC ",", 0},
		{"," ABC, 0},
		{ABC ",," ABC, 0},
		{ABC ","
			 "x",
		 0},
		{ABC ABC, 0},
		{ABC "," ABC "," ABC "," ABC, 0},
	};
	SoError error;

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoThumbprint list[3];
		SoThumbprint one;
		int count;

		assert_true(so_thumbprint_parse(ABC, &one, &error));
		memset(list, 0xEE, sizeof(list));
		if (so_thumbprint_parse_list(rows[i].text, list, 3, &count, &error) != (rows[i].count > 0))
			fail_msg("%s", rows[i].text);
		if (rows[i].count == 0)
		{
			assert_int_equal(error.code, SO_ERR_THUMBPRINT_MALFORMED);
			continue;
		}
		assert_int_equal(count, rows[i].count);
		for (int j = 0; j < count; j++)
			assert_true(so_thumbprint_equal(&list[j], &one));
		assert_true(so_thumbprint_parse_list(rows[i].text, NULL, 3, &count, &error));
	}
	assert_false(so_thumbprint_parse_list(ABC "," ABC, NULL, 1, &(int){0}, &error));
	assert_string_equal(error.message, "there are more than 1 thumbprints");
}

static void
test_compare(void **state)
{
	SoThumbprint a = {{1}};
	SoThumbprint b = {{1}};

	(void) state;
	assert_int_equal(so_thumbprint_compare(&a, &b), 0);
	b.bytes[SO_THUMBPRINT_SIZE - 1] = 0xFF;
	assert_true(so_thumbprint_compare(&a, &b) < 0);
	assert_true(so_thumbprint_compare(&b, &a) > 0);
	assert_false(so_thumbprint_equal(&a, &b));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_digest),  cmocka_unit_test(test_parse_accepts),
		cmocka_unit_test(test_parse_refuses), cmocka_unit_test(test_lists),
		cmocka_unit_test(test_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
