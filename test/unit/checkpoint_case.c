/*
 * test/unit/checkpoint_case.c
 *
 * Runs one case of test/fixtures/checkpoint in a folder of its own.
 *
 * Process: unit tests.
 */
#include "test/unit/checkpoint_case.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/checkpoint/file_store.h"
#include "engine/control_flow/restart_plan.h"
#include "engine/model/load.h"

typedef struct Case
{
	TALLOC_CTX *context;
	const char *path;
	char *rule;
	char folder[64];
	SoProject *project;
	char *package;
	char *key_file;
	bool any_order;
	bool lists_handlers;
	int lock;
	int max_concurrent;
	int runs;
	SoAssignment overrides[16];
	int override_count;
	SoAssignment parameters[16];
	int parameter_count;
	/* of the last run */
	char **executed;
	int executed_count;
	char *said;
} Case;

static const char *const result_names[] = {"none", "success", "failure", "completion", "canceled"};

/* ---- what happens ---- */

static void
add_executed(Case *test, const char *path, SoExecutionResult result)
{
	for (int i = 0; i < test->executed_count; i++)
	{
		if (strcmp(test->executed[i], path) == 0 && result == SO_RESULT_FAILURE)
			test->executed[i] = talloc_asprintf(test->context, "%s!", path);
	}
}

static void
record_start(void *context, const SoExecutable *executable, const char *path)
{
	Case *test = context;

	if (executable->kind == SO_KIND_PACKAGE || executable->kind == SO_KIND_EVENT_HANDLER ||
		(strstr(path, "EventHandlers[") != NULL && !test->lists_handlers))
		return;
	test->executed =
		talloc_realloc(test->context, test->executed, char *, test->executed_count + 1);
	test->executed[test->executed_count++] = talloc_strdup(test->context, path);
}

static void
record_end(void *context, const SoStatistics *statistics)
{
	add_executed(context, statistics->execution_path, statistics->result);
}

static void
record_event(void *context, const SoEvent *event)
{
	Case *test = context;

	if (event->message_type == SO_MESSAGE_ERROR || event->message_type == SO_MESSAGE_WARNING ||
		event->message_type == SO_MESSAGE_INFORMATION)
		test->said =
			talloc_asprintf_append(test->said, "%s %s %s (%x)\n", event->event_name, event->code,
								   event->message, (unsigned) event->message_code);
}

static int
compare_texts(const void *left, const void *right)
{
	return strcmp(*(char *const *) left, *(char *const *) right);
}

static char *
joined(Case *test, char **list, int count)
{
	char *text = talloc_strdup(test->context, "");

	if (test->any_order && count > 0)
		qsort(list, (size_t) count, sizeof(*list), compare_texts);
	for (int i = 0; i < count; i++)
		text = talloc_asprintf_append(text, "%s%s", i > 0 ? " | " : "", list[i]);
	return count > 0 ? text : talloc_strdup(test->context, "nothing");
}

/* The expected list in the form of joined. */
static char *
expected_list(Case *test, const char *text)
{
	char **list = NULL;
	int count = 0;

	while (strcmp(text, "nothing") != 0 && *text != '\0')
	{
		const char *end = strstr(text, " | ");
		size_t length = end != NULL ? (size_t) (end - text) : strlen(text);

		list = talloc_realloc(test->context, list, char *, count + 1);
		list[count++] = talloc_strndup(test->context, text, length);
		text += length + (end != NULL ? 3 : 0);
	}
	return joined(test, list, count);
}

/* ---- one run ---- */

static char *
in_folder(const Case *test, const char *name)
{
	return talloc_asprintf(test->context, "%s/%s", test->folder, name);
}

static void
set_options(Case *test, SoRunOptions *options, SoError *error)
{
	so_run_options_init(options);
	test->parameters[test->parameter_count].name = "$Package::folder";
	test->parameters[test->parameter_count].text = test->folder;
	options->parameters = test->parameters;
	options->parameter_count = test->parameter_count + 1;
	options->property_overrides = test->overrides;
	options->property_override_count = test->override_count;
	options->max_concurrent_executables = test->max_concurrent;
	options->checkpoint_store = so_checkpoint_file_store(test->context, test->key_file, error);
}

static void
check_run(Case *test, const SoRunOutcome *outcome, const char *line)
{
	const char *arrow = strstr(line, " => ");
	const char *comma = arrow != NULL ? strstr(arrow, ", ") : NULL;
	bool exists = access(in_folder(test, "checkpoint"), F_OK) == 0;
	bool discarded = strstr(test->said, "SO583") != NULL;
	const char *state = exists ? "kept" : discarded ? "discarded" : "none";
	char *expected;
	char *actual;

	if (comma == NULL)
		fail_msg("%s: not a run: %s", test->path, line);
	expected = talloc_asprintf(
		test->context, "%s%s",
		expected_list(test, talloc_strndup(test->context, line, (size_t) (arrow - line))), arrow);
	/* Removed and never written look the same. */
	if (!exists && !discarded && strcmp(comma + 2, "removed") == 0)
		state = "removed";
	actual = talloc_asprintf(test->context, "%s => %s, %s",
							 joined(test, test->executed, test->executed_count),
							 result_names[outcome->result + 1], state);
	if (strcmp(expected, actual) != 0)
		fail_msg("\n%s\n%s, run %d\nexpected %s\nhappened %s\n%s", test->rule, test->path,
				 test->runs, expected, actual, test->said);
}

static void
run(Case *test, const char *line)
{
	SoRunSink sink = {test, record_event, record_start, record_end, NULL};
	SoRunOptions options;
	SoRunOutcome outcome;
	SoError error = {0};

	test->runs++;
	test->executed_count = 0;
	test->said = talloc_strdup(test->context, "");
	set_options(test, &options, &error);
	if (options.checkpoint_store == NULL ||
		!so_run_package(test->context, test->project, test->package, &options, &sink, &outcome,
						&error))
		fail_msg("\n%s\n%s, run %d: %s", test->rule, test->path, test->runs, error.message);
	talloc_free(options.checkpoint_store);
	check_run(test, &outcome, line);
	test->override_count = 0;
	test->parameter_count = 0;
	if (test->runs == 1)
		unlink(in_folder(test, "fail"));
}

static void
plan(Case *test, const char *line)
{
	SoRunOptions options;
	SoError error = {0};
	SoRestartPlan *result;
	char *text = talloc_strdup(test->context, "");

	static const char *const actions[] = {"skip", "rerun", "run"};

	set_options(test, &options, &error);
	result = so_run_restart_plan(test->context, test->project, test->package, &options, &error);
	if (result == NULL)
		text = talloc_strdup(test->context, so_error_state(error.code));
	else if (result->refused)
		text = talloc_strdup(test->context, "refused");
	for (int i = 1; result != NULL && i < result->step_count; i++)
		text = talloc_asprintf_append(text, "%s%s %s", i > 1 ? " | " : "",
									  actions[result->steps[i].action],
									  result->steps[i].executable->path + strlen("\\Package"));
	talloc_free(options.checkpoint_store);
	if (strcmp(text, line) != 0)
		fail_msg("\n%s\n%s, plan after run %d\nexpected %s\nhappened %s", test->rule, test->path,
				 test->runs, line, text);
}

/* ---- the comments ---- */

static void
write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
	close(fd);
}

static char *
read_text(Case *test, const char *name)
{
	bool missing;
	size_t length;
	SoError error;
	char *bytes =
		so_checkpoint_file_read(test->context, in_folder(test, name), &length, &missing, &error);

	assert_non_null(bytes);
	return talloc_strndup(test->context, bytes, length);
}

static void
damage(Case *test, const char *how, const char *name)
{
	char *text = read_text(test, name);

	if (strcmp(how, "alter") == 0)
		*strstr(text, "\"success\"") = '\'';
	else if (strcmp(how, "truncate") == 0)
		text[strlen(text) - 10] = '\0';
	else
		*(strstr(text, "checkpoint\":1") + strlen("checkpoint\":")) = '9';
	write_text(in_folder(test, name), text);
}

static void
assign(SoAssignment *list, int *count, char *text)
{
	char *equals = strchr(text, '=');

	assert_non_null(equals);
	assert_true(*count < 14);
	*equals = '\0';
	list[*count].name = text;
	list[(*count)++].text = equals + 1;
}

static void
obey(Case *test, const char *word, char *value)
{
	if (strcmp(word, "rule") == 0)
		test->rule = value;
	else if (strcmp(word, "package") == 0)
		test->package = value;
	else if (strcmp(word, "order") == 0)
		test->any_order = true;
	else if (strcmp(word, "max_concurrent") == 0)
		test->max_concurrent = atoi(value);
	else if (strcmp(word, "set") == 0)
		assign(test->overrides, &test->override_count, value);
	else if (strcmp(word, "parameter") == 0)
		assign(test->parameters, &test->parameter_count, value);
	else if (strcmp(word, "file") == 0)
		write_text(in_folder(test, value), "");
	else if (strcmp(word, "no file") == 0)
		unlink(in_folder(test, value));
	else if (strcmp(word, "key") == 0)
	{
		test->key_file = in_folder(test, "key");
		write_text(test->key_file, value);
	}
	else if (strcmp(word, "no key") == 0)
		test->key_file = NULL;
	else if (strcmp(word, "handlers") == 0)
		test->lists_handlers = true;
	else if (strcmp(word, "without") == 0)
		assert_null(strstr(read_text(test, "checkpoint"), value));
	else if (strcmp(word, "write") == 0)
	{
		char *equals = strchr(value, '=');

		*equals = '\0';
		write_text(in_folder(test, value), equals + 1);
	}
	else if (strcmp(word, "folder") == 0)
		assert_int_equal(mkdir(in_folder(test, value), 0700), 0);
	else if (strcmp(word, "lock") == 0)
	{
		SoError error;

		test->lock = so_checkpoint_file_lock(in_folder(test, value), &error);
		assert_true(test->lock >= 0);
	}
	else if (strcmp(word, "unlock") == 0)
		so_checkpoint_file_unlock(in_folder(test, value), test->lock);
	else if (strcmp(word, "alter") == 0 || strcmp(word, "truncate") == 0 ||
			 strcmp(word, "newer") == 0)
		damage(test, word, value);
	else if (strcmp(word, "run") == 0)
		run(test, value);
	else if (strcmp(word, "plan") == 0)
		plan(test, value);
	else if (strcmp(word, "says") == 0)
	{
		if (strstr(test->said, value) == NULL)
			fail_msg("\n%s\n%s, run %d\nsaid nothing of \"%s\":\n%s", test->rule, test->path,
					 test->runs, value, test->said);
	}
}

/* "# word: value" */
static void
obey_line(Case *test, char *line)
{
	char *colon = strstr(line, ": ");

	if (strncmp(line, "# ", 2) != 0 || colon == NULL)
		return;
	*colon = '\0';
	line[strcspn(line, "\n")] = '\0';
	colon[2 + strcspn(colon + 2, "\n")] = '\0';
	obey(test, line + 2, talloc_strdup(test->context, colon + 2));
}

static int
remove_entry(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void) status;
	(void) type;
	(void) place;
	return remove(path);
}

void
checkpoint_case_run(const char *path)
{
	Case test = {.context = talloc_new(NULL), .path = path, .rule = NULL, .max_concurrent = 1};
	SoDiagnostics findings = {0};
	struct stat status;
	char line[4096];
	FILE *file;

	snprintf(test.folder, sizeof(test.folder), "/tmp/scaleout_checkpoint_XXXXXX");
	assert_non_null(mkdtemp(test.folder));
	test.project = so_load_path(test.context, path, &findings);
	if (test.project == NULL || findings.error_count > 0)
		fail_msg("%s does not load:\n%s", path, so_diagnostics_to_text(test.context, &findings));
	write_text(in_folder(&test, "fail"), "");
	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		path = talloc_asprintf(test.context, "%s/project.yaml", path);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL && line[0] == '#')
		obey_line(&test, line);
	fclose(file);
	if (test.rule == NULL || test.runs == 0)
		fail_msg("%s has no rule or no run", test.path);
	nftw(test.folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	talloc_free(test.context);
}
