/*
 * client/schema.c
 *
 * scaleout schema: prints docs/package.schema.json (or --project), or brings the
 * generated parts of a Markdown page up to date.
 *
 * Process: client; reads constant tables, writes to stdout only.
 */
#include "client/schema.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/options.h"
#include "client/read_text.h"
#include "engine/model/reference.h"
#include "engine/model/schema.h"

static int
print_schema(bool project)
{
	json_t *schema = project ? so_schema_project() : so_schema_package();
	int status = json_dumpf(schema, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF
					 ? SO_EXIT_SUCCESS
					 : SO_EXIT_FAILED;

	json_decref(schema);
	return status;
}

static int
print_page(const char *path)
{
	TALLOC_CTX *context = talloc_new(NULL);
	char message[4096];
	SoError error;
	size_t length;
	char *unknown;
	char *text = so_read_text(context, path, &length, &error);
	char *fresh = text != NULL ? so_reference_refresh(context, text, &unknown) : NULL;

	if (text != NULL && fresh == NULL)
		so_error_set(&error, SO_ERR_CLIENT_USAGE, path,
					 "there is nothing called \"%s\" to generate", unknown);
	if (fresh == NULL)
		fprintf(stderr, "scaleout: %s\n", so_error_format(&error, message, sizeof(message)));
	else
		fputs(fresh, stdout);
	talloc_free(context);
	return fresh != NULL ? SO_EXIT_SUCCESS : SO_EXIT_FAILED;
}

int
so_client_schema(int argc, char **argv)
{
	bool project = false;
	const char *page = NULL;
	const SoOption table[] = {
		{"project", 0, SO_OPTION_FLAG, &project, NULL, "the schema of project.yaml"},
		{"markdown", 0, SO_OPTION_STRING, &page, "FILE",
		 "print FILE with its generated parts made anew"},
		{0}};
	const SoCommandLine line = {.usage = "scaleout schema [--project | --markdown FILE]",
								.description =
									"Prints the JSON Schema of package documents, for editors.",
								.examples = "scaleout schema > package.schema.json",
								.options = table,
								.min_arguments = 0,
								.max_arguments = 0};
	int status = SO_EXIT_SUCCESS;

	if (so_options_parse(argc, argv, &line, &status) < 0)
		return status;
	return page != NULL ? print_page(page) : print_schema(project);
}
