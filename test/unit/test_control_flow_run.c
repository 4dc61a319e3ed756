/*
 * test/unit/test_control_flow_run.c
 *
 * What fixtures cannot show: threads, descriptors, cancel, concurrency, files.
 * Tasks are no_operation tasks of a loaded package whose type is replaced by a
 * type of this test, chosen by the first word of their name.
 *
 * Process: unit test, one at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <assert.h>
#include <dirent.h>
#include <malloc.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "engine/control_flow/run.h"
#include "engine/model/load.h"
#include "engine/tasks/task.h"

extern const SoTaskType so_task_no_operation;

/* ---- task types of the test ---- */

static atomic_int now_running;
static atomic_int most_running;
static atomic_int started_waiting;
static char seen_work_folder[256];

/* Waits until it is cancelled. */
static SoExecutionResult
run_wait(SoTaskRun *run)
{
	struct pollfd fds = {.fd = so_task_cancel_fd(run), .events = POLLIN};

	atomic_fetch_add(&started_waiting, 1);
	while (!so_task_cancelled(run))
		poll(&fds, 1, -1);
	return SO_RESULT_CANCELED;
}

/* Stays for a moment, so that others can run beside it, and counts how many do. */
static SoExecutionResult
run_count(SoTaskRun *run)
{
	int running = atomic_fetch_add(&now_running, 1) + 1;
	int most = atomic_load(&most_running);

	(void) run;
	while (running > most && !atomic_compare_exchange_weak(&most_running, &most, running))
		;
	poll(NULL, 0, 2);
	atomic_fetch_sub(&now_running, 1);
	return SO_RESULT_SUCCESS;
}

/* Fails and says nothing. */
static SoExecutionResult
run_silent(SoTaskRun *run)
{
	(void) run;
	return SO_RESULT_FAILURE;
}

/* Raises one of everything. */
static SoExecutionResult
run_talk(SoTaskRun *run)
{
	SoValue value = so_value_integer(SO_TYPE_I4, 17);
	SoError error;

	so_task_information(run, "value is %lld",
						(long long) so_task_variable(run, "User::n")->as.integer);
	so_task_warning(run, SO_ERR_RUN_TASK_FAILED, "careful");
	so_task_progress(run, 50, 5, 10, "half");
	so_task_custom_event(run, "TestEntry", "custom %d", 1);
	if (!so_task_set_variable(run, "User::n", &value, &error))
		so_task_error(run, &error);
	assert(so_task_variable(run, "User::n")->as.integer == 17);
	assert(so_task_variable(run, "User::twice")->as.integer == 34);
	assert(so_task_variable(run, "nothing") == NULL);
	assert(!so_task_set_variable(run, "System::PackageName", &value, &error));
	assert(error.code == SO_ERR_RUN_VARIABLE_READ_ONLY);
	assert(!so_task_set_variable(run, "User::none", &value, &error));
	assert(error.code == SO_ERR_RUN_VARIABLE_UNKNOWN);
	so_task_set_row_count(run, 123);
	return SO_RESULT_SUCCESS;
}

/* More messages than the queue holds. */
static SoExecutionResult
run_flood(SoTaskRun *run)
{
	for (int i = 0; i < 20000; i++)
		so_task_information(run, "%d", i);
	return SO_RESULT_SUCCESS;
}

static SoExecutionResult
run_folder(SoTaskRun *run)
{
	char path[512];
	FILE *file;

	snprintf(seen_work_folder, sizeof(seen_work_folder), "%s", so_task_work_folder(run));
	snprintf(path, sizeof(path), "%s/left behind", so_task_work_folder(run));
	file = fopen(path, "we");
	if (file != NULL)
		fclose(file);
	return file != NULL ? SO_RESULT_SUCCESS : SO_RESULT_FAILURE;
}

/* The connection string of connection manager "c" becomes the execution value. */
static SoExecutionResult
run_connection(SoTaskRun *run)
{
	SoError error;
	const SoObject *properties = so_task_connection_properties(run, "c", &error);
	SoValue value;

	if (properties == NULL)
	{
		so_task_error(run, &error);
		return SO_RESULT_FAILURE;
	}
	value =
		so_value_string(so_task_context(run), so_object_string(properties, "connection_string"));
	so_task_set_execution_value(run, &value);
	return SO_RESULT_SUCCESS;
}

static const struct
{
	const char *word;
	SoExecutionResult (*run)(SoTaskRun *run);
} behaviours[] = {
	{"wait", run_wait},
	{"count", run_count},
	{"silent", run_silent},
	{"talk", run_talk},
	{"flood", run_flood},
	{"folder", run_folder},
	{"connection", run_connection},
};

#define BEHAVIOURS (sizeof(behaviours) / sizeof(behaviours[0]))
static SoTaskType test_types[BEHAVIOURS];

/* ---- running ---- */

typedef struct Seen
{
	int cancel_fd;   /* made readable when the second "wait" task has started */
	int cancel_when; /* tasks that must wait before the cancel */
	int ended;
	int canceled;
	int information;
	int query_cancel;
	int by_type[512];
	char last_error[512];
	char last_value[256];
	char paths[4096];
	int64_t rows;
} Seen;

static void
see_event(void *context, const SoEvent *event)
{
	Seen *seen = context;

	seen->by_type[event->message_type]++;
	if (event->message_type == SO_MESSAGE_ERROR)
		snprintf(seen->last_error, sizeof(seen->last_error), "%s %s", event->code, event->message);
}

static void
see_end(void *context, const SoStatistics *statistics)
{
	Seen *seen = context;
	size_t used = strlen(seen->paths);

	seen->ended++;
	seen->canceled += statistics->result == SO_RESULT_CANCELED;
	if (statistics->row_count >= 0)
		seen->rows = statistics->row_count;
	if (used < sizeof(seen->paths) - 200)
		snprintf(seen->paths + used, sizeof(seen->paths) - used, "%s;", statistics->execution_path);
	if (statistics->execution_value != NULL)
	{
		char *text = so_value_to_text(NULL, statistics->execution_value);

		snprintf(seen->last_value, sizeof(seen->last_value), "%s", text);
		talloc_free(text);
	}
}

static SoProject *
load(TALLOC_CTX *context, const char *yaml)
{
	SoDiagnostics findings = {0};
	SoProject *project = so_load_package_text(context, yaml, strlen(yaml), NULL, NULL, &findings);

	if (project == NULL)
		fail_msg("%s", so_diagnostics_to_text(context, &findings));
	for (int i = 0; i < project->packages[0]->executable_count; i++)
	{
		SoExecutable *executable = project->packages[0]->executables[i];

		for (size_t j = 0; executable->kind == SO_KIND_TASK && j < BEHAVIOURS; j++)
		{
			test_types[j] = so_task_no_operation;
			test_types[j].run = behaviours[j].run;
			if (strncmp(executable->name, behaviours[j].word, strlen(behaviours[j].word)) == 0)
				executable->task_type = &test_types[j];
		}
	}
	return project;
}

static SoRunOutcome
run_text(const char *yaml, SoRunOptions *options, Seen *seen)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoRunSink sink = {.context = seen, .event = see_event, .statistics = see_end};
	SoRunOutcome outcome;
	SoError error = {0};

	if (!so_run_package(context, load(context, yaml), NULL, options, &sink, &outcome, &error))
		fail_msg("%s %s", so_error_state(error.code), error.message);
	outcome.first_error = NULL;
	talloc_free(context);
	return outcome;
}

static int
count_entries(const char *folder)
{
	DIR *directory = opendir(folder);
	int count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

/* A joined thread may stand in /proc for a moment longer. */
static void
assert_entries(const char *folder, int expected)
{
	int64_t deadline = so_clock_monotonic_ms() + 10000;

	while (count_entries(folder) != expected && so_clock_monotonic_ms() < deadline)
		poll(NULL, 0, 1);
	assert_int_equal(count_entries(folder), expected);
}

/* The number of threads once it has not changed for a while. */
static int
settled_threads(void)
{
	int threads = count_entries("/proc/self/task");

	for (int same = 0; same < 20; same++)
	{
		poll(NULL, 0, 1);
		if (count_entries("/proc/self/task") != threads)
		{
			threads = count_entries("/proc/self/task");
			same = 0;
		}
	}
	return threads;
}

/* ---- tests ---- */

#ifdef __SANITIZE_ADDRESS__
extern int __lsan_do_recoverable_leak_check(void);
#endif

/*
 * Bytes: in a sanitizer build whatever nobody points to any more; else what
 * malloc has given out. The slack is what the allocator keeps for itself, far
 * below one pointer's worth for each of a thousand tasks and their objects.
 */
static void
assert_no_bytes(size_t before)
{
#ifdef __SANITIZE_ADDRESS__
	(void) before;
	assert_int_equal(__lsan_do_recoverable_leak_check(), 0);
#else
	assert_true(mallinfo2().uordblks < before + 16 * 1024);
#endif
}

/* Descriptors count connections, too; sessions at a server: test/tap/t/305_exec_thousand.pl. */
static void
test_thousand_tasks_leave_nothing(void **state)
{
	TALLOC_CTX *context = talloc_new(NULL);
	char *yaml =
		talloc_strdup(context, "name: many\nmax_concurrent_executables: 32\nexecutables:\n");
	int threads;
	int descriptors;
	size_t bytes;
	SoRunOptions options;
	SoRunOutcome outcome;
	Seen seen = {0};

	(void) state;
	for (int i = 0; i < 1000; i++)
		yaml = talloc_asprintf_append_buffer(yaml, "  - {name: t%d, type: no_operation}\n", i);
	/* Sanitizers start a thread of their own with the first one, and libraries keep caches. */
	so_run_options_init(&options);
	run_text(yaml, &options, &seen);
	memset(&seen, 0, sizeof(seen));
	threads = settled_threads();
	descriptors = count_entries("/proc/self/fd");
	bytes = mallinfo2().uordblks;
	so_run_options_init(&options);
	outcome = run_text(yaml, &options, &seen);
	assert_int_equal(outcome.result, SO_RESULT_SUCCESS);
	assert_int_equal(seen.ended, 1001);
	assert_entries("/proc/self/task", threads);
	assert_entries("/proc/self/fd", descriptors);
	assert_no_bytes(bytes);
	talloc_free(context);
}

static void
test_concurrency_is_limited(void **state)
{
	SoRunOptions options;
	SoRunOutcome outcome;
	Seen seen = {0};

	(void) state;
	atomic_store(&most_running, 0);
	so_run_options_init(&options);
	options.max_concurrent_executables = 3;
	outcome =
		run_text("name: p\nexecutables:\n"
				 "  - {name: count1, type: no_operation}\n  - {name: count2, type: no_operation}\n"
				 "  - {name: count3, type: no_operation}\n  - {name: count4, type: no_operation}\n"
				 "  - {name: box, type: sequence, executables: [{name: count5, type: no_operation},"
				 " {name: count6, type: no_operation}, {name: count7, type: no_operation}]}\n",
				 &options, &seen);
	assert_int_equal(outcome.result, SO_RESULT_SUCCESS);
	assert_int_equal(seen.ended, 9);
	assert_int_equal(atomic_load(&most_running), 3);
}

/* Cancels once so many tasks are waiting, from another thread as the agent's socket does. */
static void *
cancel_later(void *argument)
{
	const Seen *seen = argument;
	uint64_t one = 1;

	while (atomic_load(&started_waiting) < seen->cancel_when)
		poll(NULL, 0, 1);
	if (write(seen->cancel_fd, &one, sizeof(one)) != (ssize_t) sizeof(one))
		abort();
	return NULL;
}

static SoRunOutcome
run_and_cancel(const char *yaml, int when, Seen *seen)
{
	SoRunOptions options;
	SoRunOutcome outcome;
	pthread_t thread;

	atomic_store(&started_waiting, 0);
	seen->cancel_fd = eventfd(0, EFD_CLOEXEC);
	seen->cancel_when = when;
	so_run_options_init(&options);
	options.cancel_fd = seen->cancel_fd;
	assert_int_equal(pthread_create(&thread, NULL, cancel_later, seen), 0);
	outcome = run_text(yaml, &options, seen);
	pthread_join(thread, NULL);
	close(seen->cancel_fd);
	return outcome;
}

static void
test_cancel(void **state)
{
	Seen seen = {0};
	SoRunOutcome outcome;

	(void) state;
	outcome = run_and_cancel(
		"name: p\nmax_concurrent_executables: 2\nexecutables:\n"
		"  - {name: box, type: sequence, executables: [{name: wait1, type: no_operation},"
		" {name: next, type: no_operation, after: {executable: wait1, on: completion}}]}\n"
		"  - {name: wait2, type: no_operation}\n"
		"  - {name: wait3, type: no_operation}\n"
		"  - {name: late, type: no_operation, after: {executable: wait2, on: completion}}\n",
		2, &seen);
	assert_int_equal(outcome.result, SO_RESULT_CANCELED);
	/* wait1, wait2, the box and the package; what had not begun leaves no trace */
	assert_int_equal(seen.canceled, 4);
	assert_int_equal(seen.ended, 4);
	assert_int_equal(seen.by_type[SO_MESSAGE_QUERY_CANCEL], 2);
	assert_int_equal(outcome.error_count, 0);
	assert_int_equal(seen.by_type[SO_MESSAGE_TASK_FAILED], 0);
}

static void
test_cancel_runs_query_cancel_handlers(void **state)
{
	Seen seen = {0};
	SoRunOutcome outcome;

	(void) state;
	outcome =
		run_and_cancel("name: p\nexecutables:\n"
					   "  - {name: wait1, type: no_operation}\n"
					   "event_handlers:\n"
					   "  on_query_cancel: {executables: [{name: note, type: expression,"
					   " expression: \"@[System::SourceName]\"}]}\n"
					   "  on_post_execute: {executables: [{name: not this, type: no_operation}]}\n",
					   1, &seen);
	assert_int_equal(outcome.result, SO_RESULT_CANCELED);
	assert_string_equal(seen.last_value, "wait1");
	assert_null(strstr(seen.paths, "not this"));
}

/* A loop that never starts a task must hear of a cancel, too. */
static void
test_cancel_endless_loop(void **state)
{
	Seen seen = {0};
	SoRunOutcome outcome;

	(void) state;
	outcome = run_and_cancel(
		"name: p\nexecutables:\n"
		"  - {name: loop, type: for_loop, eval_expression: \"true\", executables: []}\n"
		"  - {name: wait1, type: no_operation}\n",
		1, &seen);
	assert_int_equal(outcome.result, SO_RESULT_CANCELED);
}

/* System::Cancel in a handler stops the execution. */
static void
test_handler_cancels(void **state)
{
	SoRunOptions options;
	SoRunOutcome outcome;
	Seen seen = {0};

	(void) state;
	so_run_options_init(&options);
	outcome = run_text("name: p\nexecutables:\n"
					   "  - {name: silent, type: no_operation}\n"
					   "  - {name: wait, type: no_operation}\n"
					   "event_handlers:\n"
					   "  on_error: {executables: [{name: stop, type: expression,"
					   " expression: \"@[System::Cancel] = true\"}]}\n",
					   &options, &seen);
	assert_int_equal(outcome.result, SO_RESULT_CANCELED);
}

static void
test_silent_failure_is_reported(void **state)
{
	SoRunOptions options;
	SoRunOutcome outcome;
	Seen seen = {0};

	(void) state;
	so_run_options_init(&options);
	outcome =
		run_text("name: p\nexecutables: [{name: silent, type: no_operation}]\n", &options, &seen);
	assert_int_equal(outcome.result, SO_RESULT_FAILURE);
	assert_int_equal(outcome.error_count, 1);
	assert_non_null(strstr(seen.last_error, "SO518"));
}

static void
run_talking(int level, Seen *seen)
{
	SoRunOptions options;
	SoRunOutcome outcome;

	memset(seen, 0, sizeof(*seen));
	so_run_options_init(&options);
	options.logging_level = level;
	outcome = run_text("name: p\nvariables: [{name: n, type: int32, value: 3},"
					   " {name: twice, type: int32, expression: \"@[User::n] * 2\"}]\n"
					   "executables: [{name: talk, type: no_operation},"
					   " {name: look, type: expression, after: talk, expression: \"@[User::n] + "
					   "@[User::twice]\"}]\n",
					   &options, seen);
	assert_int_equal(outcome.result, SO_RESULT_SUCCESS);
	assert_string_equal(seen->last_value, "51");
	assert_int_equal(seen->rows, 123);
}

static void
test_logging_levels(void **state)
{
	Seen seen;

	(void) state;
	run_talking(0, &seen);
	assert_int_equal(seen.by_type[SO_MESSAGE_WARNING] + seen.by_type[SO_MESSAGE_PRE_EXECUTE], 0);
	run_talking(1, &seen);
	assert_int_equal(seen.by_type[SO_MESSAGE_INFORMATION], 1);
	assert_int_equal(seen.by_type[SO_MESSAGE_PROGRESS], 1);
	assert_int_equal(seen.by_type[SO_MESSAGE_PRE_EXECUTE], 3);
	assert_int_equal(seen.by_type[SO_MESSAGE_CUSTOM], 0);
	run_talking(2, &seen);
	assert_int_equal(seen.by_type[SO_MESSAGE_WARNING], 1);
	assert_int_equal(seen.by_type[SO_MESSAGE_INFORMATION] + seen.by_type[SO_MESSAGE_PRE_EXECUTE],
					 0);
	run_talking(3, &seen);
	assert_int_equal(seen.by_type[SO_MESSAGE_CUSTOM], 1);
}

static void
test_flood_of_messages(void **state)
{
	SoRunOptions options;
	SoRunOutcome outcome;
	Seen seen = {0};

	(void) state;
	so_run_options_init(&options);
	outcome = run_text("name: p\nexecutables: [{name: flood1, type: no_operation}, {name: flood2, "
					   "type: no_operation}]\n",
					   &options, &seen);
	assert_int_equal(outcome.result, SO_RESULT_SUCCESS);
	assert_int_equal(seen.by_type[SO_MESSAGE_INFORMATION], 40000);
}

static void
test_work_folder_is_removed(void **state)
{
	SoRunOptions options;
	struct stat status;
	Seen seen = {0};

	(void) state;
	so_run_options_init(&options);
	assert_int_equal(
		run_text("name: p\nexecutables: [{name: folder, type: no_operation}]\n", &options, &seen)
			.result,
		SO_RESULT_SUCCESS);
	assert_true(seen_work_folder[0] == '/');
	assert_int_equal(stat(seen_work_folder, &status), -1);
}

static void
test_connection_expressions(void **state)
{
	static const char yaml[] =
		"name: p\nvariables: [{name: host, type: string, value: a}]\n"
		"connections: [{name: c, type: file, connection_string: x,"
		" expressions: {connection_string: \"\\\"/\\\" + @[User::host]\"}}]\n"
		"executables: [{name: connection, type: no_operation}]\n";
	static const char plain[] =
		"name: p\nconnections: [{name: c, type: file, connection_string: x}]\n"
		"executables: [{name: connection, type: no_operation}]\n";
	SoAssignment override = {"c", "/overridden"};
	SoRunOptions options;
	Seen seen = {0};

	(void) state;
	so_run_options_init(&options);
	run_text(yaml, &options, &seen);
	assert_string_equal(seen.last_value, "/a");
	options.connection_strings = &override;
	options.connection_string_count = 1;
	run_text(plain, &options, &seen);
	assert_string_equal(seen.last_value, "/overridden");
}

static void
touch(const char *folder, const char *name)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fclose(file);
}

static void
test_foreach_file(void **state)
{
	char folder[] = "/tmp/scaleout-test-XXXXXX";
	char inner[64];
	char yaml[1024];
	char command[128];
	SoRunOptions options;
	Seen seen = {0};

	(void) state;
	assert_non_null(mkdtemp(folder));
	snprintf(inner, sizeof(inner), "%s/sub", folder);
	assert_int_equal(mkdir(inner, 0700), 0);
	touch(folder, "b.csv");
	touch(folder, "a.csv");
	touch(folder, ".hidden.csv");
	touch(folder, "a.txt");
	touch(inner, "c.csv");
	snprintf(yaml, sizeof(yaml),
			 "name: p\nvariables: [{name: f, type: string, value: \"\"}, {name: all, type: string, "
			 "value: \"\"}]\n"
			 "executables:\n  - name: each\n    type: foreach_loop\n"
			 "    enumerator: {type: file, folder: \"%s\", files: \"*.csv\", recurse: true, "
			 "retrieve_file_name: name_only}\n"
			 "    variable_mappings: [{variable: \"User::f\"}]\n"
			 "    executables: [{name: add, type: expression, expression: \"@[User::all] = "
			 "@[User::all] + @[User::f]\"}]\n",
			 folder);
	so_run_options_init(&options);
	assert_int_equal(run_text(yaml, &options, &seen).result, SO_RESULT_SUCCESS);
	assert_string_equal(seen.last_value, "abc");
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(run_text(yaml, &options, &seen).result, SO_RESULT_FAILURE);
	assert_non_null(strstr(seen.last_error, "SO511"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thousand_tasks_leave_nothing),
		cmocka_unit_test(test_concurrency_is_limited),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_runs_query_cancel_handlers),
		cmocka_unit_test(test_cancel_endless_loop),
		cmocka_unit_test(test_handler_cancels),
		cmocka_unit_test(test_silent_failure_is_reported),
		cmocka_unit_test(test_logging_levels),
		cmocka_unit_test(test_flood_of_messages),
		cmocka_unit_test(test_work_folder_is_removed),
		cmocka_unit_test(test_connection_expressions),
		cmocka_unit_test(test_foreach_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
