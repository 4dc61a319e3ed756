/*
 * test/unit/test_expression_problem.c
 *
 * Errors: what they say, where they point, what they suggest; syntax that is
 * refused; limits; assignments; the visitor and the Boolean evaluation.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/expression/problem.h"
#include "test/unit/expression_table.h"

static void
test_syntax(void **state)
{
	static const SoTestRow rows[] = {
		{"", "error SO701"},
		{"   ", "error SO701"},
		{"1 +", "error SO701"},
		{"1 2", "error SO701"},
		{"* 2", "error SO701"},
		{"(1", "error SO701"},
		{"1)", "error SO701"},
		{"()", "error SO701"},
		{"1 ? 2", "error SO701"},
		{"True ? 1 :", "error SO701"},
		{"1 !> 2", "error SO701"},
		{"1 <> 2", "error SO701"},
		{"1 && && 2", "error SO701"},
		{"@", "error SO701"},
		{"@5", "error SO701"},
		{"@[]", "error SO701"},
		{"@[User::count", "error SO701"},
		{"@User::count", "error SO701"},
		{"1 ; 2", "error SO701"},
		{"$Package::since", "error SO701"},
		{"\xFF", "error SO701"},
		{"\"\xC3\"", "error SO701"},
		{"column", "error SO711"},
		{"[column]", "error SO711"},
		{"[Source].[column]", "error SO711"},
		{"#123", "error SO711"},
		{"1 + #17 * 2", "error SO711"},
		{"#{refId}", "error SO711"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_variables(void **state)
{
	static const SoTestRow rows[] = {
		{"@count", "7 (DT_I4)"},
		{"@[count]", "7"},
		{"@[User::count]", "7"},
		{"@[ User::count ]", "7"},
		{"@[User::My Name]", "\"Berta\""},
		{"@[System::PackageName]", "\"load_sales\""},
		{"@[$Package::since]", "2026-01-01 00:00:00 (DT_DATE)"},
		{"@[$Project::region]", "\"EU\""},
		{"@Count", "error SO703"},
		{"@[user::count]", "error SO703"},
		{"@[User::none]", "error SO703"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
test_assignment(void **state)
{
	static const SoTestRow rows[] = {
		{"@count = @count + 1", "8 (DT_I4)"},
		{"@[User::count] = 5", "5"},
		{"@count = 5L", "5 (DT_I4)"},
		{"@count = 5.9", "5 (DT_I4)"},
		{"@count = 5000000000L", "error SO707"},
		{"@small = -1", "error SO707"},
		{"@name = \"x\" + \"y\"", "\"xy\" (DT_WSTR)"},
		{"@flag = 1 < 2", "True"},
		{"@started = GETDATE()", "2026-03-01 13:34:56.789 (DT_DATE)"},
		{"@rows = \"x\"", "\"x\" (DT_OBJECT)"},
		{"@price = 1", "1 (DT_DECIMAL)"},
		{"@count = \"5\"", "error SO704"},
		{"@name = 5", "error SO704"},
		{"@flag = 1", "error SO704"},
		{"@count = True", "error SO704"},
		{"@none = 5", "error SO703"},
		{"@[System::PackageName] = \"x\"", "error SO712"},
		{"5 = 5", "error SO712"},
		{"@count + 1 = 5", "error SO712"},
		{"(@count = 5)", "error SO712"},
		{"@count = @zero = 5", "error SO712"},
		{"@count == 7 ? @zero = 1 : 2", "error SO712"},
		{"@count =", "error SO701"},
	};
	SoExpression *expression;
	SoError error;

	(void) state;
	SO_TEST_ROWS(rows);
	expression = so_expression_compile(NULL, "@count = 1", false, "test",
									   so_test_expression_resolver(), &error);
	assert_null(expression);
	assert_int_equal(error.code, SO_ERR_EXPRESSION_ASSIGNMENT);
}

typedef struct MessageRow
{
	const char *expression;
	const char *place;   /* whole */
	const char *message; /* part of it */
	const char *line;    /* what stands in the detail, NULL: not checked */
	const char *hint;    /* part of it */
} MessageRow;

static const MessageRow messages[] = {
	{"@count + \"a\"", "/sql:8", "operator + cannot be applied to DT_I4 and DT_WSTR",
	 "@count + \"a\"\n       ^", "(DT_WSTR, 30)"},
	{"SUBSTRNG(\"a\", 1, 1)", "/sql:1", "no function is named \"SUBSTRNG\"", "\n^", "SUBSTRING"},
	{"1 + @[User::counts]", "/sql:5", "no variable or parameter is named \"User::counts\"",
	 "\n    ^", "@[User::count]"},
	{"count + 1", "/sql:1", "columns exist only in data flows", "\n^", "@[User::count]"},
	{"\xC3\xA4\xC3\xB6 + 1", "/sql:1", "would be a column", "\n^", "@[Namespace::Name]"},
	{"\"\xC3\xA4\" + x", "/sql:7", "\"x\" would be a column", "\"\xC3\xA4\" + x\n      ^", ""},
	{"1 +\n\t2 +\n\t\"a\"", "/sql:2:4", "operator + cannot be applied to DT_I4 and DT_WSTR",
	 "\t2 +\n\t  ^", ""},
	{"(DT_I44) 1", "/sql:2", "\"DT_I44\" is not a data type", NULL, "Did you mean DT_I"},
	{"(DT_WSTR) 1", "/sql:9", "expected (DT_WSTR, length)", NULL, ""},
	{"(DT_NUMERIC, 5, 9) 1", "/sql:17", "from 0 to 5", NULL, ""},
	{"DATEADD(\"Mouth\", 1, GETDATE())", "/sql:9", "\"Mouth\" is not a date part", NULL, "Month"},
	{"DATEADD(\"Month\", 1, \"2026-01-01\")", "/sql:21", "must be a date or time, not DT_WSTR",
	 NULL, "(DT_DBTIMESTAMP)"},
	{"LEFT(\"a\")", "/sql:1", "LEFT takes 2 arguments, not 1; expected LEFT(text, length)", NULL,
	 ""},
	{"LEFT", "/sql:1", "columns exist only in data flows", NULL, "LEFT is a function"},
	{"3000000000", "/sql:1", "does not fit into DT_I4", NULL, "L for an integer of 8 bytes"},
	{"\"C:\\data\"", "/sql:4", "unknown escape sequence", NULL, "\\\\ for a backslash"},
	{"@User::x", "/sql:1", "must stand in brackets", NULL, "@[User::...]"},
	{"@count = 5", "/sql:8", "\"=\" assigns", NULL, "write =="},
	{"1 == 1 ? 1 : \"a\"", "/sql:8", "no common type", NULL, "Cast"},
	{"@count / 0", "/sql:10", "division by the constant zero", NULL, "Test the divisor"},
	{"@huge + @count", "/sql:7", "DT_UI8 and DT_I4", NULL, "(DT_UI8)"},
	{"(DT_I4) \"12x\"", "/sql:1", "\"12x\" is not a value of type DT_I4; expected a whole number",
	 NULL, ""},
	{"GETDATE() + 1", "/sql:11", "DT_DBTIMESTAMP and DT_I4", NULL, "DATEADD"},
	{"@flag == 1", "/sql:7", "DT_BOOL and DT_I4", NULL, "becomes Boolean"},
	{"1.5 ! 2", "/sql:5", "expected an operator or the end before \"!\"", NULL, ""},
};

static void
test_messages(void **state)
{
	(void) state;
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
	{
		const MessageRow *row = &messages[i];
		SoError error;
		char text[4096];

		so_error_clear(&error);
		assert_null(so_expression_compile(NULL, row->expression, false, "/sql",
										  so_test_expression_resolver(), &error));
		if (strcmp(error.place, row->place) != 0 || strstr(error.message, row->message) == NULL ||
			(row->line != NULL && strstr(error.detail, row->line) == NULL) ||
			strstr(error.hint, row->hint) == NULL)
			fail_msg("%s\n%s", row->expression, so_error_format(&error, text, sizeof(text)));
	}
}

/* The whole of it, as docs/expressions.md shows it. */
static void
test_whole_message(void **state)
{
	SoError error;
	char text[4096];

	(void) state;
	assert_null(so_expression_compile(NULL, "\"x\" == SUBSTRNG(@name, 1, 1)", false,
									  "/executables/2/expressions/sql",
									  so_test_expression_resolver(), &error));
	assert_string_equal(so_error_format(&error, text, sizeof(text)),
						"SO702: no function is named \"SUBSTRNG\" "
						"(/executables/2/expressions/sql:8). In this expression:\n"
						"\"x\" == SUBSTRNG(@name, 1, 1)\n"
						"       ^ Did you mean SUBSTRING?");
}

/* A long line is shown in part, with the caret still under the right character. */
static void
test_long_line(void **state)
{
	char text[2100];
	SoError error;
	const char *line;
	const char *caret;

	(void) state;
	memset(text, ' ', sizeof(text));
	memcpy(text, "1 +", 3);
	memcpy(text + 1000, "@wrong", 6);
	memcpy(text + 2000, "+ 1", 4);
	assert_null(
		so_expression_compile(NULL, text, false, NULL, so_test_expression_resolver(), &error));
	assert_string_equal(error.place, "expression:1001");
	line = strchr(error.detail, '\n') + 1;
	caret = strchr(line, '\n') + 1;
	assert_int_equal(line[strlen(caret) - 1], '@');
	assert_true(strlen(error.detail) < 300);
}

static void
test_limits(void **state)
{
	char *text = talloc_zero_size(NULL, 100000);
	SoError error;

	(void) state;
	/* 150 parentheses are fine, 300 are not. */
	memset(text, '(', 150);
	text[150] = '1';
	memset(text + 151, ')', 150);
	assert_true(so_test_expression(text, "1"));
	memset(text, '(', 300);
	text[300] = '1';
	memset(text + 301, ')', 300);
	assert_true(so_test_expression(text, "error SO710"));
	/* unary operators, casts, ?: */
	memset(text, '-', 601);
	text[601] = '1';
	text[602] = '\0';
	assert_true(so_test_expression(text, "error SO710"));
	text[0] = '\0';
	for (int i = 0; i < 500; i++)
		strcat(text, "(DT_I4)");
	strcat(text, "1");
	assert_true(so_test_expression(text, "error SO710"));
	text[0] = '\0';
	for (int i = 0; i < 500; i++)
		strcat(text, "True?1:");
	strcat(text, "1");
	assert_true(so_test_expression(text, "error SO710"));
	/* operators in a row */
	strcpy(text, "1");
	for (int i = 0; i < 900; i++)
		strcat(text, "+1");
	assert_true(so_test_expression(text, "901"));
	for (int i = 0; i < 200; i++)
		strcat(text, "+1");
	assert_true(so_test_expression(text, "error SO710"));
	/* length of the text */
	memset(text, ' ', 65537);
	text[65537] = '\0';
	assert_null(so_expression_compile(NULL, text, false, "/sql", NULL, &error));
	assert_int_equal(error.code, SO_ERR_EXPRESSION_TOO_LARGE);
	talloc_free(text);
}

/* Results of 16 MB each, but not 128 MB together. */
static void
test_text_budget(void **state)
{
	static const SoTestRow rows[] = {
		{"LEN(REPLICATE(@name, 4194304)) == LEN(REPLICATE(@name, 4194304))", "True"},
		{"LEN(REPLICATE(@name, 4194304)) + LEN(REPLICATE(@name, 4194304)) + LEN(REPLICATE(@name, "
		 "4194304)) + "
		 "LEN(REPLICATE(@name, 4194304)) + LEN(REPLICATE(@name, 4194304)) + LEN(REPLICATE(@name, "
		 "4194304)) + "
		 "LEN(REPLICATE(@name, 4194304)) + LEN(REPLICATE(@name, 4194304)) + LEN(REPLICATE(@name, "
		 "4194304))",
		 "error SO715"},
		{"REPLICATE(@name, 4194304) + @name == \"\"", "error SO715"},
		{"FINDSTRING(REPLICATE(@name, 4000000), REPLICATE(@name, 1000000), 2900000)", "11599997"},
	};

	(void) state;
	SO_TEST_ROWS(rows);
}

static void
count_variable(void *context, const char *name)
{
	char *names = context;

	strcat(names, name);
	strcat(names, ";");
}

static void
test_door(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	const SoExpressionResolver *resolver = so_test_expression_resolver();
	SoError error;
	SoExpression *expression = so_expression_compile(context, "@[User::zero] = LEN(@name) + @count",
													 true, "/assign", resolver, &error);
	char names[200] = "";
	bool truth = false;

	(void) state;
	assert_non_null(expression);
	so_expression_variables(expression, count_variable, names);
	assert_string_equal(names, "User::zero;name;count;");
	assert_string_equal(so_expression_text(expression), "@[User::zero] = LEN(@name) + @count");
	assert_int_equal(so_expression_type(expression), SO_TYPE_I4);

	expression = so_expression_compile(context, "@count > 5", false, "/eval", resolver, &error);
	assert_true(so_expression_evaluate_boolean(expression, context, resolver, &truth, &error));
	assert_true(truth);
	expression = so_expression_compile(context, "@count", false, "/eval", resolver, &error);
	assert_false(so_expression_evaluate_boolean(expression, context, resolver, &truth, &error));
	assert_int_equal(error.code, SO_ERR_EXPRESSION_NOT_BOOLEAN);
	expression =
		so_expression_compile(context, "@count > NULL(DT_I4)", false, "/eval", resolver, &error);
	assert_false(so_expression_evaluate_boolean(expression, context, resolver, &truth, &error));
	assert_int_equal(error.code, SO_ERR_EXPRESSION_NOT_BOOLEAN);
	assert_string_equal(error.place, "/eval:1");

	/* No resolver: constants only. */
	expression = so_expression_compile(context, "1 + 1", false, NULL, NULL, &error);
	assert_non_null(expression);
	expression = so_expression_compile(context, "@x", false, NULL, NULL, &error);
	assert_non_null(expression);
	assert_int_equal(so_expression_type(expression), SO_TYPE_NONE);
	talloc_free(context);
}

static const SoExpression *shared_expression;

/* Evaluates the shared expression in a context of its own; returns NULL when all results were right. */
static void *
evaluate_often(void *wrong)
{
	const SoExpressionResolver *resolver = so_test_expression_resolver();

	for (int i = 0; i < 2000; i++)
	{
		TALLOC_CTX *context = talloc_new(NULL);
		SoValue value;
		SoError error;
		bool good = so_expression_evaluate(shared_expression, context, resolver, &value, &error) &&
					strcmp(value.as.text.bytes, "ANNA 7 2026-03-01 13:34:56.789") == 0;

		talloc_free(context);
		if (!good)
			return wrong;
	}
	return NULL;
}

static void
test_threads(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	pthread_t threads[4];
	SoError error;

	(void) state;
	shared_expression = so_expression_compile(
		context, "UPPER(@name) + \" \" + (DT_WSTR, 5) @count + \" \" + (DT_WSTR, 30) GETDATE()",
		false, NULL, so_test_expression_resolver(), &error);
	assert_non_null(shared_expression);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, evaluate_often, &error), 0);
	for (int i = 0; i < 4; i++)
	{
		void *result;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
	talloc_free(context);
}

/* Callers that only want to know whether it works pass no error. */
static void
test_without_error(void **state)
{
	static const char *const wrong[] = {
		"1 +",         "@none",           "\"\\q\"",
		"1 + \"a\"",   "LEFT(\"a\", -1)", "(DT_I4) \"x\"",
		"SUBSTRNG(1)", "column",          "(DT_I44) 1",
		"1 = 2",       "@count / @zero",  "DATEPART(\"x\", GETDATE())"};
	TALLOC_CTX *context = talloc_new(NULL);

	(void) state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
	{
		SoExpression *expression = so_expression_compile(context, wrong[i], true, NULL,
														 so_test_expression_resolver(), NULL);
		SoValue value;

		assert_false(expression != NULL &&
					 so_expression_evaluate(expression, context, so_test_expression_resolver(),
											&value, NULL));
	}
	talloc_free(context);
}

/* A cast of a constant that cuts something off is warned of, at its column; nothing else is. */
static void
test_truncating_casts(void **state)
{
	static const struct
	{
		const char *text;
		int column; /* 0: no warning */
	} cases[] = {
		{"(DT_WSTR, 2) \"Cat\"", 1},
		{"\"a\" + (DT_STR, 2, 1252) \"Cat\"", 7},
		{"(DT_WSTR, 3) \"Cat\"", 0},
		{"(DT_WSTR, 3) NULL(DT_WSTR, 9)", 0},
		{"(DT_I4) 3.99", 1},
		{"(DT_I4) 3.00", 0},
		{"1 + (DT_I4) 2.5L", 5},
		{"(DT_NUMERIC, 5, 2) 999.999", 1},
		{"(DT_NUMERIC, 5, 2) 0.1L", 0},
		{"(DT_R4) 0.1L", 0},
		{"(DT_WSTR, 1) 25", 0},
		{"(DT_I4) \"3\"", 0},
		{"False && (DT_I4) 3.99 == 3", 10},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		TALLOC_CTX *context = talloc_new(NULL);
		SoError error = {0};
		SoExpression *expression =
			so_expression_compile(context, cases[i].text, false, "here", NULL, &error);
		char place[32];

		assert_non_null(expression);
		assert_int_equal(so_expression_warning(expression, &error), cases[i].column != 0);
		if (cases[i].column != 0)
		{
			snprintf(place, sizeof(place), "here:%d", cases[i].column);
			assert_string_equal(error.place, place);
			assert_int_equal(error.code, SO_ERR_EXPRESSION_TRUNCATION);
		}
		talloc_free(context);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syntax),        cmocka_unit_test(test_variables),
		cmocka_unit_test(test_assignment),    cmocka_unit_test(test_messages),
		cmocka_unit_test(test_whole_message), cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_limits),        cmocka_unit_test(test_text_budget),
		cmocka_unit_test(test_door),          cmocka_unit_test(test_threads),
		cmocka_unit_test(test_without_error), cmocka_unit_test(test_truncating_casts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
