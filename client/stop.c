/*
 * client/stop.c
 *
 * scaleout stop EXECUTION_ID: asks for the end of an execution and, with
 * --wait, stays until it has ended.
 *
 * Process: client.  The wish is a row in the catalog; the master carries it out.
 */
#include "client/stop.h"

#include <stdio.h>

#include "client/database.h"
#include "client/reconnect.h"
#include "client/watch.h"

int
so_client_stop(int argc, char **argv)
{
	SoConnectionOptions connection_options = {0};
	bool wait = false;
	const SoOption table[] = {{"wait", 0, SO_OPTION_FLAG, &wait, NULL, "wait until it has ended"},
							  {0}};
	const SoCommandLine line = {.usage = "scaleout stop [OPTION]... EXECUTION_ID",
								.description = "Stops an execution.",
								.examples = "scaleout stop 42",
								.options = table,
								.connection = &connection_options,
								.min_arguments = 1,
								.max_arguments = 1};
	PGconn *connection;
	PGresult *result = NULL;
	SoError error = {0};
	int status;
	int first = so_options_parse(argc, argv, &line, &status);
	const char *values[1];

	if (first < 0)
		return status;
	values[0] = argv[first];
	connection = so_database_connect(&connection_options, &error);
	if (connection != NULL)
		result = so_database_query(connection, "SELECT catalog.stop_operation($1::bigint)", 1,
								   values, &error);
	if (result == NULL)
	{
		so_database_print_error(&error);
		PQfinish(connection);
		return error.code == SO_ERR_OPERATION_MISSING ? SO_EXIT_NOT_FOUND : SO_EXIT_FAILED;
	}
	PQclear(result);
	printf("execution %s is asked to stop\n", argv[first]);
	if (wait)
	{
		status = so_watch_execution(connection, argv[first], false, SO_RECONNECT_DEFAULT_S);
		/* Cancelled is what was wanted. */
		if (status == SO_EXIT_CANCELED)
			status = SO_EXIT_SUCCESS;
	}
	else
		status = SO_EXIT_SUCCESS;
	PQfinish(connection);
	return status;
}
