/*
 * client/validate.c
 *
 * scaleout validate PATH...: loads packages and project folders and lets the
 * tasks check themselves as far as that needs no connection.  All findings are
 * printed, with file, line and column.
 *
 * Process: client; reads files only, changes nothing.
 */
#include "client/validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/options.h"
#include "engine/model/diagnostics.h"
#include "engine/model/load.h"

static int
validate_path(TALLOC_CTX *context, const char *path, json_t *list, bool quiet, bool warn_as_error)
{
	SoDiagnostics findings;
	SoProject *project = so_load_path(context, path, &findings);
	json_t *json;
	int warnings;

	if (project != NULL)
		so_load_check_tasks(context, project, &findings);
	so_diagnostics_sort(&findings);
	warnings = findings.count - findings.error_count;
	if (list != NULL)
	{
		json = so_diagnostics_to_json(&findings);
		json_array_extend(list, json);
		json_decref(json);
	}
	else
	{
		fputs(so_diagnostics_to_text(context, &findings), stderr);
		if (!quiet && findings.error_count == 0)
			printf("%s: valid, %d package%s, %d warning%s\n", path, project->package_count,
				   project->package_count == 1 ? "" : "s", warnings, warnings == 1 ? "" : "s");
	}
	return findings.error_count > 0 || (warn_as_error && warnings > 0) ? SO_EXIT_NOT_LOADABLE
																	   : SO_EXIT_SUCCESS;
}

int
so_client_validate(int argc, char **argv)
{
	bool as_json = false;
	bool quiet = false;
	bool warn_as_error = false;
	const SoOption table[] = {
		{"json", 0, SO_OPTION_FLAG, &as_json, NULL, "print the findings as JSON"},
		{"quiet", 'q', SO_OPTION_FLAG, &quiet, NULL, "print findings only"},
		{"warn-as-error", 'W', SO_OPTION_FLAG, &warn_as_error, NULL,
		 "warnings make the exit code 5 too"},
		{0}};
	const SoCommandLine line = {
		.usage = "scaleout validate [OPTION]... PATH...",
		.description = "Checks package files and project folders without running them.\n"
					   "Exit code 0: valid; 5: there are errors.",
		.examples = "scaleout validate nightly/",
		.options = table,
		.min_arguments = 1,
		.max_arguments = -1};
	TALLOC_CTX *context;
	json_t *list;
	int status = SO_EXIT_SUCCESS;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	context = talloc_new(NULL);
	list = as_json ? json_array() : NULL;
	for (int i = first; i < argc; i++)
	{
		int one = validate_path(context, argv[i], list, quiet, warn_as_error);

		if (one != SO_EXIT_SUCCESS)
			status = one;
	}
	if (list != NULL)
	{
		json_dumpf(list, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(list);
	}
	talloc_free(context);
	return status;
}
