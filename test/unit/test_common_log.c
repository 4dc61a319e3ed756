/*
 * test/unit/test_common_log.c
 *
 * Log lines: their form, which levels come through, and that a line stays a line.
 *
 * Process: the unit test itself; standard error is a pipe for a while.
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

#include "common/log.h"

static char last_line[SO_LOG_LINE_SIZE];
static char last_message[SO_LOG_LINE_SIZE];
static char last_code[6];
static SoLogLevel last_level;
static int64_t last_execution;
static int lines;

static void
remember(const SoLogRecord *record, void *context)
{
	assert_ptr_equal(context, &lines);
	snprintf(last_line, sizeof(last_line), "%s", record->line);
	snprintf(last_message, sizeof(last_message), "%s", record->message);
	snprintf(last_code, sizeof(last_code), "%s", record->code);
	last_level = record->level;
	last_execution = record->subject != NULL ? record->subject->execution_id : 0;
	assert_non_null(strstr(record->file, ".c"));
	assert_true(record->source_line > 0 && record->function[0] != '\0');
	lines++;
}

static int
setup(void **state)
{
	(void) state;
	so_log_open("scaleout-test", SO_LOG_DEFAULT_MASK);
	so_log_set_sink(remember, &lines);
	lines = 0;
	last_line[0] = '\0';
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	so_log_set_sink(NULL, NULL);
	return 0;
}

/* "2026-01-31T12:00:00.123456Z WARNING scaleout-test[123] message" */
static void
test_form(void **state)
{
	char wanted[100];

	(void) state;
	so_log(SO_LOG_WARNING, "%d of %s", 3, "five");
	assert_int_equal(lines, 1);
	assert_int_equal(last_level, SO_LOG_WARNING);
	snprintf(wanted, sizeof(wanted), " WARNING scaleout-test[%d] 3 of five", (int) getpid());
	assert_int_equal(last_line[26], 'Z');
	assert_string_equal(last_line + 27, wanted);
}

static void
test_mask(void **state)
{
	(void) state;
	so_log(SO_LOG_VERBOSE, "not by default");
	assert_int_equal(lines, 0);
	so_log_set_mask(SO_LOG_VERBOSE | SO_LOG_ERROR);
	so_log(SO_LOG_VERBOSE, "now");
	so_log(SO_LOG_ERROR, "this too");
	so_log(SO_LOG_WARNING, "not this");
	assert_int_equal(lines, 2);
	so_log_set_mask(0);
	so_log(SO_LOG_CRITICAL, "nothing at all");
	assert_int_equal(lines, 2);
}

/* The numbers are those of TaskLogLevel. */
static void
test_levels(void **state)
{
	static const struct
	{
		SoLogLevel level;
		int number;
		const char *name;
	} rows[] = {
		{SO_LOG_VERBOSE, 1, "VERBOSE"},    {SO_LOG_INFORMATION, 2, "INFORMATION"},
		{SO_LOG_WARNING, 4, "WARNING"},    {SO_LOG_ERROR, 8, "ERROR"},
		{SO_LOG_PROGRESS, 16, "PROGRESS"}, {SO_LOG_CRITICAL, 32, "CRITICAL"},
		{SO_LOG_AUDIT, 64, "AUDIT"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		assert_int_equal(rows[i].level, rows[i].number);
		assert_string_equal(so_log_level_name(rows[i].level), rows[i].name);
	}
}

/* What somebody else wrote into a message cannot begin a line that looks like an event. */
static void
test_continuation(void **state)
{
	(void) state;
	so_log(SO_LOG_ERROR, "%s", "first\nsecond\r\nthird\n\n");
	assert_null(strchr(last_line, '\r'));
	assert_non_null(strstr(last_line, "] first\n\tsecond\n\tthird"));
	assert_string_equal(last_message, "first\n\tsecond\n\tthird");
}

/* Control characters and what is not UTF-8 do not reach a terminal. */
static void
test_harmless(void **state)
{
	(void) state;
	so_log(SO_LOG_ERROR, "%s",
		   "a\x1b[31mb\tc\x07 \xc3\xa4 \xff\xc3 \x7f d\re \xc2\x9b"
		   "31m\xc2\x85 \xc2\xa0");
	assert_string_equal(last_message, "a?[31mb\tc? \xc3\xa4 ?? ? d?e ?31m? \xc2\xa0");
}

static void
test_code_and_subject(void **state)
{
	SoLogSubject subject = {.execution_id = 42, .task = "t", .attempt = 3};

	(void) state;
	so_log_about(&subject, SO_LOG_WARNING, "SO451: the lease");
	assert_string_equal(last_code, "SO451");
	assert_int_equal(last_execution, 42);
	so_log(SO_LOG_WARNING, "SO451 is no code here");
	assert_string_equal(last_code, "");
	assert_int_equal(last_execution, 0);
	so_log_code(&subject, SO_LOG_ERROR, SO_ERR_AGENT_LEASE_LOST, "task %s", "t");
	assert_string_equal(last_code, "SO451");
	assert_non_null(strstr(last_message, "SO451: task t."));
	assert_non_null(strstr(last_message, so_error_default_hint(SO_ERR_AGENT_LEASE_LOST)));
}

static void
test_wants(void **state)
{
	(void) state;
	assert_false(so_log_wants(SO_LOG_VERBOSE));
	assert_true(so_log_wants(SO_LOG_AUDIT));
}

/* Lines of another process: as they are, or marked as foreign. */
static void
test_relay(void **state)
{
	static const char ours[] = "2026-01-31T12:00:00.123456Z ERROR scaleout-nursery[7] SO003: no";

	(void) state;
	so_log_relay("scaleout-nursery", ours);
	assert_int_equal(lines, 1);
	assert_string_equal(last_line, ours);
	assert_string_equal(last_message, "SO003: no");
	assert_string_equal(last_code, "SO003");
	assert_int_equal(last_level, SO_LOG_ERROR);
	so_log_relay("scaleout-nursery",
				 "2026-01-31T12:00:00.123456Z VERBOSE scaleout-nursery[7] not wanted");
	assert_int_equal(lines, 1);
	so_log_relay("scaleout-nursery", "malloc(): corrupted top size");
	assert_int_equal(last_level, SO_LOG_WARNING);
	assert_string_equal(last_message, "scaleout-nursery: malloc(): corrupted top size");
	so_log_relay("scaleout-nursery", "2026-01-31T12:00:00.123456Z ERRORS scaleout[7] no level");
	assert_int_equal(last_level, SO_LOG_WARNING);
	so_log_relay("scaleout-nursery", "");
	assert_int_equal(lines, 4);
}

static void
test_long_message(void **state)
{
	char *text = test_malloc(10001);

	(void) state;
	memset(text, 'x', 10000);
	text[10000] = '\0';
	so_log(SO_LOG_ERROR, "%s", text);
	assert_int_equal(lines, 1);
	assert_string_equal(last_line + strlen(last_line) - 5, "x ...");
	assert_true(strlen(last_line) > 8000 && strlen(last_line) < 8192);
	test_free(text);
}

static void
test_error(void **state)
{
	SoError error;

	(void) state;
	so_error_set(&error, SO_ERR_FILE_UNREADABLE, "/srv/a.csv", "cannot open it");
	so_error_detail(&error, "Nobody is allowed to.");
	so_error_hint(&error, "Ask somebody.");
	so_log_error(SO_LOG_ERROR, &error);
	assert_non_null(strstr(last_line, "] SO007: cannot open it (/srv/a.csv)"));
	assert_non_null(strstr(last_line, "Nobody is allowed to. Ask somebody."));
}

/* Without a sink a line goes to standard error, with its newline, by one write. */
static void
test_standard_error(void **state)
{
	char text[300];
	int ends[2];
	int saved = dup(STDERR_FILENO);
	ssize_t got;

	(void) state;
	so_log_set_sink(NULL, NULL);
	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	so_log(SO_LOG_AUDIT, "a\nb");
	dup2(saved, STDERR_FILENO);
	close(ends[1]);
	got = read(ends[0], text, sizeof(text) - 1);
	assert_true(got > 0);
	text[got] = '\0';
	assert_int_equal(text[got - 1], '\n');
	assert_non_null(strstr(text, " AUDIT scaleout-test["));
	assert_non_null(strstr(text, "] a\n\tb\n"));
	assert_int_equal(read(ends[0], text, sizeof(text)), 0);
	close(ends[0]);
	close(saved);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_form, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mask, setup, teardown),
		cmocka_unit_test(test_levels),
		cmocka_unit_test_setup_teardown(test_continuation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_harmless, setup, teardown),
		cmocka_unit_test_setup_teardown(test_code_and_subject, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wants, setup, teardown),
		cmocka_unit_test_setup_teardown(test_relay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_message, setup, teardown),
		cmocka_unit_test_setup_teardown(test_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_standard_error, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
