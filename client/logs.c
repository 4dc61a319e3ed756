/*
 * client/logs.c
 *
 * scaleout logs EXECUTION_ID: prints what the catalog knows about an
 * execution, in the order in which it happened.
 *
 * Process: client; reads only.
 */
#include "client/logs.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/database.h"
#include "client/table.h"

static const char logs_sql[] =
	"SELECT m.message_time, CASE m.message_type WHEN 110 THEN 'Warning' WHEN 120 THEN 'Error' "
	"WHEN 130 THEN 'TaskFailed' ELSE coalesce(m.event_name, 'Message') END AS event, "
	"coalesce(m.execution_path, m.source) AS source, m.message FROM ("
	"SELECT message_time, message_type, event_name, execution_path, NULL AS source, message, "
	"event_message_id AS id FROM catalog.event_messages WHERE operation_id = $1 "
	"UNION ALL "
	"SELECT message_time, message_type, NULL, NULL, 'catalog', message, operation_message_id "
	"FROM catalog.operation_messages WHERE operation_id = $1 AND message_source_type < 30) AS m "
	"WHERE NOT $2::boolean OR m.message_type IN (110, 120, 130) ORDER BY m.message_time, m.id";

static void
print_lines(const PGresult *result)
{
	for (int row = 0; row < PQntuples(result); row++)
		printf("%s  %-16s %s  %s\n", so_database_value(result, row, "message_time"),
			   so_database_value(result, row, "event"), so_database_value(result, row, "source"),
			   so_database_value(result, row, "message"));
}

int
so_client_logs(int argc, char **argv)
{
	SoConnectionOptions connection_options = {0};
	bool errors_only = false;
	bool json = false;
	const SoOption table[] = {
		{"errors", 'e', SO_OPTION_FLAG, &errors_only, NULL, "only warnings and errors"},
		{"json", 0, SO_OPTION_FLAG, &json, NULL, "print JSON"},
		{0}};
	const SoCommandLine line = {.usage = "scaleout logs [OPTION]... EXECUTION_ID",
								.description = "Prints the messages of an execution.",
								.options = table,
								.connection = &connection_options,
								.min_arguments = 1,
								.max_arguments = 1};
	const char *values[2];
	PGconn *connection;
	PGresult *result = NULL;
	SoError error = {0};
	int status;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	values[0] = argv[first];
	values[1] = errors_only ? "t" : "f";
	connection = so_database_connect(&connection_options, &error);
	if (connection != NULL)
		result = so_database_query(connection, logs_sql, 2, values, &error);
	status = SO_EXIT_SUCCESS;
	if (result == NULL)
	{
		so_database_print_error(&error);
		status = SO_EXIT_USAGE;
	}
	else if (PQntuples(result) == 0 && !errors_only)
	{
		so_error_set(&error, SO_ERR_CLIENT_NOT_FOUND, NULL,
					 "there is no execution %s with messages that you may see", argv[first]);
		so_database_print_error(&error);
		status = SO_EXIT_NOT_FOUND;
	}
	else if (json)
		so_table_print(result, true);
	else
		print_lines(result);
	PQclear(result);
	PQfinish(connection);
	return status;
}
