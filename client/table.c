/*
 * client/table.c
 *
 * Prints query results as tables or JSON.
 *
 * Process: client, one thread.
 */
#include "client/table.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* OIDs of pg_type that are no strings in JSON. */
#define TYPE_BOOL   16
#define TYPE_INT8   20
#define TYPE_INT2   21
#define TYPE_INT4   23
#define TYPE_FLOAT4 700
#define TYPE_FLOAT8 701

bool
so_table_wants_json(bool json, bool plain)
{
	return json || (!plain && !isatty(STDOUT_FILENO));
}

static json_t *
field_to_json(const PGresult *result, int row, int column)
{
	const char *text = PQgetvalue(result, row, column);
	double number;

	if (PQgetisnull(result, row, column))
		return json_null();
	switch (PQftype(result, column))
	{
		case TYPE_BOOL:
			return json_boolean(text[0] == 't');
		case TYPE_INT2:
		case TYPE_INT4:
		case TYPE_INT8:
			return json_integer(strtoll(text, NULL, 10));
		case TYPE_FLOAT4:
		case TYPE_FLOAT8:
			number = strtod(text, NULL);
			/* JSON has no NaN and no infinity */
			return isfinite(number) ? json_real(number) : json_string(text);
		default:
			return json_string(text);
	}
}

static void
print_json(const PGresult *result)
{
	json_t *rows = json_array();

	for (int row = 0; row < PQntuples(result); row++)
	{
		json_t *object = json_object();

		for (int column = 0; column < PQnfields(result); column++)
			json_object_set_new(object, PQfname(result, column),
								field_to_json(result, row, column));
		json_array_append_new(rows, object);
	}
	json_dumpf(rows, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
	putchar('\n');
	json_decref(rows);
}

void
so_table_print(const PGresult *result, bool as_json)
{
	PQprintOpt options = {0};
	char separator[] = "|";

	if (as_json)
	{
		print_json(result);
		return;
	}
	options.header = 1;
	options.align = 1;
	options.fieldSep = separator;
	PQprint(stdout, result, &options);
}
