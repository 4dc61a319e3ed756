/*
 * engine/connections/odbc_sql.c
 *
 * Runs one statement on an ODBC session: bind parameters, execute under a
 * watch, fetch every cell as text.
 *
 * Process: runner and client, in the thread that owns the session.  The
 * statement handle lives in one call.
 */
#include "engine/connections/odbc.h"
#include "engine/connections/sql.h"

#include <string.h>

#define CELL_UNITS 2048

/* What a bound parameter points to while the statement runs. */
typedef struct Bound
{
	SQLLEN indicator;
	int64_t integer;
	double real;
	unsigned char bit;
	SQLWCHAR *text;
	size_t units;
} Bound;

typedef struct Execution
{
	SoConnection *connection;
	TALLOC_CTX *context;
	const SoSqlRequest *request;
	SQLHSTMT statement;
	SoError *error;
} Execution;

static bool
failed(Execution *execution)
{
	return so_odbc_error(execution->connection, SQL_HANDLE_STMT, execution->statement,
						 execution->request->text, execution->error);
}

static SoDataType
type_of_column(SQLSMALLINT type)
{
	switch (type)
	{
		case SQL_BIT:
			return SO_TYPE_BOOL;
		case SQL_TINYINT:
		case SQL_SMALLINT:
			return SO_TYPE_I2;
		case SQL_INTEGER:
			return SO_TYPE_I4;
		case SQL_BIGINT:
			return SO_TYPE_I8;
		case SQL_REAL:
			return SO_TYPE_R4;
		case SQL_FLOAT:
		case SQL_DOUBLE:
			return SO_TYPE_R8;
		case SQL_DECIMAL:
		case SQL_NUMERIC:
			return SO_TYPE_NUMERIC;
		case SQL_TYPE_DATE:
			return SO_TYPE_DBDATE;
		case SQL_TYPE_TIME:
			return SO_TYPE_DBTIME2;
		case SQL_TYPE_TIMESTAMP:
			return SO_TYPE_DBTIMESTAMP2;
		case SQL_GUID:
			return SO_TYPE_GUID;
		case SQL_BINARY:
		case SQL_VARBINARY:
		case SQL_LONGVARBINARY:
			return SO_TYPE_IMAGE;
		default:
			return SO_TYPE_WSTR;
	}
}

static bool
is_integer(SoDataType type)
{
	return type >= SO_TYPE_I1 && type <= SO_TYPE_I8;
}

/* The SQL type for a value that is sent as text. */
static SQLSMALLINT
text_type(SoDataType type, SQLULEN *size, SQLSMALLINT *digits)
{
	*digits = 0;
	switch (type)
	{
		case SO_TYPE_UI8:
		case SO_TYPE_CY:
		case SO_TYPE_DECIMAL:
		case SO_TYPE_NUMERIC:
			*size = 38;
			*digits = type == SO_TYPE_UI8 ? 0 : 10;
			return SQL_NUMERIC;
		case SO_TYPE_DBDATE:
			*size = 10;
			return SQL_TYPE_DATE;
		case SO_TYPE_DBTIME:
		case SO_TYPE_DBTIME2:
			*size = 8;
			return SQL_TYPE_TIME;
		case SO_TYPE_DATE:
		case SO_TYPE_DBTIMESTAMP:
		case SO_TYPE_DBTIMESTAMP2:
			*size = 26;
			*digits = 6;
			return SQL_TYPE_TIMESTAMP;
		default:
			return SQL_WVARCHAR;
	}
}

static SQLRETURN
bind_text(Execution *execution, SQLUSMALLINT number, const SoSqlParameter *parameter,
		  SoDataType type, Bound *bound)
{
	const char *text =
		parameter->value.is_null ? "" : so_value_to_text(execution->context, &parameter->value);
	SQLSMALLINT digits;
	SQLULEN size;
	SQLSMALLINT sql_type;

	bound->text = so_odbc_wide(execution->context, text, &bound->units);
	/* Six digits of a second are what servers take. */
	if (type >= SO_TYPE_DATE && type <= SO_TYPE_DBTIMESTAMP2 && strlen(text) > 26)
		bound->units = 26;
	size = bound->units > 0 ? bound->units : 1;
	sql_type = text_type(type, &size, &digits);
	if (!parameter->value.is_null)
		bound->indicator = (SQLLEN) (bound->units * sizeof(SQLWCHAR));
	return SQLBindParameter(execution->statement, number, SQL_PARAM_INPUT, SQL_C_WCHAR, sql_type,
							size, digits, bound->text, (SQLLEN) (bound->units * sizeof(SQLWCHAR)),
							&bound->indicator);
}

static bool
bind_parameters(Execution *execution)
{
	const SoSqlRequest *request = execution->request;
	Bound *bound = talloc_zero_array(execution->context, Bound, request->parameter_count);

	for (int i = 0; i < request->parameter_count; i++)
	{
		const SoSqlParameter *parameter = &request->parameters[i];
		SoDataType type = parameter->type != SO_TYPE_NONE ? parameter->type : parameter->value.type;
		SQLUSMALLINT number = (SQLUSMALLINT) (i + 1);
		SQLRETURN result;

		bound[i].indicator = parameter->value.is_null ? SQL_NULL_DATA : 0;
		if (is_integer(type) && type != SO_TYPE_UI8)
		{
			bool is_signed = type == SO_TYPE_I1 || type == SO_TYPE_I2 || type == SO_TYPE_I4 ||
							 type == SO_TYPE_I8;

			bound[i].integer = is_signed ? parameter->value.as.integer
										 : (int64_t) parameter->value.as.unsigned_integer;
			result = SQLBindParameter(execution->statement, number, SQL_PARAM_INPUT, SQL_C_SBIGINT,
									  SQL_BIGINT, 0, 0, &bound[i].integer, 0, &bound[i].indicator);
		}
		else if (type == SO_TYPE_R4 || type == SO_TYPE_R8)
		{
			bound[i].real = parameter->value.as.real;
			result = SQLBindParameter(execution->statement, number, SQL_PARAM_INPUT, SQL_C_DOUBLE,
									  SQL_DOUBLE, 0, 0, &bound[i].real, 0, &bound[i].indicator);
		}
		else if (type == SO_TYPE_BOOL)
		{
			bound[i].bit = parameter->value.as.boolean;
			result = SQLBindParameter(execution->statement, number, SQL_PARAM_INPUT, SQL_C_BIT,
									  SQL_BIT, 0, 0, &bound[i].bit, 0, &bound[i].indicator);
		}
		else
			result = bind_text(execution, number, parameter, type, &bound[i]);
		if (!SQL_SUCCEEDED(result))
			return failed(execution);
	}
	return true;
}

static bool
describe_columns(Execution *execution, SoSqlResult *result, SQLSMALLINT count)
{
	result->column_count = count;
	result->columns = talloc_zero_array(execution->context, SoSqlColumn, count);
	for (SQLSMALLINT i = 0; i < count; i++)
	{
		SQLWCHAR name[256] = {0};
		SQLSMALLINT length = 0;
		SQLSMALLINT type = 0;
		SQLSMALLINT digits;
		SQLSMALLINT nullable;
		SQLULEN size;

		if (!SQL_SUCCEEDED(SQLDescribeColW(execution->statement, (SQLUSMALLINT) (i + 1), name, 255,
										   &length, &type, &size, &digits, &nullable)))
			return failed(execution);
		result->columns[i].name = so_odbc_narrow(execution->context, name,
												 length > 255 ? 255
												 : length < 0 ? 0
															  : (size_t) length);
		result->columns[i].type = type_of_column(type);
	}
	return true;
}

/* One cell, in as many pieces as it takes; *cell NULL for SQL NULL. */
static bool
fetch_text(Execution *execution, SQLUSMALLINT column, const char **cell)
{
	SQLWCHAR piece[CELL_UNITS];
	SQLWCHAR *whole = NULL;
	size_t units = 0;

	for (;;)
	{
		SQLLEN left = 0;
		SQLRETURN result =
			SQLGetData(execution->statement, column, SQL_C_WCHAR, piece, sizeof(piece), &left);
		size_t got;

		if (result == SQL_NO_DATA)
			break;
		if (!SQL_SUCCEEDED(result))
			return failed(execution);
		if (left == SQL_NULL_DATA)
			return true;
		got = left == SQL_NO_TOTAL || (size_t) left >= sizeof(piece)
				  ? CELL_UNITS - 1
				  : (size_t) left / sizeof(SQLWCHAR);
		whole = talloc_realloc(execution->context, whole, SQLWCHAR, units + got);
		memcpy(whole + units, piece, got * sizeof(SQLWCHAR));
		units += got;
		if (result == SQL_SUCCESS)
			break;
	}
	*cell = so_odbc_narrow(execution->context, whole != NULL ? whole : piece, units);
	talloc_free(whole);
	return true;
}

static bool
fetch_binary(Execution *execution, SQLUSMALLINT column, const char **cell)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char piece[CELL_UNITS];
	char *text = talloc_strdup(execution->context, "\\x");
	size_t used = 2;

	for (;;)
	{
		SQLLEN left = 0;
		SQLRETURN result =
			SQLGetData(execution->statement, column, SQL_C_BINARY, piece, sizeof(piece), &left);
		size_t got;

		if (result == SQL_NO_DATA)
			break;
		if (!SQL_SUCCEEDED(result))
			return failed(execution);
		if (left == SQL_NULL_DATA)
			return true;
		got = left == SQL_NO_TOTAL || (size_t) left > sizeof(piece) ? sizeof(piece) : (size_t) left;
		text = talloc_realloc(execution->context, text, char, used + got * 2 + 1);
		for (size_t i = 0; i < got; i++)
		{
			text[used++] = digits[piece[i] >> 4];
			text[used++] = digits[piece[i] & 15];
		}
		text[used] = '\0';
		if (result == SQL_SUCCESS)
			break;
	}
	*cell = text;
	return true;
}

static bool
fetch_rows(Execution *execution, SoSqlResult *result)
{
	int room = 0;

	for (;;)
	{
		SQLRETURN code = SQLFetch(execution->statement);

		if (code == SQL_NO_DATA)
			return true;
		if (!SQL_SUCCEEDED(code))
			return failed(execution);
		if (result->row_count == room)
		{
			room = room == 0 ? 16 : room * 2;
			result->cells = talloc_realloc(execution->context, result->cells, const char *,
										   (size_t) room * result->column_count);
		}
		for (int column = 0; column < result->column_count; column++)
		{
			const char **cell =
				&result->cells[(size_t) result->row_count * result->column_count + column];

			*cell = NULL;
			if (result->columns[column].type == SO_TYPE_IMAGE
					? !fetch_binary(execution, (SQLUSMALLINT) (column + 1), cell)
					: !fetch_text(execution, (SQLUSMALLINT) (column + 1), cell))
				return false;
		}
		result->row_count++;
	}
}

static bool
collect_results(Execution *execution, SoSqlResults *results)
{
	for (;;)
	{
		SoSqlResult *result = so_sql_results_add(execution->context, results);
		SQLSMALLINT columns = 0;
		SQLLEN rows = -1;
		SQLRETURN more;

		if (!SQL_SUCCEEDED(SQLNumResultCols(execution->statement, &columns)))
			return failed(execution);
		if (columns > 0)
		{
			if (!describe_columns(execution, result, columns) || !fetch_rows(execution, result))
				return false;
		}
		else if (SQL_SUCCEEDED(SQLRowCount(execution->statement, &rows)))
			result->affected = rows;
		more = SQLMoreResults(execution->statement);
		if (more == SQL_NO_DATA)
			return true;
		if (!SQL_SUCCEEDED(more))
			return failed(execution);
	}
}

static bool
run_statement(Execution *execution, SoSqlResults *results)
{
	SQLWCHAR *text = so_odbc_wide(execution->context, execution->request->text, NULL);
	SQLRETURN result;

	if (!bind_parameters(execution))
		return false;
	if (execution->request->parameter_count > 0 && !execution->request->bypass_prepare)
	{
		if (!SQL_SUCCEEDED(SQLPrepareW(execution->statement, text, SQL_NTS)))
			return failed(execution);
		result = SQLExecute(execution->statement);
	}
	else
		result = SQLExecDirectW(execution->statement, text, SQL_NTS);
	/* SQL_NO_DATA: an UPDATE or DELETE that met no row. */
	if (!SQL_SUCCEEDED(result) && result != SQL_NO_DATA)
		return failed(execution);
	return collect_results(execution, results);
}

bool
so_odbc_execute(SoConnection *connection, TALLOC_CTX *context, const SoSqlRequest *request,
				const SoWait *wait, SoSqlResults *results, SoError *error)
{
	Execution execution = {
		.connection = connection, .context = context, .request = request, .error = error};
	SoOdbcWatch *watch;
	bool good;

	if (!SQL_SUCCEEDED(
			SQLAllocHandle(SQL_HANDLE_STMT, connection->odbc->database, &execution.statement)))
		return so_odbc_error(connection, SQL_HANDLE_DBC, connection->odbc->database, request->text,
							 error);
	watch = so_odbc_watch_begin(execution.statement, wait, error);
	good = watch != NULL && run_statement(&execution, results);
	/* What stopped the call says more than what the driver made of it. */
	if (watch != NULL)
		so_odbc_watch_end(watch, good ? NULL : error);
	SQLFreeHandle(SQL_HANDLE_STMT, execution.statement);
	return good;
}
