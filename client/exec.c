/*
 * client/exec.c
 *
 * scaleout exec: loads a package and runs it in this process.
 *
 * Process: client.  The main thread is the engine's control thread.  The first
 * Ctrl-C (or SIGTERM) cancels, the second one ends the process; databases then
 * roll back what was not committed.
 */
#include "client/exec.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/exec_checkpoint.h"
#include "client/exec_display.h"
#include "client/exec_graph.h"
#include "client/exec_options.h"
#include "client/options.h"
#include "engine/model/load.h"

static int cancel_fd = -1;

static void
handle_signal(int number)
{
	uint64_t one = 1;
	int saved = errno;

	if (write(cancel_fd, &one, sizeof(one)) < 0)
		_exit(SO_EXIT_CANCELED);
	signal(number, SIG_DFL);
	errno = saved;
}

static int
complain(const SoError *error, int status)
{
	fprintf(stderr, "scaleout: %s: %s\n", so_error_state(error->code), error->message);
	if (error->detail[0] != '\0')
		fprintf(stderr, "DETAIL:  %s\n", error->detail);
	if (error->hint[0] != '\0')
		fprintf(stderr, "HINT:  %s\n", error->hint);
	return status;
}

static int
load(TALLOC_CTX *context, const SoExecOptions *options, SoProject **project)
{
	SoDiagnostics findings = {0};
	struct stat status;

	if (stat(options->path, &status) != 0)
	{
		fprintf(stderr,
				"scaleout: %s: package \"%s\" cannot be found: %s\n"
				"HINT:  Give the path of a package file or of a project folder.\n",
				so_error_state(SO_ERR_RUN_PACKAGE_UNKNOWN), options->path, strerror(errno));
		return SO_EXIT_NOT_FOUND;
	}
	*project = so_load_path(context, options->path, &findings);
	if (findings.count > 0)
		fputs(so_diagnostics_to_text(context, &findings), stderr);
	if (*project == NULL || findings.error_count > 0)
		return SO_EXIT_NOT_LOADABLE;
	if (options->warn_as_error && findings.count > 0)
		return SO_EXIT_FAILED;
	return SO_EXIT_SUCCESS;
}

/* A file of a project loads its siblings, too: it names the package that is meant. */
static const char *
package_name(const SoExecOptions *options, const SoProject *project)
{
	if (options->package_name != NULL || project->package_count == 1)
		return options->package_name;
	for (int i = 0; i < project->package_count; i++)
	{
		const char *file = project->packages[i]->file;
		struct stat left;
		struct stat right;

		if (file != NULL && stat(file, &left) == 0 && stat(options->path, &right) == 0 &&
			left.st_dev == right.st_dev && left.st_ino == right.st_ino)
			return project->packages[i]->name;
	}
	return NULL;
}

/* The package that will run; NULL after saying why there is none. */
static const SoPackage *
chosen_package(const SoExecOptions *options, const SoProject *project)
{
	const char *name = package_name(options, project);
	const SoPackage *package = name != NULL                  ? so_project_package(project, name)
							   : project->package_count == 1 ? project->packages[0]
															 : NULL;

	if (package == NULL && name != NULL)
		fprintf(stderr, "scaleout: %s: there is no package \"%s\" in the project\n",
				so_error_state(SO_ERR_RUN_PACKAGE_UNKNOWN), name);
	else if (package == NULL)
		fprintf(stderr, "scaleout: %s: say with --package which of the %d packages is meant\n",
				so_error_state(SO_ERR_RUN_PACKAGE_UNKNOWN), project->package_count);
	return package;
}

/* Ids are compared without the braces that SSIS puts around them. */
static bool
same_id(const char *given, const char *id)
{
	size_t length = strlen(given);

	if (length > 2 && given[0] == '{' && given[length - 1] == '}')
		return strlen(id) == length - 2 && strncasecmp(given + 1, id, length - 2) == 0;
	return strcasecmp(given, id) == 0;
}

static bool
mismatch(SoError *error, const char *what, const char *expected, const char *found)
{
	so_error_set(error, SO_ERR_CLIENT_VERSION, what, "%s of the package is %s, not %s", what, found,
				 expected);
	return so_error_hint(error, "Run the version that was asked for, or correct the option.");
}

static bool
verifies(const SoExecOptions *options)
{
	return options->verify_package_id != NULL || options->verify_version_id != NULL ||
		   options->verify_build[0] >= 0;
}

/* dtexec's /VerifyBuild, /VerifyPackageID, /VerifyVersionID. */
static bool
verify(const SoExecOptions *options, const SoPackage *package, SoError *error)
{
	static const char *const names[] = {"version_major", "version_minor", "version_build"};
	const SoObject *object = package->root->object;
	const char *guid = so_object_string(object, "version_guid");

	if (options->verify_package_id != NULL && !same_id(options->verify_package_id, package->id))
		return mismatch(error, "id", options->verify_package_id, package->id);
	if (options->verify_version_id != NULL &&
		(guid == NULL || !same_id(options->verify_version_id, guid)))
		return mismatch(error, "version_guid", options->verify_version_id,
						guid != NULL ? guid : "not set");
	for (int i = 0; i < 3; i++)
	{
		char expected[16];
		char found[16];

		snprintf(expected, sizeof(expected), "%d", options->verify_build[i]);
		snprintf(found, sizeof(found), "%d", (int) so_object_integer(object, names[i]));
		if (options->verify_build[i] >= 0 && strcmp(expected, found) != 0)
			return mismatch(error, names[i], expected, found);
	}
	return true;
}

static int
print_graph(const SoExecOptions *options, const SoProject *project)
{
	const SoPackage *package = chosen_package(options, project);

	if (package == NULL)
		return SO_EXIT_NOT_FOUND;
	if (options->graph == SO_GRAPH_TEXT)
		so_exec_graph_text(stdout, package);
	else
		so_exec_graph_dot(stdout, package);
	return SO_EXIT_SUCCESS;
}

static int
print_outcome(const SoExecOptions *options, const SoRunOutcome *outcome)
{
	static const char *const texts[] = {"succeeded", "failed", "completed", "was canceled"};
	char duration[32];

	if (options->reporting != 0)
		printf("%s %s after %s, %d error%s, %d warning%s\n",
			   options->validate ? "Validation" : "Package", texts[outcome->result & 3],
			   so_exec_duration_text(outcome->duration_ms, duration, sizeof(duration)),
			   outcome->error_count, outcome->error_count == 1 ? "" : "s", outcome->warning_count,
			   outcome->warning_count == 1 ? "" : "s");
	switch (outcome->result)
	{
		case SO_RESULT_SUCCESS:
		case SO_RESULT_COMPLETION:
			return SO_EXIT_SUCCESS;
		case SO_RESULT_CANCELED:
			return SO_EXIT_CANCELED;
		default:
			return SO_EXIT_FAILED;
	}
}

static int
run(TALLOC_CTX *context, const SoExecOptions *options, const SoProject *project)
{
	SoRunOptions run_options;
	SoRunOutcome outcome;
	SoExecDisplay *display;
	SoError error = {0};
	bool began;

	so_run_options_init(&run_options);
	run_options.parameters = options->parameters;
	run_options.parameter_count = options->parameter_count;
	run_options.property_overrides = options->overrides;
	run_options.property_override_count = options->override_count;
	run_options.connection_strings = options->connections;
	run_options.connection_string_count = options->connection_count;
	run_options.max_concurrent_executables = options->max_concurrent;
	run_options.validate_only = options->validate;
	run_options.warn_as_error = options->warn_as_error;
	run_options.logging_level =
		(options->reporting & SO_REPORT_CUSTOM) != 0 || options->console_log ? 3 : 1;
	run_options.interactive = isatty(STDIN_FILENO) != 0;
	run_options.cancel_fd = cancel_fd;
	run_options.checkpoint_store = so_exec_checkpoint_store(context, options, &error);
	if (run_options.checkpoint_store == NULL)
		return complain(&error, SO_EXIT_USAGE);
	if (options->restart_plan)
	{
		int status = so_exec_checkpoint_plan(context, options, project,
											 package_name(options, project), &run_options, &error);

		return status >= 0 ? status : complain(&error, SO_EXIT_FAILED);
	}
	display =
		so_exec_display_open(options, !options->plain && !options->console_log &&
										  options->reporting != 0 && isatty(STDOUT_FILENO) != 0);
	began = so_run_package(context, project, package_name(options, project), &run_options,
						   so_exec_display_sink(display), &outcome, &error);
	so_exec_display_close(display);
	if (!began)
		return complain(&error, error.code == SO_ERR_RUN_PACKAGE_UNKNOWN ? SO_EXIT_NOT_FOUND
																		 : SO_EXIT_USAGE);
	return print_outcome(options, &outcome);
}

static int
exec_with(TALLOC_CTX *context, int argc, char **argv)
{
	SoExecOptions options;
	SoProject *project = NULL;
	SoError error = {0};
	int status;

	if (!so_exec_options_parse(context, argc, argv, &options, &error))
		return complain(&error, SO_EXIT_USAGE);
	if (options.help)
	{
		so_exec_options_help();
		return SO_EXIT_SUCCESS;
	}
	if (!so_exec_checkpoint_options(context, &options, &error))
		return complain(&error, SO_EXIT_USAGE);
	/* From the last file to the first, because each goes in front of what is there. */
	for (int i = options.configuration_count - 1; i >= 0; i--)
	{
		if (!so_exec_options_configure(context, options.configurations[i], &options, &error))
			return complain(&error, SO_EXIT_USAGE);
	}
	status = load(context, &options, &project);
	if (status != SO_EXIT_SUCCESS)
		return status;
	if (options.graph != SO_GRAPH_NONE)
		return print_graph(&options, project);
	if (verifies(&options))
	{
		const SoPackage *package = chosen_package(&options, project);

		if (package == NULL)
			return SO_EXIT_NOT_FOUND;
		if (!verify(&options, package, &error))
			return complain(&error, SO_EXIT_NOT_LOADABLE);
	}
	cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	signal(SIGINT, handle_signal);
	signal(SIGTERM, handle_signal);
	signal(SIGPIPE, SIG_IGN);
	status = run(context, &options, project);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	if (cancel_fd >= 0)
		close(cancel_fd);
	cancel_fd = -1;
	return status;
}

int
so_client_exec(int argc, char **argv)
{
	TALLOC_CTX *context = talloc_new(NULL);
	int status = exec_with(context, argc, argv);

	talloc_free(context);
	return status;
}
