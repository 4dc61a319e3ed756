/*
 * engine/tasks/script.c
 *
 * The Script task: runs a program, or source text with an interpreter.  The
 * program gets variables as JSON on standard input and answers by lines on
 * descriptor 3; what it prints becomes messages.
 *
 * Process: runner and client, in a task's thread.  Variables that the script
 * set count when the task has ended; if the process dies the kernel kills the
 * script.
 */
#include "engine/tasks/script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/model/object_types.h"
#include "engine/tasks/execute_process.h"
#include "engine/tasks/file_operation.h"
#include "engine/tasks/outcome.h"
#include "engine/tasks/output.h"

/* A line of commands may carry a large value. */
#define MAX_COMMAND ((size_t) 16 * 1024 * 1024)

static const SoProperty script_properties[] = {
	{"source", SO_PROPERTY_TEXT, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "The script; source_file names a file with it, relative to the package, that is read when the "
	 "package is "
	 "loaded.",
	 "source: \"import json, sys\\nvariables = json.load(sys.stdin)['variables']\""},
	{"interpreter", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Program that runs source: a path, or a name that is looked up in PATH.",
	 "interpreter: python3"},
	{"interpreter_arguments", SO_PROPERTY_STRING_LIST, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Arguments of the interpreter, before the script.", "interpreter_arguments: [\"-u\"]"},
	{"executable", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Program to run, in place of source and interpreter.", "executable: /opt/etl/bin/clean"},
	{"arguments", SO_PROPERTY_STRING_LIST, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Arguments of the script or program.", "arguments: [\"--fast\"]"},
	{"read_only_variables", SO_PROPERTY_STRING_LIST, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Variables and parameters that the script is given.",
	 "read_only_variables: [\"User::since\", \"$Package::mode\", \"System::WorkFolder\"]"},
	{"read_write_variables", SO_PROPERTY_STRING_LIST, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Variables that the script is given and may set.", "read_write_variables: [\"User::count\"]"},
	{"environment", SO_PROPERTY_STRING_MAP, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Environment variables to add or replace.", "environment: {LC_ALL: C.UTF-8}"},
	{"working_directory", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Folder that the script starts in; default is the execution's work folder.",
	 "working_directory: /srv/in"},
	{"success_value", SO_PROPERTY_INT32, 0, "0", NULL, NULL, "Exit code that means success.",
	 "success_value: 0"},
	{"time_out", SO_PROPERTY_DURATION, 0, "0s", NULL, NULL,
	 "How long the script may run; then it is ended and the task fails. 0 means no limit.",
	 "time_out: 5min"},
	{NULL}};

static const SoObjectType script_type = {
	"script", "Script task",
	"Runs a script or program that reads variables as JSON and answers by a small line protocol.",
	script_properties, &so_object_type_executable};

static void
validate(SoTaskValidation *validation)
{
	const SoObject *properties = validation->properties;
	bool source = so_object_is_set(properties, "source");
	bool executable = so_object_is_set(properties, "executable");

	if (source == executable)
		so_outcome_finding(validation, false, "source",
						   source ? "source and executable exclude each other"
								  : "there is no script to run",
						   "Give source with interpreter, or executable.");
	if (source && !so_object_is_set(properties, "interpreter"))
		so_outcome_finding(validation, false, "interpreter", "source needs an interpreter",
						   "Name it, for example interpreter: python3.");
}

/* Names of a list property as full names, NULL-terminated. */
static char **
full_names(SoTaskRun *run, const char *property)
{
	const SoField *list = so_object_field(so_task_properties(run), property);
	char **names = talloc_zero_array(so_task_context(run), char *, list->count + 1);

	for (int i = 0; i < list->count; i++)
		names[i] = so_script_variable_name(names, list->strings[i]);
	return names;
}

static bool
add_variables(SoTaskRun *run, json_t *variables, char **names, SoError *error)
{
	for (int i = 0; names[i] != NULL; i++)
	{
		const SoValue *value = so_task_variable(run, names[i]);

		if (value == NULL)
			return so_error_set(error, SO_ERR_TASK_BINDING, NULL, "there is no variable \"%s\"",
								names[i]);
		json_object_set_new(variables, names[i], so_value_to_json(value));
	}
	return true;
}

/* {"variables": {"User::n": 1}, "task": ..., "package": ..., "work_folder": ...} */
static char *
input_text(SoTaskRun *run, char **writable, SoError *error)
{
	const SoExecutable *executable = so_task_executable(run);
	json_t *variables = json_object();
	json_t *input = json_pack("{s:o, s:s, s:s}", "variables", variables, "task",
							  executable != NULL ? executable->name : "", "work_folder",
							  so_task_work_folder(run) != NULL ? so_task_work_folder(run) : "");
	char *text = NULL;
	char *owned;

	if (input != NULL &&
		add_variables(run, variables, full_names(run, "read_only_variables"), error) &&
		add_variables(run, variables, writable, error))
	{
		text = json_dumps(input, JSON_COMPACT);
		if (text == NULL)
			so_error_set(error, SO_ERR_TASK_BINDING, NULL,
						 "a variable holds what JSON cannot carry");
	}
	json_decref(input);
	owned = text != NULL ? talloc_strdup(so_task_context(run), text) : NULL;
	free(text);
	return owned;
}

/* The source in a private file of the work folder; removed after the run. */
static char *
write_source(SoTaskRun *run, SoError *error)
{
	const char *source = so_object_string(so_task_properties(run), "source");
	const char *folder = so_task_work_folder(run);
	char *path =
		talloc_asprintf(so_task_context(run), "%s/script-XXXXXX", folder != NULL ? folder : "/tmp");
	int fd = mkostemp(path, O_CLOEXEC);
	size_t length = strlen(source);
	size_t written = 0;

	if (fd < 0)
	{
		so_file_error(error, "create", path, errno);
		return NULL;
	}
	while (written < length)
	{
		ssize_t now = write(fd, source + written, length - written);

		if (now < 0 && errno == EINTR)
			continue;
		if (now < 0)
		{
			so_file_error(error, "write", path, errno);
			close(fd);
			unlink(path);
			return NULL;
		}
		written += (size_t) now;
	}
	close(fd);
	return path;
}

/* Executable and argv; *temporary is the file to remove. */
static bool
find_program(SoTaskRun *run, SoProcess *process, char **temporary, SoError *error)
{
	const SoObject *properties = so_task_properties(run);
	TALLOC_CTX *context = so_task_context(run);
	const char *program = so_outcome_property(properties, "executable");
	const SoField *before = so_object_field(properties, "interpreter_arguments");
	const SoField *after = so_object_field(properties, "arguments");
	int used = 0;

	if (program == NULL)
	{
		program = so_outcome_property(properties, "interpreter");
		if (program == NULL)
			return so_error_set(error, SO_ERR_TASK_PROPERTY, "interpreter",
								"there is no interpreter");
		*temporary = write_source(run, error);
		if (*temporary == NULL)
			return false;
	}
	process->executable =
		so_process_find(context, program, process->working_directory, false, error);
	if (process->executable == NULL)
		return false;
	process->arguments = talloc_zero_array(context, char *, before->count + after->count + 3);
	process->arguments[used++] = talloc_strdup(context, program);
	if (*temporary != NULL)
	{
		for (int i = 0; i < before->count; i++)
			process->arguments[used++] = before->strings[i];
		process->arguments[used++] = *temporary;
	}
	for (int i = 0; i < after->count; i++)
		process->arguments[used++] = after->strings[i];
	return true;
}

typedef struct ScriptStreams
{
	SoOutput outputs[SO_PROCESS_STREAMS];
} ScriptStreams;

static bool
take_bytes(void *context, SoProcessStream stream, const char *bytes, size_t length)
{
	ScriptStreams *streams = context;

	return so_output_take(&streams->outputs[stream], bytes, length);
}

static bool
run_script(SoTaskRun *run, SoProcess *process, ScriptStreams *streams, SoScriptState *state,
		   SoError *error)
{
	const SoObject *properties = so_task_properties(run);
	SoProcessOutcome outcome;

	if (!so_process_run(process, &outcome, error))
		return false;
	for (int i = 0; i < SO_PROCESS_STREAMS; i++)
		so_output_finish(&streams->outputs[i]);
	if (state->failed)
	{
		*error = state->error;
		return false;
	}
	return so_execute_process_judge(
		process, &outcome, true, so_object_integer(properties, "success_value"),
		so_execute_process_said(so_task_context(run), process, &streams->outputs[SO_PROCESS_OUTPUT],
								&streams->outputs[SO_PROCESS_ERROR]),
		error);
}

static bool
run_prepared(SoTaskRun *run, SoScriptState *state, char **temporary, SoError *error)
{
	const SoObject *properties = so_task_properties(run);
	SoProcess process = {
		.commands = true, .cancel_fd = so_task_cancel_fd(run), .end_after_time_out = true};
	ScriptStreams streams;
	bool good;

	process.working_directory = so_outcome_property(properties, "working_directory");
	if (process.working_directory == NULL)
		process.working_directory = so_task_work_folder(run);
	process.time_out_ms = so_object_integer(properties, "time_out");
	process.environment = so_execute_process_environment(
		so_task_context(run), so_object_field(properties, "environment"));
	process.input = input_text(run, state->writable, error);
	if (process.input == NULL || !find_program(run, &process, temporary, error))
		return false;
	process.input_length = strlen(process.input);
	process.reader = take_bytes;
	process.context = &streams;
	so_output_init(&streams.outputs[SO_PROCESS_OUTPUT], run, SO_PROCESS_OUTPUT);
	so_output_init(&streams.outputs[SO_PROCESS_ERROR], run, SO_PROCESS_ERROR);
	so_output_init(&streams.outputs[SO_PROCESS_COMMANDS], run, SO_PROCESS_COMMANDS);
	streams.outputs[SO_PROCESS_COMMANDS].on_line = so_script_line;
	streams.outputs[SO_PROCESS_COMMANDS].context = state;
	streams.outputs[SO_PROCESS_COMMANDS].limit = MAX_COMMAND;
	good = run_script(run, &process, &streams, state, error);
	for (int i = 0; i < SO_PROCESS_STREAMS; i++)
		so_output_free(&streams.outputs[i]);
	return good;
}

static SoExecutionResult
run_task(SoTaskRun *run)
{
	SoScriptState state = {.run = run, .writable = full_names(run, "read_write_variables")};
	char *temporary = NULL;
	SoError error;
	bool good;

	so_error_clear(&error);
	good = run_prepared(run, &state, &temporary, &error);
	if (temporary != NULL)
		unlink(temporary);
	if (!good)
		return so_outcome_failed(run, &error);
	return state.errors > 0 ? SO_RESULT_FAILURE : SO_RESULT_SUCCESS;
}

const SoTaskType so_task_script = {
	.object_type = &script_type,
	.validate = validate,
	.run = run_task,
};
