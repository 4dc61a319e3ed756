/*
 * test/unit/test_tasks_sql_text.c
 *
 * engine/tasks/sql_text.c: statements and parameter markers.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/tasks/sql_text.h"

static const char *const names[] = {"since", NULL, "till"};

/* The statements joined by " | " with their bindings: "text[0,1] | ...". */
static char *
split(TALLOC_CTX *context, const char *sql, SoSqlMarkers markers)
{
	SoSqlText *statements;
	SoError error;
	int count;
	char *joined = talloc_strdup(context, "");

	markers.names = names;
	markers.count = 3;
	if (!so_sql_text_split(context, sql, &markers, &statements, &count, &error))
		return talloc_asprintf(context, "%s %s", so_error_state(error.code), error.message);
	for (int i = 0; i < count; i++)
	{
		const char *text = statements[i].text + strspn(statements[i].text, " \n");

		joined = talloc_asprintf_append(joined, "%s%s[", i > 0 ? " | " : "", text);
		for (int j = 0; j < statements[i].binding_count; j++)
			joined =
				talloc_asprintf_append(joined, "%s%d", j > 0 ? "," : "", statements[i].bindings[j]);
		joined = talloc_asprintf_append(joined, "]");
	}
	return joined;
}

typedef struct Case
{
	const char *sql;
	const char *expected;
} Case;

static const Case dollar_cases[] = {
	{"", ""},
	{" ; -- nothing\n;", ""},
	{"SELECT 1", "SELECT 1[]"},
	{"SELECT 1; SELECT 2;", "SELECT 1[] | SELECT 2[]"},
	{"SELECT ';'; SELECT \";\"", "SELECT ';'[] | SELECT \";\"[]"},
	{"SELECT 'it''s;'; X", "SELECT 'it''s;'[] | X[]"},
	{"SELECT E'a\\';'; X", "SELECT E'a\\';'[] | X[]"},
	{"SELECT 'a\\'; X", "SELECT 'a\\'[] | X[]"},
	{"SELECT $$;$$; X", "SELECT $$;$$[] | X[]"},
	{"SELECT $a$ $$; $a$; X", "SELECT $a$ $$; $a$[] | X[]"},
	{"SELECT 1 /* ; /* ; */ ; */; X", "SELECT 1 /* ; /* ; */ ; */[] | X[]"},
	{"SELECT 1 -- ;\n; X", "SELECT 1 -- ;\n[] | X[]"},
	{"SELECT (1;2); X", "SELECT (1;2)[] | X[]"},
	{"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; "
	 "END; X",
	 "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; "
	 "END[] | X[]"},
	{"BEGIN; X; END; Y", "BEGIN[] | X[] | END[] | Y[]"},
	{"SELECT $1, $2, $1", "SELECT $1, $2, $1[0,1]"},
	{"SELECT $3; SELECT $2", "SELECT $1[2] | SELECT $1[1]"},
	{"SELECT :since, @till, :since", "SELECT $1, $2, $1[0,2]"},
	{"SELECT ':since', x::since, :other", "SELECT ':since', x::since, :other[]"},
	{"SELECT @ -5, a @> b, :sincere", "SELECT @ -5, a @> b, :sincere[]"},
	{"SELECT a?b", "SELECT a?b[]"},
	{"SELECT a$1, b1$2", "SELECT a$1, b1$2[]"},
	{"SELECT $4", "SO809 the SQL uses parameter 4, but there are 3 parameter bindings"},
	{"SELECT 1;\n SELECT 'x", "SO827 a quotation that begins in line 2 of the SQL is not closed"},
	{"SELECT $q$ x", "SO827 a dollar quotation that begins in line 1 of the SQL is not closed"},
	{"/* x", "SO827 a comment that begins in line 1 of the SQL is not closed"},
	{NULL, NULL}};

static void
splits_by_the_table(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);

	(void) state;
	for (int i = 0; dollar_cases[i].sql != NULL; i++)
		assert_string_equal(split(context, dollar_cases[i].sql, (SoSqlMarkers){.dollar = true}),
							dollar_cases[i].expected);
	talloc_free(context);
}

static void
question_marks_count_across_statements(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoSqlMarkers odbc = {.question_mark = true, .write_question_marks = true};
	SoSqlMarkers postgres = {.question_mark = true};

	(void) state;
	assert_string_equal(split(context, "A ?, ?; B ?", odbc), "A ?, ?[0,1] | B ?[2]");
	assert_string_equal(split(context, "A :since, :since", odbc), "A ?, ?[0,0]");
	assert_string_equal(split(context, "A ?, ?; B ?", postgres), "A $1, $2[0,1] | B $1[2]");
	talloc_free(context);
}

static void
display_leads_to_the_place(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoSqlMarkers markers = {.names = names, .count = 3, .dollar = true};
	SoSqlText *statements;
	SoError error;
	int count;

	(void) state;
	assert_true(so_sql_text_split(context, "SELECT '\xc3\xa4';SELECT :till", &markers, &statements,
								  &count, &error));
	assert_int_equal(count, 2);
	assert_int_equal(statements[1].display_offset, 11);
	assert_string_equal(statements[1].display, "SELECT '\xc3\xa4';SELECT $1");
	talloc_free(context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_by_the_table),
		cmocka_unit_test(question_marks_count_across_statements),
		cmocka_unit_test(display_leads_to_the_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
