/*
 * test/unit/test_client_options.c
 *
 * Command lines: every kind of option, psql's connection options, help, and usage errors.
 *
 * Process: the unit test itself; its output goes to files for a while.
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

#include "client/options.h"

static struct
{
	bool flag;
	bool other;
	const char *text;
	int number;
	SoStringList list;
	SoConnectionOptions connection;
} got;

static char output[8192]; /* what stdout and stderr were given */

/* Parse the words; returns what so_options_parse returns. */
static int
parse(const char *line_text, bool with_connection, int low, int high, int *status)
{
	static char words_text[4096];
	static char *words[300];
	const SoOption table[] = {{"flag", 'f', SO_OPTION_FLAG, &got.flag, NULL, "a flag"},
							  {"other-flag", 0, SO_OPTION_FLAG, &got.other, NULL, "another one"},
							  {"text", 't', SO_OPTION_STRING, &got.text, "TEXT", "a text"},
							  {"number", 'n', SO_OPTION_INTEGER, &got.number, "N", "a number"},
							  {"item", 'i', SO_OPTION_STRING_LIST, &got.list, "ITEM", "one more"},
							  {0}};
	const SoCommandLine line = {.usage = "scaleout test [OPTION]... NAME",
								.description = "Tests.",
								.examples = "scaleout test one\nscaleout test two",
								.options = table,
								.connection = with_connection ? &got.connection : NULL,
								.min_arguments = low,
								.max_arguments = high};
	char path[] = "/tmp/scaleout_options.XXXXXX";
	int file = mkstemp(path);
	int saved[2] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
	int count = 0;
	char *save = NULL;
	ssize_t size;
	int first;

	assert_true(file >= 0);
	unlink(path);
	memset(&got, 0, sizeof(got));
	snprintf(words_text, sizeof(words_text), "test|%s", line_text);
	for (char *word = strtok_r(words_text, "|", &save); word != NULL;
		 word = strtok_r(NULL, "|", &save))
		words[count++] = word;
	words[count] = NULL;
	fflush(NULL);
	dup2(file, STDOUT_FILENO);
	dup2(file, STDERR_FILENO);
	*status = -7;
	first = so_options_parse(count, words, &line, status);
	fflush(NULL);
	for (int i = 0; i < 2; i++)
	{
		dup2(saved[i], i + STDOUT_FILENO);
		close(saved[i]);
	}
	size = pread(file, output, sizeof(output) - 1, 0);
	output[size > 0 ? size : 0] = '\0';
	close(file);
	if (first >= 0)
		assert_string_equal(output, "");
	return first < 0 ? first : count - first;
}

static void
test_kinds(void **state)
{
	int status;

	(void) state;
	assert_int_equal(parse("-f|-t|a b|-n|7|--item=x|-iy|name", false, 1, 1, &status), 1);
	assert_true(got.flag);
	assert_false(got.other);
	assert_string_equal(got.text, "a b");
	assert_int_equal(got.number, 7);
	assert_int_equal(got.list.count, 2);
	assert_string_equal(got.list.items[0], "x");
	assert_string_equal(got.list.items[1], "y");

	assert_int_equal(parse("--other-flag|--text=|--number=0", false, 0, 0, &status), 0);
	assert_true(got.other);
	assert_string_equal(got.text, "");
	assert_int_equal(got.number, 0);
}

/* Options may stand behind arguments; what follows -- is no option. */
static void
test_order(void **state)
{
	int status;

	(void) state;
	assert_int_equal(parse("a|-f|b", false, 2, 2, &status), 2);
	assert_true(got.flag);
	assert_int_equal(parse("--|-f|-n", false, 2, 2, &status), 2);
	assert_false(got.flag);
}

/* A parse knows nothing of the one before it. */
static void
test_again(void **state)
{
	int status;

	(void) state;
	assert_int_equal(parse("-f|a", false, 0, -1, &status), 1);
	assert_int_equal(parse("-n|5|a|b", false, 0, -1, &status), 2);
	assert_false(got.flag);
	assert_int_equal(got.number, 5);
}

/* As psql has them; -h is the host and not the help. */
static void
test_connection(void **state)
{
	int status;

	(void) state;
	assert_int_equal(parse("-h|db|-p|5433|-U|me|-d|service=x|a", true, 1, 1, &status), 1);
	assert_string_equal(got.connection.host, "db");
	assert_string_equal(got.connection.port, "5433");
	assert_string_equal(got.connection.username, "me");
	assert_string_equal(got.connection.dbname, "service=x");
	assert_int_equal(parse("--host=db|--dbname|postgresql://h/d", true, 0, 0, &status), 0);
	assert_string_equal(got.connection.dbname, "postgresql://h/d");
	assert_null(got.connection.port);
	assert_int_equal(parse("-h|db", false, 0, 1, &status), -1);
	assert_int_equal(status, SO_EXIT_USAGE);
}

static void
test_help(void **state)
{
	static const char *const wanted[] = {"scaleout test [OPTION]... NAME",
										 "Tests.",
										 "-f, --flag",
										 "--other-flag",
										 "-t, --text=TEXT",
										 "-h, --host=HOST",
										 "--help",
										 "another one",
										 "\nExamples:\n  scaleout test one\n  scaleout test two\n"};
	int status;

	(void) state;
	assert_int_equal(parse("--help", true, 1, 1, &status), -1);
	assert_int_equal(status, SO_EXIT_SUCCESS);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
	{
		if (strstr(output, wanted[i]) == NULL)
			fail_msg("\"%s\" is not in the help:\n%s", wanted[i], output);
	}
}

static void
test_usage(void **state)
{
	static const char *const rows[] = {
		"",         /* too few */
		"a|b|c",    /* too many */
		"--what|a", /* unknown */
		"-x|a",
		"--flag=yes|a", /* takes no value */
		"a|-t",         /* value missing */
		"a|--number",
		"-n||a",
		"-n|-1|a",
		"-n|7x|a",
		"-n|x|a",
		"-n|2000000001|a",
		"-n|99999999999999999999|a",
		"--number=|a",
		"--o|--|a|b|c",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		int status;

		if (parse(rows[i], false, 1, 2, &status) != -1)
			fail_msg("\"%s\" was accepted", rows[i]);
		assert_int_equal(status, SO_EXIT_USAGE);
		assert_ptr_equal(strstr(output, "scaleout: SO901: "), output);
		assert_non_null(strstr(output, "Usage: scaleout test"));
		assert_non_null(strstr(output, "--help"));
	}
}

/* What was probably meant, and the way to the help. */
static void
test_nearest(void **state)
{
	int status;

	(void) state;
	assert_int_equal(parse("--nmuber=3|a", false, 1, 1, &status), -1);
	assert_non_null(strstr(output, "Did you mean --number?"));
	assert_int_equal(parse("--hots=x|a", true, 1, 1, &status), -1);
	assert_non_null(strstr(output, "Did you mean --host?"));
	assert_int_equal(parse("--quite-different|a", true, 1, 1, &status), -1);
	assert_null(strstr(output, "Did you mean"));
	assert_non_null(strstr(output, "HINT:  --help"));
}

/* Too many of a list are refused, not written behind its end. */
static void
test_list_limit(void **state)
{
	char text[4096] = "";
	size_t used = 0;
	int status;

	(void) state;
	for (int i = 0; i < SO_STRING_LIST_MAX; i++)
		used += (size_t) snprintf(text + used, sizeof(text) - used, "%s-i%d", i ? "|" : "", i);
	assert_int_equal(parse(text, false, 0, 0, &status), 0);
	assert_int_equal(got.list.count, SO_STRING_LIST_MAX);
	assert_string_equal(got.list.items[SO_STRING_LIST_MAX - 1], "255");
	snprintf(text + used, sizeof(text) - used, "|-ix");
	assert_int_equal(parse(text, false, 0, 0, &status), -1);
	assert_int_equal(status, SO_EXIT_USAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),   cmocka_unit_test(test_order),
		cmocka_unit_test(test_again),   cmocka_unit_test(test_connection),
		cmocka_unit_test(test_help),    cmocka_unit_test(test_usage),
		cmocka_unit_test(test_nearest), cmocka_unit_test(test_list_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
