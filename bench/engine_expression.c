/*
 * bench/engine_expression.c
 *
 * How fast are expressions?  Compiles once and evaluates 100,000 times what
 * packages typically hold, and prints evaluations (and compilations) per second.
 *
 * usage: engine_expression [COUNT]
 *
 * Process: the benchmark itself, one thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/expression/expression.h"

static SoValue values[4];
static const char *const names[] = {"User::table", "User::count", "System::PackageName",
									"User::started"};

static int
find_name(const char *name)
{
	for (int i = 0; i < 4; i++)
	{
		if (strcmp(names[i], name) == 0)
			return i;
	}
	return -1;
}

static SoDataType
declare(void *context, const char *name)
{
	(void) context;
	return find_name(name) < 0 ? SO_TYPE_NONE : values[find_name(name)].type;
}

static const SoValue *
lookup(void *context, const char *name)
{
	(void) context;
	return find_name(name) < 0 ? NULL : &values[find_name(name)];
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static bool
measure(const char *title, const char *text, int count, const SoExpressionResolver *resolver)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoError error;
	SoExpression *expression = NULL;
	SoValue value;
	char message[4096];
	double start = seconds();
	double compiled;

	for (int i = 0; i < count / 10; i++)
	{
		talloc_free(expression);
		expression = so_expression_compile(context, text, false, "bench", resolver, &error);
		if (expression == NULL)
		{
			fprintf(stderr, "%s\n", so_error_format(&error, message, sizeof(message)));
			talloc_free(context);
			return false;
		}
	}
	compiled = seconds();
	for (int i = 0; i < count; i++)
	{
		TALLOC_CTX *result = talloc_new(context);

		if (!so_expression_evaluate(expression, result, resolver, &value, &error))
		{
			fprintf(stderr, "%s\n", so_error_format(&error, message, sizeof(message)));
			talloc_free(context);
			return false;
		}
		talloc_free(result);
	}
	printf("%-28s %9.0f evaluations/s %9.0f compilations/s\n", title,
		   count / (seconds() - compiled), count / 10 / (compiled - start));
	talloc_free(context);
	return true;
}

int
main(int argc, char **argv)
{
	static const SoExpressionResolver resolver = {NULL, declare, NULL, lookup, NULL, NULL};
	TALLOC_CTX *context = talloc_new(NULL);
	int count = argc > 1 ? atoi(argv[1]) : 100000;
	SoError error;
	bool done;

	values[0] = so_value_string(context, "sales");
	values[1] = so_value_integer(SO_TYPE_I4, 7);
	values[2] = so_value_string(context, "load_sales");
	if (count < 10 ||
		!so_value_from_text(context, SO_TYPE_DATE, "2026-03-01 04:05:06", &values[3], &error))
		return 1;
	done = measure("condition", "@[User::count] > 5 && @[User::table] != \"\"", count, &resolver) &&
		   measure("arithmetic", "(@[User::count] + 1) * 2 - 3", count, &resolver) &&
		   measure("statement text",
				   "\"SELECT * FROM stage.\" + @[User::table] + \" WHERE batch = \" + "
				   "(DT_WSTR, 12) @[User::count] + \" AND day >= '\" + (DT_WSTR, 10) "
				   "@[User::started] + \"'\"",
				   count, &resolver) &&
		   measure("file name",
				   "\"/out/\" + @[System::PackageName] + \"_\" + (DT_WSTR, 4) YEAR(GETDATE()) + "
				   "RIGHT(\"0\" + (DT_WSTR, 2) MONTH(GETDATE()), 2) + \".log\"",
				   count, &resolver) &&
		   measure("single variable", "@[User::table]", count, &resolver);
	talloc_free(context);
	return done ? 0 : 1;
}
