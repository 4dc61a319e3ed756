/*
 * engine/connections/sql.c
 *
 * What is common to SQL on every kind of session: choosing the implementation,
 * and turning cells into values and JSON.
 *
 * Process: runner and client, in the thread that owns the session.  No state.
 */
#include "engine/connections/sql.h"

#include <string.h>

bool
so_sql_execute(SoConnection *connection, TALLOC_CTX *context, const SoSqlRequest *request,
			   const SoWait *wait, SoSqlResults *results, SoError *error)
{
	if (connection->kind == SO_CONNECTION_ODBC)
		return so_odbc_execute(connection, context, request, wait, results, error);
	return so_postgres_execute(connection, context, request, wait, results, error);
}

SoSqlResult *
so_sql_results_add(TALLOC_CTX *context, SoSqlResults *results)
{
	SoSqlResult *result;

	results->items = talloc_realloc(context, results->items, SoSqlResult, results->count + 1);
	result = &results->items[results->count++];
	memset(result, 0, sizeof(*result));
	result->affected = -1;
	return result;
}

/* PostgreSQL writes "+01" or "+05:30" behind a time stamp; values want " +01:00". */
static const char *
offset_text(TALLOC_CTX *context, const char *text)
{
	size_t length = strlen(text);
	const char *sign;

	if (length < 20)
		return text;
	sign = strpbrk(text + 19, "+-");
	if (sign == NULL || sign[-1] == ' ')
		return text;
	return talloc_asprintf(context, "%.*s %s%s", (int) (sign - text), text, sign,
						   strchr(sign, ':') != NULL ? "" : ":00");
}

SoValue
so_sql_cell(TALLOC_CTX *context, const SoSqlResult *result, int row, int column)
{
	SoDataType type = result->columns[column].type;
	const char *text = result->cells[(size_t) row * result->column_count + column];
	SoValue value;
	SoError ignored;

	if (text == NULL)
		return so_value_null(type);
	if (type == SO_TYPE_WSTR || type == SO_TYPE_NTEXT)
		return so_value_string(context, text);
	if (type == SO_TYPE_BOOL)
	{
		if (text[0] == 't' || text[0] == 'T' || text[0] == '1')
			return so_value_boolean(true);
		return so_value_boolean(false);
	}
	if (type == SO_TYPE_DBTIMESTAMPOFFSET)
		text = offset_text(context, text);
	if (so_value_from_text(context, type, text, &value, &ignored))
		return value;
	/* "infinity", NaN, dates before our calendar: the text is all there is. */
	return so_value_string(context, text);
}

json_t *
so_sql_result_json(const SoSqlResult *result)
{
	json_t *names = json_array();
	json_t *types = json_array();
	json_t *rows = json_array();

	for (int column = 0; column < result->column_count; column++)
	{
		const char *type = so_data_type_variable_name(result->columns[column].type);

		if (type == NULL)
			type = so_data_type_name(result->columns[column].type);
		json_array_append_new(names, json_string(result->columns[column].name));
		json_array_append_new(types, json_string(type));
	}
	for (int row = 0; row < result->row_count; row++)
	{
		TALLOC_CTX *scratch = talloc_new(NULL);
		json_t *cells = json_array();

		for (int column = 0; column < result->column_count; column++)
		{
			SoValue value = so_sql_cell(scratch, result, row, column);

			json_array_append_new(cells, so_value_to_json(&value));
		}
		json_array_append_new(rows, cells);
		talloc_free(scratch);
	}
	return json_pack("{s:o, s:o, s:o}", "columns", names, "types", types, "rows", rows);
}
