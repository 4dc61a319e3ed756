/*
 * runner/loader_main.c
 *
 * scaleout-loader: checks a project for catalog.deploy_*, outside the server.
 *
 *     scaleout-loader [--max-bytes N] < project.json > answer.json
 *
 * Input is one JSON value in the form of so_load_project_json:
 *
 *     {"format_version": 1, "name": "sales", "project": {...}, "packages": {"load": {...}}}
 *
 * The answer is one JSON object on one line:
 *
 *     {"version": "0.1.0",            of this program
 *      "ok": true,                    false when there is a finding of severity error
 *      "findings": [                  errors and warnings, in the order of the document
 *        {"severity": "error" | "warning", "code": "SO602", "pointer": "/packages/load/executables/0",
 *         "message": "...", "hint": "..."}],
 *      -- only when ok --
 *      "canonical": {...},            the project in canonical form, to be stored
 *      "project_id": "uuid" | null,   null when the input had no member project
 *      "project_description": "..." | null,
 *      "project_parameters": [PARAMETER ...],
 *      "packages": [                  sorted by name
 *        {"name": "load", "id": "uuid", "description": "..." | null,
 *         "version_major": 1, "version_minor": 0, "version_build": 0,
 *         "version_comments": "..." | null, "version_guid": "uuid" | null,
 *         "content_hash": "sha-256 of the canonical package, 64 hexadecimal digits",
 *         "executable_count": 7,      the package itself included
 *         "task_types": ["execute_sql", ...],   sorted, each once; agents must know all of them
 *         "connections": ["warehouse", ...],    names of its own connection managers
 *         "parameters": [PARAMETER ...]}]}
 *
 *     PARAMETER: {"name": "since", "id": "uuid", "type": "datetime", "required": true,
 *                 "sensitive": false, "description": "..." | null,
 *                 "default": value | null}      null for sensitive ones and without a value
 *
 * The input {"restart_plan": {"task": TASK, "checkpoints": [CHECKPOINT ...]}} asks what a restart would do;
 * TASK is a leased task with its project_document (docs/protocol.md), and
 *
 *     CHECKPOINT: {"package": "load", "name": "daily", "own": true, "override": "refuse",
 *                  "reply": what the catalog replies to an item "open"}
 *
 * The answer is {"version", "plan": so_checkpoint_plan_to_json} or {"version", "error": {"code",
 * "message", "detail", "hint"}}.
 *
 * Exit status 0 whenever an answer was written, 64 for a wrong argument, 70
 * when there was no memory or the answer could not be written.  A document
 * that takes too much memory or time ends the program by a signal.
 *
 * Process: child of a backend, started with a pipe on stdin and stdout; no
 * database, no files.  It writes nothing but the answer to stdout, keeps no state,
 * and can be killed at any time.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/protocol.h"
#include "engine/model/diagnostics.h"
#include "engine/model/load.h"
#include "engine/tasks/task.h"
#include "runner/loader_plan.h"

#define DEFAULT_MAX_BYTES (64L * 1024 * 1024)
#define MEMORY_LIMIT      (2UL * 1024 * 1024 * 1024)
#define CPU_SECONDS       60

#define EXIT_USAGE    64
#define EXIT_SOFTWARE 70

static void
limit(int resource, rlim_t value)
{
	struct rlimit limits;

	if (getrlimit((__rlimit_resource_t) resource, &limits) != 0)
		return;
	if (limits.rlim_cur > value)
		limits.rlim_cur = value;
	if (limits.rlim_max > value)
		limits.rlim_max = value;
	(void) setrlimit((__rlimit_resource_t) resource, &limits);
}

/* The input comes from a person: no memory, time, files or children beyond what a load needs. */
static void
set_limits(void)
{
#if !defined(__SANITIZE_ADDRESS__)
	/* The address sanitizer reserves more memory than that, and its leak check is a process. */
	limit(RLIMIT_AS, MEMORY_LIMIT);
	limit(RLIMIT_NPROC, 0);
#endif
	limit(RLIMIT_CPU, CPU_SECONDS);
	limit(RLIMIT_CORE, 0);
	signal(SIGPIPE, SIG_IGN);
}

/* All of stdin, at most max_bytes; NULL with *too_large or errno. */
static char *
read_input(size_t max_bytes, size_t *length, bool *too_large)
{
	size_t room = 64 * 1024;
	char *text = malloc(room);

	*length = 0;
	*too_large = false;
	while (text != NULL)
	{
		ssize_t n;

		if (*length == room)
		{
			char *larger = realloc(text, room * 2);

			if (larger == NULL)
				break;
			text = larger;
			room *= 2;
		}
		n = read(STDIN_FILENO, text + *length, room - *length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		if (n == 0)
			return text;
		*length += (size_t) n;
		if (*length > max_bytes)
		{
			*too_large = true;
			break;
		}
	}
	free(text);
	return NULL;
}

static json_t *
text_or_null(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

static json_t *
describe_parameters(SoParameter *const *parameters, int count)
{
	json_t *list = json_array();

	for (int i = 0; i < count; i++)
	{
		const SoParameter *parameter = parameters[i];
		json_t *json = json_object();

		json_object_set_new(json, "name", json_string(parameter->name));
		json_object_set_new(json, "id", text_or_null(so_object_string(parameter->object, "id")));
		json_object_set_new(json, "type", json_string(so_data_type_variable_name(parameter->type)));
		json_object_set_new(json, "required", json_boolean(parameter->required));
		json_object_set_new(json, "sensitive", json_boolean(parameter->sensitive));
		json_object_set_new(json, "description", text_or_null(parameter->description));
		json_object_set_new(json, "default",
							parameter->has_default && !parameter->sensitive
								? so_value_to_json(&parameter->value)
								: json_null());
		json_array_append_new(list, json);
	}
	return list;
}

/* In the order of the task table, which is sorted. */
static json_t *
describe_task_types(const SoPackage *package)
{
	const SoTaskType *const *types = so_task_types();
	json_t *list = json_array();

	for (int i = 0; types[i] != NULL; i++)
	{
		for (int j = 0; j < package->executable_count; j++)
		{
			if (package->executables[j]->task_type == types[i])
			{
				json_array_append_new(list, json_string(types[i]->object_type->name));
				break;
			}
		}
	}
	return list;
}

static json_t *
describe_package(TALLOC_CTX *context, const SoPackage *package)
{
	const SoObject *object = package->root->object;
	json_t *json = json_object();
	json_t *connections = json_array();

	for (int i = 0; i < package->connection_count; i++)
		json_array_append_new(connections, json_string(package->connections[i]->name));
	json_object_set_new(json, "name", json_string(package->name));
	json_object_set_new(json, "id", json_string(package->id));
	json_object_set_new(json, "description", text_or_null(package->root->description));
	json_object_set_new(json, "version_major",
						json_integer(so_object_integer(object, "version_major")));
	json_object_set_new(json, "version_minor",
						json_integer(so_object_integer(object, "version_minor")));
	json_object_set_new(json, "version_build",
						json_integer(so_object_integer(object, "version_build")));
	json_object_set_new(json, "version_comments",
						text_or_null(so_object_string(object, "version_comments")));
	json_object_set_new(json, "version_guid",
						text_or_null(so_object_string(object, "version_guid")));
	json_object_set_new(json, "content_hash",
						json_string(so_package_content_hash(context, package)));
	json_object_set_new(json, "executable_count", json_integer(package->executable_count));
	json_object_set_new(json, "task_types", describe_task_types(package));
	json_object_set_new(json, "connections", connections);
	json_object_set_new(json, "parameters",
						describe_parameters(package->parameters, package->parameter_count));
	return json;
}

static int
compare_packages(const void *left, const void *right)
{
	return strcmp((*(const SoPackage *const *) left)->name,
				  (*(const SoPackage *const *) right)->name);
}

static void
describe_project(TALLOC_CTX *context, json_t *answer, const SoProject *project)
{
	size_t count = (size_t) project->package_count;
	SoPackage **sorted = talloc_array(context, SoPackage *, count + 1);
	json_t *packages = json_array();

	for (size_t i = 0; i < count; i++)
		sorted[i] = project->packages[i];
	qsort(sorted, count, sizeof(SoPackage *), compare_packages);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(packages, describe_package(context, sorted[i]));
	json_object_set_new(answer, "canonical", so_project_to_json(project));
	json_object_set_new(answer, "project_id",
						project->object != NULL
							? text_or_null(so_object_string(project->object, "id"))
							: json_null());
	json_object_set_new(answer, "project_description",
						project->object != NULL
							? text_or_null(so_object_string(project->object, "description"))
							: json_null());
	json_object_set_new(answer, "project_parameters",
						describe_parameters(project->parameters, project->parameter_count));
	json_object_set_new(answer, "packages", packages);
}

static void
load_input(TALLOC_CTX *context, const char *text, size_t length, json_t *answer,
		   SoDiagnostics *findings)
{
	json_error_t problem;
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
	SoProject *project;

	if (json == NULL)
	{
		so_diagnostics_add(findings, context,
						   &(SoFinding){.code = SO_ERR_JSON_MALFORMED,
										.line = problem.line,
										.column = problem.column},
						   "%s", problem.text);
		return;
	}
	if (json_object_get(json, "restart_plan") != NULL)
	{
		json_t *plan = so_loader_plan(context, json_object_get(json, "restart_plan"));

		json_object_update(answer, plan);
		json_decref(plan);
		json_decref(json);
		return;
	}
	project = so_load_project_json(context, json, findings);
	json_decref(json);
	if (project != NULL)
		so_load_check_tasks(context, project, findings);
	if (project != NULL && findings->error_count == 0)
		describe_project(context, answer, project);
}

/* false when it cannot be written as a whole */
static bool
write_answer(const json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);
	size_t length = text != NULL ? strlen(text) : 0;
	size_t written = 0;

	if (text == NULL)
		return false;
	text[length++] = '\n'; /* in the place of the terminator */
	while (written < length)
	{
		ssize_t n = write(STDOUT_FILENO, text + written, length - written);

		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			written += (size_t) n;
	}
	free(text);
	return written == length;
}

/* --max-bytes N or --max-bytes=N; 0 when the arguments are wrong */
static long
parse_arguments(int argc, char **argv)
{
	const char *value;
	char *end;
	long bytes;

	if (argc == 1)
		return DEFAULT_MAX_BYTES;
	if (argc == 3 && strcmp(argv[1], "--max-bytes") == 0)
		value = argv[2];
	else if (argc == 2 && strncmp(argv[1], "--max-bytes=", 12) == 0)
		value = argv[1] + 12;
	else
		return 0;
	errno = 0;
	bytes = strtol(value, &end, 10);
	return errno != 0 || *end != '\0' || end == value || bytes < 1 ? 0 : bytes;
}

int
main(int argc, char **argv)
{
	TALLOC_CTX *context;
	SoDiagnostics findings = {NULL, 0, 0};
	json_t *answer;
	long max_bytes = parse_arguments(argc, argv);
	size_t length;
	bool too_large;
	bool written;
	char *text;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
	{
		puts("scaleout-loader " SO_VERSION);
		return 0;
	}
	if (max_bytes == 0)
	{
		fputs("usage: scaleout-loader [--max-bytes N] < project.json\n", stderr);
		return EXIT_USAGE;
	}
	set_limits();
	text = read_input((size_t) max_bytes, &length, &too_large);
	if (text == NULL && !too_large)
		return EXIT_SOFTWARE;
	context = talloc_new(NULL);
	answer = json_object();
	json_object_set_new(answer, "version", json_string(SO_VERSION));
	if (too_large)
		so_diagnostics_add(&findings, context, &(SoFinding){.code = SO_ERR_DOCUMENT_TOO_LARGE},
						   "the project has more than %ld bytes", max_bytes);
	else
		load_input(context, text, length, answer, &findings);
	free(text);
	json_object_set_new(answer, "ok", json_boolean(findings.error_count == 0));
	json_object_set_new(answer, "findings", so_diagnostics_to_json(&findings));
	written = write_answer(answer);
	json_decref(answer);
	talloc_free(context);
	return written ? 0 : EXIT_SOFTWARE;
}
