/*
 * test/unit/test_client_exec_options.c
 *
 * The command line of scaleout exec, in dtexec's spelling and in ours, and its
 * configuration files.
 *
 * Process: the unit test itself; files in a temporary directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/exec_options.h"

static TALLOC_CTX *context;
static SoExecOptions options;
static SoError error;

static int
setup(void **state)
{
	(void) state;
	context = talloc_new(NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	talloc_free(context);
	return 0;
}

/* Words separated by |. */
static bool
parse(const char *text)
{
	char *rest = talloc_asprintf(context, "exec|%s", text);
	char *words[40];
	int count = 0;

	for (char *word; (word = strsep(&rest, "|")) != NULL;)
		words[count++] = word;
	words[count] = NULL;
	return so_exec_options_parse(context, count, words, &options, &error);
}

static void
must_parse(const char *text)
{
	if (!parse(text))
		fail_msg("%s: %s", text, error.message);
}

static void
test_defaults(void **state)
{
	(void) state;
	must_parse("a.yaml");
	assert_string_equal(options.path, "a.yaml");
	assert_int_equal(options.reporting, SO_REPORT_ERRORS | SO_REPORT_WARNINGS | SO_REPORT_PROGRESS);
	assert_int_equal(options.graph, SO_GRAPH_NONE);
	assert_false(options.checkpointing || options.checkpointing_off || options.validate);
	assert_int_equal(options.max_concurrent, 0);
	assert_null(options.restart);
}

/* All of these are the same option. */
static void
test_spellings(void **state)
{
	static const char *const rows[] = {
		"--check-file=/tmp/c|a.yaml", "--checkfile|/tmp/c|a.yaml",
		"-checkfile|/tmp/c|a.yaml",   "/CheckFile|/tmp/c|a.yaml",
		"/CHECKF|/tmp/c|a.yaml",      "a.yaml|/checkfi|/tmp/c",
		"/F|a.yaml|/CheckF|/tmp/c",   "--file=a.yaml|--check-file|/tmp/c",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		must_parse(rows[i]);
		assert_string_equal(options.check_file, "/tmp/c");
		assert_string_equal(options.path, "a.yaml");
	}
}

/* An absolute path begins like dtexec's options and is none. */
static void
test_paths(void **state)
{
	(void) state;
	must_parse("/srv/in/a.yaml");
	assert_string_equal(options.path, "/srv/in/a.yaml");
	must_parse("/a.yaml");
	assert_string_equal(options.path, "/a.yaml");
	must_parse("/validate|-|/plain");
	assert_string_equal(options.path, "-");
	assert_true(options.validate && options.plain);
}

static void
test_set(void **state)
{
	(void) state;
	must_parse("a.yaml|/Set|\\Package\\load.Properties[sql];SELECT 1;SELECT 2|--set=User::x=5"
			   "|--set|User::text;\"a; b\"|/Set|$Package::p;7|--set|$Sensitive::$Project::q=s=1"
			   "|--set|empty;");
	assert_int_equal(options.override_count, 4);
	assert_string_equal(options.overrides[0].name, "\\Package\\load.Properties[sql]");
	assert_string_equal(options.overrides[0].text, "SELECT 1;SELECT 2");
	assert_string_equal(options.overrides[1].name, "\\Package.Variables[User::x].Value");
	assert_string_equal(options.overrides[1].text, "5");
	assert_string_equal(options.overrides[2].text, "a; b");
	assert_string_equal(options.overrides[3].text, "");
	assert_int_equal(options.parameter_count, 2);
	assert_string_equal(options.parameters[0].name, "$Package::p");
	assert_string_equal(options.parameters[0].text, "7");
	assert_string_equal(options.parameters[1].name, "$Project::q");
	assert_string_equal(options.parameters[1].text, "s=1");
}

static void
test_parameters_and_connections(void **state)
{
	(void) state;
	must_parse("/Par|since;2026-01-01|/Parameter|$Project::n(Int32);5|--parameter|t(String)=a;b"
			   "|/Conn|warehouse;host=db port=5433|a.yaml");
	assert_int_equal(options.parameter_count, 3);
	assert_string_equal(options.parameters[0].name, "$Package::since");
	assert_string_equal(options.parameters[0].text, "2026-01-01");
	assert_string_equal(options.parameters[1].name, "$Project::n");
	assert_string_equal(options.parameters[1].text, "5");
	assert_string_equal(options.parameters[2].name, "$Package::t");
	assert_string_equal(options.parameters[2].text, "a;b");
	assert_int_equal(options.connection_count, 1);
	assert_string_equal(options.connections[0].name, "warehouse");
	assert_string_equal(options.connections[0].text, "host=db port=5433");
}

static void
test_reporting(void **state)
{
	static const struct
	{
		const char *text;
		unsigned levels;
	} rows[] = {
		{"N", 0},
		{"EW", SO_REPORT_ERRORS | SO_REPORT_WARNINGS},
		{"ei", SO_REPORT_ERRORS | SO_REPORT_INFORMATION},
		{"CDP", SO_REPORT_CUSTOM | SO_REPORT_DATA_FLOW | SO_REPORT_PROGRESS},
		{"V", SO_REPORT_VERBOSE},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		must_parse(talloc_asprintf(context, "a.yaml|/Rep|%s", rows[i].text));
		assert_int_equal(options.reporting, rows[i].levels);
	}
}

/* An optional value is the next word when it fits, and otherwise the package. */
static void
test_optional_values(void **state)
{
	(void) state;
	must_parse("--checkpointing|a.yaml");
	assert_true(options.checkpointing);
	assert_string_equal(options.path, "a.yaml");
	must_parse("/CheckPointing|off|a.yaml");
	assert_true(options.checkpointing_off && !options.checkpointing);
	must_parse("/CheckP|ON|a.yaml");
	assert_true(options.checkpointing && !options.checkpointing_off);
	must_parse("--restart|a.yaml");
	assert_string_equal(options.restart, "force");
	must_parse("/Restart|ifPossible|a.yaml");
	assert_string_equal(options.restart, "ifPossible");
	must_parse("--graph|a.yaml");
	assert_int_equal(options.graph, SO_GRAPH_DOT);
	must_parse("--graph=text|a.yaml");
	assert_int_equal(options.graph, SO_GRAPH_TEXT);
	must_parse("--restart-plan|a.yaml");
	assert_true(options.restart_plan && !options.restart_plan_json);
	assert_null(options.restart);
	must_parse("--restart-plan=json|a.yaml");
	assert_true(options.restart_plan && options.restart_plan_json);
	must_parse("--console-log|NSM|a.yaml");
	assert_true(options.console_log);
	assert_string_equal(options.console_columns, "NSM");
	must_parse("--console-log|a.yaml");
	assert_null(options.console_columns);
}

static void
test_others(void **state)
{
	(void) state;
	must_parse("p|--package|load.yaml|/M|-1|/W|/Va|/Rem|a comment|--checkpoint-key-file=k");
	assert_string_equal(options.path, "p");
	assert_string_equal(options.package_name, "load.yaml");
	assert_int_equal(options.max_concurrent, -1);
	assert_true(options.warn_as_error && options.validate);
	assert_string_equal(options.checkpoint_key_file, "k");
	assert_false(options.checkpointing);
	must_parse("--help");
	assert_true(options.help);
	must_parse("/?");
	assert_true(options.help);
	must_parse("a.yaml|--config-file=1.yaml|/Conf|2.yaml");
	assert_int_equal(options.configuration_count, 2);
	assert_string_equal(options.configurations[0], "1.yaml");
	assert_string_equal(options.configurations[1], "2.yaml");
}

static void
test_usage(void **state)
{
	static const char *const rows[] = {
		"/validate",     /* no package */
		"a.yaml|b.yaml", /* two */
		"a.yaml|--what",
		"a.yaml|/check|x", /* too short to say which */
		"a.yaml|--checkfiles|x",
		"a.yaml|--set", /* value missing */
		"a.yaml|--set|name",
		"a.yaml|--set|;value",
		"a.yaml|--set|=5",
		"a.yaml|--parameter|x",
		"a.yaml|--connection|x",
		"a.yaml|--reporting|EX",
		"a.yaml|--max-concurrent|0",
		"a.yaml|--max-concurrent|-2",
		"a.yaml|--max-concurrent|many",
		"a.yaml|--max-concurrent|5x",
		"a.yaml|--max-concurrent=",
		"a.yaml|--max-concurrent|99999999999",
		"a.yaml|--checkpointing=maybe",
		"a.yaml|--restart=perhaps",
		"a.yaml|--restart-plan=xml",
		"a.yaml|--graph=svg",
		"a.yaml|--validate=no",
		"a.yaml|--help=me",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		if (parse(rows[i]))
			fail_msg("\"%s\" was accepted", rows[i]);
		assert_string_equal(so_error_state(error.code), "SO901");
	}
}

/* Run so_exec_options_configure on a file of this text, on top of the options. */
static bool
configure(const char *text)
{
	char path[] = "/tmp/scaleout_config.XXXXXX";
	int fd = mkstemp(path);
	bool ok;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
	close(fd);
	ok = so_exec_options_configure(context, path, &options, &error);
	unlink(path);
	return ok;
}

/* The file in its order, and the command line behind it, so that it wins. */
static void
test_configuration(void **state)
{
	(void) state;
	must_parse("a.yaml|--set|User::x=1|--parameter|p=cmd");
	assert_true(configure("# a comment\n$Package::p: 2026-01-01\nUser::x: 5\n"
						  "\\Package\\load.Properties[sql]: \"SELECT 1\"\n$Project::q: true\n"));
	assert_int_equal(options.parameter_count, 3);
	assert_string_equal(options.parameters[0].name, "$Package::p");
	assert_string_equal(options.parameters[0].text, "2026-01-01");
	assert_string_equal(options.parameters[1].name, "$Project::q");
	assert_string_equal(options.parameters[1].text, "true");
	assert_string_equal(options.parameters[2].text, "cmd");
	assert_int_equal(options.override_count, 3);
	assert_string_equal(options.overrides[0].name, "\\Package.Variables[User::x].Value");
	assert_string_equal(options.overrides[0].text, "5");
	assert_string_equal(options.overrides[1].name, "\\Package\\load.Properties[sql]");
	assert_string_equal(options.overrides[2].text, "1");
	/* JSON is a part of YAML. */
	assert_true(configure("{\"User::y\": \"a\"}"));
	assert_int_equal(options.override_count, 4);
	assert_string_equal(options.overrides[0].text, "a");
}

static void
test_configuration_refused(void **state)
{
	static const char *const rows[] = {
		"", "- a\n- b\n", "text", "User::x: [1, 2]\n", "a: {b: c}\n", "a: 1\na: 2\n", "a: [\n"};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		must_parse("a.yaml");
		if (configure(rows[i]))
			fail_msg("\"%s\" was accepted", rows[i]);
		assert_string_equal(so_error_state(error.code), "SO531");
	}
	assert_false(so_exec_options_configure(context, "/nowhere/c.yaml", &options, &error));
	assert_string_equal(so_error_state(error.code), "SO007");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_spellings),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_parameters_and_connections),
		cmocka_unit_test(test_reporting),
		cmocka_unit_test(test_optional_values),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_configuration),
		cmocka_unit_test(test_configuration_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
