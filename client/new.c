/*
 * client/new.c
 *
 * scaleout new NAME: writes NAME.yaml, a small package whose comments explain
 * it and which validates as it is.
 *
 * Process: client; creates one file and never replaces one.
 */
#include "client/new.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <talloc.h>
#include <unistd.h>

#include "client/options.h"
#include "common/error.h"

/* %s is the name */
static const char starter[] =
	"# A package: tasks and the order that they run in.\n"
	"#   check:  scaleout validate %s.yaml\n"
	"#   run:    scaleout exec %s.yaml\n"
	"#   deploy: scaleout deploy %s.yaml\n"
	"# docs/packages.md and docs/tasks.md explain everything; \"scaleout schema\" prints the JSON "
	"Schema with which\n"
	"# an editor completes and checks this file.\n"
	"name: %s\n"
	"description: Says hello to the database.\n"
	"\n"
	"# A failed execution starts again where it failed. What has finished is noted in a file of "
	"this\n"
	"# name in the present folder; in the catalog it is only a name.\n"
	"save_checkpoints: true\n"
	"checkpoint_usage: if_exists\n"
	"checkpoint_file_name: %s.checkpoint\n"
	"\n"
	"# Given from outside for every execution, as $Package::greeting.\n"
	"parameters:\n"
	"  - {name: greeting, type: string, value: hello}\n"
	"\n"
	"# Change while the package runs, as User::answer.\n"
	"variables:\n"
	"  - {name: answer, type: string}\n"
	"\n"
	"# Host, database and user come from libpq's environment (PGHOST ...) or from a service of "
	"pg_service.conf;\n"
	"# passwords belong into ~/.pgpass, never here.\n"
	"connections:\n"
	"  - {name: database, type: postgres, connection_string: \"\"}\n"
	"\n"
	"# Without \"after\" tasks run at the same time.\n"
	"executables:\n"
	"  - name: prepare\n"
	"    type: execute_sql\n"
	"    connection: database\n"
	"    sql: |\n"
	"      CREATE TABLE IF NOT EXISTS greeting (said_at timestamptz, words text);\n"
	"    fail_package_on_failure: true   # a restart point\n"
	"\n"
	"  - name: clean up\n"
	"    type: execute_sql\n"
	"    after: prepare\n"
	"    connection: database\n"
	"    sql: DELETE FROM greeting WHERE said_at < now() - interval '7 days'\n"
	"\n"
	"  - name: report\n"
	"    type: execute_process\n"
	"    after: {executable: clean up, on: completion}   # success, failure or completion\n"
	"    executable: /bin/echo\n"
	"    # values are literal; an expression stands here, under the name of its property\n"
	"    expressions:\n"
	"      description: '\"Says \" + @[$Package::greeting]'\n";

char *
so_new_package_text(void *context, const char *name)
{
	char *text = talloc_strdup(context, "");
	const char *rest = starter;
	const char *mark;

	while ((mark = strstr(rest, "%s")) != NULL)
	{
		text = talloc_strndup_append_buffer(text, rest, (size_t) (mark - rest));
		text = talloc_strdup_append_buffer(text, name);
		rest = mark + 2;
	}
	return talloc_strdup_append_buffer(text, rest);
}

/* What can be a file name and needs no quotes for any reader of YAML. */
static bool
is_plain_name(const char *name)
{
	static const char *const taken[] = {"project", "null", "true", "false", "yes", "no",
										"on",      "off",  "y",    "n",     NULL};

	for (int i = 0; taken[i] != NULL; i++)
	{
		if (strcasecmp(name, taken[i]) == 0)
			return false;
	}
	return name[0] != '\0' && strchr("-.0123456789", name[0]) == NULL && strlen(name) <= 100 &&
		   strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
			   strlen(name);
}

static bool
write_new_file(const char *path, const char *text, SoError *error)
{
	FILE *file = fopen(path, "wxe");

	if (file == NULL)
	{
		int reason = errno;

		so_error_set(error, SO_ERR_FILE_UNWRITABLE, path, "cannot create \"%s\": %s", path,
					 strerror(reason));
		return reason == EEXIST ? so_error_hint(error, "Choose another name, or remove the file.")
								: false;
	}
	if (fputs(text, file) < 0 || fclose(file) != 0)
	{
		so_error_set(error, SO_ERR_FILE_UNWRITABLE, path, "cannot write \"%s\": %s", path,
					 strerror(errno));
		unlink(path);
		return false;
	}
	return true;
}

int
so_client_new(int argc, char **argv)
{
	const SoCommandLine line = {.usage = "scaleout new NAME",
								.description =
									"Writes NAME.yaml, a small commented package to begin with.",
								.examples = "scaleout new load_sales",
								.options = NULL,
								.min_arguments = 1,
								.max_arguments = 1};
	TALLOC_CTX *context;
	SoError error;
	char message[4096];
	char *path;
	int status = SO_EXIT_SUCCESS;
	int first = so_options_parse(argc, argv, &line, &status);

	if (first < 0)
		return status;
	if (!is_plain_name(argv[first]))
	{
		fprintf(stderr,
				"scaleout: %s: \"%s\" cannot be the name of a new package\n"
				"HINT:  Begin with a letter; use letters, digits, _ and -.\n",
				so_error_state(SO_ERR_CLIENT_USAGE), argv[first]);
		return SO_EXIT_USAGE;
	}
	context = talloc_new(NULL);
	path = talloc_asprintf(context, "%s.yaml", argv[first]);
	if (write_new_file(path, so_new_package_text(context, argv[first]), &error))
		printf("%s written. Next: scaleout validate %s\n", path, path);
	else
	{
		fprintf(stderr, "scaleout: %s\n", so_error_format(&error, message, sizeof(message)));
		status = SO_EXIT_FAILED;
	}
	talloc_free(context);
	return status;
}
