/*
 * test/unit/test_model_schema.c
 *
 * What is made from the property tables is up to date: the schemas and the
 * generated parts of the pages.  Every YAML example of the pages loads, and
 * every example of a property is a value that the property takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/model/load.h"
#include "engine/model/loader.h"
#include "engine/model/reference.h"
#include "engine/model/schema.h"
#include "engine/tasks/task.h"
#include "test/unit/document_support.h"

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

static void
check_committed(const char *path, json_t *schema)
{
	char *fresh = json_dumps(schema, JSON_INDENT(2));
	size_t length;
	char *committed = document_read(context, path, &length);

	if (strncmp(committed, fresh, strlen(fresh)) != 0 ||
		strcmp(committed + strlen(fresh), "\n") != 0)
		fail_msg("%s is out of date: scaleout schema > %s", path, path);
	free(fresh);
	json_decref(schema);
}

static void
test_schemas_are_up_to_date(void **state)
{
	(void) state;
	check_committed("docs/package.schema.json", so_schema_package());
	check_committed("docs/project.schema.json", so_schema_project());
}

/* What the loader refuses for its form the schema refuses too. */
static void
test_schema_refuses(void **state)
{
	static const char *const documents[] = {
		"{}",
		"{name: 5}",
		"{name: x, unknown: 1}",
		"{name: x, disable: yes}",
		"{name: x, executables: [{name: a}]}",
		"{name: x, executables: [{name: a, type: nothing}]}",
		"{name: x, executables: [{name: a, type: sequence, sql: x}]}",
		"{name: x, executables: [{name: a, type: for_loop}]}",
		"{name: x, executables: [{name: a, type: foreach_loop, enumerator: {type: file}}]}",
		"{name: x, executables: [{name: a, type: sequence, after: 5}]}",
		"{name: x, executables: [{name: a, type: sequence, expressions: {id: x}}]}",
		"{name: x, variables: [{name: a, type: int23}]}",
		"{name: x, connections: [{name: a, type: file}]}",
		"{name: x, event_handlers: {on_eror: {}}}",
		"{name: x, event_handlers: {on_error: {name: y}}}",
		"{name: x, format_version: 2}",
		NULL};
	json_t *schema = so_schema_package();

	(void) state;
	for (int i = 0; documents[i] != NULL; i++)
	{
		json_t *plain = document_plain_json(documents[i], strlen(documents[i]), "x.yaml");

		assert_non_null(plain);
		if (document_check_schema(context, schema, schema, plain, "") == NULL)
			fail_msg("the schema accepts %s", documents[i]);
		json_decref(plain);
	}
	json_decref(schema);
}

static void
check_page(const char *path)
{
	size_t length;
	char *text = document_read(context, path, &length);
	char *unknown;
	char *fresh = so_reference_refresh(context, text, &unknown);

	if (fresh == NULL)
		fail_msg("%s: %s", path, unknown);
	if (strcmp(fresh, text) != 0)
		fail_msg("%s is out of date: scaleout schema --markdown %s", path, path);
}

static void
test_pages_are_up_to_date(void **state)
{
	char *unknown;

	(void) state;
	check_page("docs/packages.md");
	assert_null(so_reference_refresh(
		context, "<!-- generated: nonsense -->\n<!-- end of generated part -->\n", &unknown));
	assert_string_equal(unknown, "nonsense");
	assert_null(so_reference_refresh(context, "<!-- generated: package -->\n", &unknown));
}

/* ```yaml blocks: packages, or a project when the first line says so. */
static void
check_block(const char *path, const char *text)
{
	SoDiagnostics findings;
	json_t *schema;
	json_t *plain;
	char *problem;
	bool is_project = strncmp(text, "# project.yaml", 14) == 0;

	if (!is_project &&
		(so_load_package_text(context, text, strlen(text), path, NULL, &findings) == NULL ||
		 findings.count > 0))
		fail_msg("%s", so_diagnostics_to_text(context, &findings));
	schema = is_project ? so_schema_project() : so_schema_package();
	plain = document_plain_json(text, strlen(text), "x.yaml");
	problem = document_check_schema(context, schema, schema, plain, "");
	if (problem != NULL)
		fail_msg("%s, %.40s...: %s", path, text, problem);
	json_decref(plain);
	json_decref(schema);
}

static void
test_examples_of_the_page(void **state)
{
	size_t length;
	char *text = document_read(context, "docs/packages.md", &length);
	const char *at = text;
	int count = 0;

	(void) state;
	while ((at = strstr(at, "```yaml\n")) != NULL)
	{
		const char *begin = at + 8;
		const char *end = strstr(begin, "```\n");

		assert_non_null(end);
		check_block("docs/packages.md", talloc_strndup(context, begin, (size_t) (end - begin)));
		at = end + 4;
		count++;
	}
	assert_true(count >= 8);
}

/* "name: value" is read as a member of an object of the type; expressions as its expressions. */
static void
check_example(const SoObjectType *type, const SoProperty *property)
{
	SoDiagnostics findings = {NULL, 0, 0};
	SoProject *project = talloc_zero(context, SoProject);
	SoNode *node;
	SoLoader loader;
	SoObject *object;
	SoPropertyExpression *expressions = NULL;
	int count = 0;

	so_loader_begin(&loader, project, context, &findings, property->name, NULL);
	node =
		so_loader_parse(context, property->example, strlen(property->example), "x.yaml", &findings);
	if (node == NULL || node->kind != SO_NODE_MAPPING)
		fail_msg("%s.%s: the example is no member: %s", type->name, property->name,
				 property->example);
	object = so_loader_read_object(&loader, node, type,
								   (const char *const[]){"expressions", "on", NULL}, node);
	so_loader_read_expressions(&loader, so_node_member(node, "expressions"), type, context,
							   &expressions, &count);
	if (so_node_member(node, "expressions") == NULL && !so_object_is_set(object, property->name) &&
		property->kind != SO_PROPERTY_TEXT)
		fail_msg("%s.%s: the example sets something else: %s", type->name, property->name,
				 property->example);
	for (int i = 0; i < findings.count; i++)
	{
		if (findings.items[i].code != SO_ERR_DOCUMENT_MISSING_PROPERTY &&
			findings.items[i].code != SO_ERR_DOCUMENT_FILE)
			fail_msg("%s.%s: %s: %s", type->name, property->name, property->example,
					 findings.items[i].message);
	}
	so_loader_end(&loader);
}

static void
check_examples(const SoObjectType *type)
{
	for (const SoProperty *property = type->properties; property->name != NULL; property++)
	{
		if (property->example != NULL)
			check_example(type, property);
		if (property->item_type != NULL && property->item_type != type)
			check_examples(property->item_type);
	}
}

static void
test_examples_of_properties(void **state)
{
	static const char *const names[] = {
		"executable", "package",   "for_loop", "foreach_loop", "opaque", "precedence_constraint",
		"variable",   "parameter", "project",  "connection",   NULL};

	(void) state;
	for (int i = 0; names[i] != NULL; i++)
		check_examples(so_reference_type(names[i]));
	for (const SoObjectType *const *type = so_connection_types(); *type != NULL; type++)
		check_examples(*type);
	for (const SoObjectType *const *type = so_enumerator_types(); *type != NULL; type++)
		check_examples(*type);
	for (const SoTaskType *const *task = so_task_types(); *task != NULL; task++)
		check_examples((*task)->object_type);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_schemas_are_up_to_date, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_schema_refuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pages_are_up_to_date, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_examples_of_the_page, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_examples_of_properties, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("engine/model/schema", tests, NULL, NULL);
}
