/*
 * test/unit/test_client_exec_tree.c
 *
 * What scaleout exec shows: the live tree, the graph in both forms, durations, and the
 * package that scaleout new writes.
 *
 * Process: the unit test itself; the drawings go to memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/exec_display.h"
#include "client/exec_graph.h"
#include "client/exec_tree.h"
#include "client/new.h"
#include "client/options.h"
#include "engine/model/load.h"

static const char document[] =
	"name: load \"all\"\n"
	"variables: [{name: n, type: int32, value: 0}]\n"
	"executables:\n"
	"  - {name: first, type: no_operation}\n"
	"  - name: group\n"
	"    type: sequence\n"
	"    after: {executable: first, on: completion}\n"
	"    executables:\n"
	"      - {name: inner, type: no_operation, disable: true}\n"
	"  - name: last\n"
	"    type: no_operation\n"
	"    after: {any: [{executable: first, on: failure, expression: '@[User::n] > 1'}, group]}\n"
	"    event_handlers:\n"
	"      on_error:\n"
	"        executables: [{name: mourn, type: no_operation}]\n";

static TALLOC_CTX *context;
static SoPackage *package;
static SoExecTree *tree;
static char *drawing;

static int
setup(void **state)
{
	SoDiagnostics findings = {0};
	SoProject *project;

	(void) state;
	context = talloc_new(NULL);
	project = so_load_package_text(context, document, strlen(document), "p.yaml", NULL, &findings);
	if (project == NULL)
	{
		fputs(so_diagnostics_to_text(context, &findings), stderr);
		return -1;
	}
	package = project->packages[0];
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	free(drawing);
	talloc_free(context);
	return 0;
}

static int
begin(void **state)
{
	(void) state;
	tree = so_exec_tree_new();
	so_exec_tree_package(tree, package);
	return 0;
}

static int
end(void **state)
{
	(void) state;
	so_exec_tree_free(tree);
	return 0;
}

static const SoExecutable *
named(const char *name)
{
	for (int i = 0; i < package->executable_count; i++)
	{
		if (strcmp(package->executables[i]->name, name) == 0)
			return package->executables[i];
	}
	fail_msg("there is no %s", name);
	return NULL;
}

/* Draw into drawing; returns the number of lines that so_exec_tree_draw says. */
static int
draw(int rows)
{
	size_t size;
	FILE *out;
	int lines;
	int newlines = 0;

	free(drawing);
	out = open_memstream(&drawing, &size);
	lines = so_exec_tree_draw(tree, out, rows, 60, 0);
	fclose(out);
	for (const char *p = drawing; *p != '\0'; p++)
		newlines += *p == '\n';
	assert_int_equal(newlines, lines);
	return lines;
}

static void
run(const char *name, SoExecutionResult result, int64_t duration_ms, int64_t rows)
{
	SoStatistics statistics = {
		.executable = named(name), .result = result, .duration_ms = duration_ms, .row_count = rows};

	so_exec_tree_started(tree, named(name));
	so_exec_tree_ended(tree, &statistics);
}

/* A line each, but none for event handlers and what is in them. */
static void
test_waiting(void **state)
{
	(void) state;
	assert_int_equal(draw(100), 5);
	assert_non_null(strstr(drawing, "first"));
	assert_non_null(strstr(drawing, "inner"));
	assert_null(strstr(drawing, "mourn"));
	assert_null(strstr(drawing, " s\033"));
}

static void
test_states(void **state)
{
	(void) state;
	run("first", SO_RESULT_SUCCESS, 1234, 77);
	run("inner", SO_RESULT_FAILURE, 61000, -1);
	run("last", SO_RESULT_CANCELED, 10, -1);
	assert_int_equal(draw(100), 5);
	assert_non_null(strstr(drawing, "✓"));
	assert_non_null(strstr(drawing, "77 rows  1.2 s"));
	assert_non_null(strstr(drawing, "✗"));
	assert_non_null(strstr(drawing, "1 min 01 s"));
	assert_non_null(strstr(drawing, "■"));
}

/* A loop runs its children again and again: times and rows are added up. */
static void
test_several_runs(void **state)
{
	(void) state;
	run("first", SO_RESULT_FAILURE, 1000, 5);
	run("first", SO_RESULT_SUCCESS, 2000, 6);
	so_exec_tree_started(tree, named("first"));
	run("first", SO_RESULT_SUCCESS, 3000, 7);
	draw(100);
	assert_non_null(strstr(drawing, "18 rows  4x"));
	/* What is still running is not done, whatever others of it were. */
	assert_null(strstr(drawing, "✓"));
}

/* Rows so far of what runs for the first time; of another package of that name nothing. */
static void
test_progress(void **state)
{
	(void) state;
	so_exec_tree_started(tree, named("first"));
	so_exec_tree_progress(tree, "another", named("first")->path, 5);
	draw(100);
	assert_null(strstr(drawing, "rows"));
	so_exec_tree_progress(tree, package->name, named("first")->path, 42);
	draw(100);
	assert_non_null(strstr(drawing, "42 rows"));
}

/* Left out first is what has not begun, then what has succeeded; the last line counts it. */
static void
test_too_many(void **state)
{
	(void) state;
	run("first", SO_RESULT_SUCCESS, 10, -1);
	run("inner", SO_RESULT_FAILURE, 10, -1);
	so_exec_tree_started(tree, named("group"));
	assert_int_equal(draw(4), 4);
	assert_non_null(strstr(drawing, "first"));
	assert_non_null(strstr(drawing, "inner"));
	assert_null(strstr(drawing, "last"));
	assert_non_null(strstr(drawing, "and 2 more"));
	assert_int_equal(draw(3), 3);
	assert_null(strstr(drawing, "first"));
	assert_non_null(strstr(drawing, "group"));
	assert_non_null(strstr(drawing, "inner"));
	assert_non_null(strstr(drawing, "and 3 more"));
	for (int rows = 1; rows < 10; rows++)
		assert_true(draw(rows) <= rows);
}

/* Of a package that was not announced nothing is shown, and nothing breaks. */
static void
test_unknown(void **state)
{
	(void) state;
	so_exec_tree_free(tree);
	tree = so_exec_tree_new();
	run("first", SO_RESULT_SUCCESS, 10, 1);
	assert_int_equal(draw(10), 0);
}

static char *
graph(void (*write_graph)(FILE *, const SoPackage *))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	char *copy;

	write_graph(out, package);
	fclose(out);
	copy = talloc_strdup(context, text);
	free(text);
	return copy;
}

static void
test_graph_text(void **state)
{
	char *text = graph(so_exec_graph_text);

	(void) state;
	assert_non_null(strstr(text, "├─ first [no_operation]\n"));
	assert_non_null(strstr(text, "├─ group [sequence]  <- first (completion)\n"));
	assert_non_null(strstr(text, "│  └─ inner [no_operation] disabled\n"));
	assert_non_null(strstr(text, "└─ last [no_operation]  <- first (failure) if @[User::n] > 1 or "
								 "group\n"));
	assert_non_null(strstr(text, "   └─ on_error ["));
	assert_non_null(strstr(text, "mourn"));
}

/* Graphviz: balanced, quoted, an edge per constraint. */
static void
test_graph_dot(void **state)
{
	char *text = graph(so_exec_graph_dot);
	int depth = 0;
	int edges = 0;

	(void) state;
	for (const char *p = text; *p != '\0'; p++)
	{
		depth += *p == '{' ? 1 : *p == '}' ? -1 : 0;
		assert_true(depth >= 0);
	}
	assert_int_equal(depth, 0);
	for (const char *p = text; (p = strstr(p, " -> ")) != NULL; p++)
		edges++;
	assert_int_equal(edges, 3 + 1); /* and one from last to its event handler */
	assert_ptr_equal(strstr(text, "digraph \"load \\\"all\\\"\" {"), text);
	assert_non_null(strstr(text, "color=blue3"));
	assert_non_null(strstr(text, "color=red3, style=dashed, label=\"@[User::n] > 1\""));
	assert_non_null(strstr(text, "color=darkgreen, ltail=cluster"));
}

static void
test_durations(void **state)
{
	static const struct
	{
		int64_t milliseconds;
		const char *text;
	} rows[] = {
		{0, "0.0 s"},
		{99, "0.0 s"},
		{1250, "1.2 s"},
		{59999, "59.9 s"},
		{60000, "1 min 00 s"},
		{185000, "3 min 05 s"},
		{3599999, "59 min 59 s"},
		{3720000, "1 h 02 min"},
		{INT64_C(360000000), "100 h 00 min"},
	};
	char buffer[32];

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(so_exec_duration_text(rows[i].milliseconds, buffer, sizeof(buffer)),
							rows[i].text);
}

/* Run "scaleout new NAME" in a folder of its own, without its output. */
static int
make_new(const char *name)
{
	char command[] = "new";
	char *copy = talloc_strdup(context, name);
	char *words[] = {command, copy, NULL};
	int saved[2] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int status;

	fflush(NULL);
	dup2(nowhere, STDOUT_FILENO);
	dup2(nowhere, STDERR_FILENO);
	status = so_client_new(2, words);
	fflush(NULL);
	for (int i = 0; i < 2; i++)
	{
		dup2(saved[i], i + STDOUT_FILENO);
		close(saved[i]);
	}
	close(nowhere);
	return status;
}

/* Every name that is accepted gives a document that loads, under that name; others are refused. */
static void
test_new(void **state)
{
	static const char *const good[] = {"a", "load_sales", "A-1", "null_rows", "onward"};
	static const char *const bad[] = {"",        "1a",   "-x",   ".x",   "a b",     "a/b",  "../a",
									  "project", "null", "Null", "NULL", "true",    "True", "TRUE",
									  "False",   "Yes",  "off",  "a:b",  "\xc3\xa4"};
	char folder[] = "/tmp/scaleout_new.XXXXXX";

	(void) state;
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
	{
		char *path = talloc_asprintf(context, "%s.yaml", good[i]);
		SoDiagnostics findings = {0};
		SoProject *project;

		assert_int_equal(make_new(good[i]), SO_EXIT_SUCCESS);
		project = so_load_path(context, path, &findings);
		if (project == NULL)
			fail_msg("%s: %s", good[i], so_diagnostics_to_text(context, &findings));
		assert_string_equal(project->packages[0]->name, good[i]);
		/* It never replaces a file. */
		assert_int_equal(make_new(good[i]), SO_EXIT_FAILED);
		assert_int_equal(unlink(path), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
	{
		if (make_new(bad[i]) != SO_EXIT_USAGE)
			fail_msg("\"%s\" was accepted", bad[i]);
	}
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(folder), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_waiting, begin, end),
		cmocka_unit_test_setup_teardown(test_states, begin, end),
		cmocka_unit_test_setup_teardown(test_several_runs, begin, end),
		cmocka_unit_test_setup_teardown(test_progress, begin, end),
		cmocka_unit_test_setup_teardown(test_too_many, begin, end),
		cmocka_unit_test_setup_teardown(test_unknown, begin, end),
		cmocka_unit_test(test_graph_text),
		cmocka_unit_test(test_graph_dot),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_new),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
