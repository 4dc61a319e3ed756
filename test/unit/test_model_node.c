/*
 * test/unit/test_model_node.c
 *
 * The document tree: types of scalars, positions, pointers, limits.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "common/nearest.h"
#include "engine/model/diagnostics.h"
#include "engine/model/node.h"

static TALLOC_CTX *context;

static int
set_up(void **state)
{
	(void) state;
	context = talloc_new(NULL);
	return 0;
}

static int
tear_down(void **state)
{
	(void) state;
	talloc_free(context);
	return 0;
}

static SoNode *
parse(const char *text, SoDiagnostics *findings)
{
	memset(findings, 0, sizeof(*findings));
	return so_node_from_yaml(context, text, strlen(text), NULL, findings);
}

/* YAML 1.2 core schema: what YAML 1.1 calls a Boolean or a date is a text. */
static void
test_scalars(void **state)
{
	static const struct
	{
		const char *text;
		SoNodeKind kind;
	} cases[] = {
		{"~", SO_NODE_NULL},
		{"null", SO_NODE_NULL},
		{"Null", SO_NODE_NULL},
		{"nUll", SO_NODE_STRING},
		{"true", SO_NODE_BOOLEAN},
		{"False", SO_NODE_BOOLEAN},
		{"yes", SO_NODE_STRING},
		{"no", SO_NODE_STRING},
		{"on", SO_NODE_STRING},
		{"off", SO_NODE_STRING},
		{"y", SO_NODE_STRING},
		{"0", SO_NODE_INTEGER},
		{"-12", SO_NODE_INTEGER},
		{"+5", SO_NODE_INTEGER},
		{"007", SO_NODE_INTEGER},
		{"0o17", SO_NODE_INTEGER},
		{"0x1F", SO_NODE_INTEGER},
		{"0x", SO_NODE_STRING},
		{"0b1", SO_NODE_STRING},
		{"1_000", SO_NODE_STRING},
		{"9223372036854775807", SO_NODE_INTEGER},
		{"9223372036854775808", SO_NODE_REAL},
		{"1.5", SO_NODE_REAL},
		{".5", SO_NODE_REAL},
		{"5.", SO_NODE_REAL},
		{"1e3", SO_NODE_REAL},
		{"-1.5E-3", SO_NODE_REAL},
		{"1e", SO_NODE_STRING},
		{"1e999", SO_NODE_STRING},
		{".", SO_NODE_STRING},
		{".inf", SO_NODE_STRING},
		{"-", SO_NODE_STRING},
		{"2026-01-31", SO_NODE_STRING},
		{"12:30:45", SO_NODE_STRING},
		{"'5'", SO_NODE_STRING},
		{"\"true\"", SO_NODE_STRING},
		{"", SO_NODE_NULL},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		char *text = talloc_asprintf(context, "{k: %s }", cases[i].text);
		SoDiagnostics findings;
		SoNode *node = strcmp(cases[i].text, "-") == 0 ? NULL : parse(text, &findings);

		if (node == NULL)
			continue; /* "-" is a list in YAML */
		if (so_node_member(node, "k")->kind != cases[i].kind)
			fail_msg("%s is %s", cases[i].text, so_node_kind_text(so_node_member(node, "k")));
	}
}

static void
test_positions_and_pointers(void **state)
{
	static const char text[] = "a:\n  - x\n  - {\"b/c~d\": 1, on: 2}\n";
	SoDiagnostics findings;
	SoNode *node = parse(text, &findings);
	SoNode *map;

	(void) state;
	assert_non_null(node);
	map = so_node_member(node, "a")->items[1];
	assert_int_equal(map->line, 3);
	assert_int_equal(map->column, 5);
	assert_string_equal(so_node_pointer(context, map), "/a/1");
	assert_string_equal(so_node_pointer(context, map->items[0]), "/a/1/b~1c~0d");
	assert_string_equal(so_node_pointer(context, node), "");
	assert_non_null(so_node_member(map, "on"));
	assert_null(so_node_member(map, "off"));
}

static void
test_depth_limit(void **state)
{
	char *text = talloc_zero_size(context, 2 * 100000 + 1);
	SoDiagnostics findings;

	(void) state;
	memset(text, '[', 100000);
	memset(text + 100000, ']', 100000);
	assert_null(parse(text, &findings));
	assert_int_equal(findings.items[0].code, SO_ERR_DOCUMENT_TOO_LARGE);
}

static void
test_size_limit(void **state)
{
	size_t length = SO_DOCUMENT_MAX_BYTES + 1;
	char *text = talloc_zero_size(context, length);
	SoDiagnostics findings = {NULL, 0, 0};

	(void) state;
	memset(text, ' ', length);
	assert_null(so_node_from_yaml(context, text, length, NULL, &findings));
	assert_int_equal(findings.items[0].code, SO_ERR_DOCUMENT_TOO_LARGE);
}

static void
test_bad_bytes(void **state)
{
	static const struct
	{
		const char *text;
		size_t length;
	} cases[] = {{"a: \xff", 4}, {"a: \"\\0\"", 7},  {"a\0b: 1", 6},   {"a: \xed\xa0\x80", 6},
				 {"\x01", 1},    {"a: \xc0\x80", 5}, {"? [a]\n: b", 9}};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		SoDiagnostics findings = {NULL, 0, 0};

		so_node_from_yaml(context, cases[i].text, cases[i].length, NULL, &findings);
		if (findings.error_count == 0)
			fail_msg("case %zu is accepted", i);
	}
}

static void
test_json_and_back(void **state)
{
	static const char text[] = "{\"a\":[1,2.5,true,null,\"x\"],\"b\":{\"c\":{}}}";
	json_t *json = json_loads(text, 0, NULL);
	SoDiagnostics findings = {NULL, 0, 0};
	SoNode *node = so_node_from_json(context, json, NULL, &findings);
	json_t *again = so_node_to_json(node);

	(void) state;
	assert_true(json_equal(json, again));
	json_decref(json);
	json_decref(again);
}

static void
check_nearest(const char *wanted, const char *const *names, const char *expected)
{
	SoNearest nearest;

	so_nearest_begin(&nearest, wanted);
	for (; *names != NULL; names++)
		so_nearest_offer(&nearest, *names);
	if (expected == NULL)
		assert_null(nearest.name);
	else
		assert_string_equal(nearest.name, expected);
}

static void
test_nearest_name(void **state)
{
	static const char *const names[] = {"connection", "sql",     "result_set",
										"timeout",    "disable", NULL};

	(void) state;
	check_nearest("conection", names, "connection");
	check_nearest("Connection", names, "connection");
	check_nearest("sqll", names, "sql");
	check_nearest("slq", names, "sql");
	check_nearest("resultset", names, "result_set");
	check_nearest("time-out", names, "timeout");
	check_nearest("disabled", names, "disable");
	check_nearest("x", names, NULL);
	check_nearest("", names, NULL);
	check_nearest("something_else", names, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_scalars, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_positions_and_pointers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_depth_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_size_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bad_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_json_and_back, set_up, tear_down),
		cmocka_unit_test(test_nearest_name),
	};

	return cmocka_run_group_tests_name("engine/model/node", tests, NULL, NULL);
}
