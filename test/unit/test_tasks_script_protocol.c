/*
 * test/unit/test_tasks_script_protocol.c
 *
 * engine/tasks/script_protocol.c: one line after the other.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/tasks/script.h"
#include "task_fake.h"

static SoScriptState
begin(void)
{
	static char n[] = "User::n";
	static char text[] = "User::text";
	static char flag[] = "User::flag";
	static char object[] = "User::object";
	static char *writable[] = {n, text, flag, object, NULL};
	SoScriptState state = {.run = fake_run_new(&so_task_script), .writable = writable};

	fake_variable(state.run, "User::n", SO_TYPE_I4, "1");
	fake_variable(state.run, "User::text", SO_TYPE_WSTR, "old");
	fake_variable(state.run, "User::flag", SO_TYPE_BOOL, "false");
	fake_variable(state.run, "User::object", SO_TYPE_OBJECT, "");
	fake_variable(state.run, "User::locked", SO_TYPE_I4, "1");
	return state;
}

static void
check_set(const char *line, const char *name, const char *expected)
{
	SoScriptState state = begin();

	if (!so_script_line(&state, line))
		fail_msg("%s: %s", line, state.error.message);
	assert_string_equal(fake_text(state.run, name), expected);
	fake_run_free(state.run);
}

static void
sets_variables(void **unused)
{
	(void) unused;
	check_set("set n 5", "User::n", "5");
	check_set("set User::n \"7\"", "User::n", "7");
	check_set("set text plain words", "User::text", "plain words");
	check_set("set text \"a\\nb\"", "User::text", "a\nb");
	check_set("set text 007", "User::text", "007");
	check_set("set text", "User::text", "");
	check_set("set text {\"a\": 1}", "User::text", "{\"a\": 1}");
	check_set("set flag true", "User::flag", "true");
	check_set("set object [1, {\"a\": 2}]", "User::object", "[1,{\"a\":2}]");
}

static void
check_refused(const char *line, const char *expected)
{
	SoScriptState state = begin();

	assert_false(so_script_line(&state, line));
	assert_true(state.failed);
	assert_int_equal(state.error.code, SO_ERR_TASK_SCRIPT_PROTOCOL);
	if (strstr(state.error.message, expected) == NULL)
		fail_msg("%s: %s", line, state.error.message);
	fake_run_free(state.run);
}

static void
refuses_what_it_does_not_know(void **unused)
{
	(void) unused;
	check_refused("bogus", "no command \"bogus\"");
	check_refused("sets n 5", "no command \"sets\"");
	check_refused("set locked 5", "\"User::locked\" is not one of read_write_variables");
	check_refused("set other 5", "\"User::other\" is not one");
	check_refused("set n many", "line 1");
	check_refused("set", "is not one of");
	check_refused("progress much", "percentage");
	check_refused("progress 101", "percentage");
	check_refused("rows -1", "number");
	check_refused("rows 3x", "number");
}

static void
raises_events(void **unused)
{
	SoScriptState state = begin();

	(void) unused;
	assert_true(so_script_line(&state, ""));
	assert_true(so_script_line(&state, "information all is well"));
	assert_true(so_script_line(&state, "warning careful"));
	assert_true(so_script_line(&state, "progress 50 half"));
	assert_true(so_script_line(&state, "rows 12"));
	assert_true(so_script_line(&state, "value 42"));
	assert_true(so_script_line(&state, "log a note"));
	assert_true(so_script_line(&state, "error it broke"));
	assert_non_null(strstr(state.run->log, "information: all is well\n"));
	assert_non_null(strstr(state.run->log, "careful\n"));
	assert_non_null(strstr(state.run->log, "ScriptTaskLogEntry: a note\n"));
	assert_int_equal(state.run->rows, 12);
	assert_int_equal(state.run->execution_value.as.integer, 42);
	assert_int_equal(state.errors, 1);
	assert_string_equal(state.run->last_error.message, "it broke");
	assert_int_equal(state.line, 8);
	fake_run_free(state.run);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_variables),
		cmocka_unit_test(refuses_what_it_does_not_know),
		cmocka_unit_test(raises_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
