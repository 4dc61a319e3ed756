/*
 * test/unit/test_client_format.c
 *
 * The normal form of documents: what it looks like, that comments stay, that it
 * is stable; and that the starter package validates and is in normal form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "client/format_document.h"
#include "client/new.h"
#include "engine/model/load.h"
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

static char *
format(const char *text)
{
	SoError error;
	char *out = so_format_document(context, text, strlen(text), false, &error);

	if (out == NULL)
		fail_msg("%s\nin\n%s", error.message, text);
	return out;
}

static void
test_normal_form(void **state)
{
	static const char before[] = "# What this is.\n"
								 "executables:\n"
								 "- type: execute_sql   # the first\n"
								 "  sql: \"SELECT 1;\\nSELECT 2;\\n\"\n"
								 "  connection: 'w'\n"
								 "  # says what\n"
								 "  name:   first task\n"
								 "\n"
								 "\n"
								 "# before the second\n"
								 "- {type: sequence, name: 'second', after: {executable: first "
								 "task, 'on': completion}, description: \"a: b\"}\n"
								 "- name: third\n"
								 "  type: sequence\n"
								 "  executables: [   # none yet\n"
								 "    ]\n"
								 "variables: [{name: a, type: string, value: 'yes'}, {value: "
								 "\"5\", name: b, type: string}]\n"
								 "name: \"example\"\n"
								 "disable: false\n"
								 "# the end\n";
	static const char after[] = "# What this is.\n"
								"name: example\n"
								"disable: false\n"
								"variables: [{name: a, type: string, value: \"yes\"}, {name: b, "
								"type: string, value: \"5\"}]\n"
								"executables:\n"
								"  # says what\n"
								"  - name: first task\n"
								"    type: execute_sql   # the first\n"
								"    connection: w\n"
								"    sql: |\n"
								"      SELECT 1;\n"
								"      SELECT 2;\n"
								"\n"
								"  # before the second\n"
								"  - {name: second, description: \"a: b\", type: sequence, after: "
								"{executable: first task, on: completion}}\n"
								"  - name: third\n"
								"    type: sequence\n"
								"    executables: []   # none yet\n"
								"# the end\n";

	(void) state;
	assert_string_equal(format(before), after);
}

static void
check_file(const char *path)
{
	size_t length;
	char *text = document_read(context, path, &length);
	char *once = format(text);
	char *twice = format(once);

	if (strcmp(once, twice) != 0)
		fail_msg("%s is not stable:\n%s\n---\n%s", path, once, twice);
}

static void
test_stable(void **state)
{
	static const char *const folders[] = {"test/fixtures/documents/valid", "examples/warehouse",
										  "test/fixtures/documents/project/good", NULL};

	(void) state;
	for (int i = 0; folders[i] != NULL; i++)
	{
		for (char **path = document_list(context, folders[i], ".yaml"); *path != NULL; path++)
			check_file(*path);
	}
}

/* Texts that need care: each must come back as it was. */
static void
test_scalars(void **state)
{
	static const char *const values[] = {"''",
										 "' x'",
										 "'x '",
										 "'a: b'",
										 "'a #b'",
										 "'#b'",
										 "'- a'",
										 "-a",
										 "'-'",
										 "'---'",
										 "'true'",
										 "'Yes'",
										 "'null'",
										 "'5'",
										 "'0x1f'",
										 "'1e5'",
										 "'2026-01-31'",
										 "'12:30'",
										 "'it''s'",
										 "'say \"x\"'",
										 "'it''s \"x\"'",
										 "'c:\\x'",
										 "\"tab\\there\"",
										 "\"bell\\x07\"",
										 "\"nel\\x85\"",
										 "\"\\u2028\"",
										 "\"\\ufeff\"",
										 "Größe",
										 "\"\\U0001f642\"",
										 "\"a\\nb\"",
										 "\"a\\nb\\n\"",
										 "\"a\\nb\\n\\n\"",
										 "\" a\\nb\"",
										 "\"\\na\\nb\"",
										 "\"a\\n b\\n\"",
										 "\"a\\n\\n\\nb\"",
										 "\"\\n\"",
										 "\"\\n \\n\"",
										 "\"a \\nb\"",
										 "\"a\\n\\tb\"",
										 "\"\\ta\\nb\"",
										 "\"a\\r\\nb\"",
										 "|\n  x\n  y\n",
										 ">\n  x\n  y\n",
										 "'@x'",
										 "'%x'",
										 "'`x'",
										 "'[x'",
										 "'{x'",
										 "'a, b'",
										 "'&x'",
										 "'*x'",
										 "'!x'",
										 "'|x'",
										 "'?x'",
										 "':x'",
										 "'x:'",
										 "'='",
										 NULL};

	(void) state;
	for (int i = 0; values[i] != NULL; i++)
	{
		/* in a line of its own, in a list on one line, as a key: format() compares the meaning */
		char *block = talloc_asprintf(context, "name: x\ndescription: %s\n", values[i]);
		char *once = format(block);

		assert_string_equal(once, format(once));
		if (strchr("|>", values[i][0]) != NULL)
			continue;
		once = format(
			talloc_asprintf(context, "name: x\nlist: [a, %s, {b: %s}]\n", values[i], values[i]));
		assert_string_equal(once, format(once));
		if (strcmp(values[i], "''") != 0)
			once = format(talloc_asprintf(context, "name: x\nmap:\n  %s: 1\n", values[i]));
		assert_string_equal(once, format(once));
	}
}

static void
test_comments_that_have_no_place(void **state)
{
	static const char text[] =
		"name: x\nexecutables:\n  -\n    # above the first key\n    name: a\n    type: sequence\n";
	SoError error;
	char *out = so_format_document(context, text, strlen(text), false, &error);

	(void) state;
	/* kept, or refused; never lost in silence */
	if (out != NULL)
		assert_non_null(strstr(out, "# above the first key"));
	else
		assert_int_equal(error.code, SO_ERR_DOCUMENT_COMMENTS);
	assert_non_null(so_format_document(context, text, strlen(text), true, &error));
	assert_null(so_format_document(context, "a: [", 4, false, &error));
	assert_int_equal(error.code, SO_ERR_DOCUMENT_SYNTAX);
	assert_null(so_format_document(context, "- a\n", 4, false, &error));
	assert_null(so_format_document(context, "", 0, false, &error));
}

static void
test_starter_package(void **state)
{
	char *text = so_new_package_text(context, "my_first");
	SoDiagnostics findings;
	SoProject *project =
		so_load_package_text(context, text, strlen(text), "my_first.yaml", NULL, &findings);

	(void) state;
	if (project == NULL || findings.count > 0)
		fail_msg("%s", so_diagnostics_to_text(context, &findings));
	assert_string_equal(project->packages[0]->name, "my_first");
	assert_string_equal(format(text), text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_normal_form, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_scalars, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_comments_that_have_no_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_starter_package, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("client/format", tests, NULL, NULL);
}
