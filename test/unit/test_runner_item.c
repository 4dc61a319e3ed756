/*
 * test/unit/test_runner_item.c
 *
 * Report items: whatever a package, its data or its programs produce, an item
 * is valid JSON and small enough for the agent, which ends a runner whose item
 * is not.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <talloc.h>

#include "common/protocol.h"
#include "runner/item.h"

#define REPLACEMENT "\xEF\xBF\xBD"

/* n times the same byte. */
static char *
repeated(TALLOC_CTX *context, char byte, size_t n)
{
	char *text = talloc_array(context, char, n + 1);

	memset(text, byte, n);
	text[n] = '\0';
	return text;
}

/* Bytes of the item as it goes over the socket; the item is given up. */
static size_t
item_size(json_t *item)
{
	char *text = json_dumps(item, JSON_COMPACT);
	size_t size;

	assert_non_null(text);
	size = strlen(text);
	free(text);
	json_decref(item);
	return size;
}

static void
assert_text(const char *text, const char *expected)
{
	json_t *json = so_item_text(text);

	assert_string_equal(json_string_value(json), expected);
	json_decref(json);
}

static void
test_repairs(void **state)
{
	(void) state;
	assert_text(NULL, "");
	assert_text("", "");
	assert_text("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80", "a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
	/* Cut in the middle, at the end of the text. */
	assert_text("\xC3", REPLACEMENT);
	assert_text("\xE2\x82", REPLACEMENT REPLACEMENT);
	assert_text("\xF0\x9F\x98", REPLACEMENT REPLACEMENT REPLACEMENT);
	/* Overlong forms, surrogates, beyond U+10FFFF, bytes that are never used. */
	assert_text("\xC0\x80", REPLACEMENT REPLACEMENT);
	assert_text("\xC1\xBF", REPLACEMENT REPLACEMENT);
	assert_text("\xE0\x9F\xBF", REPLACEMENT REPLACEMENT REPLACEMENT);
	assert_text("\xED\xA0\x80", REPLACEMENT REPLACEMENT REPLACEMENT);
	assert_text("\xF0\x8F\xBF\xBF", REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT);
	assert_text("\xF4\x90\x80\x80", REPLACEMENT REPLACEMENT REPLACEMENT REPLACEMENT);
	assert_text("\xF5x\xFFy\x80", REPLACEMENT "x" REPLACEMENT "y" REPLACEMENT);
	/* The last of each length. */
	assert_text("\x7F\xDF\xBF\xEF\xBF\xBF\xF4\x8F\xBF\xBF",
				"\x7F\xDF\xBF\xEF\xBF\xBF\xF4\x8F\xBF\xBF");
	/* A character that a second one interrupts. */
	assert_text("\xE2\x82z", REPLACEMENT REPLACEMENT "z");
}

/* 256 kB of JSON, whatever the bytes; what was cut says so. */
static void
test_cuts(void **state)
{
	static const char bytes[] = {'a', '"', '\\', '\n', '\x01', '\x1f', '\xff'};
	TALLOC_CTX *context = talloc_new(NULL);

	(void) state;
	for (size_t i = 0; i < sizeof(bytes); i++)
	{
		json_t *json = so_item_text(repeated(context, bytes[i], 1024 * 1024));
		const char *text = json_string_value(json);
		char *dumped = json_dumps(json, JSON_ENCODE_ANY);

		assert_in_range(strlen(dumped), 80 * 1024, 256 * 1024 + 16);
		assert_string_equal(text + strlen(text) - 6, " [cut]");
		free(dumped);
		json_decref(json);
	}
	for (size_t length = 256 * 1024 - 1; length <= 256 * 1024 + 1; length++)
	{
		json_t *json = so_item_text(repeated(context, 'a', length));

		assert_int_equal(json_string_length(json),
						 length <= 256 * 1024 ? length : 256 * 1024 + strlen(" [cut]"));
		json_decref(json);
	}
	talloc_free(context);
}

/* Output of a program that is not text at all, in every member at once. */
static void
test_the_largest_event_fits(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	char *text = repeated(context, '\x01', 1024 * 1024);
	SoEvent event = {.event_name = text,
					 .message = text,
					 .code = text,
					 .package_name = text,
					 .source_name = text,
					 .source_id = text,
					 .package_path = text,
					 .execution_path = text,
					 .subcomponent = text,
					 .time_us = INT64_C(253402300799999999)};
	SoPackage package = {.name = text};
	char id[] = "guid";
	SoExecutable executable = {.package = &package, .path = text, .id = id};
	SoValue value = so_value_string(context, text);
	SoStatistics statistics = {
		.executable = &executable, .execution_path = text, .execution_value = &value};
	SoRunOutcome outcome = {.result = SO_RESULT_FAILURE, .first_error = text};

	(void) state;
	assert_in_range(item_size(so_item_event(&event)), 1, SO_LIMIT_ITEM);
	assert_in_range(item_size(so_item_statistics(&statistics)), 1, SO_LIMIT_ITEM);
	assert_in_range(item_size(so_item_result(&outcome)), 1, SO_LIMIT_ITEM);
	talloc_free(context);
}

/* A package of any size is told in as many items as it takes, each executable once. */
static void
check_executables(int count, size_t path_length, char byte, int most_items)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoExecutable *list = talloc_zero_array(context, SoExecutable, count + 1);
	SoExecutable **pointers = talloc_zero_array(context, SoExecutable *, count + 1);
	char name[] = "name";
	SoPackage package = {.name = name, .executable_count = count, .executables = pointers};
	char *path = repeated(context, byte, path_length);
	int next = 0;
	int items = 0;
	size_t told = 0;

	for (int i = 0; i < count; i++)
	{
		pointers[i] = &list[i];
		list[i].id = talloc_asprintf(context, "%d", i);
		list[i].name = name;
		list[i].path = path;
	}
	while (next < count)
	{
		int before = next;
		json_t *item = so_item_executables(&package, &next);
		json_t *executables = json_object_get(item, "executables");

		assert_true(next > before);
		assert_int_equal(json_array_size(executables), next - before);
		assert_int_equal(atoi(json_string_value(
							 json_object_get(json_array_get(executables, 0), "executable_guid"))),
						 before);
		told += json_array_size(executables);
		assert_in_range(item_size(item), 1, SO_LIMIT_ITEM);
		items++;
	}
	assert_int_equal(told, count);
	assert_in_range(items, count > 0, most_items);
	talloc_free(context);
}

static void
test_executables(void **state)
{
	(void) state;
	check_executables(0, 10, 'x', 0);
	check_executables(1, 10, 'x', 1);
	check_executables(500, 10, 'x', 1);
	check_executables(5000, 60, 'x', 10);
	check_executables(500, 16 * 1024, 'x', 200);
	check_executables(20, 1024 * 1024, '\x01', 20);
}

static void
test_results(void **state)
{
	static const struct
	{
		SoExecutionResult result;
		SoErrorCode code;
		int status;
	} rows[] = {{SO_RESULT_SUCCESS, SO_OK, 7},
				{SO_RESULT_COMPLETION, SO_OK, 7},
				{SO_RESULT_FAILURE, SO_ERR_RUN_DOCUMENT_INVALID, 4},
				{SO_RESULT_NONE, SO_OK, 4},
				{SO_RESULT_CANCELED, SO_OK, 3},
				/* Stopped before it could begin. */
				{SO_RESULT_FAILURE, SO_ERR_RUN_CANCELED, 3}};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoRunOutcome outcome = {.result = rows[i].result, .first_error_code = rows[i].code};
		json_t *item = so_item_result(&outcome);

		assert_int_equal(json_integer_value(json_object_get(item, "status")), rows[i].status);
		assert_true(json_is_null(json_object_get(item, "message")));
		assert_string_equal(json_string_value(json_object_get(item, "outcome")), "package");
		json_decref(item);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repairs),
		cmocka_unit_test(test_cuts),
		cmocka_unit_test(test_the_largest_event_fits),
		cmocka_unit_test(test_executables),
		cmocka_unit_test(test_results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
