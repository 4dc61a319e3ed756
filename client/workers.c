/*
 * client/workers.c
 *
 * scaleout workers [list|trust FILE|enable NAME|disable NAME|remove NAME]
 *
 * Process: client; everything is decided by the catalog's own functions.
 */
#include "client/workers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/database.h"
#include "client/table.h"
#include "common/nearest.h"

#define MAX_PEM 65536

static const char list_sql[] =
	"SELECT workeragentid AS worker, displayname AS name, machinename AS machine, isenabled AS "
	"enabled, is_online AS online, held_tasks AS tasks, "
	"useraccount AS account, lastonlinetime AS last_online, tags FROM catalog.worker_agents "
	"ORDER BY displayname, workeragentid";

/*
 * The id of a worker by id, display name or machine name; several workers may have
 * the same name, and then none is meant.
 */
static bool
find_worker(PGconn *connection, const char *worker, char *id, size_t size, SoError *error)
{
	const char *values[1] = {worker};
	PGresult *result = so_database_query(
		connection,
		"SELECT count(*) AS found, min(workeragentid::text) AS id, "
		"string_agg(format('%s (%s on %s)', workeragentid, displayname, machinename), ', ') AS all "
		"FROM catalog.worker_agents WHERE $1 IN (displayname, machinename, workeragentid::text)",
		1, values, error);
	int found;

	if (result == NULL)
		return false;
	found = atoi(so_database_value(result, 0, "found"));
	snprintf(id, size, "%s", so_database_value(result, 0, "id"));
	if (found == 0)
		so_error_set(error, SO_ERR_CLIENT_NOT_FOUND, NULL, "there is no worker \"%s\"", worker);
	else if (found > 1)
	{
		so_error_set(error, SO_ERR_CLIENT_USAGE, NULL, "%d workers have the name \"%s\"", found,
					 worker);
		so_error_detail(error, "They are %s.", so_database_value(result, 0, "all"));
		so_error_hint(error, "Give the id of the one that is meant.");
	}
	PQclear(result);
	return found == 1;
}

/* The function's name is ours, never the user's. */
static PGresult *
call_for_worker(PGconn *connection, const char *function, const char *worker, SoError *error)
{
	char sql[64];
	char id[64];
	const char *values[1] = {id};

	if (!find_worker(connection, worker, id, sizeof(id), error))
		return NULL;
	snprintf(sql, sizeof(sql), "SELECT catalog.%s($1::uuid)", function);
	return so_database_query(connection, sql, 1, values, error);
}

static PGresult *
trust(PGconn *connection, const char *file, bool enable, SoError *error)
{
	char *pem = calloc(1, MAX_PEM);
	FILE *stream = fopen(file, "r");
	const char *values[2] = {pem, enable ? "t" : "f"};
	PGresult *result = NULL;

	if (pem == NULL || stream == NULL || fread(pem, 1, MAX_PEM - 1, stream) == 0)
		so_error_set(error, SO_ERR_FILE_UNREADABLE, file, "\"%s\" cannot be read", file);
	else
		result = so_database_query(connection,
								   "SELECT catalog.trust_worker_certificate($1, $2::boolean)", 2,
								   values, error);
	if (stream != NULL)
		fclose(stream);
	free(pem);
	return result;
}

/* Carry the command out and say so. */
static bool
carry_out(PGconn *connection, const char *verb, const char *argument, bool enable, SoError *error)
{
	static const struct
	{
		const char *verb;
		const char *function;
		const char *done;
	} verbs[] = {
		{"enable", "enable_worker_agent", "enabled"},
		{"disable", "disable_worker_agent", "disabled"},
		{"remove", "remove_worker_agent", "removed"},
	};
	PGresult *result;

	if (strcmp(verb, "trust") == 0)
	{
		result = trust(connection, argument, enable, error);
		if (result != NULL)
			printf("trusted: %s\n", PQgetvalue(result, 0, 0));
		PQclear(result);
		return result != NULL;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
	{
		if (strcmp(verb, verbs[i].verb) == 0)
		{
			result = call_for_worker(connection, verbs[i].function, argument, error);
			if (result != NULL)
				printf("worker %s %s\n", argument, verbs[i].done);
			PQclear(result);
			return result != NULL;
		}
	}
	return false; /* check_words has refused it */
}

/* Is the line list, or one of the verbs with what it needs? */
static bool
check_words(int count, char **words, SoError *error)
{
	static const char *const verbs[] = {"trust", "enable", "disable", "remove"};
	SoNearest nearest;

	if (count == 0 || (count == 1 && strcmp(words[0], "list") == 0))
		return true;
	so_nearest_begin(&nearest, words[0]);
	so_nearest_offer(&nearest, "list");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
	{
		so_nearest_offer(&nearest, verbs[i]);
		if (strcmp(words[0], verbs[i]) != 0)
			continue;
		if (count == 2)
			return true;
		so_error_set(error, SO_ERR_CLIENT_USAGE, NULL, "scaleout workers %s needs %s", verbs[i],
					 i == 0 ? "the file of a certificate" : "the name of a worker");
		return so_error_hint(error, "scaleout workers --help shows examples.");
	}
	so_error_set(error, SO_ERR_CLIENT_USAGE, NULL,
				 "\"%s\" is none of list, trust, enable, disable, remove", words[0]);
	if (nearest.name != NULL)
		so_error_hint(error, "Did you mean scaleout workers %s?", nearest.name);
	return false;
}

int
so_client_workers(int argc, char **argv)
{
	SoConnectionOptions connection_options = {0};
	bool json = false;
	bool plain = false;
	bool enable = false;
	const SoOption table[] = {{"enable", 0, SO_OPTION_FLAG, &enable, NULL,
							   "with trust: enable the worker when it registers"},
							  {"json", 0, SO_OPTION_FLAG, &json, NULL,
							   "print JSON (the default when stdout is no terminal)"},
							  {"plain", 0, SO_OPTION_FLAG, &plain, NULL, "print a table"},
							  {0}};
	const SoCommandLine line = {.usage = "scaleout workers [OPTION]... [list | trust FILE | enable "
										 "NAME | disable NAME | remove NAME]",
								.description = "Lists the worker agents, or changes one.",
								.examples = "scaleout workers --plain\n"
											"scaleout workers trust --enable worker.crt\n"
											"scaleout workers disable etl2",
								.options = table,
								.connection = &connection_options,
								.min_arguments = 0,
								.max_arguments = 2};
	PGconn *connection;
	PGresult *result;
	SoError error = {0};
	bool done = false;
	int status;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	if (!check_words(argc - first, argv + first, &error))
	{
		so_database_print_error(&error);
		return SO_EXIT_USAGE;
	}
	connection = so_database_connect(&connection_options, &error);
	if (connection != NULL && argc - first < 2)
	{
		result = so_database_query(connection, list_sql, 0, NULL, &error);
		if (result != NULL)
			so_table_print(result, so_table_wants_json(json, plain));
		done = result != NULL;
		PQclear(result);
	}
	else if (connection != NULL)
		done = carry_out(connection, argv[first], argv[first + 1], enable, &error);
	if (!done)
		so_database_print_error(&error);
	PQfinish(connection);
	if (done)
		return SO_EXIT_SUCCESS;
	return error.code == SO_ERR_CLIENT_NOT_FOUND ? SO_EXIT_NOT_FOUND : SO_EXIT_FAILED;
}
