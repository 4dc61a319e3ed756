/*
 * engine/tasks/bulk_insert.c
 *
 * The Bulk Insert task: loads a file of the machine that runs the task into a
 * table by client-side COPY.
 *
 * Process: runner and client, in a task's thread.  Every batch is a
 * transaction of its own, unless the task runs inside one; a failure leaves
 * nothing of the batch under way.
 */
#include "engine/tasks/bulk_insert.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/checkpoint/exactly_once.h"
#include "engine/model/object_types.h"
#include "engine/tasks/outcome.h"

static const char *const format_names[] = {"text", "csv", "binary", NULL};

static const SoProperty bulk_insert_properties[] = {
	{"connection", SO_PROPERTY_CONNECTION, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "Connection manager of type postgres.", "connection: warehouse"},
	{"table", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "Table to load, as it stands in SQL.", "table: stage.sales"},
	{"columns", SO_PROPERTY_STRING_LIST, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Columns in the order of the file's fields; default is all columns of the table.",
	 "columns: [id, day, amount]"},
	{"file", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "File to load, on the machine that runs the task.", "file: /srv/in/sales.csv"},
	{"source_connection", SO_PROPERTY_CONNECTION, 0, NULL, NULL, NULL,
	 "File connection manager that names the file, in place of file.",
	 "source_connection: sales file"},
	{"format", SO_PROPERTY_ENUM, 0, "text", format_names, NULL,
	 "text is COPY's own form (tab between fields, \\N for NULL), csv is comma separated with "
	 "quotes, binary "
	 "is COPY's binary form.",
	 "format: csv"},
	{"delimiter", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Character between fields, or one of the words tab, comma, semicolon, vertical_bar, space. "
	 "Default is "
	 "tab for text and comma for csv.",
	 "delimiter: semicolon"},
	{"quote", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "csv: character around fields; default is the double quote.", "quote: \"'\""},
	{"escape", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "csv: character before a quote that is data; default is the quote itself.",
	 "escape: \"\\\\\""},
	{"null_string", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Text that means NULL; default is \\N for text and an unquoted empty field for csv.",
	 "null_string: \"NULL\""},
	{"header", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "The first line holds the names of the columns and is not loaded.", "header: true"},
	{"header_match", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "With header: fail when the names are not those of the columns (PostgreSQL 15 and newer; not "
	 "together "
	 "with first_row, last_row or batch_size).",
	 "header_match: true"},
	{"encoding", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Encoding of the file, by PostgreSQL's names; default is UTF8.", "encoding: LATIN1"},
	{"force_null", SO_PROPERTY_STRING_LIST, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "csv: columns in which a quoted null_string means NULL too.", "force_null: [amount]"},
	{"force_not_null", SO_PROPERTY_STRING_LIST, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "csv: columns in which null_string is data.", "force_not_null: [remark]"},
	{"where", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Condition in SQL; rows that do not fulfil it are not loaded.", "where: amount > 0"},
	{"first_row", SO_PROPERTY_INT64, 0, "0", NULL, NULL,
	 "First row of the file to load, counted from 1 with the header included; 0 means the first "
	 "row of data.",
	 "first_row: 3"},
	{"last_row", SO_PROPERTY_INT64, 0, "0", NULL, NULL,
	 "Last row of the file to load; 0 means the end.", "last_row: 1000"},
	{"batch_size", SO_PROPERTY_INT64, 0, "0", NULL, NULL,
	 "Rows in a batch. Each batch is loaded whole or not at all, and stays when a later one fails. "
	 "0 means one "
	 "batch.",
	 "batch_size: 100000"},
	{"table_lock", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Lock the table against other writers while a batch is loaded.", "table_lock: true"},
	{"row_count_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL,
	 "Variable that takes the number of rows that were loaded.",
	 "row_count_variable: \"User::rows\""},
	{"time_out", SO_PROPERTY_DURATION, 0, "0s", NULL, NULL,
	 "How long the load may take; 0 means no limit.", "time_out: 1h"},
	{"exactly_once", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Leave a marker in the database together with the work, so that a restart after a crash does "
	 "not do it a second time. PostgreSQL only; the whole file is one transaction, so it cannot be "
	 "combined with batch_size.",
	 "exactly_once: true"},
	{NULL}};

static const SoObjectType bulk_insert_type = {"bulk_insert", "Bulk Insert task",
											  "Loads a file into a PostgreSQL table by COPY.",
											  bulk_insert_properties, &so_object_type_executable};

static bool
selects_rows(const SoObject *properties)
{
	return so_object_integer(properties, "first_row") > 0 ||
		   so_object_integer(properties, "last_row") > 0 ||
		   so_object_integer(properties, "batch_size") > 0;
}

static void
validate(SoTaskValidation *validation)
{
	const SoObject *properties = validation->properties;
	bool file = so_outcome_property(properties, "file") != NULL;
	bool connection = so_outcome_property(properties, "source_connection") != NULL;
	bool by_expression = so_object_is_set(properties, "file");
	SoError error;

	so_exactly_once_validate(validation, NULL);
	if (!file && !connection && !by_expression)
		so_outcome_finding(validation, false, "file", "there is no file to load",
						   "Give file or source_connection.");
	if (file && connection)
		so_outcome_finding(validation, false, "source_connection",
						   "the file is given in two places",
						   "Keep one of file and source_connection.");
	if (selects_rows(properties) && so_object_enum(properties, "format") == SO_BULK_BINARY)
		so_outcome_finding(validation, false, "format", "rows of a binary file cannot be counted",
						   "Remove first_row, last_row and batch_size, or use another format.");
	if (selects_rows(properties) && so_object_boolean(properties, "header_match"))
		so_outcome_finding(validation, false, "header_match",
						   "header_match needs the whole file in one batch",
						   "Remove header_match, or first_row, last_row and batch_size.");
	so_error_clear(&error);
	if (so_outcome_property(properties, "table") != NULL &&
		so_bulk_insert_statement(validation->context, properties, true, &error) == NULL)
		validation->report(validation, false, error.place, &error);
}

static const char *
file_path(SoTaskRun *run, SoError *error)
{
	const SoObject *properties = so_task_properties(run);
	const char *path = so_outcome_property(properties, "file");
	const char *name = so_outcome_property(properties, "source_connection");
	const SoObject *connection;

	if (path == NULL && name != NULL)
	{
		connection = so_task_connection_properties(run, name, error);
		if (connection == NULL)
			return NULL;
		path = so_outcome_property(connection, "connection_string");
	}
	if (path == NULL)
		so_error_set(error, SO_ERR_TASK_PROPERTY, "file", "there is no file to load");
	return path;
}

static bool
open_file(SoBulkCopy *copy, SoError *error)
{
	struct stat status;

	copy->fd = open(copy->path, O_RDONLY | O_CLOEXEC);
	if (copy->fd < 0 || fstat(copy->fd, &status) != 0)
		return so_error_set(error, SO_ERR_TASK_FILE, copy->path, "cannot read \"%s\": %s",
							copy->path, strerrordesc_np(errno));
	if (S_ISDIR(status.st_mode))
		return so_error_set(error, SO_ERR_TASK_FILE, copy->path, "\"%s\" is a folder", copy->path);
	copy->size = S_ISREG(status.st_mode) ? status.st_size : 0;
	posix_fadvise(copy->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return true;
}

/* Fill in what the properties say; false with *error. */
static bool
prepare(SoTaskRun *run, SoBulkCopy *copy, SoError *error)
{
	const SoObject *properties = so_task_properties(run);
	TALLOC_CTX *context = so_task_context(run);
	const char *quote = so_outcome_property(properties, "quote");
	const char *escape = so_outcome_property(properties, "escape");
	char quote_character = quote != NULL ? so_bulk_insert_delimiter(quote) : '"';

	copy->run = run;
	copy->percent = -1;
	copy->by_rows = selects_rows(properties);
	copy->first_row = so_object_integer(properties, "first_row");
	copy->last_row = so_object_integer(properties, "last_row");
	copy->batch_size = so_object_integer(properties, "batch_size");
	/* Row by row the header is skipped here and never reaches the server. */
	if (so_object_boolean(properties, "header") && copy->first_row < 2)
		copy->first_row = 2;
	so_row_scanner_init(&copy->scanner, so_object_enum(properties, "format") == SO_BULK_CSV,
						quote_character,
						escape != NULL ? so_bulk_insert_delimiter(escape) : quote_character);
	copy->path = file_path(run, error);
	if (copy->path == NULL)
		return false;
	copy->statement = so_bulk_insert_statement(context, properties, !copy->by_rows, error);
	if (copy->statement == NULL)
		return false;
	if (so_object_boolean(properties, "table_lock"))
		copy->lock_statement = talloc_asprintf(context, "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE",
											   so_object_string(properties, "table"));
	return open_file(copy, error);
}

static bool
load(SoTaskRun *run, SoBulkCopy *copy, SoError *error)
{
	const SoObject *properties = so_task_properties(run);
	const char *variable = so_outcome_property(properties, "row_count_variable");
	SoValue rows;
	bool good;

	if (copy->connection->kind != SO_CONNECTION_POSTGRES)
	{
		so_error_set(error, SO_ERR_TASK_CONNECTION_KIND, "connection",
					 "connection manager \"%s\" is not of type postgres", copy->connection->name);
		return so_error_hint(
			error,
			"COPY exists in PostgreSQL only; load other databases with Execute SQL or a script.");
	}
	copy->wait = so_connection_wait(copy->connection, so_object_integer(properties, "time_out"));
	so_task_custom_event(run, "DTSBulkInsertTaskBegin", "loading \"%s\" by %s", copy->path,
						 copy->statement);
	good = so_bulk_insert_copy(copy, error);
	/* Finished batches stay, and so does their count. */
	rows = so_value_integer(SO_TYPE_I8, copy->rows);
	so_task_set_row_count(run, copy->rows);
	so_task_set_execution_value(run, &rows);
	if (!good)
		return false;
	so_task_custom_event(run, "DTSBulkInsertTaskEnd", "loaded %lld rows", (long long) copy->rows);
	return variable == NULL || so_outcome_set_integer(run, variable, copy->rows, error);
}

/* The same between the insertion of the marker and the commit. */
static bool
load_once(SoTaskRun *run, SoBulkCopy *copy, SoError *error)
{
	const SoObject *properties = so_task_properties(run);
	SoWait wait = so_connection_wait(copy->connection, so_object_integer(properties, "time_out"));
	SoExactlyOnce once = {.run = run,
						  .connection = copy->connection,
						  .wait = &wait,
						  .text = so_object_string(properties, "table"),
						  .ordinal = "1"};

	if (!so_exactly_once_begin(&once, error))
		return false;
	if (once.done)
		return true;
	copy->in_transaction = true;
	if (prepare(run, copy, error) && load(run, copy, error))
		return so_exactly_once_end(&once, error);
	so_exactly_once_abort(&once);
	return false;
}

static SoExecutionResult
run_task(SoTaskRun *run)
{
	SoBulkCopy copy = {.fd = -1};
	bool once = so_object_boolean(so_task_properties(run), "exactly_once");
	SoError error;
	bool good;

	so_error_clear(&error);
	/* With a marker the file need not be there any more, so it is not opened first. */
	good = once || prepare(run, &copy, &error);
	if (good)
	{
		copy.connection =
			so_task_connect(run, so_object_string(so_task_properties(run), "connection"), &error);
		copy.in_transaction = copy.connection != NULL && copy.connection->transaction != NULL;
		good = copy.connection != NULL &&
			   (once ? load_once(run, &copy, &error) : load(run, &copy, &error));
		so_task_disconnect(run, copy.connection, !good);
	}
	if (copy.fd >= 0)
		close(copy.fd);
	return good ? SO_RESULT_SUCCESS : so_outcome_failed(run, &error);
}

const SoTaskType so_task_bulk_insert = {
	.object_type = &bulk_insert_type,
	.validate = validate,
	.run = run_task,
	.flags = SO_TASK_TRANSACTIONAL,
};
