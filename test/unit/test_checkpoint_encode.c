/*
 * test/unit/test_checkpoint_encode.c
 *
 * The JSON of checkpoints: what was written comes back, and whatever is missing
 * or of another type in what is read is refused by name, never taken for
 * something else.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include <talloc.h>

#include "engine/checkpoint/checkpoint.h"

static const char good[] =
	"{\"format\": 1, \"package_id\": \"guid\", \"package_name\": \"p\", \"name\": \"daily\","
	" \"content_hash\": \"hash\", \"chain_id\": \"chain\", \"attempt\": 2, \"created_us\": 1,"
	" \"updated_us\": 2, \"start_us\": 3,"
	" \"settings\": [{\"kind\": \"parameter\", \"name\": \"$Package::n\", \"text\": \"5\"},"
	"                {\"kind\": \"parameter\", \"name\": \"$Package::secret\"}],"
	" \"variables\": ["
	"   {\"executable\": \"e\", \"name\": \"User::i\", \"type\": \"int32\", \"text\": \"-5\"},"
	"   {\"executable\": \"e\", \"name\": \"User::s\", \"type\": \"string\", \"text\": "
	"\"a\\u00e4\"},"
	"   {\"executable\": \"e\", \"name\": \"User::o\", \"type\": \"object\", \"json\": [1, \"x\"]},"
	"   {\"executable\": \"e\", \"name\": \"User::n\", \"type\": \"datetime\"}],"
	" \"records\": ["
	"   {\"kind\": \"unit\", \"id\": \"a\", \"path\": \"\\\\a\", \"result\": \"success\", "
	"\"attempt\": 1,"
	"    \"finished_us\": 4, \"execution_value\": {\"type\": \"int64\", \"text\": \"9\"}},"
	"   {\"kind\": \"item\", \"id\": \"l\", \"path\": \"\\\\l\", \"result\": \"failure\", "
	"\"attempt\": 2,"
	"    \"finished_us\": 5, \"item\": \"x\"},"
	"   {\"kind\": \"decision\", \"id\": \"c\", \"path\": \"\\\\c\", \"result\": \"failure\","
	"    \"attempt\": 2, \"finished_us\": 6}]}";

static json_t *
parse(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(json);
	return json;
}

/* NULL, or a state below context. */
static SoCheckpointState *
read_state(TALLOC_CTX *context, const json_t *json, SoError *error)
{
	memset(error, 0, sizeof(*error));
	return so_checkpoint_state_from_json(context, json, error);
}

static void
test_there_and_back(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	json_t *json = parse(good);
	SoError error;
	SoCheckpointState *read = read_state(context, json, &error);
	json_t *written;
	json_t *again;
	SoCheckpointState *second;

	(void) state;
	assert_non_null(read);
	assert_int_equal(read->variable_count, 4);
	assert_int_equal(read->variables[0].value.as.integer, -5);
	assert_string_equal(read->variables[1].value.as.text.bytes, "a\xC3\xA4");
	assert_true(read->variables[3].value.is_null);
	assert_null(read->settings[1].text);
	assert_int_equal(read->record_count, 3);
	assert_true(read->records[0].has_execution_value);
	assert_false(read->records[1].has_execution_value);
	assert_string_equal(read->records[1].item, "x");
	assert_string_equal(read->records[2].item, "");
	written = so_checkpoint_state_to_json(read);
	second = read_state(context, written, &error);
	assert_non_null(second);
	again = so_checkpoint_state_to_json(second);
	assert_true(json_equal(written, again));
	json_decref(again);
	json_decref(written);
	json_decref(json);
	talloc_free(context);
}

/* The last word of the dotted place "records.0.kind". */
static const char *
last_word(const char *place)
{
	const char *dot = strrchr(place, '.');

	return dot != NULL ? dot + 1 : place;
}

/* Members that may be missing, or be something else without harm. */
static bool
is_optional(const char *place)
{
	static const char *const words[] = {"text", "item", "json", "execution_value"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		if (strcmp(last_word(place), words[i]) == 0)
			return true;
	}
	return false;
}

static void
expect_refusal(const json_t *root, const char *place, const char *what)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoError error;
	SoCheckpointState *read = read_state(context, root, &error);

	if (read != NULL && !is_optional(place))
		fail_msg("%s is %s and nobody notices", place, what);
	if (read == NULL)
	{
		assert_true(error.code == SO_ERR_CHECKPOINT_ALTERED ||
					error.code == SO_ERR_CHECKPOINT_NEWER);
		assert_true(error.message[0] != '\0');
		/* What was built before the mistake is gone. */
		assert_int_equal(talloc_total_blocks(context), 1);
	}
	talloc_free(context);
}

/* Take one member after the other away, and put something else in its place. */
static int
mutate(json_t *root, json_t *at, const char *path)
{
	static const char *const others[] = {"null",
										 "true",
										 "-1",
										 "7.5",
										 "\"\\u20ac no\"",
										 "[]",
										 "[[], 5]",
										 "{}",
										 "9223372036854775807"};
	const char *key;
	json_t *value;
	json_t *keys = json_array();
	size_t index;
	int count = 0;

	json_object_foreach(at, key, value) json_array_append_new(keys, json_string(key));
	for (index = 0; index < json_array_size(keys); index++)
	{
		char place[200];
		json_t *kept;

		key = json_string_value(json_array_get(keys, index));
		kept = json_incref(json_object_get(at, key));
		snprintf(place, sizeof(place), "%s%s%s", path, *path ? "." : "", key);
		json_object_del(at, key);
		expect_refusal(root, place, "missing");
		for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		{
			json_t *other = parse(others[i]);

			/* Of the right type it may be right. */
			if (json_typeof(other) == json_typeof(kept) && !(json_is_integer(kept) && i == 2))
			{
				json_decref(other);
				continue;
			}
			json_object_set_new(at, key, other);
			expect_refusal(root, place, others[i]);
			count++;
		}
		json_object_set(at, key, kept);
		count += mutate(root, kept, place);
		json_decref(kept);
	}
	json_decref(keys);
	json_array_foreach(at, index, value)
	{
		char place[200];

		snprintf(place, sizeof(place), "%s.%zu", path, index);
		/* Objects of a list may hold what JSON likes inside "json". */
		if (strcmp(last_word(path), "json") != 0)
			count += mutate(root, value, place);
	}
	return count;
}

static void
test_mutations(void **state)
{
	json_t *json = parse(good);
	json_t *untouched = parse(good);

	(void) state;
	assert_true(mutate(json, json, "") > 300);
	assert_true(json_equal(json, untouched));
	json_decref(untouched);
	json_decref(json);
}

static void
test_special_cases(void **state)
{
	static const struct
	{
		const char *place;
		int index; /* -1: of the root */
		const char *member;
		const char *value;
		SoErrorCode code;
	} rows[] = {
		{NULL, -1, "format", "2", SO_ERR_CHECKPOINT_NEWER},
		{NULL, -1, "format", "0", SO_ERR_CHECKPOINT_ALTERED},
		{NULL, -1, "attempt", "2147483648", SO_ERR_CHECKPOINT_ALTERED},
		{"records", 0, "kind", "\"Unit\"", SO_ERR_CHECKPOINT_ALTERED},
		{"records", 0, "kind", "\"\"", SO_ERR_CHECKPOINT_ALTERED},
		{"records", 0, "result", "\"done\"", SO_ERR_CHECKPOINT_ALTERED},
		{"records", 0, "execution_value", "{\"type\": \"int64\", \"text\": \"nine\"}",
		 SO_ERR_CHECKPOINT_ALTERED},
		{"records", 0, "execution_value", "{\"type\": \"nothing\"}", SO_ERR_CHECKPOINT_ALTERED},
		{"variables", 0, "type", "\"DT_NONE\"", SO_ERR_CHECKPOINT_ALTERED},
		{"variables", 0, "type", "\"int33\"", SO_ERR_CHECKPOINT_ALTERED},
		{"variables", 0, "text", "\"2147483648\"", SO_ERR_CHECKPOINT_ALTERED},
		{"variables", 0, "text", "\"\"", SO_ERR_CHECKPOINT_ALTERED},
		{"settings", 0, "kind", "\"secret\"", SO_ERR_CHECKPOINT_ALTERED},
	};
	SoError error;

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		TALLOC_CTX *context = talloc_new(NULL);
		json_t *json = parse(good);
		json_t *at = json;

		if (rows[i].place != NULL)
			at = json_array_get(json_object_get(json, rows[i].place), (size_t) rows[i].index);
		json_object_set_new(at, rows[i].member, parse(rows[i].value));
		if (read_state(context, json, &error) != NULL)
			fail_msg("%s = %s is taken", rows[i].member, rows[i].value);
		assert_int_equal(error.code, rows[i].code);
		json_decref(json);
		talloc_free(context);
	}
	assert_null(read_state(NULL, NULL, &error));
	assert_int_equal(error.code, SO_ERR_CHECKPOINT_ALTERED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_special_cases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
