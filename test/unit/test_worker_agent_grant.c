/*
 * test/unit/test_worker_agent_grant.c
 *
 * Tasks of a lease answer: what the runner will be told, redeliveries, folders,
 * and answers that cannot be used.
 *
 * Process: unit test; starting a runner is replaced by a function that notes it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker_agent/grant.h"
#include "worker_agent/runners.h"

#define TASK  "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11"
#define OTHER "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a12"
#define PROJECTS                                                                                   \
	"\"projects\": {\"hash1\": {\"packages\": {"                                                   \
	" \"load\": {\"executables\": [{\"name\": \"a\"}]},"                                           \
	" \"handler\": {\"executables\": [], \"event_handlers\": {\"on_error\": {}}},"                 \
	" \"empty\": {\"executables\": []}}},"                                                         \
	" \"hash2\": {\"packages\": {\"load\": {}}}}"

static SoAttempt *started[10];
static int started_count;
static int errors;
static SoAgent agent;
static SoSettings settings;

void
so_runners_start(SoAgent *of, SoAttempt *attempt)
{
	assert_ptr_equal(of, &agent);
	started[started_count++] = attempt;
}

static void
count_error(const SoLogRecord *record, void *context)
{
	(void) context;
	if (record->level != SO_LOG_ERROR)
		return;
	assert_non_null(strstr(record->line, "SO421"));
	errors++;
}

static int
setup(void **state)
{
	static char root[] = "/srv/tasks \"here\"";
	static char name[] = "one \"two\"";

	(void) state;
	memset(&agent, 0, sizeof(agent));
	settings.tasks_root_folder = root;
	settings.display_name = name;
	agent.settings = &settings;
	snprintf(agent.identity.agent_id_text, sizeof(agent.identity.agent_id_text), "the-agent");
	agent.held = so_held_create(NULL);
	agent.lease_interval_ms = 45000;
	started_count = 0;
	errors = 0;
	so_log_set_sink(count_error, NULL);
	return 0;
}

static int
teardown(void **state)
{
	(void) state;
	so_log_set_sink(NULL, NULL);
	talloc_free(agent.held);
	return 0;
}

/* tasks: the members of the array */
static void
grant(const char *tasks)
{
	char text[4000];
	json_t *body;

	snprintf(text, sizeof(text), "{\"tasks\": [%s], " PROJECTS "}", tasks);
	body = json_loads(text, 0, NULL);
	assert_non_null(body);
	so_grant_tasks(&agent, body, so_clock_monotonic_ms());
	json_decref(body);
}

/* What an answer took too long to be read for is not started; else its lease began when it came. */
static void
test_read_late(void **state)
{
	int64_t now_ms = so_clock_monotonic_ms();
	json_t *body = json_loads("{\"tasks\": [{\"task\": \"" TASK
							  "\", \"attempt\": 1, \"project\": \"hash1\", \"package\": \"load\","
							  " \"lease_interval_ms\": 30000}], " PROJECTS "}",
							  0, NULL);

	(void) state;
	assert_non_null(body);
	so_grant_tasks(&agent, body, now_ms - 30000);
	assert_int_equal(started_count, 0);
	assert_int_equal(so_held_count(agent.held), 0);
	so_grant_tasks(&agent, body, now_ms - 2000);
	assert_int_equal(started_count, 1);
	assert_true(started[0]->renewed_ms == now_ms - 2000);
	json_decref(body);
}

static void
test_document_for_the_runner(void **state)
{
	json_t *document;
	json_t *wanted;

	(void) state;
	grant("{\"task\": \"" TASK "\", \"attempt\": 3, \"project\": \"hash1\", \"package\": \"load\","
		  " \"lease_interval_ms\": 30000, \"parameters\": {\"p\": \"\\u00e4 \\\" secret\"}}");
	assert_int_equal(started_count, 1);
	assert_string_equal(started[0]->task_text, TASK);
	assert_int_equal(started[0]->attempt, 3);
	assert_int_equal(started[0]->lease_interval_ms, 30000);
	assert_true(started[0]->make_folders);
	assert_int_equal(so_held_active(agent.held), 1);

	/* The object of tasks[] with the project and the folders (docs/protocol.md). */
	document = json_loads(started[0]->task_json, 0, NULL);
	assert_non_null(document);
	wanted =
		json_pack("{s:s, s:i, s:s, s:s, s:i, s:{s:s}, s:s, s:s, s:s, s:s, s:{s:{s:{s:[{s:s}]}, "
				  "s:{s:[], s:{s:{}}}, "
				  "s:{s:[]}}}}",
				  "task", TASK, "attempt", 3, "project", "hash1", "package", "load",
				  "lease_interval_ms", 30000, "parameters", "p", "\xc3\xa4 \" secret",
				  "work_folder", "/srv/tasks \"here\"/" TASK "/work", "log_folder",
				  "/srv/tasks \"here\"/" TASK, "worker_agent_id", "the-agent", "worker_name",
				  "one \"two\"", "project_document", "packages", "load", "executables", "name", "a",
				  "handler", "executables", "event_handlers", "on_error", "empty", "executables");
	assert_non_null(wanted);
	assert_true(json_equal(document, wanted));
	json_decref(wanted);
	json_decref(document);
}

/* The same attempt again is a redelivery; the next attempt of the task is not. */
static void
test_redelivery(void **state)
{
	(void) state;
	grant("{\"task\": \"" TASK
		  "\", \"attempt\": 1, \"project\": \"hash1\", \"package\": \"load\"}");
	grant("{\"task\": \"" TASK "\", \"attempt\": 1, \"project\": \"hash1\", \"package\": \"load\"},"
		  "{\"task\": \"" TASK
		  "\", \"attempt\": 2, \"project\": \"hash1\", \"package\": \"load\"}");
	assert_int_equal(started_count, 2);
	assert_int_equal(started[1]->attempt, 2);
	assert_int_equal(errors, 0);
}

/* Several tasks, of several projects; each gets its own. */
static void
test_projects(void **state)
{
	(void) state;
	grant(
		"{\"task\": \"" TASK "\", \"attempt\": 1, \"project\": \"hash1\", \"package\": \"load\"},"
		"{\"task\": \"" OTHER "\", \"attempt\": 1, \"project\": \"hash2\", \"package\": \"load\"},"
		"{\"task\": \"" TASK "\", \"attempt\": 2, \"project\": \"hash1\", \"package\": \"load\"}");
	assert_int_equal(started_count, 3);
	assert_non_null(strstr(started[0]->task_json, "event_handlers"));
	assert_null(strstr(started[1]->task_json, "event_handlers"));
	assert_non_null(strstr(started[2]->task_json, "event_handlers"));
}

/* Without an interval of its own, the one of the registration. */
static void
test_lease_interval(void **state)
{
	(void) state;
	grant("{\"task\": \"" TASK
		  "\", \"attempt\": 1, \"project\": \"hash1\", \"package\": \"load\"}");
	grant("{\"task\": \"" OTHER "\", \"attempt\": 1, \"project\": \"hash1\", \"package\": \"load\","
		  " \"lease_interval_ms\": -5}");
	assert_int_equal(started_count, 2);
	assert_int_equal(started[0]->lease_interval_ms, 45000);
	assert_int_equal(started[1]->lease_interval_ms, 45000);
}

/* Folders are made unless it is known that nothing will be executed. */
static void
test_folders(void **state)
{
	static const struct
	{
		const char *package;
		bool folders;
	} rows[] = {{"load", true}, {"handler", true}, {"empty", false}, {"unknown", true}};

	(void) state;
	for (int i = 0; i < 4; i++)
	{
		char task[300];

		snprintf(task, sizeof(task),
				 "{\"task\": \"" TASK "\", \"attempt\": %d, \"project\": \"hash1\", "
				 "\"package\": \"%s\"}",
				 i + 1, rows[i].package);
		grant(task);
		assert_int_equal(started_count, i + 1);
		assert_int_equal(started[i]->make_folders, rows[i].folders);
	}
}

/* What is not understood is said and not held; what comes with it is started. */
static void
test_not_understood(void **state)
{
	static const char *const rows[] = {
		"{}",
		"7",
		"{\"task\": \"x\", \"attempt\": 1, \"project\": \"hash1\"}",
		"{\"task\": 7, \"attempt\": 1, \"project\": \"hash1\"}",
		"{\"task\": \"" TASK "\", \"project\": \"hash1\"}",
		"{\"task\": \"" TASK "\", \"attempt\": 0, \"project\": \"hash1\"}",
		"{\"task\": \"" TASK "\", \"attempt\": -1, \"project\": \"hash1\"}",
		"{\"task\": \"" TASK "\", \"attempt\": 4294967297, \"project\": \"hash1\"}",
		"{\"task\": \"" TASK "\", \"attempt\": \"1\", \"project\": \"hash1\"}",
		"{\"task\": \"" TASK "\", \"attempt\": 1}",
		"{\"task\": \"" TASK "\", \"attempt\": 1, \"project\": \"hash3\"}",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		char tasks[600];

		errors = 0;
		snprintf(tasks, sizeof(tasks),
				 "%s, {\"task\": \"" OTHER "\", \"attempt\": %d, \"project\": \"hash1\"}", rows[i],
				 (int) i + 1);
		started_count = 0;
		grant(tasks);
		assert_int_equal(errors, 1);
		assert_int_equal(started_count, 1);
		assert_string_equal(started[0]->task_text, OTHER);
	}
}

/* An answer without tasks, or without a body. */
static void
test_nothing(void **state)
{
	json_t *body = json_object();

	(void) state;
	so_grant_tasks(&agent, body, so_clock_monotonic_ms());
	so_grant_tasks(&agent, NULL, so_clock_monotonic_ms());
	json_decref(body);
	assert_int_equal(so_held_count(agent.held), 0);
	assert_int_equal(errors, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_document_for_the_runner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_redelivery, setup, teardown),
		cmocka_unit_test_setup_teardown(test_projects, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lease_interval, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folders, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_understood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
