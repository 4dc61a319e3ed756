/*
 * client/deploy.c
 *
 * scaleout deploy PATH: loads a package or a project folder with the engine's
 * own loader, prints all findings with file, line and column, and hands the
 * canonical documents to catalog.deploy_packages, which checks them again.
 *
 * Process: client.  One transaction: a client that dies deploys nothing.
 */
#include "client/deploy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/database.h"
#include "engine/model/load.h"

typedef struct DeployOptions
{
	SoConnectionOptions connection;
	const char *folder;
	const char *project;
	bool create_folder;
} DeployOptions;

/* The packages and the project document as two JSON texts for the statement. */
typedef struct DeployDocuments
{
	const char *name;
	char *packages; /* [{"name": ..., "package_data": {...}}] */
	char *project;  /* NULL when there is none */
	int package_count;
} DeployDocuments;

static bool
collect_documents(TALLOC_CTX *context, const SoProject *project, DeployDocuments *documents)
{
	json_t *list = json_array();
	json_t *whole = so_project_to_json(project);
	json_t *shared = json_object_get(whole, "project");
	char *text;

	for (int i = 0; i < project->package_count; i++)
		json_array_append_new(list,
							  json_pack("{s:s, s:o}", "name", project->packages[i]->name,
										"package_data", so_package_to_json(project->packages[i])));
	documents->name = project->name;
	documents->package_count = project->package_count;
	text = json_dumps(list, JSON_COMPACT);
	documents->packages = text ? talloc_strdup(context, text) : NULL;
	free(text);
	if (shared != NULL && json_object_size(shared) > 0)
	{
		text = json_dumps(shared, JSON_COMPACT);
		documents->project = text ? talloc_strdup(context, text) : NULL;
		free(text);
	}
	json_decref(list);
	json_decref(whole);
	return documents->packages != NULL;
}

/* Run the statements of one deployment in one transaction. */
static bool
deploy(PGconn *connection, const DeployOptions *options, const DeployDocuments *documents,
	   SoError *error)
{
	static const char create_folder_sql[] = "SELECT catalog.create_folder($1) WHERE NOT EXISTS "
											"(SELECT 1 FROM catalog.folders WHERE name = $1)";
	static const char deploy_sql[] =
		"SELECT catalog.deploy_packages($1, $2, "
		"(SELECT pg_catalog.array_agg(ROW(p->>'name', "
		"p->'package_data')::catalog.package_table_type) "
		"FROM pg_catalog.jsonb_array_elements($3::jsonb) AS p), $4::jsonb) AS operation_id";
	const char *values[4] = {options->folder, options->project ? options->project : documents->name,
							 documents->packages, documents->project};
	PGresult *result;

	result = so_database_query(connection, "BEGIN", 0, NULL, error);
	if (result == NULL)
		return false;
	PQclear(result);
	if (options->create_folder)
	{
		result = so_database_query(connection, create_folder_sql, 1, values, error);
		if (result == NULL)
			return false;
		PQclear(result);
	}
	result = so_database_query(connection, deploy_sql, 4, values, error);
	if (result == NULL)
		return false;
	printf("deployed %d package%s to %s/%s (operation %s)\n", documents->package_count,
		   documents->package_count == 1 ? "" : "s", values[0], values[1],
		   so_database_value(result, 0, "operation_id"));
	PQclear(result);
	result = so_database_query(connection, "COMMIT", 0, NULL, error);
	if (result == NULL)
		return false;
	PQclear(result);
	return true;
}

int
so_client_deploy(int argc, char **argv)
{
	DeployOptions options = {0};
	const SoOption table[] = {{"folder", 'f', SO_OPTION_STRING, &options.folder, "NAME",
							   "folder of the catalog (required)"},
							  {"project", 0, SO_OPTION_STRING, &options.project, "NAME",
							   "project name instead of the document's"},
							  {"create-folder", 0, SO_OPTION_FLAG, &options.create_folder, NULL,
							   "create the folder when it is missing"},
							  {0}};
	const SoCommandLine line = {
		.usage = "scaleout deploy [OPTION]... --folder NAME PATH",
		.description = "Checks a package file or a project folder and deploys it to the catalog.",
		.examples = "scaleout deploy --folder sales nightly/",
		.options = table,
		.connection = &options.connection,
		.min_arguments = 1,
		.max_arguments = 1};
	TALLOC_CTX *context;
	SoDiagnostics findings = {0};
	DeployDocuments documents = {0};
	SoProject *project;
	PGconn *connection;
	SoError error = {0};
	int status;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	if (options.folder == NULL)
	{
		so_error_set(&error, SO_ERR_CLIENT_USAGE, "--folder", "the folder is missing");
		so_database_print_error(&error);
		return SO_EXIT_USAGE;
	}
	context = talloc_new(NULL);
	project = so_load_path(context, argv[first], &findings);
	if (findings.count > 0)
		fputs(so_diagnostics_to_text(context, &findings), stderr);
	if (project == NULL || !collect_documents(context, project, &documents))
	{
		so_error_set(&error, SO_ERR_CLIENT_DOCUMENT, argv[first],
					 "nothing was deployed: %d error%s", findings.error_count,
					 findings.error_count == 1 ? "" : "s");
		so_database_print_error(&error);
		talloc_free(context);
		return SO_EXIT_NOT_LOADABLE;
	}
	connection = so_database_connect(&options.connection, &error);
	status = SO_EXIT_SUCCESS;
	if (connection == NULL || !deploy(connection, &options, &documents, &error))
	{
		so_database_print_error(&error);
		status = SO_EXIT_FAILED;
	}
	PQfinish(connection);
	talloc_free(context);
	return status;
}
