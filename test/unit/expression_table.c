/*
 * test/unit/expression_table.c
 *
 * The variables that expression tests and docs/expressions.md use, and the
 * comparison of results with their written form.
 *
 * Process: unit tests of engine/expression; one thread, static variables.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "test/unit/expression_table.h"

typedef struct TestVariable
{
	const char *name;
	const char *type;
	const char *text;
	SoValue value;
} TestVariable;

static TestVariable variables[] = {
	{"User::count", "int32", "7", {0}},
	{"User::zero", "int32", "0", {0}},
	{"User::total", "int64", "9000000000", {0}},
	{"User::huge", "uint64", "18446744073709551615", {0}},
	{"User::small", "byte", "200", {0}},
	{"User::ratio", "double", "2.5", {0}},
	{"User::price", "decimal", "12.50", {0}},
	{"User::name", "string", "Anna", {0}},
	{"User::My Name", "string", "Berta", {0}},
	{"User::empty", "string", "", {0}},
	{"User::path", "string", "/in/sales_2026-03-01.csv", {0}},
	{"User::flag", "boolean", "true", {0}},
	{"User::started", "datetime", "2026-03-01 04:05:06", {0}},
	{"User::rows", "object", "[[1,\"a\"],[2,\"b\"]]", {0}},
	{"System::PackageName", "string", "load_sales", {0}},
	{"$Package::since", "datetime", "2026-01-01", {0}},
	{"$Project::region", "string", "EU", {0}},
};

#define VARIABLE_COUNT (sizeof(variables) / sizeof(variables[0]))

/* A full name, or the part after the namespace. */
static TestVariable *
find_variable(const char *name)
{
	for (size_t i = 0; i < VARIABLE_COUNT; i++)
	{
		if (strcmp(variables[i].name, name) == 0 ||
			strcmp(strstr(variables[i].name, "::") + 2, name) == 0)
			return &variables[i];
	}
	return NULL;
}

static SoDataType
declare(void *context, const char *name)
{
	const TestVariable *variable = find_variable(name);

	(void) context;
	return variable != NULL ? so_data_type_from_name(variable->type) : SO_TYPE_NONE;
}

static const char *
suggest(void *context, const char *name)
{
	(void) context;
	return strstr(name, "coun") != NULL ? "User::count" : NULL;
}

static const SoValue *
lookup(void *context, const char *name)
{
	const TestVariable *variable = find_variable(name);

	(void) context;
	return variable != NULL ? &variable->value : NULL;
}

static bool
assign(void *context, const char *name, const SoValue *value, SoError *error)
{
	(void) context;
	(void) value;
	if (find_variable(name) == NULL)
		return so_error_set(error, SO_ERR_EXPRESSION_VARIABLE_UNKNOWN, NULL, "no variable %s",
							name);
	if (strncmp(name, "System::", 8) == 0)
		return so_error_set(error, SO_ERR_EXPRESSION_ASSIGNMENT, NULL, "%s is read only", name);
	return true;
}

static int64_t
now(void *context)
{
	(void) context;
	return INT64_C(1772368496789000);
}

const SoExpressionResolver *
so_test_expression_resolver(void)
{
	static const SoExpressionResolver resolver = {NULL, declare, suggest, lookup, assign, now};
	/* Lives as long as the variables. */
	static TALLOC_CTX *values = NULL;
	SoError error;

	if (values != NULL)
		return &resolver;
	values = talloc_new(NULL);
	setenv("TZ", "CET-1", 1);
	tzset();
	for (size_t i = 0; i < VARIABLE_COUNT; i++)
	{
		if (!so_value_from_text(values, so_data_type_from_name(variables[i].type),
								variables[i].text, &variables[i].value, &error))
			fail_msg("%s: %s", variables[i].name, error.message);
	}
	return &resolver;
}

/* A text as the language writes it. */
static char *
quoted(TALLOC_CTX *context, const SoValue *value)
{
	static const char plain[] = "\a\b\f\n\r\t\v\"\\";
	static const char letters[] = "abfnrtv\"\\";
	char *text = talloc_strdup(context, "\"");

	for (size_t i = 0; i < value->as.text.length; i++)
	{
		char c = value->as.text.bytes[i];
		const char *special = c == '\0' ? NULL : strchr(plain, c);

		text = special != NULL ? talloc_asprintf_append(text, "\\%c", letters[special - plain])
							   : talloc_asprintf_append(text, "%c", c);
	}
	return talloc_asprintf_append(text, "\"");
}

static char *
written(TALLOC_CTX *context, const SoValue *value)
{
	if (value->is_null)
		return talloc_strdup(context, "NULL");
	if (value->type == SO_TYPE_BOOL)
		return talloc_strdup(context, value->as.boolean ? "True" : "False");
	if (so_data_type_is_character(value->type))
		return quoted(context, value);
	return so_value_to_text(context, value);
}

/* One evaluation; what came out, as it would be written. */
static char *
outcome(TALLOC_CTX *context, const char *expression, const SoExpressionResolver *resolver,
		bool with_type, SoError *error)
{
	SoExpression *compiled =
		so_expression_compile(context, expression, true, "test", resolver, error);
	SoValue value;
	char *text;

	if (compiled == NULL || !so_expression_evaluate(compiled, context, resolver, &value, error))
		return talloc_asprintf(context, "error %s", so_error_state(error->code));
	if (so_expression_type(compiled) != SO_TYPE_NONE && so_expression_type(compiled) != value.type)
		return talloc_asprintf(context, "a %s although %s was announced",
							   so_data_type_name(value.type),
							   so_data_type_name(so_expression_type(compiled)));
	text = written(context, &value);
	return with_type ? talloc_asprintf(context, "%s (%s)", text, so_data_type_name(value.type))
					 : text;
}

static bool
matches(TALLOC_CTX *context, const char *expression, const char *expected,
		const SoExpressionResolver *resolver, bool with_type, const char *how)
{
	SoError error;
	char text[4096];
	char *found;

	so_error_clear(&error);
	found = outcome(context, expression, resolver, with_type, &error);
	if (strcmp(found, expected) == 0)
		return true;
	print_error("%s%s\n    expected %s\n    found    %s\n    %s\n", expression, how, expected,
				found, error.code != SO_OK ? so_error_format(&error, text, sizeof(text)) : "");
	return false;
}

bool
so_test_expression(const char *expression, const char *expected)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoExpressionResolver undeclared = *so_test_expression_resolver();
	const char *type = strstr(expected, " (DT_");
	bool good;

	good = matches(context, expression, expected, so_test_expression_resolver(), type != NULL, "");
	/* Without declared types ?: cannot know the type of the branch that it does not take. */
	undeclared.declare = NULL;
	if (strncmp(expected, "error ", 6) != 0)
		good = matches(context, expression,
					   type != NULL ? talloc_strndup(context, expected, (size_t) (type - expected))
									: expected,
					   &undeclared, false, " [types unknown]") &&
			   good;
	talloc_free(context);
	return good;
}

void
so_test_expression_rows(const SoTestRow *rows, size_t count)
{
	size_t wrong = 0;

	for (size_t i = 0; i < count; i++)
		wrong += !so_test_expression(rows[i].expression, rows[i].expected);
	if (wrong > 0)
		fail_msg("%zu of %zu rows are wrong", wrong, count);
}
