/*
 * engine/tasks/execute_process.c
 *
 * The Execute Process task: runs a program without a shell and routes its
 * input and output from and to variables, files and events.
 *
 * Process: runner and client, in a task's thread.  If the process dies the
 * kernel kills the program; what it has written to files stays.
 */
#include "engine/tasks/execute_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/model/object_types.h"
#include "engine/tasks/outcome.h"
#include "engine/tasks/output.h"

static const SoProperty execute_process_properties[] = {
	{"executable", SO_PROPERTY_STRING, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "Program to run, on the machine that runs the task.", "executable: /usr/bin/gzip"},
	{"arguments", SO_PROPERTY_STRING_LIST, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Arguments, one an entry, passed as they are: no shell expands anything.",
	 "arguments: [\"-d\", \"orders.csv.gz\"]"},
	{"argument_string", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Arguments in one text as in SSIS: blanks separate, double quotes hold together, \\\" is a "
	 "quote. Added "
	 "after arguments; can be given by an expression.",
	 "expressions: {argument_string: '\"-d \\\"\" + @[User::path] + \"\\\"\"'}"},
	{"working_directory", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Folder that the program starts in; default is the folder of the runner.",
	 "working_directory: /srv/in"},
	{"environment", SO_PROPERTY_STRING_MAP, SO_PROPERTY_NO_EXPRESSION, NULL, NULL, NULL,
	 "Environment variables to add or replace.", "environment: {LC_ALL: C.UTF-8}"},
	{"standard_input_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL,
	 "Variable whose text is the program's standard input; without it the input is empty.",
	 "standard_input_variable: \"User::request\""},
	{"standard_input_file", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "File that is the program's standard input.", "standard_input_file: /srv/in/orders.csv"},
	{"standard_output_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL,
	 "Variable that takes the standard output, without the newline at its end.",
	 "standard_output_variable: \"User::answer\""},
	{"standard_output_file", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "File that takes the standard output; it is replaced.",
	 "standard_output_file: /srv/out/orders.csv"},
	{"standard_error_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL,
	 "Variable that takes the standard error output.",
	 "standard_error_variable: \"User::complaints\""},
	{"standard_error_file", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "File that takes the standard error output; it is replaced.",
	 "standard_error_file: /srv/out/errors.txt"},
	{"maximum_output", SO_PROPERTY_INT64, 0, "16777216", NULL, NULL,
	 "Most bytes that a variable takes; a program that writes more is ended and the task fails.",
	 "maximum_output: 1000000"},
	{"require_full_file_name", SO_PROPERTY_BOOLEAN, 0, "true", NULL, NULL,
	 "executable must exist as it is written; false looks a name without slash up in PATH.",
	 "require_full_file_name: false"},
	{"fail_task_if_return_code_is_not_success_value", SO_PROPERTY_BOOLEAN, 0, "true", NULL, NULL,
	 "Fail when the exit code is not success_value. The exit code is the task's execution value in "
	 "any case.",
	 "fail_task_if_return_code_is_not_success_value: false"},
	{"success_value", SO_PROPERTY_INT32, 0, "0", NULL, NULL, "Exit code that means success.",
	 "success_value: 1"},
	{"time_out", SO_PROPERTY_DURATION, 0, "0s", NULL, NULL,
	 "How long the program may run; 0 means no limit.", "time_out: 10min"},
	{"terminate_process_after_time_out", SO_PROPERTY_BOOLEAN, 0, "true", NULL, NULL,
	 "End the program and everything it started when time_out has passed. false waits for its end; "
	 "the task "
	 "fails in both cases.",
	 "terminate_process_after_time_out: false"},
	{NULL}};

static const SoObjectType execute_process_type = {
	"execute_process", "Execute Process task",
	"Runs a program, without a shell, and waits for its end.", execute_process_properties,
	&so_object_type_executable};

static void
both_given(SoTaskValidation *validation, const char *first, const char *second)
{
	char message[160];

	if (so_outcome_property(validation->properties, first) == NULL ||
		so_outcome_property(validation->properties, second) == NULL)
		return;
	snprintf(message, sizeof(message), "%s and %s exclude each other", first, second);
	so_outcome_finding(validation, false, second, message, "Keep one of them.");
}

static void
validate(SoTaskValidation *validation)
{
	both_given(validation, "standard_input_variable", "standard_input_file");
	both_given(validation, "standard_output_variable", "standard_output_file");
	both_given(validation, "standard_error_variable", "standard_error_file");
	if (so_object_integer(validation->properties, "maximum_output") <= 0)
		so_outcome_finding(validation, false, "maximum_output", "maximum_output must be positive",
						   NULL);
}

char **
so_execute_process_environment(TALLOC_CTX *context, const SoField *map)
{
	char **environment;
	int count = 0;
	int used = 0;

	while (environ[count] != NULL)
		count++;
	environment = talloc_zero_array(context, char *, count + map->count + 1);
	for (int i = 0; i < count; i++)
	{
		size_t length = strcspn(environ[i], "=");
		bool replaced = false;

		for (int j = 0; j < map->count && !replaced; j++)
			replaced =
				strlen(map->names[j]) == length && strncmp(map->names[j], environ[i], length) == 0;
		if (!replaced)
			environment[used++] = talloc_strdup(environment, environ[i]);
	}
	for (int j = 0; j < map->count; j++)
		environment[used++] = talloc_asprintf(environment, "%s=%s", map->names[j], map->strings[j]);
	return environment;
}

/* argv: the name, the list, the string's parts. */
static char **
arguments_of(TALLOC_CTX *context, const SoObject *properties)
{
	const SoField *list = so_object_field(properties, "arguments");
	const char *text = so_object_string(properties, "argument_string");
	int more = 0;
	char **parts = so_process_split_arguments(context, text != NULL ? text : "", &more);
	char **arguments = talloc_zero_array(context, char *, 1 + list->count + more + 1);
	int used = 0;

	arguments[used++] = talloc_strdup(arguments, so_object_string(properties, "executable"));
	for (int i = 0; i < list->count; i++)
		arguments[used++] = list->strings[i];
	for (int i = 0; i < more; i++)
		arguments[used++] = parts[i];
	return arguments;
}

/* The end of the file that took the standard error; "" when there is none. */
static char *
end_of_file(TALLOC_CTX *context, const char *path)
{
	char *text = talloc_zero_size(context, SO_OUTPUT_LAST + 1);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	ssize_t got = 0;

	if (fd < 0)
		return text;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		got = pread(fd, text, SO_OUTPUT_LAST,
					status.st_size > SO_OUTPUT_LAST ? status.st_size - SO_OUTPUT_LAST : 0);
	close(fd);
	while (got > 0 && (text[got - 1] == '\n' || text[got - 1] == '\r' || text[got - 1] == ' '))
		got--;
	for (ssize_t i = 0; i < got; i++)
	{
		if (text[i] == '\0')
			text[i] = ' ';
	}
	text[got > 0 ? got : 0] = '\0';
	if (got > 0 && status.st_size > SO_OUTPUT_LAST && strchr(text, '\n') != NULL)
		return strchr(text, '\n') + 1;
	return text;
}

const char *
so_execute_process_said(TALLOC_CTX *context, const SoProcess *process, SoOutput *output,
						SoOutput *error)
{
	const char *last = so_output_last(error);

	if (last[0] == '\0' && process->error_file != NULL)
		last = end_of_file(context, process->error_file);
	if (last[0] != '\0')
		return talloc_asprintf(context, "Its last lines on standard error are:\n%s", last);
	last = so_output_last(output);
	/* What goes into a variable is data. */
	if (last[0] != '\0' && !output->keep)
		return talloc_asprintf(
			context, "Nothing is on standard error; its last lines on standard output are:\n%s",
			last);
	return "";
}

bool
so_execute_process_judge(const SoProcess *process, const SoProcessOutcome *outcome, bool check_code,
						 int64_t success_value, const char *said, SoError *error)
{
	const char *name = process->arguments[0];

	if (outcome->cancelled)
		return so_error_set(error, SO_ERR_TASK_CANCELLED, NULL, "the task was cancelled");
	if (outcome->timed_out)
		so_error_set(error, SO_ERR_TASK_TIMED_OUT, NULL, "\"%s\" did not end within %.3g s%s", name,
					 (double) process->time_out_ms / 1000,
					 process->end_after_time_out ? " and was ended" : "");
	else if (outcome->signalled)
		so_error_set(error, SO_ERR_TASK_PROCESS_SIGNALLED, NULL,
					 "\"%s\" was killed by signal %d (%s)", name, outcome->code,
					 sigdescr_np(outcome->code) ? sigdescr_np(outcome->code) : "?");
	else if (check_code && outcome->code != success_value)
		so_error_set(error, SO_ERR_TASK_PROCESS_EXIT_CODE, NULL,
					 "\"%s\" ended with exit code %d, not %lld", name, outcome->code,
					 (long long) success_value);
	else
		return true;
	return so_error_detail(error, "%s", said);
}

/* The outputs of one run. */
typedef struct Streams
{
	SoOutput output;
	SoOutput error;
} Streams;

static bool
take_bytes(void *context, SoProcessStream stream, const char *bytes, size_t length)
{
	Streams *streams = context;

	return so_output_take(stream == SO_PROCESS_ERROR ? &streams->error : &streams->output, bytes,
						  length);
}

static void
prepare_output(SoOutput *output, const SoObject *properties, const char *variable)
{
	output->keep = so_outcome_property(properties, variable) != NULL;
	output->silent = output->keep;
	output->limit = (size_t) so_object_integer(properties, "maximum_output");
}

static bool
route_output(SoTaskRun *run, SoOutput *output, const char *property, SoError *error)
{
	const char *variable = so_outcome_property(so_task_properties(run), property);
	size_t length = so_byte_buffer_length(&output->kept);
	const char *bytes = length > 0 ? (const char *) output->kept.data + output->kept.start : "";

	if (output->overflow)
		return so_error_set(error, SO_ERR_TASK_OUTPUT_TOO_LARGE, NULL,
							"the %s is larger than maximum_output (%zu bytes)", output->label,
							output->limit);
	if (variable == NULL)
		return true;
	while (length > 0 && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r'))
		length--;
	so_task_custom_event(run, "ExecuteProcessVariableRouting", "%s goes to %s: %zu bytes",
						 output->label, variable, length);
	return so_outcome_set_text(run, variable, bytes, length, error);
}

static bool
prepare(SoTaskRun *run, SoProcess *process, SoError *error)
{
	const SoObject *properties = so_task_properties(run);
	TALLOC_CTX *context = so_task_context(run);
	const char *variable = so_outcome_property(properties, "standard_input_variable");

	process->working_directory = so_outcome_property(properties, "working_directory");
	process->executable = so_process_find(
		context, so_object_string(properties, "executable"), process->working_directory,
		so_object_boolean(properties, "require_full_file_name"), error);
	if (process->executable == NULL)
		return false;
	process->arguments = arguments_of(context, properties);
	process->environment =
		so_execute_process_environment(context, so_object_field(properties, "environment"));
	process->input_file = so_outcome_property(properties, "standard_input_file");
	process->output_file = so_outcome_property(properties, "standard_output_file");
	process->error_file = so_outcome_property(properties, "standard_error_file");
	process->cancel_fd = so_task_cancel_fd(run);
	process->time_out_ms = so_object_integer(properties, "time_out");
	process->end_after_time_out = so_object_boolean(properties, "terminate_process_after_time_out");
	if (variable != NULL)
	{
		process->input = so_outcome_variable_text(run, variable, error);
		if (process->input == NULL)
			return false;
		process->input_length = strlen(process->input);
		so_task_custom_event(run, "ExecuteProcessVariableRouting",
							 "standard input comes from %s: %zu bytes", variable,
							 process->input_length);
	}
	return true;
}

static bool
run_program(SoTaskRun *run, SoProcess *process, Streams *streams, SoError *error)
{
	const SoObject *properties = so_task_properties(run);
	SoProcessOutcome outcome;
	const char *said;
	SoValue code;

	so_task_custom_event(run, "ExecuteProcessExecutingProcess", "running %s", process->executable);
	if (!so_process_run(process, &outcome, error))
		return false;
	so_output_finish(&streams->output);
	so_output_finish(&streams->error);
	said =
		so_execute_process_said(so_task_context(run), process, &streams->output, &streams->error);
	if (!outcome.signalled)
	{
		code = so_value_integer(SO_TYPE_I4, outcome.code);
		so_task_set_execution_value(run, &code);
	}
	if (!outcome.cancelled && !outcome.timed_out && !outcome.stopped &&
		!so_execute_process_judge(
			process, &outcome,
			so_object_boolean(properties, "fail_task_if_return_code_is_not_success_value"),
			so_object_integer(properties, "success_value"), said, error))
	{
		/* What the program said is worth having, also when it failed. */
		SoError ignored;

		if (!route_output(run, &streams->output, "standard_output_variable", &ignored) ||
			!route_output(run, &streams->error, "standard_error_variable", &ignored))
			so_task_warning(run, ignored.code, "%s", ignored.message);
		return false;
	}
	if (!route_output(run, &streams->output, "standard_output_variable", error) ||
		!route_output(run, &streams->error, "standard_error_variable", error))
		return false;
	if (outcome.stopped && !outcome.cancelled && !outcome.timed_out)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	return so_execute_process_judge(process, &outcome, false, 0, said, error);
}

static SoExecutionResult
run_task(SoTaskRun *run)
{
	const SoObject *properties = so_task_properties(run);
	SoProcess process = {.cancel_fd = -1};
	Streams streams;
	SoError error;
	bool good;

	so_error_clear(&error);
	so_output_init(&streams.output, run, SO_PROCESS_OUTPUT);
	so_output_init(&streams.error, run, SO_PROCESS_ERROR);
	prepare_output(&streams.output, properties, "standard_output_variable");
	prepare_output(&streams.error, properties, "standard_error_variable");
	process.reader = take_bytes;
	process.context = &streams;
	good = prepare(run, &process, &error) && run_program(run, &process, &streams, &error);
	so_output_free(&streams.output);
	so_output_free(&streams.error);
	return good ? SO_RESULT_SUCCESS : so_outcome_failed(run, &error);
}

const SoTaskType so_task_execute_process = {
	.object_type = &execute_process_type,
	.validate = validate,
	.run = run_task,
};
