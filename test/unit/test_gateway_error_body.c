/*
 * test/unit/test_gateway_error_body.c
 *
 * The JSON body of a failure (docs/protocol.md 2.2), also with bytes that JSON cannot hold.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/error_body.h"

/* The member "error" of the body of this error; the caller frees *whole. */
static json_t *
body_of(const SoError *error, json_t **whole)
{
	size_t length = 0;
	char *text = so_error_body(error, &length);

	assert_non_null(text);
	assert_int_equal(strlen(text), length);
	*whole = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(*whole);
	assert_int_equal(json_object_size(*whole), 1);
	return json_object_get(*whole, "error");
}

static const char *
member(const json_t *body, const char *name)
{
	const char *text = json_string_value(json_object_get(body, name));

	assert_non_null(text);
	return text;
}

static void
test_members(void **state)
{
	json_t *whole;
	json_t *body;
	SoError error;

	(void) state;
	so_error_set(&error, SO_ERR_REQUEST_MALFORMED, "/held", "\"held\" is missing");
	so_error_detail(&error, "A line\nand another, \xc3\xa4.");
	so_error_hint(&error, "Add it.");
	body = body_of(&error, &whole);
	assert_int_equal(json_object_size(body), 5);
	assert_string_equal(member(body, "code"), "SO334");
	assert_string_equal(member(body, "message"), "\"held\" is missing");
	assert_string_equal(member(body, "detail"), "A line\nand another, \xc3\xa4.");
	assert_string_equal(member(body, "hint"), "Add it.");
	assert_true(json_is_false(json_object_get(body, "retryable")));
	json_decref(whole);
}

/* What the error table says about trying again; texts that are empty are there. */
static void
test_retryable(void **state)
{
	json_t *whole;
	json_t *body;
	SoError error;

	(void) state;
	so_error_set(&error, SO_ERR_FILE_UNWRITABLE, NULL, "x");
	body = body_of(&error, &whole);
	assert_true(json_is_true(json_object_get(body, "retryable")));
	assert_string_equal(member(body, "detail"), "");
	assert_string_equal(member(body, "hint"), so_error_default_hint(SO_ERR_FILE_UNWRITABLE));
	json_decref(whole);
}

/* In a text that is not UTF-8 every byte outside ASCII becomes a question mark. */
static void
test_not_utf8(void **state)
{
	json_t *whole;
	json_t *body;
	SoError error;

	(void) state;
	so_error_set(&error, SO_ERR_REQUEST_MALFORMED, NULL, "a\xff\xc3\xa4z");
	memset(error.detail, 0x80, sizeof(error.detail) - 1);
	error.detail[sizeof(error.detail) - 1] = '\0';
	body = body_of(&error, &whole);
	assert_string_equal(member(body, "message"), "a???z");
	assert_int_equal(strspn(member(body, "detail"), "?"), sizeof(error.detail) - 1);
	assert_int_equal(strlen(member(body, "detail")), sizeof(error.detail) - 1);
	json_decref(whole);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_retryable),
		cmocka_unit_test(test_not_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
