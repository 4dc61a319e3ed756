/*
 * test/unit/test_gateway_member.c
 *
 * Members of JSON objects: types, ranges, and where exactly something is wrong.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "gateway/member.h"

static json_t *object;
static SoError error;

static int
setup(void **state)
{
	(void) state;
	object = json_loads("{\"low\": -5, \"high\": 9223372036854775807, \"real\": 1.0, "
						"\"text\": \"\\u00e4b\", \"empty\": \"\", \"null\": null, \"yes\": true, "
						"\"object\": {}, \"array\": [1, 2, 3], "
						"\"uuid\": \"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11\"}",
						0, NULL);
	return object == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void) state;
	json_decref(object);
	return 0;
}

/* The last call failed with this code at this place, and says what it expects. */
static void
assert_error(const char *code, const char *place, const char *message)
{
	assert_string_equal(so_error_state(error.code), code);
	assert_string_equal(error.place, place);
	if (strstr(error.message, message) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error.message, message);
}

static void
test_object(void **state)
{
	(void) state;
	assert_true(so_member_object(object, "", &error));
	assert_true(so_member_object(json_object_get(object, "object"), "/object", &error));
	assert_false(so_member_object(json_object_get(object, "array"), "/items/3", &error));
	assert_error("SO334", "/items/3", "an array");
	assert_false(so_member_object(json_object_get(object, "null"), "", &error));
	assert_error("SO334", "", "the body must be an object, not null");
	assert_false(so_member_object(NULL, "", &error));
	assert_error("SO334", "", "missing");
}

static void
test_integer(void **state)
{
	int64_t value = 7;

	(void) state;
	assert_true(so_member_integer(object, "", "low", -5, 10, &value, &error));
	assert_int_equal(value, -5);
	assert_true(so_member_integer(object, "", "low", -100, -5, &value, &error));
	assert_true(so_member_integer(object, "", "high", 0, INT64_MAX, &value, &error));
	assert_true(value == INT64_MAX);
	assert_false(so_member_integer(object, "/held/3", "low", -4, 10, &value, &error));
	assert_error("SO334", "/held/3/low", "-5, not from -4 to 10");
	assert_false(so_member_integer(object, "", "high", 0, INT64_MAX - 1, &value, &error));
	assert_error("SO334", "/high", "9223372036854775807");
	assert_false(so_member_integer(object, "", "real", 0, 10, &value, &error));
	assert_error("SO334", "/real", "must be an integer, not a number with a fraction");
	assert_false(so_member_integer(object, "", "text", 0, 10, &value, &error));
	assert_error("SO334", "/text", "a string");
	assert_false(so_member_integer(object, "", "yes", 0, 10, &value, &error));
	assert_error("SO334", "/yes", "a boolean");
	assert_false(so_member_integer(object, "", "none", 0, 10, &value, &error));
	assert_error("SO334", "/none", "missing");
}

static void
test_uuid(void **state)
{
	char text[SO_UUID_TEXT_SIZE];
	SoUuid uuid;

	(void) state;
	assert_true(so_member_uuid(object, "", "uuid", &uuid, &error));
	assert_string_equal(so_uuid_format(&uuid, text), "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11");
	assert_false(so_member_uuid(object, "/a", "text", &uuid, &error));
	assert_error("SO334", "/a/text", "not a UUID");
	assert_false(so_member_uuid(object, "/a", "low", &uuid, &error));
	assert_error("SO334", "/a/low", "must be a UUID, not an integer");
	assert_false(so_member_uuid(object, "/a", "none", &uuid, &error));
	assert_error("SO334", "/a/none", "missing");
}

/* The limit is in bytes: an umlaut has two. */
static void
test_text(void **state)
{
	const char *value = NULL;

	(void) state;
	assert_true(so_member_text(object, "", "text", 3, &value, &error));
	assert_string_equal(value, "\xc3\xa4"
							   "b");
	assert_true(so_member_text(object, "", "empty", 0, &value, &error));
	assert_string_equal(value, "");
	assert_false(so_member_text(object, "", "text", 2, &value, &error));
	assert_error("SO334", "/text", "more than 2 bytes");
	assert_false(so_member_text(object, "", "null", 2, &value, &error));
	assert_error("SO334", "/null", "must be a string, not null");
	assert_false(so_member_text(object, "", "none", 2, &value, &error));
	assert_error("SO334", "/none", "missing");
}

static void
test_array(void **state)
{
	json_t *value = NULL;

	(void) state;
	assert_true(so_member_array(object, "", "array", 3, &value, &error));
	assert_ptr_equal(value, json_object_get(object, "array"));
	assert_false(so_member_array(object, "", "array", 2, &value, &error));
	assert_error("SO335", "/array", "3 elements, more than 2");
	assert_false(so_member_array(object, "", "object", 2, &value, &error));
	assert_error("SO334", "/object", "must be an array, not an object");
	assert_false(so_member_array(object, "", "none", 2, &value, &error));
	assert_error("SO334", "/none", "missing");
}

/* A caller that does not want to know why, and something that is no object at all. */
static void
test_without_error(void **state)
{
	json_t *array = json_object_get(object, "array");
	int64_t value;

	(void) state;
	assert_false(so_member_integer(object, "", "text", 0, 10, &value, NULL));
	assert_false(so_member_integer(object, "", "low", 0, 10, &value, NULL));
	assert_false(so_member_integer(array, "", "low", 0, 10, &value, &error));
	assert_error("SO334", "/low", "missing");
	assert_false(so_member_object(array, "", NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_object), cmocka_unit_test(test_integer),
		cmocka_unit_test(test_uuid),   cmocka_unit_test(test_text),
		cmocka_unit_test(test_array),  cmocka_unit_test(test_without_error),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
