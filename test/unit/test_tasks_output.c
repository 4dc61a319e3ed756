/*
 * test/unit/test_tasks_output.c
 *
 * A program's output: lines as events, what is kept, limits, and the end for messages.
 *
 * Process: unit test; the task's surroundings are task_fake.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "engine/tasks/output.h"
#include "engine/tasks/task.h"
#include "test/unit/task_fake.h"

static SoTaskRun *run;
static SoOutput output;
static char taken[10000]; /* lines given to on_line */
static int stop_after;

static int
begin(void **state)
{
	(void) state;
	run = fake_run_new(so_task_type_find("execute_process"));
	so_output_init(&output, run, SO_PROCESS_OUTPUT);
	output.limit = 100000;
	taken[0] = '\0';
	stop_after = 1000;
	return 0;
}

static int
end(void **state)
{
	(void) state;
	so_output_free(&output);
	fake_run_free(run);
	return 0;
}

static bool
take(const char *text)
{
	return so_output_take(&output, text, strlen(text));
}

static bool
take_line(void *context, const char *line)
{
	size_t used = strlen(taken);

	assert_ptr_equal(context, taken);
	snprintf(taken + used, sizeof(taken) - used, "<%s>", line);
	return --stop_after > 0;
}

/* Lines in any pieces; an empty line says nothing; the last one may lack its newline. */
static void
test_lines(void **state)
{
	(void) state;
	assert_true(take("one\ntw"));
	assert_true(take("o\r\n\nthr"));
	assert_string_equal(run->log, "information: one\ninformation: two \n");
	assert_true(take("ee"));
	assert_true(so_output_finish(&output));
	assert_string_equal(run->log, "information: one\ninformation: two \ninformation: three\n");
	assert_string_equal(so_output_last(&output), "one\ntwo\r\n\nthree");
}

/* A zero byte does not hide what follows it. */
static void
test_zero_bytes(void **state)
{
	(void) state;
	assert_true(so_output_take(&output, "a\0b\n", 4));
	assert_string_equal(run->log, "information: a b\n");
}

/* A line that is too long comes in pieces of whole characters. */
static void
test_long_line(void **state)
{
	char *text = test_malloc(9002);
	int lines = 0;

	(void) state;
	text[0] = 'x';
	for (int i = 1; i < 9001; i += 2)
		memcpy(text + i, "\xc3\xa4", 2);
	text[9001] = '\0';
	assert_true(take(text));
	assert_true(so_output_finish(&output));
	for (char *line = strtok(run->log, "\n"); line != NULL; line = strtok(NULL, "\n"))
	{
		json_t *json = json_string(line); /* NULL when it is no UTF-8 */

		assert_non_null(json);
		json_decref(json);
		assert_true(strlen(line) <= strlen("information: ") + 4000);
		lines++;
	}
	assert_int_equal(lines, 3);
	test_free(text);
}

/* A thousand lines are shown; how many are not is said at the end, once. */
static void
test_many_lines(void **state)
{
	(void) state;
	for (int i = 0; i < 1200; i++)
		assert_true(take("line\n"));
	assert_true(so_output_finish(&output));
	assert_non_null(strstr(run->log, "200 more lines of standard output are not shown"));
	assert_int_equal(output.lines_shown, 1000);
	run->log_length = 0;
	run->log[0] = '\0';
	assert_true(so_output_finish(&output));
	assert_string_equal(run->log, "");
}

static void
test_keep(void **state)
{
	(void) state;
	output.keep = true;
	output.silent = true;
	output.limit = 10;
	assert_true(take("12345"));
	assert_true(take("67890"));
	assert_false(output.overflow);
	assert_int_equal(so_byte_buffer_length(&output.kept), 10);
	assert_memory_equal(output.kept.data + output.kept.start, "1234567890", 10);
	assert_false(take("x"));
	assert_true(output.overflow);
	assert_true(so_output_finish(&output));
	assert_string_equal(run->log, "");
	assert_string_equal(so_output_last(&output), "1234567890x");
}

static void
test_on_line(void **state)
{
	(void) state;
	output.on_line = take_line;
	output.context = taken;
	assert_true(take("a\n\nbc"));
	assert_true(so_output_finish(&output));
	assert_string_equal(taken, "<a><><bc>");
	assert_string_equal(run->log, "");
	stop_after = 1;
	assert_false(take("d\ne\n"));
	assert_string_equal(taken, "<a><><bc><d>");
}

/* The end of what was said, from the beginning of a line or at least of a character. */
static void
test_last(void **state)
{
	char *text = test_malloc(3002);
	const char *last;

	(void) state;
	assert_string_equal(so_output_last(&output), "");
	output.silent = true;
	memset(text, 'a', 3000);
	memcpy(text + 2500, "\nthe last line \n\n", 17);
	text[2517] = '\0';
	assert_true(take(text));
	assert_string_equal(so_output_last(&output), "the last line");

	for (int shift = 0; shift < 2; shift++)
	{
		so_output_free(&output);
		so_output_init(&output, run, SO_PROCESS_ERROR);
		output.silent = true;
		for (int i = 0; i < 3000; i += 2)
			memcpy(text + i, "\xc3\xa4", 2);
		text[3000] = shift ? 'x' : '\0';
		text[3001] = '\0';
		assert_true(take(text));
		last = so_output_last(&output);
		assert_int_equal((unsigned char) last[0], 0xc3);
		assert_true(strlen(last) >= SO_OUTPUT_LAST - 2 && strlen(last) <= SO_OUTPUT_LAST);
	}
	test_free(text);
}

/* Byte by byte gives the same end as all at once. */
static void
test_last_in_pieces(void **state)
{
	SoOutput other;

	(void) state;
	output.silent = true;
	so_output_init(&other, run, SO_PROCESS_ERROR);
	other.silent = true;
	for (int i = 0; i < 700; i++)
	{
		char number[20];
		int length = snprintf(number, sizeof(number), "%d\n", i);

		for (int j = 0; j < length; j++)
			assert_true(so_output_take(&other, number + j, 1));
		assert_true(take(number));
	}
	assert_string_equal(so_output_last(&output), so_output_last(&other));
	assert_non_null(strstr(so_output_last(&output), "698\n699"));
	so_output_free(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, begin, end),
		cmocka_unit_test_setup_teardown(test_zero_bytes, begin, end),
		cmocka_unit_test_setup_teardown(test_long_line, begin, end),
		cmocka_unit_test_setup_teardown(test_many_lines, begin, end),
		cmocka_unit_test_setup_teardown(test_keep, begin, end),
		cmocka_unit_test_setup_teardown(test_on_line, begin, end),
		cmocka_unit_test_setup_teardown(test_last, begin, end),
		cmocka_unit_test_setup_teardown(test_last_in_pieces, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
