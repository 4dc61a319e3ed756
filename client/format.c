/*
 * client/format.c
 *
 * scaleout format FILE: prints a document in its normal form, checks that it is
 * in it (--check), replaces the file (--write), or prints the canonical JSON
 * that the catalog stores (--json).
 *
 * Process: client; a file is replaced as a whole, by rename.
 */
#include "client/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/format_document.h"
#include "client/options.h"
#include "client/read_text.h"
#include "engine/model/load.h"

typedef struct FormatOptions
{
	bool check;
	bool write;
	bool json;
	bool force;
} FormatOptions;

static void
print_error(const char *path, const SoError *error)
{
	char message[4096];

	fprintf(stderr, "%s: %s\n", path, so_error_format(error, message, sizeof(message)));
}

static int
print_canonical(TALLOC_CTX *context, const char *path)
{
	SoDiagnostics findings;
	SoProject *project = so_load_path(context, path, &findings);
	json_t *json;

	fputs(so_diagnostics_to_text(context, &findings), stderr);
	if (project == NULL)
		return SO_EXIT_NOT_LOADABLE;
	json = so_package_to_json(project->packages[0]);
	json_dumpf(json, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(json);
	return SO_EXIT_SUCCESS;
}

static bool
is_json_file(const char *path)
{
	size_t length = strlen(path);

	return length > 5 && strcmp(path + length - 5, ".json") == 0;
}

static int
format_file(TALLOC_CTX *context, const char *path, const FormatOptions *options)
{
	SoError error;
	size_t length;
	char *text = so_read_text(context, path, &length, &error);
	char *fresh = NULL;
	bool same;

	if (text == NULL)
	{
		print_error(path, &error);
		return SO_EXIT_NOT_FOUND;
	}
	fresh = so_format_document(context, text, length, options->force, &error);
	if (fresh == NULL)
	{
		print_error(path, &error);
		return SO_EXIT_NOT_LOADABLE;
	}
	same = strcmp(text, fresh) == 0;
	if (options->check && !same)
	{
		so_error_set(&error, SO_ERR_DOCUMENT_NOT_CANONICAL, NULL,
					 "the file is not in its normal form");
		print_error(path, &error);
		return SO_EXIT_FAILED;
	}
	if (options->check)
		return SO_EXIT_SUCCESS;
	if (!options->write)
		fputs(fresh, stdout);
	else if (!same && !so_write_text(path, fresh, &error))
	{
		print_error(path, &error);
		return SO_EXIT_FAILED;
	}
	return SO_EXIT_SUCCESS;
}

int
so_client_format(int argc, char **argv)
{
	FormatOptions options = {false, false, false, false};
	const SoOption table[] = {
		{"check", 0, SO_OPTION_FLAG, &options.check, NULL,
		 "only say whether the file is in its normal form (exit code 1)"},
		{"write", 'w', SO_OPTION_FLAG, &options.write, NULL, "replace the file"},
		{"json", 0, SO_OPTION_FLAG, &options.json, NULL,
		 "print canonical JSON, as the catalog stores it"},
		{"force", 0, SO_OPTION_FLAG, &options.force, NULL,
		 "format even when comments would be lost"},
		{0}};
	const SoCommandLine line = {
		.usage = "scaleout format [--check | --write | --json] FILE...",
		.description =
			"Prints documents in their normal form: order of keys, indentation, quotes.\n"
			"What they say, comments and empty lines stay.",
		.examples = "scaleout format --check *.yaml",
		.options = table,
		.min_arguments = 1,
		.max_arguments = -1};
	TALLOC_CTX *context;
	int status = SO_EXIT_SUCCESS;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	context = talloc_new(NULL);
	for (int i = first; i < argc; i++)
	{
		int one = SO_EXIT_SUCCESS;

		if (options.json)
			one = print_canonical(context, argv[i]);
		else if (is_json_file(argv[i]))
		{
			fprintf(stderr, "%s: a JSON file has one normal form: use --json\n", argv[i]);
			one = SO_EXIT_USAGE;
		}
		else
			one = format_file(context, argv[i], &options);
		if (one != SO_EXIT_SUCCESS)
			status = one;
	}
	talloc_free(context);
	return status;
}
