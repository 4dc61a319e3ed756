/*
 * test/unit/test_worker_agent_command.c
 *
 * Commands of the master: what each does, to which attempt, and what is ignored.
 *
 * Process: unit test; what the commands call is replaced by functions that note it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "worker_agent/command.h"
#include "worker_agent/lease.h"
#include "worker_agent/log_sender.h"
#include "worker_agent/register.h"
#include "worker_agent/runners.h"

#define TASK  "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11"
#define OTHER "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a12"

static char calls[500]; /* what was done, in order */
static int warnings;
static SoAgent agent;
static SoAttempt *attempt;

static void
note(const char *what, uint32_t number)
{
	size_t used = strlen(calls);

	if (number > 0)
		snprintf(calls + used, sizeof(calls) - used, "%s %u;", what, number);
	else
		snprintf(calls + used, sizeof(calls) - used, "%s;", what);
}

void
so_runners_stop(SoAgent *of, SoAttempt *which)
{
	assert_ptr_equal(of, &agent);
	note("stop", which->attempt);
}

void
so_runners_kill(SoAgent *of, SoAttempt *which)
{
	assert_ptr_equal(of, &agent);
	note("kill", which->attempt);
}

void
so_lease_pump(SoAgent *of)
{
	assert_ptr_equal(of, &agent);
	note("pump", 0);
}

void
so_register_start(SoAgent *of)
{
	assert_ptr_equal(of, &agent);
	note("register", 0);
}

void
so_log_sender_command(SoAgent *of, const json_t *command)
{
	assert_ptr_equal(of, &agent);
	note("fetch", (uint32_t) json_integer_value(json_object_get(command, "fetch")));
}

void
so_spool_discard_result(SoSpool *spool, const SoUuid *task, uint32_t number)
{
	(void) spool;
	assert_true(so_uuid_equal(task, &attempt->task));
	note("discard", number);
}

static void
count_warning(const SoLogRecord *record, void *context)
{
	(void) context;
	if (record->level == SO_LOG_WARNING)
		warnings++;
}

static int
setup(void **state)
{
	SoUuid task;

	(void) state;
	memset(&agent, 0, sizeof(agent));
	agent.held = so_held_create(NULL);
	assert_true(so_uuid_parse(TASK, &task));
	attempt = so_held_grant(agent.held, &task, 2, 60000, 1000);
	assert_non_null(attempt);
	calls[0] = '\0';
	warnings = 0;
	so_log_set_sink(count_warning, NULL);
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

static void
handle(const char *text)
{
	json_t *commands = json_loads(text, 0, NULL);

	assert_non_null(commands);
	so_command_handle(&agent, commands);
	json_decref(commands);
}

static void
test_stop(void **state)
{
	(void) state;
	handle("[{\"command\": \"stop\", \"task\": \"" TASK "\", \"attempt\": 2}]");
	assert_string_equal(calls, "stop 2;");
	assert_int_equal(so_held_count(agent.held), 1);
	/* Repeated until its effect is reported. */
	handle("[{\"command\": \"stop\", \"task\": \"" TASK "\", \"attempt\": 2}]");
	assert_string_equal(calls, "stop 2;stop 2;");
	assert_int_equal(warnings, 0);
}

/* Kill it, report nothing, drop it from held, and ask for another task. */
static void
test_superseded(void **state)
{
	(void) state;
	agent.lease.newest = 7;
	handle("[{\"command\": \"superseded\", \"task\": \"" TASK "\", \"attempt\": 2}]");
	assert_string_equal(calls, "discard 2;kill 2;pump;");
	assert_int_equal(so_held_count(agent.held), 0);
	assert_true(attempt->gone);
	assert_int_equal(attempt->gone_at, 7);
	handle("[{\"command\": \"superseded\", \"task\": \"" TASK "\", \"attempt\": 2}]");
	assert_string_equal(calls, "discard 2;kill 2;pump;");
}

static void
test_drain(void **state)
{
	(void) state;
	handle("[{\"command\": \"drain\"}]");
	assert_true(agent.draining);
	assert_false(agent.leaving);
	assert_string_equal(calls, "pump;");
	handle("[{\"command\": \"drain\"}]");
	assert_true(agent.draining);
	assert_int_equal(so_held_count(agent.held), 1);
}

static void
test_register(void **state)
{
	(void) state;
	handle("[{\"command\": \"register\"}]");
	assert_string_equal(calls, "register;");
}

/* The attempt need not be held: it is usually long over. */
static void
test_fetch_log(void **state)
{
	(void) state;
	handle("[{\"command\": \"fetch_log\", \"fetch\": 7, \"task\": \"" OTHER
		   "\", \"attempt\": 1, \"limit\": 100}]");
	assert_string_equal(calls, "fetch 7;");
	assert_int_equal(warnings, 0);
}

/* Another attempt or task, which this worker does not hold (any more): nothing to do. */
static void
test_not_held(void **state)
{
	(void) state;
	handle("[{\"command\": \"stop\", \"task\": \"" TASK "\", \"attempt\": 1},"
		   " {\"command\": \"stop\", \"task\": \"" OTHER "\", \"attempt\": 2},"
		   " {\"command\": \"superseded\", \"task\": \"" TASK "\", \"attempt\": 3}]");
	assert_string_equal(calls, "");
	assert_int_equal(so_held_count(agent.held), 1);
	assert_int_equal(warnings, 0);
}

/* What a newer master may say, or a wrong one: said in the log; the rest is done. */
static void
test_not_understood(void **state)
{
	(void) state;
	handle("[{\"command\": \"dance\"}, {}, 7, null, {\"command\": 1},"
		   " {\"command\": \"stop\"}, {\"command\": \"stop\", \"task\": \"x\", \"attempt\": 2},"
		   " {\"command\": \"stop\", \"task\": \"" TASK "\", \"attempt\": 2}]");
	assert_string_equal(calls, "stop 2;");
	assert_int_equal(warnings, 7);
}

static void
test_several_and_none(void **state)
{
	(void) state;
	so_command_handle(&agent, NULL);
	handle("[]");
	handle("{}");
	assert_string_equal(calls, "");
	handle("[{\"command\": \"drain\"}, {\"command\": \"register\"},"
		   " {\"command\": \"stop\", \"task\": \"" TASK "\", \"attempt\": 2}]");
	assert_string_equal(calls, "pump;register;stop 2;");
	assert_int_equal(warnings, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_superseded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_register, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fetch_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_understood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_several_and_none, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
