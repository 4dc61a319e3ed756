/*
 * test/unit/test_runner_checkpoint_store.c
 *
 * Plays the agent for a runner that saves checkpoints: what it asks and sends,
 * what it waits for, and what refusals do.
 *
 * Process: unit test; every runner is a child of it and is waited for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

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
#include "common/protocol.h"
#include "runner/serve.h"

/* Milliseconds; generous, because nothing here depends on speed. */
#define DEADLINE 30000

typedef struct Agent
{
	int fd;
	pid_t runner;
	SoByteBuffer in;
	uint64_t sequence;
	json_t *items; /* all that have come */
} Agent;

static void
put(Agent *agent, SoByteBuffer *out)
{
	while (so_byte_buffer_length(out) > 0)
		assert_true(so_byte_buffer_write(out, agent->fd) > 0);
	so_byte_buffer_free(out);
}

static void
start(Agent *agent, const char *package)
{
	SoByteBuffer out;
	size_t frame;
	char *text;
	int fds[2];

	memset(agent, 0, sizeof(*agent));
	agent->items = json_array();
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
	assert_true(
		asprintf(&text,
				 "{\"task\": \"11111111-2222-3333-4444-555555555555\", \"attempt\": 1,"
				 " \"execution_id\": 42, \"package\": \"p\", \"logging_level\": 1,"
				 " \"checkpoint\": {\"chain_id\": \"00000000-0000-4000-8000-000000000007\"},"
				 " \"project_document\": {\"format_version\": 1, \"name\": \"n\","
				 " \"project\": {}, \"packages\": {\"p\": %s}}}",
				 package) > 0);
	so_byte_buffer_init(&out);
	frame = so_frame_begin(&out, SO_RUNNER_TASK, 0);
	so_put_string(&out, text);
	so_frame_end(&out, frame);
	free(text);
	put(agent, &out);
}

static void
acknowledge(Agent *agent, uint64_t sequence)
{
	SoByteBuffer out;
	size_t frame;

	so_byte_buffer_init(&out);
	frame = so_frame_begin(&out, SO_RUNNER_ACKNOWLEDGE, 0);
	so_put_u64(&out, sequence);
	so_frame_end(&out, frame);
	put(agent, &out);
}

static void
reply(Agent *agent, uint64_t sequence, const char *json)
{
	SoByteBuffer out;
	size_t frame;

	so_byte_buffer_init(&out);
	frame = so_frame_begin(&out, SO_RUNNER_REPLY, 0);
	so_put_u64(&out, sequence);
	so_put_string(&out, json);
	so_frame_end(&out, frame);
	put(agent, &out);
}

/* Take what has come, waiting at most so long; false when the runner has gone. */
static bool
take(Agent *agent, int milliseconds)
{
	struct pollfd fds = {.fd = agent->fd, .events = POLLIN};
	SoFrame frame;
	SoError error;

	if (poll(&fds, 1, milliseconds) > 0 && so_frame_read(&agent->in, agent->fd) <= 0)
		return false;
	while (so_frame_next(&agent->in, SO_FRAME_MAX_PAYLOAD, &frame, &error) > 0)
	{
		SoFieldReader reader;
		const char *text;
		size_t length;

		if (frame.type != SO_RUNNER_ITEM)
			continue;
		so_field_reader_init(&reader, frame.payload, frame.length);
		assert_int_equal(so_get_u64(&reader), ++agent->sequence);
		so_get_u8(&reader);
		text = so_get_block(&reader, &length);
		json_array_append_new(agent->items, json_loadb(text, length, 0, NULL));
	}
	return true;
}

static bool
is_item(const json_t *item, const char *type, const char *action)
{
	const char *its_action = json_string_value(json_object_get(item, "action"));

	return strcmp(json_string_value(json_object_get(item, "type")), type) == 0 &&
		   (action == NULL || (its_action != NULL && strcmp(its_action, action) == 0));
}

static int
count(const Agent *agent, const char *type, const char *action)
{
	int found = 0;

	for (size_t i = 0; i < json_array_size(agent->items); i++)
		found += is_item(json_array_get(agent->items, i), type, action);
	return found;
}

/* Wait for the n-th item of this kind, and return it; *sequence is its number. */
static const json_t *
wait_item(Agent *agent, const char *type, const char *action, int n, uint64_t *sequence)
{
	int64_t deadline = so_clock_monotonic_ms() + DEADLINE;

	while (count(agent, type, action) < n)
	{
		assert_true(so_clock_monotonic_ms() < deadline);
		assert_true(take(agent, 1000));
	}
	for (size_t i = 0; i < json_array_size(agent->items); i++)
	{
		*sequence = i + 1;
		if (is_item(json_array_get(agent->items, i), type, action) && --n == 0)
			return json_array_get(agent->items, i);
	}
	return NULL;
}

/* Wait for the result, acknowledge everything, and collect the runner. */
static void
finish(Agent *agent, int expected_status)
{
	uint64_t sequence;
	const json_t *result = wait_item(agent, "result", NULL, 1, &sequence);
	int status;

	assert_int_equal(json_integer_value(json_object_get(result, "status")), expected_status);
	acknowledge(agent, agent->sequence);
	assert_int_equal(waitpid(agent->runner, &status, 0), agent->runner);
	assert_int_equal(status, 0);
	close(agent->fd);
	so_byte_buffer_free(&agent->in);
	json_decref(agent->items);
}

#define SAVING                                                                                     \
	"\"name\": \"p\", \"id\": \"00000000-0000-4000-8000-000000000001\", \"save_checkpoints\": "    \
	"true,"                                                                                        \
	" \"checkpoint_usage\": \"if_exists\", \"checkpoint_file_name\": \"daily\","                   \
	" \"variables\": [{\"name\": \"v\", \"type\": \"string\", \"value\": \"a\"}],"                 \
	" \"executables\": [{\"name\": \"one\", \"id\": \"00000000-0000-4000-8000-000000000002\","     \
	" \"type\": \"expression\", \"expression\": \"@[User::v] = \\\"b\\\"\","                       \
	" \"fail_package_on_failure\": true}, {\"name\": \"two\", \"type\": \"expression\","           \
	" \"expression\": \"@[User::v]\", \"after\": \"one\", \"fail_package_on_failure\": true}]"

/* No successor before its predecessor's record is acknowledged. */
static void
test_barrier(void **state)
{
	Agent agent;
	uint64_t sequence;
	const json_t *item;

	(void) state;
	start(&agent, "{" SAVING "}");
	item = wait_item(&agent, "checkpoint", "open", 1, &sequence);
	assert_string_equal(json_string_value(json_object_get(item, "package")), "p");
	assert_string_equal(json_string_value(json_object_get(item, "name")), "daily");
	assert_true(json_is_false(json_object_get(item, "fresh")));
	take(&agent, 200);
	assert_int_equal(count(&agent, "checkpoint", "begin"), 0);
	reply(&agent, sequence, "{\"state\": null}");
	acknowledge(&agent, sequence);
	item = wait_item(&agent, "checkpoint", "begin", 1, &sequence);
	assert_true(json_is_true(json_object_get(item, "reset")));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(item, "header"), "chain_id")),
		"00000000-0000-4000-8000-000000000007");
	/* The variables at the beginning, then the unit with what it has changed. */
	item = wait_item(&agent, "checkpoint", "append", 2, &sequence);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(item, "record"), "result")), "success");
	assert_int_equal(json_array_size(json_object_get(item, "variables")), 1);
	take(&agent, 200);
	assert_int_equal(count(&agent, "statistics", NULL), 1);
	acknowledge(&agent, sequence - 1);
	take(&agent, 200);
	assert_int_equal(count(&agent, "checkpoint", "append"), 2);
	acknowledge(&agent, sequence);
	wait_item(&agent, "checkpoint", "append", 3, &sequence);
	acknowledge(&agent, sequence);
	item = wait_item(&agent, "checkpoint", "finish", 1, &sequence);
	assert_string_equal(json_string_value(json_object_get(item, "end")), "remove");
	assert_int_equal(count(&agent, "result", NULL), 0);
	acknowledge(&agent, sequence);
	finish(&agent, 7);
}

/* What was done is not done again, and its variables are there. */
static void
test_goes_on(void **state)
{
	Agent agent;
	uint64_t sequence;
	const json_t *item;

	(void) state;
	start(&agent, "{" SAVING "}");
	wait_item(&agent, "checkpoint", "open", 1, &sequence);
	reply(&agent, sequence,
		  "{\"state\": {\"format\": 1, \"package_id\": \"00000000-0000-4000-8000-000000000001\","
		  " \"package_name\": \"p\", \"name\": \"daily\", \"content_hash\": \"x\","
		  " \"chain_id\": \"00000000-0000-4000-8000-000000000009\", \"attempt\": 3,"
		  " \"created_us\": 1, \"updated_us\": 2, \"start_us\": 3, \"settings\": [],"
		  " \"variables\": [], \"records\": [{\"kind\": \"unit\","
		  " \"id\": \"00000000-0000-4000-8000-000000000002\", \"path\": \"\\\\one\","
		  " \"result\": \"success\", \"attempt\": 3, \"finished_us\": 5}]}}");
	acknowledge(&agent, sequence);
	item = wait_item(&agent, "checkpoint", "begin", 1, &sequence);
	assert_true(json_is_false(json_object_get(item, "reset")));
	item = json_object_get(item, "header");
	assert_int_equal(json_integer_value(json_object_get(item, "attempt")), 4);
	assert_string_equal(json_string_value(json_object_get(item, "chain_id")),
						"00000000-0000-4000-8000-000000000009");
	item = wait_item(&agent, "checkpoint", "append", 2, &sequence);
	assert_string_equal(json_string_value(json_object_get(json_object_get(item, "record"), "path")),
						"\\two");
	acknowledge(&agent, sequence);
	wait_item(&agent, "checkpoint", "finish", 1, &sequence);
	acknowledge(&agent, sequence);
	finish(&agent, 7);
}

/* A refusal fails the package before anything runs. */
static void
test_refused(void **state)
{
	Agent agent;
	uint64_t sequence;
	const json_t *result;

	(void) state;
	start(&agent, "{" SAVING "}");
	wait_item(&agent, "checkpoint", "open", 1, &sequence);
	reply(&agent, sequence,
		  "{\"error\": {\"code\": \"SO573\", \"message\": \"in use by execution 7\"}}");
	acknowledge(&agent, sequence);
	result = wait_item(&agent, "result", NULL, 1, &sequence);
	assert_string_equal(json_string_value(json_object_get(result, "code")), "SO573");
	assert_int_equal(count(&agent, "checkpoint", "begin"), 0);
	finish(&agent, 4);
}

/* A record that is refused is not durable, although its sequence is acknowledged. */
static void
test_record_refused(void **state)
{
	Agent agent;
	uint64_t sequence;
	const json_t *result;

	(void) state;
	start(&agent, "{" SAVING "}");
	wait_item(&agent, "checkpoint", "open", 1, &sequence);
	reply(&agent, sequence, "{\"state\": null}");
	wait_item(&agent, "checkpoint", "append", 2, &sequence);
	reply(&agent, sequence, "{\"error\": {\"code\": \"SO220\", \"message\": \"no key\"}}");
	acknowledge(&agent, sequence);
	result = wait_item(&agent, "result", NULL, 1, &sequence);
	assert_non_null(strstr(json_string_value(json_object_get(result, "message")), "no key"));
	assert_int_equal(count(&agent, "checkpoint", "append"), 2);
	finish(&agent, 4);
}

/* A stop while the catalog is asked ends the wait. */
static void
test_cancel(void **state)
{
	Agent agent;
	SoByteBuffer out;
	uint64_t sequence;

	(void) state;
	start(&agent, "{" SAVING "}");
	wait_item(&agent, "checkpoint", "open", 1, &sequence);
	so_byte_buffer_init(&out);
	so_frame_put(&out, SO_RUNNER_CANCEL, 0, NULL, 0);
	put(&agent, &out);
	wait_item(&agent, "result", NULL, 1, &sequence);
	assert_int_equal(count(&agent, "checkpoint", "begin"), 0);
	finish(&agent, 3);
}

/* One package twice at a time, and values too large for one item. */
static void
test_large_values(void **state)
{
	Agent agent;
	uint64_t sequence;
	const json_t *item;
	char *package;
	char *value = malloc(300001);

	(void) state;
	memset(value, 'x', 300000);
	value[300000] = '\0';
	assert_true(
		asprintf(
			&package,
			"{\"name\": \"p\", \"save_checkpoints\": true, \"checkpoint_usage\": "
			"\"if_exists\", \"checkpoint_file_name\": \"daily\", \"variables\": ["
			"{\"name\": \"a\", \"type\": \"string\", \"value\": \"%s\"},"
			"{\"name\": \"b\", \"type\": \"string\", \"value\": \"%s\"}], \"executables\": []}",
			value, value) > 0);
	free(value);
	start(&agent, package);
	free(package);
	wait_item(&agent, "checkpoint", "open", 1, &sequence);
	reply(&agent, sequence, "{\"state\": null}");
	item = wait_item(&agent, "checkpoint", "append", 1, &sequence);
	assert_true(json_is_true(json_object_get(item, "more")));
	item = wait_item(&agent, "checkpoint", "append", 2, &sequence);
	assert_null(json_object_get(item, "more"));
	wait_item(&agent, "checkpoint", "finish", 1, &sequence);
	acknowledge(&agent, sequence);
	finish(&agent, 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_barrier), cmocka_unit_test(test_goes_on),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_record_refused),
		cmocka_unit_test(test_cancel),  cmocka_unit_test(test_large_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
