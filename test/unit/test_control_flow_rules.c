/*
 * test/unit/test_control_flow_rules.c
 *
 * Runs every package in test/fixtures/control_flow and compares what happened
 * with the .expected file beside it.  One fixture states one rule; its first
 * comment says which.  Lines of the form "# option: value" in the package set
 * run options:
 *
 *   # max_concurrent: n     default 1, so that the order is fixed
 *   # order: any            compare the lines sorted
 *   # events: all           list every event, not only errors and the like
 *   # lines: result         only the last line counts
 *   # set: path=value       property override;  # parameter: name=value
 *   # package: name         the package to run of a project with several (see below)
 *   # validate              validation only;    # warn_as_error
 *
 * A fixture may be a folder with project.yaml; then the options stand there.
 * With UPDATE_FIXTURES set the .expected files are written instead.
 *
 * Process: unit test, one at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/control_flow/run.h"
#include "engine/model/load.h"

#define FOLDER "test/fixtures/control_flow"

typedef struct Record
{
	TALLOC_CTX *context;
	char **lines;
	int count;
	bool all_events;
} Record;

static const char *const result_names[] = {"none", "success", "failure", "completion", "canceled"};

static void
add_line(Record *record, char *line)
{
	/* Times differ from run to run. */
	char *start = strstr(line, ":Start, ");
	char *finished = strstr(line, ":Finished, ");

	if (start != NULL)
		start[strlen(":Start")] = '\0';
	if (finished != NULL)
		finished[strlen(":Finished")] = '\0';
	for (char *newline = strchr(line, '\n'); newline != NULL; newline = strchr(newline, '\n'))
		*newline = '|';
	record->lines = talloc_realloc(record->context, record->lines, char *, record->count + 1);
	record->lines[record->count++] = line;
}

static void
record_event(void *context, const SoEvent *event)
{
	Record *record = context;
	bool wanted = record->all_events;

	switch (event->message_type)
	{
		case SO_MESSAGE_ERROR:
		case SO_MESSAGE_WARNING:
		case SO_MESSAGE_TASK_FAILED:
		case SO_MESSAGE_VARIABLE_VALUE_CHANGED:
		case SO_MESSAGE_INFORMATION:
			wanted = true;
			break;
		default:
			break;
	}
	if (wanted)
		add_line(record, talloc_asprintf(record->context, "  %s %s%s%s: %s", event->event_name,
										 event->execution_path, event->code[0] ? " " : "",
										 event->code, event->message));
}

static void
record_start(void *context, const SoExecutable *executable, const char *execution_path)
{
	Record *record = context;

	(void) executable;
	add_line(record, talloc_asprintf(record->context, "start %s", execution_path));
}

static void
record_end(void *context, const SoStatistics *statistics)
{
	Record *record = context;
	const char *value = "";

	if (statistics->execution_value != NULL)
		value = talloc_asprintf(record->context, " = %s",
								so_value_to_text(record->context, statistics->execution_value));
	assert_true(statistics->duration_ms >= 0 && statistics->end_us >= statistics->start_us);
	add_line(record, talloc_asprintf(record->context, "end %s %s%s", statistics->execution_path,
									 result_names[statistics->result + 1], value));
}

static char *
read_text(TALLOC_CTX *context, const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = talloc_zero_size(context, 256 * 1024);

	if (file == NULL)
		return NULL;
	text[fread(text, 1, 256 * 1024 - 1, file)] = '\0';
	fclose(file);
	return text;
}

/* The value of "# name: value" at *from onwards, which is moved behind it; NULL when there is none. */
static char *
next_option(TALLOC_CTX *context, const char **from, const char *name)
{
	char *marker = talloc_asprintf(context, "\n# %s", name);
	const char *found = strstr(*from, marker);

	if (found == NULL)
		return NULL;
	found += strlen(marker);
	*from = found;
	found += strspn(found, ": ");
	return talloc_strndup(context, found, strcspn(found, "\n"));
}

static char *
option(TALLOC_CTX *context, const char *text, const char *name)
{
	return next_option(context, &text, name);
}

static int
assignments(TALLOC_CTX *context, const char *text, const char *name, SoAssignment *list)
{
	char *value;
	int count = 0;

	while ((value = next_option(context, &text, name)) != NULL && count < 8)
	{
		char *equals = strchr(value, '=');

		assert_non_null(equals);
		*equals = '\0';
		list[count].name = value;
		list[count++].text = equals + 1;
	}
	return count;
}

static int
compare_lines(const void *left, const void *right)
{
	return strcmp(*(char *const *) left, *(char *const *) right);
}

static char *
sorted(TALLOC_CTX *context, const char *text)
{
	char *copy = talloc_strdup(context, text);
	char **lines = talloc_zero_array(context, char *, 4096);
	char *result = talloc_strdup(context, "");
	int count = 0;

	for (char *line = strtok(copy, "\n"); line != NULL && count < 4096; line = strtok(NULL, "\n"))
		lines[count++] = line;
	qsort(lines, (size_t) count, sizeof(*lines), compare_lines);
	for (int i = 0; i < count; i++)
		result = talloc_asprintf_append(result, "%s\n", lines[i]);
	return result;
}

static char *
run_fixture(TALLOC_CTX *context, const char *path, const char *text)
{
	Record record = {.context = context};
	SoRunSink sink = {&record, record_event, record_start, record_end, NULL};
	SoAssignment overrides[8];
	SoAssignment parameters[8];
	SoRunOptions options;
	SoRunOutcome outcome;
	SoDiagnostics findings = {0};
	SoError error = {0};
	SoProject *project = so_load_path(context, path, &findings);
	char *concurrent = option(context, text, "max_concurrent");
	char *events = option(context, text, "events");
	char *result = talloc_strdup(context, "");

	if (project == NULL || findings.error_count > 0)
		fail_msg("%s does not load:\n%s", path, so_diagnostics_to_text(context, &findings));
	record.all_events = events != NULL && strcmp(events, "all") == 0;
	so_run_options_init(&options);
	options.max_concurrent_executables = concurrent != NULL ? atoi(concurrent) : 1;
	options.validate_only = option(context, text, "validate") != NULL;
	options.warn_as_error = option(context, text, "warn_as_error") != NULL;
	options.property_override_count = assignments(context, text, "set", overrides);
	options.property_overrides = overrides;
	options.parameter_count = assignments(context, text, "parameter", parameters);
	options.parameters = parameters;
	if (!so_run_package(context, project, option(context, text, "package"), &options, &sink,
						&outcome, &error))
		return talloc_asprintf(context, "refused %s %s\n", so_error_state(error.code),
							   error.message);
	for (int i = 0; i < record.count && option(context, text, "lines") == NULL; i++)
		result = talloc_asprintf_append(result, "%s\n", record.lines[i]);
	return talloc_asprintf_append(result, "result %s, %d errors, %d warnings%s\n",
								  result_names[outcome.result + 1], outcome.error_count,
								  outcome.warning_count,
								  outcome.validation_failed ? ", validation failed" : "");
}

static void
test_fixture(void **state)
{
	const char *path = *state;
	TALLOC_CTX *context = talloc_new(NULL);
	size_t length = strlen(path);
	bool is_file = length > 5 && strcmp(path + length - 5, ".yaml") == 0;
	char *expected_path =
		talloc_asprintf(context, "%.*s.expected", (int) (is_file ? length - 5 : length), path);
	char *text = talloc_asprintf(
		context, "\n%s",
		read_text(context, is_file ? path : talloc_asprintf(context, "%s/project.yaml", path)));
	char *order = option(context, text, "order");
	char *actual = run_fixture(context, path, text);
	char *expected = read_text(context, expected_path);

	if (order != NULL)
		actual = sorted(context, actual);
	if (getenv("UPDATE_FIXTURES") != NULL)
	{
		FILE *file = fopen(expected_path, "we");

		assert_non_null(file);
		fputs(actual, file);
		fclose(file);
	}
	else if (expected == NULL || strcmp(actual, expected) != 0)
		fail_msg("\n%.*s\n--- expected\n%s--- happened\n%s", (int) strcspn(text + 1, "\n"),
				 text + 1, expected != NULL ? expected : "(no file)\n", actual);
	talloc_free(context);
}

int
main(void)
{
	struct CMUnitTest tests[256] = {{0}};
	glob_t files;
	size_t count = 0;
	int failed;

	if (glob(FOLDER "/*", 0, NULL, &files) != 0)
		return 1;
	for (size_t i = 0; i < files.gl_pathc && count < 256; i++)
	{
		const char *path = files.gl_pathv[i];
		size_t length = strlen(path);
		struct stat status;

		if (stat(path, &status) != 0 ||
			(!S_ISDIR(status.st_mode) && (length < 5 || strcmp(path + length - 5, ".yaml") != 0)))
			continue;
		tests[count].name = path + strlen(FOLDER) + 1;
		tests[count].test_func = test_fixture;
		tests[count++].initial_state = files.gl_pathv[i];
	}
	failed = _cmocka_run_group_tests("control flow rules", tests, count, NULL, NULL);
	globfree(&files);
	return failed;
}
