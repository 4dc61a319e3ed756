/*
 * test/unit/test_worker_agent_log_sender.c
 *
 * The command fetch_log: what is read and posted, where it goes on, and what
 * becomes of refusals and failures.
 *
 * Process: unit test with the real event loop and reader thread; the connection
 * to the master is played by the test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "worker_agent/command.h"
#include "worker_agent/log_sender.h"
#include "worker_agent/register.h"

#define TASK       "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11"
#define DEADLINE_S 30

static char folder[40];
static SoAgent *agent;
static SoSettings settings;
static char file_name[] = "/etc/worker.conf";
static SoAnswerCallback callback; /* of the open request; NULL: none */
static json_t *posted;            /* the last body */
static int posts;
static int registrations;
static int warnings;

/* ---- what the sender calls ------------------------------------------------------ */

void
so_master_client_post(SoMasterClient *client, SoChannel channel, const char *route,
					  SoByteBuffer *body, int64_t timeout_ms, SoAnswerCallback answered,
					  void *context)
{
	(void) client;
	assert_int_equal(channel, SO_CHANNEL_TASK_LOG);
	assert_string_equal(route, SO_ROUTE_TASK_LOG);
	assert_true(timeout_ms > 0);
	assert_ptr_equal(context, agent);
	assert_null(callback);
	callback = answered;
	json_decref(posted);
	posted = json_loadb((char *) body->data + body->start, so_byte_buffer_length(body), 0, NULL);
	assert_non_null(posted);
	posts++;
	event_base_loopbreak(agent->base);
}

bool
so_master_client_busy(const SoMasterClient *client, SoChannel channel)
{
	(void) client;
	(void) channel;
	return callback != NULL;
}

void
so_master_client_abort(SoMasterClient *client, SoChannel channel)
{
	(void) client;
	(void) channel;
	callback = NULL;
}

void
so_register_start(SoAgent *of)
{
	of->registered = false;
	registrations++;
	so_log_sender_pause(of);
}

bool
so_agent_check_answer(SoAgent *of, const SoAnswer *answer)
{
	(void) of;
	return json_integer_value(json_object_get(answer->body, "epoch")) == 7;
}

void
so_agent_arm(struct event *timer, int64_t delay_ms)
{
	struct timeval delay = {delay_ms / 1000, delay_ms % 1000 * 1000};

	evtimer_add(timer, &delay);
}

void
so_command_handle(SoAgent *of, const json_t *commands)
{
	for (size_t i = 0; i < json_array_size(commands); i++)
		so_log_sender_command(of, json_array_get(commands, i));
}

/* ---- the test's side ---------------------------------------------------------------- */

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
	char path[100];
	SoError error;
	FILE *file;

	(void) state;
	snprintf(folder, sizeof(folder), "/tmp/scaleout_log_sender.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/" TASK, folder);
	if (mkdir(path, 0700) != 0)
		return -1;
	snprintf(path, sizeof(path), "%s/" TASK "/attempt-1.log", folder);
	file = fopen(path, "w");
	if (file == NULL)
		return -1;
	for (int i = 0; i < 20000; i++)
		fprintf(file, "line %05d\n", i);
	fclose(file);
	agent = talloc_zero(NULL, SoAgent);
	memset(&settings, 0, sizeof(settings));
	settings.tasks_root_folder = folder;
	settings.file = file_name;
	settings.task_log_enabled = true;
	settings.task_log_level = 126;
	settings.task_folder_retention = 7 * 24 * 3600 * 1000LL;
	agent->settings = &settings;
	agent->base = event_base_new();
	agent->held = so_held_create(agent);
	agent->registered = true;
	agent->epoch = 7;
	agent->client = (SoMasterClient *) agent; /* never looked into */
	callback = NULL;
	posts = registrations = warnings = 0;
	so_log_set_sink(count_warning, NULL);
	return so_log_sender_open(agent, &error) ? 0 : -1;
}

static int
teardown(void **state)
{
	char command[100];

	(void) state;
	so_log_sender_close(agent);
	event_base_free(agent->base);
	talloc_free(agent);
	json_decref(posted);
	posted = NULL;
	so_log_set_sink(NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static void
command(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);

	assert_non_null(json);
	so_log_sender_command(agent, json);
	json_decref(json);
}

#define FETCH(id, more)                                                                            \
	command("{\"command\":\"fetch_log\",\"fetch\":" id ",\"task\":\"" TASK "\",\"attempt\":" more  \
			"}")

/* Run the loop until there is another post. */
static void
wait_for_post(int number)
{
	struct timeval deadline = {DEADLINE_S, 0};

	event_base_loopexit(agent->base, &deadline);
	while (posts < number)
	{
		event_base_loop(agent->base, EVLOOP_ONCE);
		if (event_base_got_exit(agent->base) && posts < number)
			fail_msg("no request within %d s", DEADLINE_S);
	}
}

static json_int_t
number_of(const char *name)
{
	return json_integer_value(json_object_get(posted, name));
}

/* The master answers with status 200. */
static void
answer(const char *body)
{
	SoAnswerCallback to = callback;
	SoAnswer said = {.status = 200, .body = json_loads(body, 0, NULL)};

	assert_non_null(to);
	assert_non_null(said.body);
	callback = NULL;
	to(agent, &said);
	json_decref(said.body);
}

static void
refuse(SoErrorCode code, bool retryable)
{
	SoAnswerCallback to = callback;
	SoAnswer said = {.status = so_error_http_status(code), .retryable = retryable};

	assert_non_null(to);
	snprintf(said.code, sizeof(said.code), "%s", so_error_state(code));
	so_error_set(&said.error, code, NULL, "refused by the test");
	callback = NULL;
	to(agent, &said);
}

/* ---- tests ------------------------------------------------------------------------------ */

/* The whole log, piece by piece, as the master says. */
static void
test_pieces(void **state)
{
	json_int_t at = 0;
	int n = 0;

	(void) state;
	FETCH("7", "1,\"from\":0,\"limit\":4194304");
	do
	{
		char next[100];

		wait_for_post(++n);
		assert_int_equal(number_of("fetch"), 7);
		assert_int_equal(number_of("epoch"), 7);
		assert_int_equal(number_of("offset"), at);
		assert_int_equal(number_of("size"), 220000);
		assert_int_equal(strlen(json_string_value(json_object_get(posted, "text"))),
						 number_of("bytes"));
		at += number_of("bytes");
		if (json_is_true(json_object_get(posted, "end")))
			break;
		snprintf(next, sizeof(next), "{\"epoch\":7,\"next\":%lld}", (long long) at);
		answer(next);
	} while (n < 10);
	assert_int_equal(n, 2);
	assert_int_equal(at, 220000);
	answer("{\"epoch\":7,\"next\":null}");
	assert_null(callback);
	/* It is over: the same number again is a new wish. */
	FETCH("7", "1,\"limit\":11");
	wait_for_post(3);
	assert_string_equal(json_string_value(json_object_get(posted, "text")), "line 19999\n");
	assert_int_equal(warnings, 0);
}

/* The master knows better where to go on: an earlier life of this worker had sent more. */
static void
test_elsewhere(void **state)
{
	(void) state;
	FETCH("7", "1,\"from\":0,\"limit\":4194304");
	wait_for_post(1);
	answer("{\"epoch\":7,\"next\":219989}");
	wait_for_post(2);
	assert_int_equal(number_of("offset"), 219989);
	assert_string_equal(json_string_value(json_object_get(posted, "text")), "line 19999\n");
	assert_true(json_is_true(json_object_get(posted, "end")));
}

/* Repeated by the master until it has ended; others wait for their turn. */
static void
test_repeated_and_next(void **state)
{
	(void) state;
	FETCH("7", "1,\"limit\":11");
	FETCH("7", "1,\"limit\":11");
	wait_for_post(1);
	answer("{\"epoch\":7,\"next\":null,\"commands\":[{\"command\":\"fetch_log\",\"fetch\":8,"
		   "\"task\":\"" TASK "\",\"attempt\":2,\"limit\":100}]}");
	wait_for_post(2);
	assert_int_equal(number_of("fetch"), 8);
	answer("{\"epoch\":7,\"next\":null}");
	assert_null(callback);
	assert_int_equal(posts, 2);
}

static const char *
reason(const char *name)
{
	const char *text = json_string_value(json_object_get(json_object_get(posted, "error"), name));

	return text != NULL ? text : "";
}

/* Why there is no file, in the words of this worker's settings. */
static void
test_missing(void **state)
{
	SoUuid task;
	SoAttempt *attempt;

	(void) state;
	FETCH("1", "2,\"limit\":100,\"ended_s\":60");
	wait_for_post(1);
	assert_string_equal(reason("code"), "SO455");
	assert_non_null(strstr(reason("detail"), "/attempt-2.log is not there: nothing was written"));
	assert_non_null(strstr(reason("hint"), "/etc/worker.conf"));
	answer("{\"epoch\":7,\"next\":null}");
	FETCH("2", "2,\"limit\":100,\"ended_s\":604800");
	wait_for_post(2);
	assert_non_null(strstr(reason("detail"), "was removed"));
	answer("{\"epoch\":7,\"next\":null}");
	settings.task_log_enabled = false;
	FETCH("3", "2,\"limit\":100");
	wait_for_post(3);
	assert_non_null(strstr(reason("detail"), "TaskLogEnabled is false"));
	answer("{\"epoch\":7,\"next\":null}");
	/* It runs and has not written anything yet. */
	settings.task_log_enabled = true;
	assert_true(so_uuid_parse(TASK, &task));
	attempt = so_held_grant(agent->held, &task, 2, 60000, 1000);
	FETCH("4", "2,\"limit\":100");
	wait_for_post(4);
	assert_string_equal(reason("code"), "");
	assert_true(json_is_true(json_object_get(posted, "end")));
	assert_int_equal(number_of("bytes"), 0);
	answer("{\"epoch\":7,\"next\":null}");
	so_held_set_state(agent->held, attempt, SO_HELD_FINISHED);
	FETCH("5", "2,\"limit\":100");
	wait_for_post(5);
	assert_string_equal(reason("code"), "SO455");
}

/* A piece that is not taken is followed by the reason; if not even that is, it ends. */
static void
test_refused(void **state)
{
	(void) state;
	FETCH("7", "1,\"limit\":11");
	FETCH("8", "1,\"limit\":11");
	wait_for_post(1);
	refuse(SO_ERR_REQUEST_MALFORMED, false);
	wait_for_post(2);
	assert_int_equal(number_of("fetch"), 7);
	assert_string_equal(reason("code"), "SO334");
	refuse(SO_ERR_REQUEST_MALFORMED, false);
	wait_for_post(3);
	assert_int_equal(number_of("fetch"), 8);
	assert_int_equal(warnings, 2);
}

/* What may pass is sent again. */
static void
test_again(void **state)
{
	(void) state;
	FETCH("7", "1,\"limit\":11");
	wait_for_post(1);
	refuse(SO_ERR_MASTER_BUSY, true);
	assert_null(callback);
	wait_for_post(2);
	assert_string_equal(json_string_value(json_object_get(posted, "text")), "line 19999\n");
}

/* A master that does not know this worker any more: register, and forget; it asks again. */
static void
test_unregistered(void **state)
{
	(void) state;
	FETCH("7", "1,\"limit\":11");
	wait_for_post(1);
	refuse(SO_ERR_AGENT_UNREGISTERED, true);
	assert_int_equal(registrations, 1);
	agent->registered = true;
	FETCH("9", "1,\"limit\":11");
	wait_for_post(2);
	assert_int_equal(number_of("fetch"), 9);
	answer("{\"epoch\":7,\"next\":null}");
	assert_null(callback);
}

/* Given up while the thread reads: what it has read is dropped, and nothing leaks. */
static void
test_given_up(void **state)
{
	(void) state;
	FETCH("7", "1,\"from\":0,\"limit\":4194304");
	so_log_sender_pause(agent);
	FETCH("8", "1,\"limit\":11");
	wait_for_post(1);
	assert_int_equal(number_of("fetch"), 8);
	FETCH("9", "1,\"from\":0,\"limit\":4194304");
	answer("{\"epoch\":7,\"next\":null}");
	/* The end comes while it reads. */
}

/*
 * A disk that does not answer, and a worker that registers again and again: the
 * loop does not run meanwhile, so no read comes back, however fast the threads are.
 */
static void
test_disk_hangs(void **state)
{
	(void) state;
	for (int i = 0; i < 4; i++)
	{
		FETCH("7", "1,\"limit\":11");
		assert_int_equal(posts, 0);
		so_log_sender_pause(agent);
	}
	for (int i = 1; i <= 3; i++)
	{
		FETCH("8", "1,\"limit\":11");
		assert_int_equal(posts, i);
		assert_int_equal(number_of("fetch"), 8);
		assert_string_equal(reason("code"), "SO456");
		assert_non_null(strstr(reason("message"), "4 earlier reads"));
		assert_true(reason("hint")[0] != '\0');
		answer("{\"epoch\":7,\"next\":null}");
	}
	assert_int_equal(warnings, 3);
	/* It answers again: one thread is enough to go on. */
	event_base_loop(agent->base, EVLOOP_ONCE);
	FETCH("9", "1,\"limit\":11");
	wait_for_post(4);
	assert_int_equal(number_of("fetch"), 9);
	assert_string_equal(json_string_value(json_object_get(posted, "text")), "line 19999\n");
}

/* What is not a wish is said in the log and does nothing: no name of a file comes from the wire. */
static void
test_not_understood(void **state)
{
	static const char *const commands[] = {
		"{}",
		"{\"fetch\":7}",
		"{\"fetch\":7,\"task\":\"../../etc\",\"attempt\":1,\"limit\":1}",
		"{\"fetch\":7,\"task\":\"" TASK "/..\",\"attempt\":1,\"limit\":1}",
		"{\"fetch\":7,\"task\":\"" TASK "\",\"attempt\":\"1\",\"limit\":1}",
		"{\"fetch\":7,\"task\":\"" TASK "\",\"attempt\":0,\"limit\":1}",
		"{\"fetch\":7,\"task\":\"" TASK "\",\"attempt\":4294967297,\"limit\":1}",
		"{\"fetch\":7,\"task\":\"" TASK "\",\"attempt\":1}",
		"{\"fetch\":7,\"task\":\"" TASK "\",\"attempt\":1,\"limit\":0}",
		"{\"fetch\":7,\"task\":\"" TASK "\",\"attempt\":1,\"limit\":1,\"from\":-1}",
		"{\"fetch\":0,\"task\":\"" TASK "\",\"attempt\":1,\"limit\":1}",
	};

	(void) state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
	{
		command(commands[i]);
		assert_int_equal(warnings, (int) i + 1);
	}
	FETCH("9", "1,\"limit\":11");
	wait_for_post(1);
	assert_int_equal(number_of("fetch"), 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pieces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_elsewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repeated_and_next, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unregistered, setup, teardown),
		cmocka_unit_test_setup_teardown(test_given_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disk_hangs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_understood, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
