/*
 * test/unit/test_model_load.c
 *
 * Loads every fixture: what is valid loads without a finding, goes through the
 * canonical form unchanged and satisfies the schema; what is not gives exactly
 * the findings in the .expected file beside it.
 *
 * With SO_FIXTURES_WRITE set, .expected files are written instead of compared.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "engine/model/load.h"
#include "engine/model/schema.h"
#include "test/unit/document_support.h"

#define FIXTURES "test/fixtures/documents"

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

static char *
canonical(const SoPackage *package)
{
	json_t *json = so_package_to_json(package);
	char *text = json_dumps(json, JSON_INDENT(1));
	char *copy = talloc_strdup(context, text);

	free(text);
	json_decref(json);
	return copy;
}

static void
check_schema(const char *path, const char *text, size_t length)
{
	json_t *schema = so_schema_package();
	json_t *plain = document_plain_json(text, length, path);
	char *problem;

	assert_non_null(plain);
	problem = document_check_schema(context, schema, schema, plain, "");
	if (problem != NULL)
		fail_msg("%s does not satisfy the schema: %s", path, problem);
	json_decref(plain);
	json_decref(schema);
}

/* Loads, round trip through the canonical form, schema of both. */
static void
check_valid(const char *path)
{
	SoDiagnostics findings;
	SoProject *project = so_load_path(context, path, &findings);
	SoProject *again;
	size_t length;
	char *text;
	char *first;

	if (project == NULL || findings.count > 0)
		fail_msg("%s:\n%s", path, so_diagnostics_to_text(context, &findings));
	first = canonical(project->packages[0]);
	again = so_load_package_text(context, first, strlen(first), "canonical.json", NULL, &findings);
	/* shared connections and parameters are known to the project only */
	if (project->object == NULL)
	{
		if (again == NULL)
			fail_msg("%s, canonical:\n%s", path, so_diagnostics_to_text(context, &findings));
		assert_string_equal(first, canonical(again->packages[0]));
		assert_string_equal(so_package_content_hash(context, project->packages[0]),
							so_package_content_hash(context, again->packages[0]));
	}
	text = document_read(context, path, &length);
	check_schema(path, text, length);
	check_schema(path, first, strlen(first));
}

static void
test_valid(void **state)
{
	static const char *const endings[] = {".yaml", ".json", NULL};
	int count = 0;

	(void) state;
	for (int i = 0; endings[i] != NULL; i++)
	{
		char **paths = document_list(context, FIXTURES "/valid", endings[i]);

		for (; *paths != NULL; paths++, count++)
			check_valid(*paths);
	}
	assert_true(count >= 5);
}

static void
check_invalid(const char *path)
{
	SoDiagnostics findings;
	SoProject *project;
	char *expected_path = talloc_asprintf(context, "%s.expected", path);
	size_t length;
	char *text = document_read(context, path, &length);
	char *expected;
	char *actual;
	const char *name = strrchr(path, '/') + 1;

	project = so_load_package_text(context, text, length, name, FIXTURES "/invalid", &findings);
	actual = so_diagnostics_to_text(context, &findings);
	assert_int_equal(project == NULL, findings.error_count > 0);
	if (getenv("SO_FIXTURES_WRITE") != NULL)
	{
		FILE *file = fopen(expected_path, "we");

		assert_non_null(file);
		fputs(actual, file);
		fclose(file);
		return;
	}
	expected = document_read(context, expected_path, &length);
	if (strcmp(actual, expected) != 0)
		fail_msg("%s: expected\n%s\nfound\n%s", path, expected, actual);
	assert_true(findings.count > 0);
}

static void
test_invalid(void **state)
{
	static const char *const endings[] = {".yaml", ".json", NULL};
	int count = 0;

	(void) state;
	for (int i = 0; endings[i] != NULL; i++)
	{
		char **paths = document_list(context, FIXTURES "/invalid", endings[i]);

		for (; *paths != NULL; paths++, count++)
			check_invalid(*paths);
	}
	assert_true(count >= 15);
}

static void
check_project_schema(const char *path)
{
	json_t *schema = so_schema_project();
	size_t length;
	char *text = document_read(context, path, &length);
	json_t *plain = document_plain_json(text, length, path);
	char *problem = document_check_schema(context, schema, schema, plain, "");

	if (problem != NULL)
		fail_msg("%s does not satisfy the schema: %s", path, problem);
	json_decref(plain);
	json_decref(schema);
}

static void
test_project(void **state)
{
	SoDiagnostics findings;
	SoProject *project = so_load_path(context, FIXTURES "/project/good", &findings);
	SoProject *again;
	json_t *json;
	json_t *second;

	(void) state;
	if (project == NULL || findings.count > 0)
		fail_msg("%s", so_diagnostics_to_text(context, &findings));
	assert_string_equal(project->name, "sales");
	assert_int_equal(project->package_count, 2);
	assert_non_null(so_package_connection(so_project_package(project, "load"), "warehouse"));
	check_project_schema(FIXTURES "/project/good/project.yaml");

	json = so_project_to_json(project);
	again = so_load_project_json(context, json, &findings);
	if (again == NULL)
		fail_msg("%s", so_diagnostics_to_text(context, &findings));
	second = so_project_to_json(again);
	assert_true(json_equal(json, second));
	json_decref(json);
	json_decref(second);

	/* the package that was asked for comes first */
	project = so_load_path(context, FIXTURES "/project/good/publish.json", &findings);
	assert_non_null(project);
	assert_string_equal(project->packages[0]->name, "publish");
	assert_int_equal(project->package_count, 2);
}

static void
test_broken_projects(void **state)
{
	SoDiagnostics findings;
	SoProject *project;

	(void) state;
	assert_null(so_load_path(context, FIXTURES "/project/broken_sibling", &findings));
	assert_true(findings.error_count > 0);
	/* one package is wanted and good: the broken one is left out with a warning */
	project = so_load_path(context, FIXTURES "/project/broken_sibling/publish.json", &findings);
	assert_non_null(project);
	assert_int_equal(project->package_count, 1);
	assert_int_equal(findings.count, 1);
	assert_true(findings.items[0].is_warning);
	assert_int_equal(findings.items[0].code, SO_ERR_DOCUMENT_SIBLING);

	assert_null(so_load_path(context, FIXTURES "/project/no_project", &findings));
	assert_int_equal(findings.items[0].code, SO_ERR_DOCUMENT_PROJECT);
	assert_null(so_load_path(context, FIXTURES "/no/such/path", &findings));
	assert_int_equal(findings.items[0].code, SO_ERR_FILE_UNREADABLE);
}

static void
test_project_json_rules(void **state)
{
	static const struct
	{
		const char *text;
		SoErrorCode code;
	} cases[] = {
		{"[]", SO_ERR_DOCUMENT_WRONG_TYPE},
		{"{\"name\": \"x\", \"packages\": {}}", SO_ERR_DOCUMENT_FORMAT_VERSION},
		{"{\"format_version\": 1, \"name\": \"x\"}", SO_ERR_DOCUMENT_PROJECT},
		{"{\"format_version\": 1, \"name\": \"x\", \"packages\": {\"a\": {\"name\": \"b\"}}}",
		 SO_ERR_DOCUMENT_INVALID_VALUE},
		{"{\"format_version\": 1, \"name\": \"x\", \"project\": {\"name\": \"y\"}, \"packages\": "
		 "{}}",
		 SO_ERR_DOCUMENT_INVALID_VALUE},
		{"{\"format_version\": 1, \"name\": \"x\", \"packages\": {\"a\": {\"name\": \"a\", "
		 "\"executables\": [{\"name\": \"q\", \"type\": \"execute_sql\", \"connection\": \"c\", "
		 "\"sql_file\": \"/etc/passwd\"}]}}}",
		 SO_ERR_DOCUMENT_FILE},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		json_t *json = json_loads(cases[i].text, 0, NULL);
		SoDiagnostics findings;

		assert_non_null(json);
		assert_null(so_load_project_json(context, json, &findings));
		assert_int_equal(findings.items[0].code, cases[i].code);
		json_decref(json);
	}
}

/* Execute Package tasks against the children that the project has. */
static void
test_children(void **state)
{
	static const char text[] =
		"{\"format_version\": 1, \"name\": \"x\", \"packages\": {"
		"\"child\": {\"name\": \"child\", \"parameters\": [{\"name\": \"a\", \"type\": \"int32\", "
		"\"required\": true},"
		"{\"name\": \"b\", \"type\": \"string\"}]},"
		"\"parent\": {\"name\": \"parent\", \"parameters\": [{\"name\": \"s\", \"type\": "
		"\"string\", \"sensitive\": true}],"
		"\"variables\": [{\"name\": \"v\", \"type\": \"int32\"}], \"executables\": ["
		"{\"name\": \"good\", \"type\": \"execute_package\", \"package_name\": \"child\","
		" \"parameter_bindings\": [{\"parameter\": \"a\", \"variable\": \"User::v\"}]},"
		"{\"name\": \"missing\", \"type\": \"execute_package\", \"package_name\": \"nobody\"},"
		"{\"name\": \"unbound\", \"type\": \"execute_package\", \"package_name\": \"child\"},"
		"{\"name\": \"wrong\", \"type\": \"execute_package\", \"package_name\": \"child\","
		" \"parameter_bindings\": [{\"parameter\": \"a\", \"variable\": \"User::v\"},"
		" {\"parameter\": \"c\", \"variable\": \"User::v\"}, {\"parameter\": \"b\", \"variable\": "
		"\"$Package::s\"}]}]}}}";
	json_t *json = json_loads(text, 0, NULL);
	SoDiagnostics findings;

	(void) state;
	assert_non_null(json);
	assert_null(so_load_project_json(context, json, &findings));
	assert_int_equal(findings.count, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(findings.items[i].code, SO_ERR_DOCUMENT_CHILD);
	assert_string_equal(findings.items[0].pointer, "/packages/parent/executables/1/package_name");
	assert_string_equal(findings.items[1].pointer, "/packages/parent/executables/2");
	assert_string_equal(findings.items[3].pointer,
						"/packages/parent/executables/3/parameter_bindings/2/variable");
	json_decref(json);
}

/* A secret of the wrong type: the finding does not say it. */
static void
test_secrets_are_not_said(void **state)
{
	static const char text[] = "name: s\n"
							   "parameters:\n"
							   "  - {name: p, type: int32, sensitive: true, value: \"123geheim\"}\n"
							   "  - {name: q, type: int64, sensitive: true, value: \"123geheim\"}\n"
							   "  - {name: r, type: string, sensitive: true, value: 4711}\n"
							   "connections:\n"
							   "  - {name: c, type: postgres, password: 4711}\n";
	SoDiagnostics findings;
	char *said;

	(void) state;
	assert_null(so_load_package_text(context, text, strlen(text), NULL, NULL, &findings));
	assert_int_equal(findings.error_count, 4);
	said = so_diagnostics_to_text(context, &findings);
	assert_null(strstr(said, "geheim"));
	assert_null(strstr(said, "4711"));
}

/* The value of a secret is in the model at the desk, and never in the canonical form. */
static void
test_secrets_are_dropped(void **state)
{
	static const char text[] =
		"name: s\nparameters: [{name: p, type: string, sensitive: true, value: geheim}]\n";
	SoDiagnostics findings;
	SoProject *project = so_load_package_text(context, text, strlen(text), NULL, NULL, &findings);

	(void) state;
	assert_non_null(project);
	assert_string_equal(project->packages[0]->parameters[0]->value.as.text.bytes, "geheim");
	assert_null(strstr(canonical(project->packages[0]), "geheim"));
}

/* More findings than the list takes: counted, said, not kept. */
static void
test_many_findings(void **state)
{
	char *text = talloc_strdup(context, "name: many\n");
	SoDiagnostics findings;

	(void) state;
	for (int i = 0; i < 2000; i++)
		text = talloc_asprintf_append_buffer(text, "unknown%d: 1\n", i);
	assert_null(so_load_package_text(context, text, strlen(text), NULL, NULL, &findings));
	assert_int_equal(findings.error_count, 2000);
	assert_int_equal(findings.items[findings.count - 1].code, SO_ERR_DOCUMENT_TOO_MANY_FINDINGS);
}

static void
test_examples(void **state)
{
	static const char *const folders[] = {"examples/warehouse", NULL};

	(void) state;
	for (int i = 0; folders[i] != NULL; i++)
	{
		char **paths = document_list(context, folders[i], ".yaml");

		assert_non_null(*paths);
		for (; *paths != NULL; paths++)
		{
			if (strstr(*paths, "/project.yaml") != NULL)
				check_project_schema(*paths);
			else
				check_valid(*paths);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_valid, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_invalid, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_project, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_broken_projects, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_project_json_rules, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_children, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_secrets_are_not_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_secrets_are_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_findings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_examples, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("engine/model/load", tests, NULL, NULL);
}
