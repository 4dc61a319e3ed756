/*
 * test/unit/test_runner_serve.c
 *
 * Plays the agent for so_runner_serve in a forked process: task in, items out,
 * acknowledgement, cancel, disappearance.
 *
 * Process: unit test; every runner is a child of it and is waited for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "common/clock.h"
#include "common/frame.h"
#include "common/log.h"
#include "common/protocol.h"
#include "runner/item.h"
#include "runner/serve.h"

/* Milliseconds; generous, because nothing here depends on speed. */
#define DEADLINE 30000

typedef struct Agent
{
	int fd;
	pid_t runner;
	SoByteBuffer in;
	uint64_t sequence; /* of the last item */
	json_t *last;      /* last item */
	int counts[8];     /* by item kind */
	int log_levels;    /* sum of those that came */
	int log_lines;
	char log[20000];
	bool hello;
} Agent;

static void
agent_start(Agent *agent)
{
	int fds[2];

	memset(agent, 0, sizeof(*agent));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	agent->runner = fork();
	assert_true(agent->runner >= 0);
	if (agent->runner == 0)
	{
		close(fds[0]);
		_exit(so_runner_serve(fds[1]));
	}
	close(fds[1]);
	agent->fd = fds[0];
	so_byte_buffer_init(&agent->in);
}

static void
agent_send(Agent *agent, uint8_t type, const char *block, uint64_t number)
{
	SoByteBuffer out;
	size_t position;

	so_byte_buffer_init(&out);
	position = so_frame_begin(&out, type, 0);
	if (block != NULL)
		so_put_string(&out, block);
	if (type == SO_RUNNER_ACKNOWLEDGE)
		so_put_u64(&out, number);
	if (type == SO_RUNNER_LOG_LEVEL)
		so_put_u8(&out, (uint8_t) number);
	so_frame_end(&out, position);
	while (so_byte_buffer_length(&out) > 0)
		assert_true(so_byte_buffer_write(&out, agent->fd) > 0);
	so_byte_buffer_free(&out);
}

static void
agent_take(Agent *agent, const SoFrame *frame)
{
	SoFieldReader reader;
	const char *text;
	size_t length;
	uint8_t kind;

	so_field_reader_init(&reader, frame->payload, frame->length);
	if (frame->type == SO_RUNNER_HELLO)
	{
		text = so_get_block(&reader, &length);
		assert_memory_equal(text, SO_VERSION, length);
		assert_int_equal(so_get_u32(&reader), agent->runner);
		agent->hello = true;
		return;
	}
	if (frame->type == SO_RUNNER_LOG)
	{
		agent->log_levels |= so_get_u8(&reader);
		text = so_get_block(&reader, &length);
		assert_true(so_field_reader_done(&reader));
		agent->log_lines++;
		snprintf(agent->log + strlen(agent->log), sizeof(agent->log) - strlen(agent->log), "%.*s\n",
				 (int) length, text);
		return;
	}
	assert_int_equal(frame->type, SO_RUNNER_ITEM);
	/* No gaps, from 1. */
	assert_int_equal(so_get_u64(&reader), agent->sequence + 1);
	agent->sequence++;
	kind = so_get_u8(&reader);
	text = so_get_block(&reader, &length);
	assert_true(so_field_reader_done(&reader) && kind < 8);
	json_decref(agent->last);
	agent->last = json_loadb(text, length, 0, NULL);
	assert_non_null(agent->last);
	agent->counts[kind]++;
}

/* Read until an item of this kind has come; false at end of file. */
static bool
agent_wait(Agent *agent, SoItemKind kind)
{
	int64_t deadline = so_clock_monotonic_ms() + DEADLINE;
	int before = agent->counts[kind];

	for (;;)
	{
		struct pollfd fds = {.fd = agent->fd, .events = POLLIN};
		SoFrame frame;
		SoError error;
		int state = so_frame_next(&agent->in, SO_FRAME_MAX_PAYLOAD, &frame, &error);

		assert_true(state >= 0);
		if (state > 0)
		{
			agent_take(agent, &frame);
			if (agent->counts[kind] > before)
				return true;
			continue;
		}
		assert_true(so_clock_monotonic_ms() < deadline);
		if (poll(&fds, 1, 1000) > 0 && so_frame_read(&agent->in, agent->fd) <= 0)
			return false;
	}
}

static int
agent_end(Agent *agent)
{
	int status;

	close(agent->fd);
	assert_int_equal(waitpid(agent->runner, &status, 0), agent->runner);
	so_byte_buffer_free(&agent->in);
	json_decref(agent->last);
	return status;
}

static char *
task_text(const char *package, const char *executables, const char *more)
{
	char *text;

	assert_true(
		asprintf(&text,
				 "{\"task\": \"11111111-2222-3333-4444-555555555555\", \"attempt\": 1,"
				 " \"execution_id\": 42, \"package\": \"%s\", \"logging_level\": 1%s,"
				 " \"project_document\": {\"format_version\": 1, \"name\": \"n\", \"project\": {},"
				 " \"packages\": {\"p\": {\"name\": \"p\", \"parameters\": [{\"name\": \"n\", "
				 "\"type\": \"int32\", \"value\": 1}],"
				 " \"executables\": [%s]}}}}",
				 package, more, executables) > 0);
	return text;
}

static void
send_task(Agent *agent, const char *package, const char *executables, const char *more)
{
	char *text = task_text(package, executables, more);

	agent_send(agent, SO_RUNNER_TASK, text, 0);
	free(text);
}

static void
test_success(void **state)
{
	Agent agent;
	int status;

	(void) state;
	agent_start(&agent);
	send_task(&agent, "p",
			  "{\"name\": \"look\", \"type\": \"expression\", \"expression\": \"@[$Package::n] + "
			  "@[System::ServerExecutionID]\"}",
			  ", \"parameters\": [{\"name\": \"$Package::n\", \"type\": \"int32\", \"value\": "
			  "\"58\", \"sensitive\": false}]");
	assert_true(agent_wait(&agent, SO_ITEM_STATISTICS));
	assert_string_equal(json_string_value(json_object_get(agent.last, "execution_value")), "100");
	assert_string_equal(json_string_value(json_object_get(agent.last, "execution_path")), "\\look");
	assert_int_equal(json_integer_value(json_object_get(agent.last, "execution_result")), 0);
	assert_true(agent.hello);
	assert_int_equal(agent.counts[SO_ITEM_STARTED], 1);
	assert_int_equal(agent.counts[SO_ITEM_EXECUTABLES], 1);
	assert_true(agent_wait(&agent, SO_ITEM_RESULT));
	assert_int_equal(json_integer_value(json_object_get(agent.last, "status")), 7);
	assert_string_equal(json_string_value(json_object_get(agent.last, "outcome")), "package");

	/* It stays until the result is acknowledged, not merely an item before it. */
	agent_send(&agent, SO_RUNNER_ACKNOWLEDGE, NULL, agent.sequence - 1);
	assert_int_equal(waitpid(agent.runner, &status, WNOHANG), 0);
	agent_send(&agent, SO_RUNNER_ACKNOWLEDGE, NULL, agent.sequence);
	assert_false(agent_wait(&agent, SO_ITEM_CHECKPOINT));
	status = agent_end(&agent);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void
test_failure_says_why(void **state)
{
	Agent agent;

	(void) state;
	agent_start(&agent);
	send_task(&agent, "p",
			  "{\"name\": \"bad\", \"type\": \"expression\", \"expression\": \"@[$Package::n] / "
			  "(@[$Package::n] - 1)\"}",
			  "");
	assert_true(agent_wait(&agent, SO_ITEM_RESULT));
	assert_int_equal(json_integer_value(json_object_get(agent.last, "status")), 4);
	assert_int_equal(json_integer_value(json_object_get(agent.last, "error_count")), 1);
	assert_non_null(
		strstr(json_string_value(json_object_get(agent.last, "message")), "division by zero"));
	assert_string_equal(json_string_value(json_object_get(agent.last, "code")), "SO706");
	agent_send(&agent, SO_RUNNER_ACKNOWLEDGE, NULL, agent.sequence);
	assert_int_equal(agent_end(&agent), 0);
}

/* What cannot begin is a failed result with an event, not a lost attempt. */
static void
test_refusals(void **state)
{
	static const struct
	{
		const char *package;
		const char *more;
		const char *code;
	} cases[] = {
		{"none", "", "SO501"},
		{"p",
		 ", \"parameters\": [{\"name\": \"$Package::x\", \"type\": \"int32\", \"value\": \"1\"}]",
		 "SO502"},
		{"p",
		 ", \"parameters\": [{\"name\": \"$Package::n\", \"type\": \"int32\", \"value\": "
		 "\"many\"}]",
		 "SO504"},
		{"p",
		 ", \"property_overrides\": [{\"path\": \"\\\\Package\\\\none.Disable\", \"value\": "
		 "\"true\"}]",
		 "SO505"},
		{"p", ", \"connection_strings\": [{\"name\": \"none\", \"value\": \"x\"}]", "SO506"},
		{"p", ", \"parameters\": 7", "SO528"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Agent agent;

		agent_start(&agent);
		send_task(&agent, cases[i].package, "{\"name\": \"a\", \"type\": \"no_operation\"}",
				  cases[i].more);
		assert_true(agent_wait(&agent, SO_ITEM_RESULT));
		assert_int_equal(json_integer_value(json_object_get(agent.last, "status")), 4);
		assert_string_equal(json_string_value(json_object_get(agent.last, "code")), cases[i].code);
		assert_int_equal(agent.counts[SO_ITEM_EVENT], 1);
		agent_send(&agent, SO_RUNNER_ACKNOWLEDGE, NULL, agent.sequence);
		assert_int_equal(agent_end(&agent), 0);
	}
}

/*
 * What is no task is a failed result with a code, so that it is neither counted
 * as a lost attempt nor tried again for that reason.
 */
static void
test_malformed_task(void **state)
{
	static const struct
	{
		uint8_t type;
		const char *block;
		int status;
		const char *code;
	} cases[] = {
		{SO_RUNNER_TASK, "{not json", 4, "SO528"},
		{SO_RUNNER_TASK, "", 4, "SO528"},
		{SO_RUNNER_TASK, "[1, 2", 4, "SO528"},
		{SO_RUNNER_TASK, "[]", 4, "SO528"},
		{SO_RUNNER_TASK, "{\"package\": \"\\u0000\"}", 4, "SO528"},
		{SO_RUNNER_TASK, "{\"package\": \"\xff\"}", 4, "SO528"},
		{SO_RUNNER_TASK, NULL, 4, "SO528"},
		{SO_RUNNER_REPLY, "{}", 4, "SO528"},
		{200, "{}", 4, "SO528"},
		{SO_RUNNER_CANCEL, NULL, 3, "SO526"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Agent agent;

		agent_start(&agent);
		agent_send(&agent, cases[i].type, cases[i].block, 0);
		assert_true(agent_wait(&agent, SO_ITEM_RESULT));
		assert_int_equal(json_integer_value(json_object_get(agent.last, "status")),
						 cases[i].status);
		assert_string_equal(json_string_value(json_object_get(agent.last, "code")), cases[i].code);
		assert_string_equal(json_string_value(json_object_get(agent.last, "outcome")), "package");
		assert_int_equal(agent.counts[SO_ITEM_EVENT], 1);
		agent_send(&agent, SO_RUNNER_ACKNOWLEDGE, NULL, agent.sequence);
		assert_int_equal(agent_end(&agent), 0);
	}
}

/* Nothing more can be read behind a frame that is too long: the runner ends. */
static void
test_oversized_frame(void **state)
{
	static const uint8_t head[] = {0xff, 0xff, 0xff, 0xff, SO_RUNNER_TASK, 0, 0, 0};
	Agent agent;
	int status;

	(void) state;
	agent_start(&agent);
	assert_int_equal(write(agent.fd, head, sizeof(head)), sizeof(head));
	assert_false(agent_wait(&agent, SO_ITEM_RESULT));
	status = agent_end(&agent);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

static const char endless[] = "{\"name\": \"loop\", \"type\": \"for_loop\", \"eval_expression\": "
							  "\"true\", \"executables\": []}";

static void
test_cancel(void **state)
{
	Agent agent;

	(void) state;
	agent_start(&agent);
	send_task(&agent, "p", endless, "");
	assert_true(agent_wait(&agent, SO_ITEM_EVENT));
	agent_send(&agent, SO_RUNNER_CANCEL, NULL, 0);
	assert_true(agent_wait(&agent, SO_ITEM_RESULT));
	assert_int_equal(json_integer_value(json_object_get(agent.last, "status")), 3);
	agent_send(&agent, SO_RUNNER_ACKNOWLEDGE, NULL, agent.sequence);
	assert_int_equal(agent_end(&agent), 0);
}

/* The agent dies: the run ends, and what it has started is dead as well. */
static void
test_agent_goes_away(void **state)
{
	char folder[] = "/tmp/scaleout-test-XXXXXX";
	char file[64];
	char executables[512];
	Agent agent;
	FILE *stream = NULL;
	int64_t deadline = so_clock_monotonic_ms() + DEADLINE;
	int child = 0;
	int status;

	(void) state;
	assert_non_null(mkdtemp(folder));
	snprintf(file, sizeof(file), "%s/pid", folder);
	snprintf(
		executables, sizeof(executables),
		"{\"name\": \"sleep\", \"type\": \"execute_process\", \"executable\": \"/bin/sh\","
		" \"arguments\": [\"-c\", \"setsid sleep 1000 & echo $! > %s.new; mv %s.new %s; wait\"]}",
		file, file, file);
	agent_start(&agent);
	send_task(&agent, "p", executables, "");
	while ((stream = fopen(file, "re")) == NULL && so_clock_monotonic_ms() < deadline)
		poll(NULL, 0, 10);
	assert_non_null(stream);
	assert_int_equal(fscanf(stream, "%d", &child), 1);
	fclose(stream);
	unlink(file);
	rmdir(folder);
	status = agent_end(&agent);
	assert_true(WIFEXITED(status));
	/* Even what left for a session of its own. */
	while (kill(child, 0) == 0 && so_clock_monotonic_ms() < deadline)
		poll(NULL, 0, 10);
	assert_int_equal(kill(child, 0), -1);
	assert_int_equal(errno, ESRCH);
}

#define LOGGED_TASK                                                                                \
	"{\"name\": \"bad\", \"type\": \"expression\", \"expression\": \"@[$Package::n] / "            \
	"(@[$Package::n] - 1)\"}"
#define LOGGED_VALUES                                                                              \
	", \"caller\": \"joe\", \"folder\": \"sales\", \"project_name\": \"nightly\", "                \
	"\"worker_name\": \"one\", \"worker_agent_id\": \"the-id\", "                                  \
	"\"parameters\": [{\"name\": \"$Package::n\", \"type\": \"int32\", \"value\": \"1\", "         \
	"\"sensitive\": %s}], \"connection_strings\": [], \"property_overrides\": "                    \
	"[{\"path\": \"\\\\Package.Properties[description]\", \"value\": \"hidden-7\"}]"

/* Run a package that fails with this TaskLogLevel (-1: none is sent). */
static void
run_logged(Agent *agent, int mask, const char *sensitive, int logging_level)
{
	char more[1000];
	char level[40];
	char *text;
	char *at;

	snprintf(more, sizeof(more), LOGGED_VALUES, sensitive);
	agent_start(agent);
	if (mask >= 0)
		agent_send(agent, SO_RUNNER_LOG_LEVEL, NULL, (uint64_t) mask);
	text = task_text("p", LOGGED_TASK, more);
	snprintf(level, sizeof(level), "\"logging_level\": %d", logging_level);
	at = strstr(text, "\"logging_level\": 1");
	assert_non_null(at);
	memcpy(at, level, strlen(level));
	agent_send(agent, SO_RUNNER_TASK, text, 0);
	free(text);
	assert_true(agent_wait(agent, SO_ITEM_RESULT));
	agent_send(agent, SO_RUNNER_ACKNOWLEDGE, NULL, agent->sequence);
	assert_int_equal(agent_end(agent), 0);
}

/* What a person needs to understand the attempt, by default. */
static void
test_log(void **state)
{
	Agent agent;
	const char *log = agent.log;

	(void) state;
	run_logged(&agent, 126, "false", 1);
	assert_non_null(strstr(log, " AUDIT scaleout-runner["));
	assert_non_null(strstr(log, "] execution 42, attempt 1: package p of project nightly in folder "
								"sales, for joe; worker one the-id on "));
	assert_non_null(strstr(log, ", scaleout-runner " SO_VERSION "\n"));
	assert_non_null(strstr(log, "] parameter $Package::n = 1\n"));
	assert_non_null(strstr(log, "] property \\Package.Properties[description] is overridden\n"));
	assert_null(strstr(log, "hidden-7"));
	assert_non_null(strstr(log, " PROGRESS scaleout-runner["));
	assert_non_null(strstr(log, "] \\bad OnPreExecute"));
	assert_non_null(strstr(log, " ERROR scaleout-runner["));
	assert_non_null(strstr(log, "] SO706: \\bad OnError: "));
	assert_non_null(strstr(log, "division by zero"));
	assert_null(strstr(log, "SO706: \\bad OnError: SO706"));
	assert_non_null(strstr(log, "] ended: failure after "));
	assert_non_null(strstr(log, " s, 1 errors, 1 warnings\n"));
	assert_null(strstr(log, "VERBOSE"));
}

/* A value is shown only when it is known to be harmless. */
static void
test_log_hides_secrets(void **state)
{
	static const char *const unsure[] = {"true", "null", "\"no\""};

	(void) state;
	for (size_t i = 0; i < 3; i++)
	{
		Agent agent;

		run_logged(&agent, 127, unsure[i], 1);
		assert_non_null(strstr(agent.log, "] parameter $Package::n is sensitive and not shown\n"));
		assert_null(strstr(agent.log, "$Package::n = "));
	}
}

/* TaskLogLevel alone decides: each level by itself, nothing, and not the logging level of the execution. */
static void
test_log_levels(void **state)
{
	static const int levels[] = {SO_LOG_VERBOSE, SO_LOG_ERROR, SO_LOG_PROGRESS, SO_LOG_AUDIT};
	Agent agent;

	(void) state;
	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
	{
		run_logged(&agent, levels[i], "false", 1);
		assert_int_equal(agent.log_levels, levels[i]);
	}
	run_logged(&agent, 0, "false", 3);
	assert_int_equal(agent.log_lines, 0);
	run_logged(&agent, 127, "false", 0);
	assert_int_equal(agent.log_levels, SO_LOG_VERBOSE | SO_LOG_WARNING | SO_LOG_ERROR |
										   SO_LOG_PROGRESS | SO_LOG_AUDIT);
	assert_int_equal(agent.counts[SO_ITEM_EVENT], 0);
}

/* TaskLogLevel is changed while the package runs. */
static void
test_log_level_changes(void **state)
{
	int64_t deadline = so_clock_monotonic_ms() + DEADLINE;
	Agent agent;

	(void) state;
	agent_start(&agent);
	agent_send(&agent, SO_RUNNER_LOG_LEVEL, NULL, 0);
	send_task(&agent, "p", endless, "");
	assert_true(agent_wait(&agent, SO_ITEM_EVENT));
	assert_int_equal(agent.log_lines, 0);
	agent_send(&agent, SO_RUNNER_LOG_LEVEL, NULL, SO_LOG_AUDIT);
	/* The end is logged, so the frame was read before the cancel. */
	agent_send(&agent, SO_RUNNER_CANCEL, NULL, 0);
	assert_true(agent_wait(&agent, SO_ITEM_RESULT));
	assert_int_equal(agent.log_levels, SO_LOG_AUDIT);
	assert_non_null(strstr(agent.log, "] ended: canceled after "));
	assert_true(so_clock_monotonic_ms() < deadline);
	agent_send(&agent, SO_RUNNER_ACKNOWLEDGE, NULL, agent.sequence);
	assert_int_equal(agent_end(&agent), 0);
}

static void
test_texts_are_repaired(void **state)
{
	json_t *text = so_item_text("a\xFF"
								"b\xC3\xA4\xE2\x82");

	(void) state;
	assert_string_equal(json_string_value(text), "a\xEF\xBF\xBD"
												 "b\xC3\xA4\xEF\xBF\xBD\xEF\xBF\xBD");
	json_decref(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_success),           cmocka_unit_test(test_failure_says_why),
		cmocka_unit_test(test_refusals),          cmocka_unit_test(test_malformed_task),
		cmocka_unit_test(test_oversized_frame),   cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_agent_goes_away),   cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_hides_secrets), cmocka_unit_test(test_log_levels),
		cmocka_unit_test(test_log_level_changes), cmocka_unit_test(test_texts_are_repaired),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
