/*
 * engine/tasks/execute_sql.c
 *
 * The Execute SQL task: takes the SQL text from the document, a file or a
 * variable, runs it on a postgres or odbc connection manager, and hands rows
 * and counts to variables.
 *
 * Process: runner and client, in a task's thread.  Statements of one task
 * outside a transaction are one transaction on PostgreSQL, so a crash or a
 * failure half-way leaves nothing behind.
 */
#include "engine/tasks/execute_sql.h"

#include <string.h>

#include "engine/checkpoint/exactly_once.h"
#include "engine/model/object_types.h"
#include "engine/tasks/outcome.h"

/* An SQL file larger than this is a mistake; data belongs into bulk_insert. */
#define MAX_SQL_FILE ((size_t) 64 * 1024 * 1024)

static const char *const direction_names[] = {"input", "output", "return_value", NULL};
static const char *const result_set_names[] = {"none", "single_row", "full", NULL};
static const char *const marker_names[] = {"auto", "dollar", "question_mark", NULL};

static const SoProperty parameter_binding_properties[] = {
	{"name", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Name that stands in the SQL as :name or @name, or a position (1, 2, ... for $1, $2; with 0, "
	 "1, ... "
	 "counting begins at 0). Without a name the place in the list is the position. For output "
	 "parameters: "
	 "the column that is returned.",
	 "name: since"},
	{"variable", SO_PROPERTY_VARIABLE, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL,
	 NULL, "Variable or parameter that gives the value or takes it.", "variable: \"User::since\""},
	{"direction", SO_PROPERTY_ENUM, SO_PROPERTY_NO_EXPRESSION, "input", direction_names, NULL,
	 "output and return_value are read from the first row that the statement returns (SELECT, "
	 "RETURNING, or "
	 "CALL with INOUT arguments); they have no marker in the SQL.",
	 "direction: output"},
	{"data_type", SO_PROPERTY_DATA_TYPE, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Type to send the value as. Without it numbers have the variable's type and the server infers "
	 "the type "
	 "of texts and dates.",
	 "data_type: int32"},
	{"size", SO_PROPERTY_INT32, SO_PROPERTY_NO_EXPRESSION, "0", NULL, NULL,
	 "Longest value in bytes; 0 means no limit.", "size: 20"},
	{NULL}};

static const SoObjectType parameter_binding_type = {"parameter_binding", "Parameter binding",
													"A variable that is a parameter of the SQL.",
													parameter_binding_properties, NULL};

static const SoProperty result_binding_properties[] = {
	{"result_name", SO_PROPERTY_STRING, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Column's name, or its position beginning with 0. Without it the place in the list is the "
	 "position; "
	 "a full result set ignores it.",
	 "result_name: total"},
	{"variable", SO_PROPERTY_VARIABLE, SO_PROPERTY_REQUIRED | SO_PROPERTY_NO_EXPRESSION, NULL, NULL,
	 NULL, "Variable that takes it: of type object for a full result set.",
	 "variable: \"User::total\""},
	{NULL}};

static const SoObjectType result_binding_type = {"result_binding", "Result binding",
												 "A variable that takes a result.",
												 result_binding_properties, NULL};

static const SoProperty execute_sql_properties[] = {
	{"connection", SO_PROPERTY_CONNECTION, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "Connection manager of type postgres or odbc.", "connection: warehouse"},
	{"sql", SO_PROPERTY_TEXT, 0, NULL, NULL, NULL,
	 "The SQL, one or several statements. On PostgreSQL the statements of one task are one "
	 "transaction, "
	 "unless they contain BEGIN and COMMIT themselves. sql_file names a file with it, relative to "
	 "the package, "
	 "that is read when the package is loaded.",
	 "sql: TRUNCATE stage.sales"},
	{"sql_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL, "Variable that holds the SQL.",
	 "sql_variable: \"User::statement\""},
	{"sql_connection", SO_PROPERTY_CONNECTION, 0, NULL, NULL, NULL,
	 "File connection manager whose file holds the SQL, read when the task runs.",
	 "sql_connection: script"},
	{"parameter_bindings", SO_PROPERTY_OBJECT_LIST, SO_PROPERTY_NO_EXPRESSION, NULL, NULL,
	 &parameter_binding_type,
	 "Parameters. In the SQL they stand as $1, $2 ... or :name or @name; a name that is not bound "
	 "is left "
	 "alone.",
	 "parameter_bindings: [{name: since, variable: \"User::since\"}]"},
	{"parameter_markers", SO_PROPERTY_ENUM, 0, "auto", marker_names, NULL,
	 "Markers of parameters by position: dollar ($1) or question_mark (?). auto is dollar for "
	 "postgres and "
	 "question_mark for odbc.",
	 "parameter_markers: question_mark"},
	{"result_set", SO_PROPERTY_ENUM, 0, "none", result_set_names, NULL,
	 "What to do with rows: none drops them, single_row puts columns of the one row into "
	 "variables, full puts "
	 "all rows into an object variable as {columns, types, rows}. When several statements return "
	 "rows the "
	 "first is used.",
	 "result_set: single_row"},
	{"result_bindings", SO_PROPERTY_OBJECT_LIST, SO_PROPERTY_NO_EXPRESSION, NULL, NULL,
	 &result_binding_type, "Variables that take the result.",
	 "result_bindings: [{result_name: total, variable: \"User::total\"}]"},
	{"row_count_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL,
	 "Variable that takes the number of rows: those inserted, updated, deleted or merged by all "
	 "statements, "
	 "else those returned.",
	 "row_count_variable: \"User::rows\""},
	{"time_out", SO_PROPERTY_DURATION, 0, "0s", NULL, NULL,
	 "How long the statements may run in all; then they are cancelled and the task fails. 0 means "
	 "no limit.",
	 "time_out: 10min"},
	{"bypass_prepare", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Send a statement with parameters in one round trip in place of preparing it first.",
	 "bypass_prepare: true"},
	{"exactly_once", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Leave a marker in the database together with the work, so that a restart after a crash does "
	 "not do it a second time. PostgreSQL only; every statement must be able to run in a "
	 "transaction.",
	 "exactly_once: true"},
	{NULL}};

static const SoObjectType execute_sql_type = {"execute_sql", "Execute SQL task",
											  "Runs SQL statements on a database.",
											  execute_sql_properties, &so_object_type_executable};

static const char *const sources[] = {"sql", "sql_variable", "sql_connection", NULL};

static void
validate(SoTaskValidation *validation)
{
	const SoObject *properties = validation->properties;
	int given = 0;

	so_exactly_once_validate(validation, so_outcome_property(properties, "sql"));
	for (int i = 0; sources[i] != NULL; i++)
		given += so_outcome_property(properties, sources[i]) != NULL;
	if (given == 0)
		so_outcome_finding(validation, false, "sql", "there is no SQL to run",
						   "Give one of sql, sql_file, sql_variable and sql_connection.");
	if (given > 1)
		so_outcome_finding(validation, false, "sql", "the SQL is given in more than one place",
						   "Keep one of sql, sql_file, sql_variable and sql_connection.");
	if (so_object_enum(properties, "result_set") != SO_RESULT_SET_NONE &&
		so_object_field(properties, "result_bindings")->count == 0)
		so_outcome_finding(validation, false, "result_bindings",
						   "result_set has no variable to go to",
						   "Add result_bindings, or set result_set to none.");
	if (so_object_enum(properties, "result_set") == SO_RESULT_SET_NONE &&
		so_object_field(properties, "result_bindings")->count > 0)
		so_outcome_finding(validation, false, "result_set", "result_bindings need a result_set",
						   "Set result_set to single_row or full.");
}

static const char *
sql_text(SoTaskRun *run, SoError *error)
{
	const SoObject *properties = so_task_properties(run);
	const char *name;
	const SoObject *file;

	if (so_outcome_property(properties, "sql") != NULL)
		return so_object_string(properties, "sql");
	name = so_outcome_property(properties, "sql_variable");
	if (name != NULL)
		return so_outcome_variable_text(run, name, error);
	name = so_outcome_property(properties, "sql_connection");
	if (name != NULL)
	{
		file = so_task_connection_properties(run, name, error);
		if (file == NULL)
			return NULL;
		return so_outcome_read_file(so_task_context(run),
									so_object_string(file, "connection_string"), MAX_SQL_FILE, NULL,
									error);
	}
	so_error_set(error, SO_ERR_TASK_PROPERTY, "sql", "there is no SQL to run");
	return NULL;
}

/* One request per statement, with the parameters that it uses. */
static bool
run_statements(SoTaskRun *run, SoConnection *connection, const char *sql,
			   const SoSqlBindings *bindings, const SoWait *wait, SoSqlResults *results,
			   SoError *error)
{
	const SoObject *properties = so_task_properties(run);
	TALLOC_CTX *context = so_task_context(run);
	int style = so_object_enum(properties, "parameter_markers");
	bool odbc = connection->kind == SO_CONNECTION_ODBC;
	SoSqlMarkers markers = {.names = bindings->names,
							.count = bindings->count,
							.dollar = style == 1 || (style == 0 && !odbc),
							.question_mark = style == 2 || (style == 0 && odbc),
							.write_question_marks = odbc};
	SoSqlText *statements;
	int count;

	if (!so_sql_text_split(context, sql, &markers, &statements, &count, error))
		return false;
	for (int i = 0; i < count; i++)
	{
		SoSqlParameter *parameters =
			talloc_array(context, SoSqlParameter, statements[i].binding_count + 1);
		SoSqlRequest request = {.text = statements[i].text,
								.parameters = parameters,
								.parameter_count = statements[i].binding_count,
								.bypass_prepare = so_object_boolean(properties, "bypass_prepare"),
								.display = statements[i].display,
								.display_offset = statements[i].display_offset};

		for (int j = 0; j < statements[i].binding_count; j++)
			parameters[j] = bindings->parameters[statements[i].bindings[j]];
		if (!so_sql_execute(connection, context, &request, wait, results, error))
			return false;
	}
	return true;
}

/* Statements that are sent one by one shall still be one transaction, as a script is. */
static bool
run_with_parameters(SoTaskRun *run, SoConnection *connection, const char *sql,
					const SoSqlBindings *bindings, const SoWait *wait, SoSqlResults *results,
					SoError *error)
{
	SoSqlRequest begin = {.text = "BEGIN"};
	SoSqlRequest commit = {.text = "COMMIT"};
	SoSqlResults ignored = {NULL, 0};
	bool own = connection->kind == SO_CONNECTION_POSTGRES && connection->transaction == NULL &&
			   PQtransactionStatus(connection->pg) == PQTRANS_IDLE;
	TALLOC_CTX *context = so_task_context(run);

	if (!own)
		return run_statements(run, connection, sql, bindings, wait, results, error);
	if (!so_sql_execute(connection, context, &begin, wait, &ignored, error))
		return false;
	if (!run_statements(run, connection, sql, bindings, wait, results, error))
	{
		SoSqlRequest rollback = {.text = "ROLLBACK"};
		SoWait unhindered = {.cancel_fd = -1};
		SoError secondary;

		if (!connection->broken &&
			!so_sql_execute(connection, context, &rollback, &unhindered, &ignored, &secondary))
			connection->broken = true;
		return false;
	}
	if (PQtransactionStatus(connection->pg) == PQTRANS_IDLE)
		return true;
	return so_sql_execute(connection, context, &commit, wait, &ignored, error);
}

/* Rows changed in all, else rows returned; -1 when neither applies. */
static int64_t
count_rows(const SoSqlResults *results)
{
	int64_t changed = -1;
	int64_t returned = -1;

	for (int i = 0; i < results->count; i++)
	{
		if (results->items[i].affected >= 0)
			changed = (changed < 0 ? 0 : changed) + results->items[i].affected;
		if (results->items[i].column_count > 0)
			returned = (returned < 0 ? 0 : returned) + results->items[i].row_count;
	}
	return changed >= 0 ? changed : returned;
}

static bool
report(SoTaskRun *run, const SoSqlResults *results, SoError *error)
{
	const char *variable = so_outcome_property(so_task_properties(run), "row_count_variable");
	int64_t rows = count_rows(results);
	SoValue value = so_value_integer(SO_TYPE_I8, rows);

	if (rows >= 0)
	{
		so_task_set_row_count(run, rows);
		so_task_set_execution_value(run, &value);
	}
	if (variable != NULL && !so_outcome_set_integer(run, variable, rows < 0 ? 0 : rows, error))
		return false;
	return so_execute_sql_outputs(run, results, error);
}

static bool
execute_all(SoTaskRun *run, SoConnection *connection, const char *sql,
			const SoSqlBindings *bindings, const SoWait *wait, SoSqlResults *results,
			SoError *error)
{
	SoSqlRequest request = {.text = sql};

	if (bindings->count > 0 || connection->kind == SO_CONNECTION_ODBC)
		return run_with_parameters(run, connection, sql, bindings, wait, results, error);
	return so_sql_execute(connection, so_task_context(run), &request, wait, results, error);
}

/* The same between the insertion of the marker and the commit. */
static bool
run_once(SoTaskRun *run, SoConnection *connection, const char *sql, const SoSqlBindings *bindings,
		 const SoWait *wait, SoError *error)
{
	SoExactlyOnce once = {
		.run = run, .connection = connection, .wait = wait, .text = sql, .ordinal = "1"};
	SoSqlResults results = {NULL, 0};

	if (!so_exactly_once_check(so_task_context(run), sql, error) ||
		!so_exactly_once_begin(&once, error))
		return false;
	if (once.done)
		return true;
	if (execute_all(run, connection, sql, bindings, wait, &results, error) &&
		report(run, &results, error))
		return so_exactly_once_end(&once, error);
	so_exactly_once_abort(&once);
	return false;
}

static bool
run_on(SoTaskRun *run, SoConnection *connection, SoError *error)
{
	SoWait wait =
		so_connection_wait(connection, so_object_integer(so_task_properties(run), "time_out"));
	SoSqlResults results = {NULL, 0};
	SoSqlBindings bindings;
	const char *sql = sql_text(run, error);
	bool good;

	if (sql == NULL || !so_execute_sql_inputs(run, &bindings, error))
		return false;
	so_task_custom_event(run, "ExecuteSQLExecutingQuery", "running on \"%s\": %s", connection->name,
						 sql);
	if (so_object_boolean(so_task_properties(run), "exactly_once"))
		return run_once(run, connection, sql, &bindings, &wait, error);
	good = execute_all(run, connection, sql, &bindings, &wait, &results, error);
	if (!good)
		return false;
	so_task_custom_event(run, "ExecuteSQLExecutingQuery", "done: %d results", results.count);
	return report(run, &results, error);
}

static SoExecutionResult
run_task(SoTaskRun *run)
{
	const char *name = so_object_string(so_task_properties(run), "connection");
	SoConnection *connection;
	SoError error;
	bool good;

	so_error_clear(&error);
	so_task_custom_event(run, "ExecuteSQLExecutingQuery", "connecting to \"%s\"", name);
	connection = so_task_connect(run, name, &error);
	if (connection == NULL)
		return so_outcome_failed(run, &error);
	good = run_on(run, connection, &error);
	so_task_disconnect(run, connection, !good);
	return good ? SO_RESULT_SUCCESS : so_outcome_failed(run, &error);
}

const SoTaskType so_task_execute_sql = {
	.object_type = &execute_sql_type,
	.validate = validate,
	.run = run_task,
	.flags = SO_TASK_TRANSACTIONAL,
};
