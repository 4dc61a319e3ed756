/*
 * client/run.c
 *
 * scaleout run FOLDER/PROJECT/PACKAGE: creates an execution, sets its
 * parameters, names its workers and starts it, in one transaction; with
 * --watch it follows the execution to its end.
 *
 * Process: client.  A client that dies before the commit has started nothing.
 */
#include "client/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/database.h"
#include "client/reconnect.h"
#include "client/watch.h"

typedef struct RunOptions
{
	SoConnectionOptions connection;
	SoStringList parameters;
	SoStringList workers;
	int retry_count;
	const char *logging_level;
	bool watch;
	bool verbose;
	int patience_s;
} RunOptions;

/* "FOLDER/PROJECT/PACKAGE" cut in place into its three names. */
static bool
split_path(char *path, const char *names[3], SoError *error)
{
	char *rest = path;

	for (int i = 0; i < 3; i++)
	{
		names[i] = rest;
		rest = rest ? strchr(rest, '/') : NULL;
		if (rest != NULL)
			*rest++ = '\0';
		if (names[i] == NULL || *names[i] == '\0')
			return so_error_set(error, SO_ERR_CLIENT_USAGE, NULL,
								"name the package as FOLDER/PROJECT/PACKAGE");
	}
	if (rest != NULL)
		return so_error_set(error, SO_ERR_CLIENT_USAGE, NULL, "there is a \"/\" too many");
	return true;
}

static bool
run_statement(PGconn *connection, const char *sql, int count, const char *const *values,
			  SoError *error)
{
	PGresult *result = so_database_query(connection, sql, count, values, error);

	PQclear(result);
	return result != NULL;
}

/* NAME=VALUE; NAME may begin with $Project::, $Package:: (the default) or $ServerOption::. */
static bool
set_parameter(PGconn *connection, const char *execution_id, const char *assignment, SoError *error)
{
	static const struct
	{
		const char *prefix;
		const char *object_type;
	} scopes[] = {{"$Project::", "20"}, {"$Package::", "30"}, {"$ServerOption::", "50"}};
	const char *object_type = "30";
	const char *equals;
	char name[256];
	const char *values[4];

	for (size_t i = 0; i < 3; i++)
	{
		if (strncmp(assignment, scopes[i].prefix, strlen(scopes[i].prefix)) == 0)
		{
			object_type = scopes[i].object_type;
			assignment += strlen(scopes[i].prefix);
			break;
		}
	}
	equals = strchr(assignment, '=');
	if (equals == NULL || equals == assignment || (size_t) (equals - assignment) >= sizeof(name))
		return so_error_set(error, SO_ERR_CLIENT_USAGE, assignment,
							"write a parameter as NAME=VALUE");
	memcpy(name, assignment, (size_t) (equals - assignment));
	name[equals - assignment] = '\0';
	values[0] = execution_id;
	values[1] = object_type;
	values[2] = name;
	values[3] = equals + 1;
	return run_statement(
		connection,
		"SELECT catalog.set_execution_parameter_value($1::bigint, $2::int, $3::text, $4::text)", 4,
		values, error);
}

/* A worker by display name, machine name or id. */
static bool
add_worker(PGconn *connection, const char *execution_id, const char *worker, SoError *error)
{
	const char *values[2] = {execution_id, worker};
	PGresult *result =
		so_database_query(connection,
						  "SELECT catalog.add_execution_worker($1::bigint, workeragentid) "
						  "FROM catalog.worker_agents WHERE $2 IN "
						  "(displayname, machinename, workeragentid::text)",
						  2, values, error);
	int rows;

	if (result == NULL)
		return false;
	rows = PQntuples(result);
	PQclear(result);
	if (rows == 0)
		return so_error_set(error, SO_ERR_CLIENT_NOT_FOUND, worker, "there is no worker \"%s\"",
							worker);
	return true;
}

/* The whole transaction; execution_id (size bytes) is filled in. */
static bool
start(PGconn *connection, const RunOptions *options, const char *const names[3], char *execution_id,
	  size_t size, SoError *error)
{
	const char *create[4] = {names[0], names[1], names[2], options->workers.count > 0 ? "f" : "t"};
	char retries[16];
	char level[64];
	const char *values[2];
	PGresult *result;

	if (!run_statement(connection, "BEGIN", 0, NULL, error))
		return false;
	result = so_database_query(connection,
							   "SELECT catalog.create_execution($1, $2, $3, runinscaleout => true, "
							   "useanyworker => $4) AS execution_id",
							   4, create, error);
	if (result == NULL)
		return false;
	snprintf(execution_id, size, "%s", so_database_value(result, 0, "execution_id"));
	PQclear(result);
	for (int i = 0; i < options->parameters.count; i++)
	{
		if (!set_parameter(connection, execution_id, options->parameters.items[i], error))
			return false;
	}
	if (options->logging_level != NULL)
	{
		snprintf(level, sizeof(level), "$ServerOption::LOGGING_LEVEL=%s", options->logging_level);
		if (!set_parameter(connection, execution_id, level, error))
			return false;
	}
	for (int i = 0; i < options->workers.count; i++)
	{
		if (!add_worker(connection, execution_id, options->workers.items[i], error))
			return false;
	}
	snprintf(retries, sizeof(retries), "%d", options->retry_count);
	values[0] = execution_id;
	values[1] = retries;
	return run_statement(connection,
						 "SELECT catalog.start_execution($1::bigint, retry_count => $2::int)", 2,
						 values, error) &&
		   run_statement(connection, "COMMIT", 0, NULL, error);
}

/* dtexec tells a missing package from other troubles. */
static bool
not_found(SoErrorCode code)
{
	return code == SO_ERR_FOLDER_MISSING || code == SO_ERR_PROJECT_MISSING ||
		   code == SO_ERR_PACKAGE_MISSING;
}

int
so_client_run(int argc, char **argv)
{
	RunOptions options = {.patience_s = SO_RECONNECT_DEFAULT_S};
	const SoOption table[] = {
		{"parameter", 'P', SO_OPTION_STRING_LIST, &options.parameters, "NAME=VALUE",
		 "package parameter; $Project::NAME=VALUE for the project's"},
		{"worker", 'w', SO_OPTION_STRING_LIST, &options.workers, "NAME",
		 "only this worker (repeat for several)"},
		{"retry-count", 0, SO_OPTION_INTEGER, &options.retry_count, "N",
		 "run again up to N times after a failure"},
		{"logging-level", 0, SO_OPTION_STRING, &options.logging_level, "N",
		 "0 none, 1 basic, 2 performance, 3 verbose"},
		{"watch", 0, SO_OPTION_FLAG, &options.watch, NULL, "follow the execution to its end"},
		{"verbose", 'v', SO_OPTION_FLAG, &options.verbose, NULL, "with --watch: show every event"},
		{"reconnect", 0, SO_OPTION_INTEGER, &options.patience_s, "SECONDS",
		 "with --watch: how long to wait for a server that is lost (60)"},
		{0}};
	const SoCommandLine line = {
		.usage = "scaleout run [OPTION]... FOLDER/PROJECT/PACKAGE",
		.description = "Starts an execution of a deployed package and prints its id.",
		.examples = "scaleout run --watch -P since=2026-01-31 sales/nightly/load",
		.options = table,
		.connection = &options.connection,
		.min_arguments = 1,
		.max_arguments = 1};
	const char *names[3];
	char execution_id[32] = "";
	PGconn *connection = NULL;
	SoError error = {0};
	int status;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	status = SO_EXIT_SUCCESS;
	if (!split_path(argv[first], names, &error) ||
		(connection = so_database_connect(&options.connection, &error)) == NULL ||
		!start(connection, &options, names, execution_id, sizeof(execution_id), &error))
	{
		so_database_print_error(&error);
		status = not_found(error.code) ? SO_EXIT_NOT_FOUND : SO_EXIT_USAGE;
	}
	else
	{
		printf("execution %s\n", execution_id);
		fflush(stdout);
		if (options.watch)
			status =
				so_watch_execution(connection, execution_id, options.verbose, options.patience_s);
	}
	PQfinish(connection);
	return status;
}
