/*
 * test/unit/test_runner_event_log.c
 *
 * Events as lines of the task log: their levels and their form.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "runner/event_log.h"

static char last[SO_LOG_LINE_SIZE];
static char code[6];
static int lines;

static void
remember(const SoLogRecord *record, void *context)
{
	(void) context;
	snprintf(last, sizeof(last), "%s %s", so_log_level_name(record->level), record->message);
	snprintf(code, sizeof(code), "%s", record->code);
	lines++;
}

static int
setup(void **state)
{
	(void) state;
	so_log_open("test", 127);
	so_log_set_sink(remember, NULL);
	lines = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	so_log_set_sink(NULL, NULL);
	return 0;
}

static void
test_levels(void **state)
{
	static const struct
	{
		SoMessageType type;
		SoLogLevel level;
	} rows[] = {
		{SO_MESSAGE_PRE_VALIDATE, SO_LOG_VERBOSE},
		{SO_MESSAGE_POST_VALIDATE, SO_LOG_VERBOSE},
		{SO_MESSAGE_PRE_EXECUTE, SO_LOG_PROGRESS},
		{SO_MESSAGE_POST_EXECUTE, SO_LOG_PROGRESS},
		{SO_MESSAGE_STATUS_CHANGE, SO_LOG_VERBOSE},
		{SO_MESSAGE_PROGRESS, SO_LOG_PROGRESS},
		{SO_MESSAGE_INFORMATION, SO_LOG_INFORMATION},
		{SO_MESSAGE_VARIABLE_VALUE_CHANGED, SO_LOG_VERBOSE},
		{SO_MESSAGE_DIAGNOSTIC, SO_LOG_VERBOSE},
		{SO_MESSAGE_QUERY_CANCEL, SO_LOG_INFORMATION},
		{SO_MESSAGE_WARNING, SO_LOG_WARNING},
		{SO_MESSAGE_ERROR, SO_LOG_ERROR},
		{SO_MESSAGE_TASK_FAILED, SO_LOG_ERROR},
		{SO_MESSAGE_DIAGNOSTIC_EX, SO_LOG_VERBOSE},
		{SO_MESSAGE_CUSTOM, SO_LOG_INFORMATION},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(so_event_log_level(rows[i].type), rows[i].level);
}

static void
test_lines(void **state)
{
	static const struct
	{
		SoEvent event;
		const char *line;
		const char *code;
	} rows[] = {
		{{.message_type = SO_MESSAGE_ERROR,
		  .event_name = "OnError",
		  .code = "SO801",
		  .execution_path = "\\p\\load",
		  .message = "the table is missing"},
		 "ERROR SO801: \\p\\load OnError: the table is missing",
		 "SO801"},
		/* The code is in the message already. */
		{{.message_type = SO_MESSAGE_ERROR,
		  .event_name = "OnError",
		  .code = "SO801",
		  .execution_path = "\\p",
		  .message = "SO801: twice"},
		 "ERROR SO801: \\p OnError: twice",
		 "SO801"},
		{{.message_type = SO_MESSAGE_PRE_EXECUTE,
		  .event_name = "OnPreExecute",
		  .code = "",
		  .execution_path = "\\p",
		  .message = ""},
		 "PROGRESS \\p OnPreExecute",
		 ""},
		{{.message_type = SO_MESSAGE_INFORMATION,
		  .event_name = "OnInformation",
		  .code = "",
		  .execution_path = "\\p\\run",
		  .message = "two\nlines"},
		 "INFORMATION \\p\\run OnInformation: two\n\tlines",
		 ""},
		{{.message_type = SO_MESSAGE_INFORMATION,
		  .event_name = "OnInformation",
		  .code = "",
		  .execution_path = "\\p"},
		 "INFORMATION \\p OnInformation",
		 ""},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		so_event_log_event(NULL, &rows[i].event);
		assert_string_equal(last, rows[i].line);
		assert_string_equal(code, rows[i].code);
	}
	/* What is not wanted is not made. */
	so_log_set_mask(SO_LOG_WARNING);
	lines = 0;
	so_event_log_event(NULL, &rows[0].event);
	assert_int_equal(lines, 0);
}

static void
test_ends(void **state)
{
	SoRunOutcome outcome = {.result = SO_RESULT_SUCCESS, .duration_ms = 61007, .warning_count = 2};
	SoError error;

	(void) state;
	so_event_log_end(&outcome);
	assert_string_equal(last, "AUDIT ended: success after 61.007 s, 0 errors, 2 warnings");
	so_error_set(&error, SO_ERR_RUN_PACKAGE_UNKNOWN, NULL, "no package x");
	so_event_log_refusal(&error);
	assert_int_equal(lines, 3);
	assert_string_equal(last, "AUDIT ended: the package could not be begun");
}

/* A task that lacks everything does not harm. */
static void
test_empty_task(void **state)
{
	json_t *task = json_object();

	(void) state;
	so_event_log_begin(task);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(last, "AUDIT execution 0, attempt 0: package "));
	so_log_set_mask(SO_LOG_ERROR);
	so_event_log_begin(task);
	assert_int_equal(lines, 1);
	json_decref(task);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_task, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
