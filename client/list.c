/*
 * client/list.c
 *
 * scaleout list [executions|packages|projects|folders]
 *
 * Process: client; reads only.
 */
#include "client/list.h"

#include <stdio.h>
#include <string.h>

#include "client/database.h"
#include "client/table.h"
#include "common/nearest.h"

static const struct
{
	const char *what;
	const char *sql;
} lists[] = {
	/* Bounded below by a window, because a barrier view cannot read an index backwards. */
	{"executions",
	 "SELECT execution_id AS id, folder_name || '/' || project_name || '/' || package_name AS "
	 "package, "
	 "(ARRAY['created','running','canceled','failed','pending','ended unexpectedly','succeeded',"
	 "'stopping','completed'])[status] AS status, start_time, end_time - start_time AS duration, "
	 "worker_name AS worker, attempt FROM catalog.executions WHERE execution_id > "
	 "(SELECT coalesce(max(operation_id), 0) - 200 FROM catalog.operations) "
	 "ORDER BY execution_id DESC LIMIT 50"},
	{"packages", "SELECT f.name AS folder, p.name AS project, k.name AS package, k.description "
				 "FROM catalog.packages AS k JOIN catalog.projects AS p USING (project_id) "
				 "JOIN catalog.folders AS f ON f.id = p.folder_id ORDER BY 1, 2, 3"},
	{"projects", "SELECT f.name AS folder, p.name AS project, p.object_version_lsn AS version, "
				 "p.last_deployed_time, "
				 "p.deployed_by_name AS deployed_by FROM catalog.projects AS p "
				 "JOIN catalog.folders AS f ON f.id = p.folder_id ORDER BY 1, 2"},
	{"folders", "SELECT name AS folder, description, created_time FROM catalog.folders ORDER BY 1"},
};

static const char *
sql_for(const char *what)
{
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
	{
		if (strcmp(what, lists[i].what) == 0)
			return lists[i].sql;
	}
	return NULL;
}

static void
refuse(const char *what, SoError *error)
{
	SoNearest nearest;

	so_error_set(error, SO_ERR_CLIENT_USAGE, NULL,
				 "\"%s\" is none of executions, packages, projects, folders", what);
	so_nearest_begin(&nearest, what);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		so_nearest_offer(&nearest, lists[i].what);
	if (nearest.name != NULL)
		so_error_hint(error, "Did you mean scaleout list %s?", nearest.name);
}

int
so_client_list(int argc, char **argv)
{
	SoConnectionOptions connection_options = {0};
	bool json = false;
	bool plain = false;
	const SoOption table[] = {{"json", 0, SO_OPTION_FLAG, &json, NULL,
							   "print JSON (the default when stdout is no terminal)"},
							  {"plain", 0, SO_OPTION_FLAG, &plain, NULL, "print a table"},
							  {0}};
	const SoCommandLine line = {
		.usage = "scaleout list [OPTION]... [executions | packages | projects | folders]",
		.description = "Lists what is in the catalog; executions by default, newest first.",
		.examples = "scaleout list\n"
					"scaleout list --plain packages",
		.options = table,
		.connection = &connection_options,
		.min_arguments = 0,
		.max_arguments = 1};
	const char *what;
	const char *sql;
	PGconn *connection = NULL;
	PGresult *result = NULL;
	SoError error = {0};
	int status;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	what = first < argc ? argv[first] : "executions";
	sql = sql_for(what);
	if (sql == NULL)
		refuse(what, &error);
	else
		connection = so_database_connect(&connection_options, &error);
	if (connection != NULL)
		result = so_database_query(connection, sql, 0, NULL, &error);
	if (result == NULL)
		so_database_print_error(&error);
	else
		so_table_print(result, so_table_wants_json(json, plain));
	status = result ? SO_EXIT_SUCCESS : SO_EXIT_USAGE;
	PQclear(result);
	PQfinish(connection);
	return status;
}
