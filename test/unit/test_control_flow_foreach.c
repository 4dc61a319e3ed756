/*
 * test/unit/test_control_flow_foreach.c
 *
 * Foreach loops over XML and JSON: what they enumerate, and documents that are
 * missing, malformed or hostile.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <talloc.h>

#include "engine/control_flow/run.h"
#include "engine/model/load.h"

/* The loop writes each value into User::v, the task gives it back. */
static const char document[] = "name: p\n"
							   "variables:\n"
							   "  - {name: v, type: string, value: \"\"}\n"
							   "  - {name: source, type: string, value: '%s'}\n"
							   "connections:\n"
							   "  - {name: c, type: file, connection_string: '%s'}\n"
							   "executables:\n"
							   "  - name: each\n"
							   "    type: foreach_loop\n"
							   "    enumerator: {%s}\n"
							   "    variable_mappings: [{variable: \"User::v\", %s}]\n"
							   "    executables:\n"
							   "      - {name: t, type: expression, expression: '@[User::v]'}\n";

typedef struct Seen
{
	char values[1000]; /* "a|b|" */
	int iterations;
} Seen;

static void
see_end(void *context, const SoStatistics *statistics)
{
	Seen *seen = context;
	size_t used = strlen(seen->values);
	char *text;

	if (statistics->execution_value == NULL || strcmp(statistics->executable->name, "t") != 0)
		return;
	text = so_value_to_text(NULL, statistics->execution_value);
	snprintf(seen->values + used, sizeof(seen->values) - used, "%s|", text);
	seen->iterations++;
	talloc_free(text);
}

typedef struct Case
{
	const char *enumerator;
	const char *source; /* User::source, and the contents of the file */
	const char *mapping;
	const char *values; /* NULL: it fails, */
	const char *reason; /* with this */
} Case;

static void
check(const Case *one, const char *file)
{
	TALLOC_CTX *context = talloc_new(NULL);
	char *text = talloc_asprintf(context, document, one->source, file, one->enumerator,
								 one->mapping != NULL ? one->mapping : "index: 0");
	SoDiagnostics findings = {0};
	SoProject *project = so_load_package_text(context, text, strlen(text), NULL, NULL, &findings);
	Seen seen = {0};
	SoRunSink sink = {.context = &seen, .statistics = see_end};
	SoRunOptions options;
	SoRunOutcome outcome = {0};
	SoError error = {0};

	if (project == NULL || findings.error_count > 0)
		fail_msg("%s", so_diagnostics_to_text(context, &findings));
	so_run_options_init(&options);
	if (!so_run_package(context, project, "p", &options, &sink, &outcome, &error))
		fail_msg("%s: %s", one->enumerator, error.message);
	if (one->values != NULL)
	{
		if (outcome.result != SO_RESULT_SUCCESS)
			fail_msg("%s: %s", one->enumerator, outcome.first_error);
		assert_string_equal(seen.values, one->values);
	}
	else
	{
		if (outcome.result != SO_RESULT_FAILURE)
			fail_msg("%s of %s succeeds: %s", one->enumerator, one->source, seen.values);
		if (strstr(outcome.first_error, one->reason) == NULL)
			fail_msg("%s: %s", one->enumerator, outcome.first_error);
	}
	talloc_free(context);
}

static void
write_file(const char *path, const char *contents)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	fputs(contents, file);
	fclose(file);
}

/* Each from a variable, from a file, and where the text stands in the package itself. */
static void
check_everywhere(const Case *rows, size_t count, const char *in_variable, const char *in_file)
{
	char path[] = "/tmp/scaleout_foreach_XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < count; i++)
	{
		Case one = rows[i];
		char enumerator[400];

		snprintf(enumerator, sizeof(enumerator), "%s, %s", rows[i].enumerator, in_variable);
		one.enumerator = enumerator;
		check(&one, path);
		write_file(path, rows[i].source);
		snprintf(enumerator, sizeof(enumerator), "%s, %s", rows[i].enumerator, in_file);
		one.source = "not this";
		check(&one, path);
	}
	unlink(path);
}

static void
test_xml(void **state)
{
	static const Case rows[] = {
		{"type: node_list, outer_xpath: /a/b", "<a><b>1</b><c/><b>2<i>3</i></b></a>", NULL, "1|23|",
		 NULL},
		{"type: node_list, outer_xpath: \"//@k\"", "<a k=\"x\"><b k=\"y\"/></a>", NULL, "x|y|",
		 NULL},
		{"type: node_list, outer_xpath: /a/b, enumeration_type: node", "<a><b k=\"1\">x</b></a>",
		 NULL, "<b k=\"1\">x</b>|", NULL},
		{"type: node_list, outer_xpath: /a/none", "<a/>", NULL, "", NULL},
		{"type: node_list, outer_xpath: \"/o:a/o:b\", namespaces: {o: \"urn:x\"}",
		 "<a xmlns=\"urn:x\"><b>1</b></a>", NULL, "1|", NULL},
		{"type: node_list, outer_xpath: /r/p, enumeration_type: element_collection",
		 "<r><p><x>1</x><y>2</y></p><p><x>3</x><y>4</y></p></r>", "index: 1", "2|4|", NULL},
		{"type: node_list, outer_xpath: /r/p, enumeration_type: element_collection, inner_xpath: "
		 "\"@*\"",
		 "<r><p k=\"1\" l=\"2\"/></r>", "index: 1", "2|", NULL},
		{"type: node_list, outer_xpath: /r/p, enumeration_type: element_collection",
		 "<r><p><x>1</x></p></r>", "index: 1", NULL, "the item has no index 1"},
		{"type: node_list, outer_xpath: \"/o:a\"", "<a/>", NULL, NULL, "finds no node set"},
		{"type: node_list, outer_xpath: \"count(//a)\"", "<a/>", NULL, NULL, "finds no node set"},
		{"type: node_list, outer_xpath: \"/a[\"", "<a/>", NULL, NULL, "finds no node set"},
		{"type: node_list, outer_xpath: /a", "<a><b></a>", NULL, NULL, "not well-formed XML"},
		{"type: node_list, outer_xpath: /a", "no xml", NULL, NULL, "not well-formed XML"},
		/* Entities: neither files of this machine nor a text that grows without end. */
		{"type: node_list, outer_xpath: /a",
		 "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>x&e;y</a>", NULL, "xy|", NULL},
		{"type: node_list, outer_xpath: /a",
		 "<!DOCTYPE a [<!ENTITY a \"&b;&b;\"><!ENTITY b \"&a;&a;\">]><a>&a;</a>", NULL, NULL,
		 "not well-formed XML"},
	};

	(void) state;
	check_everywhere(rows, sizeof(rows) / sizeof(rows[0]),
					 "source_type: variable, variable: \"User::source\"",
					 "source_type: file_connection, connection: c");
}

static void
test_json(void **state)
{
	static const Case rows[] = {
		{"type: json_array", "[\"a\", \"\", \"b\"]", NULL, "a||b|", NULL},
		{"type: json_array", "[]", NULL, "", NULL},
		{"type: json_array", "[{\"k\": 1}, {\"k\": 2.5}, {\"k\": true}]", "column: k",
		 "1|2.5|True|", NULL},
		{"type: json_array", "[[1, 2], [3, 4]]", "index: 1", "2|4|", NULL},
		{"type: json_array", "[{\"x\": 1, \"k\": 2}]", "index: 1", "2|", NULL},
		{"type: json_array", "[[1], [3, 4]]", "index: 1", NULL, "the item has no index 1"},
		{"type: json_array", "[{\"x\": 1}]", "column: k", NULL, "the item has no member \"k\""},
		/* Before the first one. */
		{"type: json_array", "[[1, 2]]", "index: -1", NULL, "the item has no index -1"},
		{"type: json_array", "[{\"x\": 1}]", "index: -1", NULL, "the item has no index -1"},
		{"type: json_array", "[1]", "index: -1", NULL, "the item has no index -1"},
		{"type: json_array", "[1]", "index: 1", NULL, "the item has no index 1"},
		{"type: json_array, pointer: /d/1/x", "{\"d\": [0, {\"x\": [7]}]}", NULL, "7|", NULL},
		{"type: json_array, pointer: \"/a~1b/~0\"", "{\"a/b\": {\"~\": [8]}}", NULL, "8|", NULL},
		{"type: json_array, pointer: /", "{\"\": [9]}", NULL, "9|", NULL},
		{"type: json_array, pointer: /d/2", "{\"d\": [[1], [2]]}", NULL, NULL, "no JSON array at"},
		{"type: json_array, pointer: /d/-1", "{\"d\": [[1]]}", NULL, NULL, "no JSON array at"},
		{"type: json_array, pointer: /d/99999999999999999999", "{\"d\": [[1]]}", NULL, NULL,
		 "no JSON array at"},
		/* Not a pointer: it must not mean the whole document. */
		{"type: json_array, pointer: d", "[1]", NULL, NULL, "no JSON array at"},
		{"type: json_array", "{\"d\": [1]}", NULL, NULL, "no JSON array at"},
		{"type: json_array", "[1,", NULL, NULL, "is not JSON"},
		{"type: json_array", "", NULL, NULL, "is not JSON"},
		/* Variables are never NULL: it is the default of their type. */
		{"type: json_array", "[\"x\", null]", NULL, "x||", NULL},
	};

	(void) state;
	check_everywhere(rows, sizeof(rows) / sizeof(rows[0]), "variable: \"User::source\"",
					 "connection: c");
}

static void
test_files(void **state)
{
	static const Case missing = {"type: json_array, connection: c", "", NULL, NULL,
								 "No such file or directory"};
	static const Case folder = {"type: node_list, outer_xpath: /a, source_type: file_connection, "
								"connection: c",
								"", NULL, NULL, "Is a directory"};

	char pipe_folder[] = "/tmp/scaleout_pipe_XXXXXX";
	char pipe_path[64];
	static const Case pipe = {"type: json_array, connection: c", "", NULL, NULL,
							  "Operation not supported"};
	static const Case item = {"type: item, columns: [int32], items: [[1]]", "", "index: -1", NULL,
							  "the item has no index -1"};

	(void) state;
	check(&item, "/tmp");
	/* Nobody writes into it: it must not be waited for. */
	assert_non_null(mkdtemp(pipe_folder));
	snprintf(pipe_path, sizeof(pipe_path), "%s/pipe", pipe_folder);
	assert_int_equal(mkfifo(pipe_path, 0600), 0);
	check(&pipe, pipe_path);
	unlink(pipe_path);
	rmdir(pipe_folder);
	check(&missing, "/nowhere/at all.json");
	check(&folder, "/tmp");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_xml),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
