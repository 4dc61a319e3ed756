/*
 * test/unit/test_common_error.c
 *
 * Error values: formatting, cutting, the table's facts.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "common/error.h"

static void
test_set_and_format(void **state)
{
	SoError error;
	char text[256];

	(void) state;
	memset(&error, 0xEE, sizeof(error));
	assert_false(so_error_set(&error, SO_ERR_INVALID_DURATION, "file:3", "bad %d", 7));
	assert_string_equal(error.message, "bad 7");
	assert_string_equal(error.place, "file:3");
	assert_string_equal(error.detail, "");
	assert_string_equal(error.hint, so_error_default_hint(SO_ERR_INVALID_DURATION));
	assert_false(so_error_detail(&error, "More about %s.", "it"));
	assert_false(so_error_hint(&error, "Do this."));
	assert_string_equal(so_error_format(&error, text, sizeof(text)),
						"SO006: bad 7 (file:3). More about it. Do this.");
	so_error_clear(&error);
	assert_int_equal(error.code, SO_OK);
}

static void
test_null_is_allowed(void **state)
{
	(void) state;
	assert_false(so_error_set(NULL, SO_ERR_INTERNAL, NULL, "x"));
	assert_false(so_error_detail(NULL, "x"));
	assert_false(so_error_hint(NULL, "x"));
	so_error_clear(NULL);
}

/* A text that is too long is cut between characters. */
static void
test_cut(void **state)
{
	char text[2000];

	(void) state;
	for (size_t shift = 0; shift < 4; shift++)
	{
		SoError error;
		size_t length;

		memset(text, 'a', sizeof(text));
		for (size_t i = shift; i + 4 < sizeof(text); i += 4)
			memcpy(text + i, "\xF0\x9F\x98\x80", 4);
		text[sizeof(text) - 1] = '\0';
		so_error_set(&error, SO_ERR_INTERNAL, text, "%s", text);
		length = strlen(error.message);
		assert_true(length < sizeof(error.message));
		assert_true(length > sizeof(error.message) - 6);
		assert_int_equal((length - shift) % 4, 0);
		assert_true(strlen(error.place) < sizeof(error.place));
	}
}

static void
test_small_buffer(void **state)
{
	SoError error;
	char text[8];

	(void) state;
	so_error_set(&error, SO_ERR_INTERNAL, NULL, "something");
	so_error_format(&error, text, sizeof(text));
	assert_string_equal(text, "SO001: ");
}

static void
test_unknown_codes(void **state)
{
	(void) state;
	assert_string_equal(so_error_state((SoErrorCode) -1), "SO001");
	assert_string_equal(so_error_state(SO_ERROR_COUNT), "SO001");
	assert_int_equal(so_error_from_state("nothing"), SO_OK);
	assert_int_equal(so_error_from_state("SO302"), SO_ERR_CERTIFICATE_UNTRUSTED);
	assert_string_equal(so_error_name(SO_ERR_CERTIFICATE_UNTRUSTED), "CERTIFICATE_UNTRUSTED");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_and_format),
		cmocka_unit_test(test_null_is_allowed),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_small_buffer),
		cmocka_unit_test(test_unknown_codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
