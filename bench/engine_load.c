/*
 * bench/engine_load.c
 *
 * How long does it take to load a package of 1,000 executables?  Makes one (in
 * containers of twenty, each member after the one before it, with SQL and an
 * expression), loads it as YAML and as canonical JSON, and prints milliseconds.
 *
 * usage: engine_load [EXECUTABLES [ROUNDS]]
 *
 * Process: the benchmark itself, one thread.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/model/load.h"

static double
seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static char *
make_package(TALLOC_CTX *context, int executables)
{
	char *text = talloc_strdup(
		context, "name: large\n"
				 "variables: [{name: n, type: int32}]\n"
				 "connections: [{name: w, type: postgres, connection_string: \"service=w\"}]\n"
				 "executables:\n");

	for (int i = 0; i < executables; i++)
	{
		if (i % 20 == 0)
			text = talloc_asprintf_append_buffer(text,
												 "  - name: group %d\n    type: sequence\n"
												 "    executables:\n",
												 i / 20);
		else
			text = talloc_asprintf_append_buffer(
				text,
				"      - name: task %d\n"
				"        type: execute_sql\n"
				"        connection: w\n"
				"        expressions: {sql: '\"SELECT \" + (DT_WSTR, 20) (@[User::n] + %d)'}\n",
				i, i);
		if (i % 20 > 1)
			text = talloc_asprintf_append_buffer(text, "        after: task %d\n", i - 1);
	}
	return text;
}

/* Milliseconds of one load, the best of several rounds. */
static double
measure(const char *text, const char *file, int rounds, int *count)
{
	double best = 0;

	for (int i = 0; i < rounds; i++)
	{
		TALLOC_CTX *context = talloc_new(NULL);
		SoDiagnostics findings;
		double start = seconds_now();
		SoProject *project =
			so_load_package_text(context, text, strlen(text), file, NULL, &findings);
		double taken = (seconds_now() - start) * 1000;

		if (project == NULL)
		{
			fputs(so_diagnostics_to_text(context, &findings), stderr);
			exit(1);
		}
		*count = project->packages[0]->executable_count;
		if (i == 0 || taken < best)
			best = taken;
		talloc_free(context);
	}
	return best;
}

int
main(int argc, char **argv)
{
	int executables = argc > 1 ? atoi(argv[1]) : 1000;
	int rounds = argc > 2 ? atoi(argv[2]) : 5;
	TALLOC_CTX *context = talloc_new(NULL);
	char *yaml = make_package(context, executables);
	SoDiagnostics findings;
	SoProject *project =
		so_load_package_text(context, yaml, strlen(yaml), "large.yaml", NULL, &findings);
	json_t *json;
	char *canonical;
	int count = 0;
	double taken;

	if (project == NULL)
	{
		fputs(so_diagnostics_to_text(context, &findings), stderr);
		return 1;
	}
	json = so_package_to_json(project->packages[0]);
	canonical = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	taken = measure(yaml, "large.yaml", rounds, &count);
	printf("%d executables, YAML of %zu bytes: %.1f ms\n", count, strlen(yaml), taken);
	taken = measure(canonical, "large.json", rounds, &count);
	printf("%d executables, canonical JSON of %zu bytes: %.1f ms\n", count, strlen(canonical),
		   taken);
	free(canonical);
	talloc_free(context);
	return 0;
}
