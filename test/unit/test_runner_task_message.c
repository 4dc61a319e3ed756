/*
 * test/unit/test_runner_task_message.c
 *
 * The task as the agent sends it: what is read from it, what is refused and by
 * which member's name, and that no value stands in a refusal.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>
#include <talloc.h>

#include "runner/task_message.h"

/* A good task, whose members the rows below replace; %s is one member more. */
static const char good[] =
	"{\"task\": \"11111111-2222-3333-4444-555555555555\", \"attempt\": 3, \"execution_id\": "
	"9007199254740993, \"package\": \"p\", \"logging_level\": 2, \"work_folder\": \"/w\","
	" \"checkpoint\": {\"chain_id\": \"c\"},"
	" \"parameters\": [{\"name\": \"$Package::n\", \"type\": \"int32\", \"value\": \"5\"},"
	"                  {\"name\": \"$Package::m\", \"value\": null}],"
	" \"property_overrides\": [{\"path\": \"\\\\Package.Disable\", \"value\": \"true\"}],"
	" \"connection_strings\": null,"
	" \"project_document\": {\"format_version\": 1, \"name\": \"n\", \"project\": {},"
	"   \"packages\": {\"p\": {\"name\": \"p\", \"executables\": []}}}}";

static json_t *
parse(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(json);
	return json;
}

static void
test_good(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	json_t *json = parse(good);
	SoTaskMessage message;
	SoError error = {0};

	(void) state;
	assert_true(so_task_message_read(context, json, &message, &error));
	assert_string_equal(message.package_name, "p");
	assert_non_null(message.project);
	/* Beyond what a double holds exactly. */
	assert_int_equal(message.options.server_execution_id, INT64_C(9007199254740993));
	assert_int_equal(message.options.attempt, 3);
	assert_int_equal(message.options.logging_level, 2);
	assert_string_equal(message.options.work_folder, "/w");
	assert_string_equal(message.options.chain_id, "c");
	assert_string_equal(message.options.execution_instance_guid,
						"11111111-2222-3333-4444-555555555555");
	/* What has no value is left as it was designed. */
	assert_int_equal(message.options.parameter_count, 1);
	assert_string_equal(message.options.parameters[0].name, "$Package::n");
	assert_string_equal(message.options.parameters[0].text, "5");
	assert_int_equal(message.options.property_override_count, 1);
	assert_int_equal(message.options.connection_string_count, 0);
	/* Everything is the context's: the JSON goes after it. */
	talloc_free(context);
	json_decref(json);
}

/* Optional members may be missing. */
static void
test_least(void **state)
{
	static const char *const optional[] = {
		"task",       "attempt",    "logging_level",      "work_folder",
		"checkpoint", "parameters", "property_overrides", "connection_strings"};
	TALLOC_CTX *context = talloc_new(NULL);
	json_t *json = parse(good);
	SoTaskMessage message;
	SoError error = {0};

	(void) state;
	for (size_t i = 0; i < sizeof(optional) / sizeof(optional[0]); i++)
		assert_int_equal(json_object_del(json, optional[i]), 0);
	assert_true(so_task_message_read(context, json, &message, &error));
	assert_null(message.options.work_folder);
	assert_null(message.options.chain_id);
	assert_int_equal(message.options.parameter_count, 0);
	talloc_free(context);
	json_decref(json);
}

static void
test_refusals(void **state)
{
	static const struct
	{
		const char *member;
		const char *value; /* JSON; NULL: the member is missing */
		SoErrorCode code;
		const char *place;
	} rows[] = {
		{"package", NULL, SO_ERR_RUN_TASK_MESSAGE, "package"},
		{"package", "7", SO_ERR_RUN_TASK_MESSAGE, "package"},
		{"package", "null", SO_ERR_RUN_TASK_MESSAGE, "package"},
		{"execution_id", NULL, SO_ERR_RUN_TASK_MESSAGE, "execution_id"},
		{"execution_id", "\"42\"", SO_ERR_RUN_TASK_MESSAGE, "execution_id"},
		{"execution_id", "42.0", SO_ERR_RUN_TASK_MESSAGE, "execution_id"},
		{"logging_level", "\"hidden\"", SO_ERR_RUN_TASK_MESSAGE, "logging_level"},
		{"logging_level", "null", SO_ERR_RUN_TASK_MESSAGE, "logging_level"},
		{"parameters", "{}", SO_ERR_RUN_TASK_MESSAGE, "parameters"},
		{"parameters", "\"hidden\"", SO_ERR_RUN_TASK_MESSAGE, "parameters"},
		{"parameters", "[\"hidden\"]", SO_ERR_RUN_TASK_MESSAGE, "parameters"},
		{"parameters", "[{}]", SO_ERR_RUN_TASK_MESSAGE, "parameters"},
		{"parameters", "[{\"name\": \"a\"}]", SO_ERR_RUN_TASK_MESSAGE, "parameters"},
		{"parameters", "[{\"value\": \"hidden\"}]", SO_ERR_RUN_TASK_MESSAGE, "parameters"},
		{"parameters", "[{\"name\": \"a\", \"value\": [\"hidden\"]}]", SO_ERR_RUN_TASK_MESSAGE,
		 "parameters"},
		{"property_overrides", "[{\"name\": \"a\", \"value\": \"hidden\"}]",
		 SO_ERR_RUN_TASK_MESSAGE, "property_overrides"},
		{"connection_strings", "[{\"name\": 1, \"value\": \"hidden\"}]", SO_ERR_RUN_TASK_MESSAGE,
		 "connection_strings"},
		{"project_document", NULL, SO_ERR_RUN_TASK_MESSAGE, "project_document"},
		{"project_document", "[]", SO_ERR_RUN_TASK_MESSAGE, "project_document"},
		{"project_document", "{}", SO_ERR_RUN_DOCUMENT_INVALID, "p"},
		{"project_document", "{\"format_version\": 1, \"name\": \"n\", \"packages\": 5}",
		 SO_ERR_RUN_DOCUMENT_INVALID, "p"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		TALLOC_CTX *context = talloc_new(NULL);
		json_t *json = parse(good);
		SoTaskMessage message;
		SoError error = {0};

		if (rows[i].value == NULL)
			json_object_del(json, rows[i].member);
		else
			json_object_set_new(json, rows[i].member, parse(rows[i].value));
		if (so_task_message_read(context, json, &message, &error))
			fail_msg("%s = %s is accepted", rows[i].member, rows[i].value);
		assert_int_equal(error.code, rows[i].code);
		assert_string_equal(error.place, rows[i].place);
		/* Values may be secrets. */
		assert_null(strstr(error.message, "hidden"));
		assert_null(strstr(error.detail, "hidden"));
		talloc_free(context);
		json_decref(json);
	}
}

/* JSON that is no object at all. */
static void
test_not_an_object(void **state)
{
	static const char *const texts[] = {"[]", "\"text\"", "5", "null", "true"};

	(void) state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
	{
		TALLOC_CTX *context = talloc_new(NULL);
		json_t *json = parse(texts[i]);
		SoTaskMessage message;
		SoError error = {0};

		assert_false(so_task_message_read(context, json, &message, &error));
		assert_int_equal(error.code, SO_ERR_RUN_TASK_MESSAGE);
		assert_null(message.package_name);
		talloc_free(context);
		json_decref(json);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_not_an_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
