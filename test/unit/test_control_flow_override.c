/*
 * test/unit/test_control_flow_override.c
 *
 * Property paths (/Set, set_execution_property_override_value): what they reach,
 * in both spellings, and what is refused with the path and the reason.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <talloc.h>

#include "engine/control_flow/run.h"
#include "engine/model/load.h"

/* The task whose result tells what an override did: an expression over everything. */
static const char document[] =
	"name: p\n"
	"variables:\n"
	"  - {name: n, type: int32, value: 1}\n"
	"  - {name: s, type: string, value: a}\n"
	"  - {name: twice, type: int32, expression: \"@[User::n] * 2\", evaluate_as_expression: true}\n"
	"connections:\n"
	"  - {name: w, type: postgres, connection_string: \"host=/nowhere\"}\n"
	"executables:\n"
	"  - name: a\n"
	"    type: expression\n"
	"    expression: '@[User::n]'\n"
	"  - name: a.b\n"
	"    type: expression\n"
	"    expression: '@[User::s]'\n"
	"  - name: box\n"
	"    type: sequence\n"
	"    variables: [{name: n, type: int32, value: 100}]\n"
	"    executables:\n"
	"      - {name: inner, type: expression, expression: '@[User::n]'}\n";

typedef struct Seen
{
	char values[400]; /* "\a=1 " */
} Seen;

static void
see_end(void *context, const SoStatistics *statistics)
{
	Seen *seen = context;
	size_t used = strlen(seen->values);
	char *text;

	if (statistics->execution_value == NULL)
		return;
	text = so_value_to_text(NULL, statistics->execution_value);
	snprintf(seen->values + used, sizeof(seen->values) - used, "%s%s=%s", used > 0 ? " " : "",
			 statistics->execution_path, text);
	talloc_free(text);
}

/* Run with one override; the values of the tasks in seen, or the refusal in *error. */
static bool
run_with(const char *path, const char *text, Seen *seen, SoError *error)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoDiagnostics findings = {0};
	SoProject *project =
		so_load_package_text(context, document, strlen(document), NULL, NULL, &findings);
	SoAssignment assignment = {path, text};
	SoRunSink sink = {.context = seen, .statistics = see_end};
	SoRunOptions options;
	SoRunOutcome outcome;
	bool ran;

	if (project == NULL)
		fail_msg("%s", so_diagnostics_to_text(context, &findings));
	memset(seen, 0, sizeof(*seen));
	memset(error, 0, sizeof(*error));
	so_run_options_init(&options);
	options.property_overrides = &assignment;
	options.property_override_count = 1;
	options.max_concurrent_executables = 1;
	ran = so_run_package(context, project, "p", &options, &sink, &outcome, error);
	if (ran)
		assert_int_equal(outcome.result, SO_RESULT_SUCCESS);
	talloc_free(context);
	return ran;
}

static void
test_reached(void **state)
{
	static const struct
	{
		const char *path;
		const char *text;
		const char *values;
	} rows[] = {
		{"\\Package.Variables[User::n].Value", "7", "\\a=7 \\a.b=a \\box\\inner=100"},
		{"\\Package.Variables[n].Properties[Value]", "-2147483648",
		 "\\a=-2147483648 \\a.b=a \\box\\inner=100"},
		{"\\Package.Variables[User::s].value", "", "\\a=1 \\a.b= \\box\\inner=100"},
		/* Text with whatever separates paths. */
		{"\\Package.Variables[User::s].Value", "x].\\y", "\\a=1 \\a.b=x].\\y \\box\\inner=100"},
		/* Its own variable, not the one of the package. */
		{"\\Package\\box.Variables[User::n].Value", "5", "\\a=1 \\a.b=a \\box\\inner=5"},
		/* A task, in both spellings and forms. */
		{"\\Package\\a.Properties[expression]", "40 + 2", "\\a=42 \\a.b=a \\box\\inner=100"},
		{"\\Package\\a.Expression", "43", "\\a=43 \\a.b=a \\box\\inner=100"},
		{"\\Package\\box\\inner.expression", "44", "\\a=1 \\a.b=a \\box\\inner=44"},
		/* The longest name that fits is the executable. */
		{"\\Package\\a.b.Properties[Expression]", "45", "\\a=1 \\a.b=45 \\box\\inner=100"},
		{"\\Package\\a.Disable", "true", "\\a.b=a \\box\\inner=100"},
		{"\\Package\\box.Properties[Disable]", "True", "\\a=1 \\a.b=a"},
		{"\\Package.Connections[w].Properties[ConnectionString]", "host=/other",
		 "\\a=1 \\a.b=a \\box\\inner=100"},
		{"\\Package.Properties[MaxConcurrentExecutables]", "2", NULL},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		Seen seen;
		SoError error;

		if (!run_with(rows[i].path, rows[i].text, &seen, &error))
			fail_msg("%s: %s", rows[i].path, error.message);
		if (rows[i].values != NULL)
			assert_string_equal(seen.values, rows[i].values);
	}
}

static void
test_refused(void **state)
{
	static const struct
	{
		const char *path;
		const char *text;
		const char *reason;
	} rows[] = {
		{"", "1", "there is no such executable"},
		{"\\", "1", "there is no such executable"},
		{"Package.Disable", "true", "there is no such executable"},
		{"\\Package", "1", "there is no such executable"},
		{"\\Package\\none.Disable", "true", "there is no such executable"},
		{"\\Package\\A.Disable", "true", "there is no such executable"},
		{"\\Package\\boxinner.Disable", "true", "there is no such executable"},
		{"\\Package.", "1", "not a property path"},
		{"\\Package..Disable", "1", "not a property path"},
		{"\\Package.Properties[", "1", "not a property path"},
		{"\\Package.Properties[Disable", "1", "not a property path"},
		{"\\Package.Properties[Disable]x", "1", "not a property path"},
		{"\\Package.Properties[]", "1", "there is no such property"},
		{"\\Package.Properties[Nothing]", "1", "there is no such property"},
		{"\\Package\\a.Nothing", "1", "there is no such property"},
		{"\\Package\\a.Properties[Disable]", "perhaps", "does not fit"},
		{"\\Package.MaxConcurrentExecutables", "many", "does not fit"},
		{"\\Package.Variables[User::n]", "1", "not a property path"},
		{"\\Package.Variables[User::n", "1", "not a property path"},
		{"\\Package.Variables[User::n].Name", "x", "only the value of a variable"},
		{"\\Package.Variables[User::none].Value", "1", "there is no such variable"},
		{"\\Package.Variables[].Value", "1", "there is no such variable"},
		{"\\Package.Variables[System::PackageName].Value", "x", "there is no such variable"},
		{"\\Package\\box.Variables[User::s].Value", "x", "there is no such variable"},
		{"\\Package.Variables[User::n].Value", "2147483648", "does not fit variable"},
		{"\\Package.Variables[User::n].Value", "one", "does not fit variable"},
		{"\\Package.Variables[User::n].Value", "", "does not fit variable"},
		{"\\Package.Variables[User::twice].Value", "5", "computed by an expression"},
		{"\\Package.Connections[none].ConnectionString", "x", "there is no such connection"},
		{"\\Package.Connections[w].Nothing", "x", "there is no such property"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		Seen seen;
		SoError error;

		if (run_with(rows[i].path, rows[i].text, &seen, &error))
			fail_msg("%s = %s is accepted", rows[i].path, rows[i].text);
		assert_int_equal(error.code, SO_ERR_RUN_PROPERTY_PATH);
		if (strstr(error.message, rows[i].reason) == NULL)
			fail_msg("%s: %s", rows[i].path, error.message);
		assert_string_equal(error.place, rows[i].path);
		/* Nothing has run. */
		assert_string_equal(seen.values, "");
	}
}

/* Longer than any buffer. */
static void
test_long(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	char *path = talloc_zero_array(context, char, 100001);
	Seen seen;
	SoError error;

	(void) state;
	memset(path, 'x', 100000);
	assert_false(run_with(path, "1", &seen, &error));
	assert_int_equal(error.code, SO_ERR_RUN_PROPERTY_PATH);
	memcpy(path, "\\Package.Variables[", 19);
	path[99990] = ']';
	assert_false(run_with(path, "1", &seen, &error));
	assert_int_equal(error.code, SO_ERR_RUN_PROPERTY_PATH);
	talloc_free(context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reached),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
