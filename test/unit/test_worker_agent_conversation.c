/*
 * test/unit/test_worker_agent_conversation.c
 *
 * Registration, lease polls and reports against a master that answers oddly:
 * refusals, members that are missing or of another type, lower epochs, huge
 * numbers, acknowledgements of what was never sent.
 *
 * Process: unit test; the HTTP client and the nursery are replaced, the loop, the
 * spool and everything else of the agent are real.
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

#include "common/clock.h"
#include "common/log.h"
#include "worker_agent/lease.h"
#include "worker_agent/log_sender.h"
#include "worker_agent/nursery_client.h"
#include "worker_agent/register.h"
#include "worker_agent/report.h"

#define TASK     "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11"
#define UNKNOWN  "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a99"
#define DEADLINE 20000

/* A request that waits for its answer. */
typedef struct Sent
{
	bool open;
	char route[80];
	char *body;
	SoAnswerCallback callback;
	void *context;
} Sent;

static Sent sent[SO_CHANNEL_COUNT];
static SoMasterAddress address;
static int turns;          /* to another endpoint */
static int64_t arrived_ms; /* when the next answer came; 0: now */
static char folder[64];
static char log_text[65536];
static SoAgent *agent;
static SoUuid task;

/* ---- what the agent talks to ---------------------------------------------------- */

SoMasterClient *
so_master_client_create(TALLOC_CTX *context, struct event_base *base, const SoCertificatePair *pair,
						SoError *error)
{
	(void) context;
	(void) base;
	(void) pair;
	so_error_set(error, SO_ERR_INTERNAL, NULL, "not in this test");
	return NULL;
}

void
so_master_client_set_address(SoMasterClient *client, const SoMasterAddress *to)
{
	(void) client;
	address = *to;
}

const SoMasterAddress *
so_master_client_address(const SoMasterClient *client)
{
	(void) client;
	return &address;
}

void
so_master_client_next_endpoint(SoMasterClient *client)
{
	(void) client;
	turns++;
}

const char *
so_master_client_url(const SoMasterClient *client)
{
	(void) client;
	return "https://master.example:8391";
}

void
so_master_client_post(SoMasterClient *client, SoChannel channel, const char *route,
					  SoByteBuffer *body, int64_t timeout_ms, SoAnswerCallback callback,
					  void *callback_context)
{
	Sent *request = &sent[channel];

	(void) client;
	assert_false(request->open);
	assert_true(timeout_ms > 0);
	free(request->body);
	request->body = strndup((const char *) body->data + body->start, so_byte_buffer_length(body));
	snprintf(request->route, sizeof(request->route), "%s", route);
	request->open = true;
	request->callback = callback;
	request->context = callback_context;
}

bool
so_master_client_busy(const SoMasterClient *client, SoChannel channel)
{
	(void) client;
	return sent[channel].open;
}

void
so_master_client_abort(SoMasterClient *client, SoChannel channel)
{
	(void) client;
	sent[channel].open = false;
}

void
so_master_client_free(SoMasterClient *client)
{
	(void) client;
}

SoNurseryClient *
so_nursery_start(TALLOC_CTX *context, struct event_base *base, const char *program,
				 const SoNurseryEvents *events, SoError *error)
{
	(void) context;
	(void) base;
	(void) program;
	(void) events;
	so_error_set(error, SO_ERR_INTERNAL, NULL, "not in this test");
	return NULL;
}

bool
so_nursery_is_ready(const SoNurseryClient *nursery)
{
	(void) nursery;
	return true;
}

const char *
so_nursery_task_types(const SoNurseryClient *nursery)
{
	(void) nursery;
	return "execute_sql,execute_process";
}

void
so_nursery_spawn(SoNurseryClient *nursery, uint64_t token, int socket_fd, int output_fd)
{
	(void) nursery;
	(void) token;
	(void) socket_fd;
	(void) output_fd;
	fail_msg("no test of this file starts a runner");
}

void
so_nursery_kill(SoNurseryClient *nursery, uint64_t token)
{
	(void) nursery;
	(void) token;
}

void
so_nursery_reap(SoNurseryClient *nursery)
{
	(void) nursery;
}

void
so_nursery_stop(SoNurseryClient *nursery)
{
	(void) nursery;
}

/* ---- the conversation ----------------------------------------------------------- */

static void
remember_log(const SoLogRecord *record, void *context)
{
	size_t used = strlen(log_text);

	(void) context;
	snprintf(log_text + used, sizeof(log_text) - used, "%s\n", record->line);
}

static int
logged(const char *text)
{
	int count = 0;

	for (const char *at = log_text; (at = strstr(at, text)) != NULL; at++)
		count++;
	return count;
}

/* Run the loop until a request is open on the channel; its body, parsed. */
static json_t *
expect_request(SoChannel channel)
{
	int64_t deadline = so_clock_monotonic_ms() + DEADLINE;
	json_t *body;

	while (!sent[channel].open && so_clock_monotonic_ms() < deadline)
	{
		if (event_base_loop(agent->base, EVLOOP_ONCE | EVLOOP_NONBLOCK) != 0)
			break;    /* nothing is armed */
		usleep(1000); /* poll */
	}
	assert_true(sent[channel].open);
	body = json_loads(sent[channel].body, 0, NULL);
	assert_non_null(body);
	return body;
}

/* The number of items of the next report. */
static size_t
expect_report(void)
{
	json_t *body = expect_request(SO_CHANNEL_REPORT);
	size_t count = json_array_size(json_object_get(body, "items"));

	assert_non_null(strstr(sent[SO_CHANNEL_REPORT].route, "report"));
	json_decref(body);
	return count;
}

static void
answer(SoChannel channel, const char *text)
{
	SoAnswer good = {.status = 200, .sent_ms = so_clock_monotonic_ms()};

	good.arrived_ms = arrived_ms != 0 ? arrived_ms : good.sent_ms;
	good.body = json_loads(text, 0, NULL);
	assert_non_null(good.body);
	assert_true(sent[channel].open);
	sent[channel].open = false;
	sent[channel].callback(sent[channel].context, &good);
	json_decref(good.body);
}

static void
refuse(SoChannel channel, int status, SoErrorCode code, int64_t retry_after_ms)
{
	SoAnswer bad = {.status = status, .retryable = status >= 429, .retry_after_ms = retry_after_ms};

	so_error_set(&bad.error, code, "https://master.example:8391", "the test says %d", status);
	snprintf(bad.code, sizeof(bad.code), "%s", so_error_state(code));
	bad.sent_ms = bad.arrived_ms = so_clock_monotonic_ms();
	assert_true(sent[channel].open);
	sent[channel].open = false;
	sent[channel].callback(sent[channel].context, &bad);
}

/* How long until the timer runs out, in ms; -1: not armed. */
static int64_t
left_of(struct event *timer)
{
	struct timeval due;
	struct timeval now;

	if (!event_pending(timer, EV_TIMEOUT, &due))
		return -1;
	gettimeofday(&now, NULL);
	return (due.tv_sec - now.tv_sec) * 1000 + (due.tv_usec - now.tv_usec) / 1000;
}

#define REGISTERED                                                                                 \
	"{\"protocol\": 1, \"epoch\": 7, \"enabled\": true, \"lease_interval_ms\": 60000, "            \
	"\"heartbeat_interval_ms\": 10000, \"long_poll_ms\": 25000, \"commands\": []}"

static void
become_registered(void)
{
	so_register_start(agent);
	json_decref(expect_request(SO_CHANNEL_REPORT));
	answer(SO_CHANNEL_REPORT, REGISTERED);
	assert_true(agent->registered);
	assert_int_equal(expect_report(), 0);
	answer(SO_CHANNEL_REPORT, "{\"epoch\": 7, \"enabled\": true, \"acknowledged\": []}");
}

static void
record(uint64_t sequence, SoItemKind kind, const char *text)
{
	so_spool_append(agent->spool, &task, 1, sequence, kind, text, strlen(text));
}

static void
record_events(int count)
{
	for (int i = 1; i <= count; i++)
		record((uint64_t) i, SO_ITEM_EVENT, "{\"type\":\"event\",\"message\":\"m\"}");
	assert_true(so_agent_flush_spool(agent));
	so_report_pump(agent);
}

static int
set_up(void **state)
{
	(void) state;
	strcpy(folder, "/tmp/scaleout-conversation-XXXXXX");
	assert_non_null(mkdtemp(folder));
	log_text[0] = '\0';
	memset(&address, 0, sizeof(address));
	turns = 0;
	arrived_ms = 0;
	so_log_set_sink(remember_log, NULL);
	agent = talloc_zero(NULL, SoAgent);
	agent->settings = talloc_zero(agent, SoSettings);
	agent->settings->display_name = talloc_strdup(agent, "one");
	agent->settings->description = talloc_strdup(agent, "");
	agent->settings->tasks_root_folder = talloc_asprintf(agent, "%s/tasks", folder);
	agent->settings->max_task_count = 4;
	agent->settings->max_buffer_log_count = 10000;
	agent->settings->max_in_memory_buffer_count = 100;
	agent->settings->heartbeat_error_tolerance = 60000;
	agent->settings->task_request_max_cpu = 100;
	agent->settings->task_request_max_cpu_pressure = 100;
	agent->settings->task_request_max_memory_pressure = 100;
	agent->settings->task_request_max_io_pressure = 100;
	snprintf(agent->identity.epoch_file, sizeof(agent->identity.epoch_file), "%s/epoch", folder);
	strcpy(agent->identity.agent_id_text, UNKNOWN);
	strcpy(agent->identity.instance_id_text, UNKNOWN);
	TAILQ_INIT(&agent->runners);
	so_load_init(&agent->load);
	agent->base = event_base_new();
	agent->held = so_held_create(agent);
	agent->spool =
		so_spool_open(agent, talloc_asprintf(agent, "%s/spool", folder), 65536, &(SoError){0});
	assert_non_null(agent->spool);
	agent->lease_interval_ms = 60000;
	agent->tick_due_ms = so_clock_monotonic_ms() + 3600000;
	so_register_open(agent);
	so_lease_open(agent);
	so_report_open(agent);
	assert_true(so_log_sender_open(agent, &(SoError){0}));
	assert_true(so_uuid_parse(TASK, &task));
	return 0;
}

static int
tear_down(void **state)
{
	char command[200];

	(void) state;
	so_log_set_sink(NULL, NULL);
	so_log_sender_close(agent);
	so_spool_close(agent->spool);
	so_register_close(agent);
	so_lease_close(agent);
	so_report_close(agent);
	event_base_free(agent->base);
	for (int i = 0; i < SO_CHANNEL_COUNT; i++)
	{
		free(sent[i].body);
		memset(&sent[i], 0, sizeof(sent[i]));
	}
	talloc_free(agent);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* ---- reports --------------------------------------------------------------------- */

/* 400 and 413 halve the report until the offender stands alone; the others arrive. */
static void
test_offender_is_found(void **state)
{
	static const int statuses[] = {400, 413};

	(void) state;
	become_registered();
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
	{
		uint64_t base = i * 10;
		int refused = 0;

		log_text[0] = '\0';
		for (uint64_t n = 1; n <= 10; n++)
			record(base + n, SO_ITEM_EVENT,
				   n == 7 ? "{\"type\":\"event\",\"message\":\"OFFENDER\"}"
						  : "{\"type\":\"event\",\"message\":\"m\"}");
		assert_true(so_agent_flush_spool(agent));
		so_report_pump(agent);
		while (so_spool_waiting(agent->spool) > 0)
		{
			json_t *body = expect_request(SO_CHANNEL_REPORT);
			json_t *items = json_object_get(body, "items");
			size_t count = json_array_size(items);
			char text[300];

			assert_true(count > 0 && refused < 10);
			snprintf(text, sizeof(text),
					 "{\"epoch\": 7, \"enabled\": true, \"acknowledged\": [{\"task\": \"" TASK
					 "\", \"attempt\": 1, \"sequence\": %lld}]}",
					 (long long) json_integer_value(
						 json_object_get(json_array_get(items, count - 1), "sequence")));
			json_decref(body);
			if (strstr(sent[SO_CHANNEL_REPORT].body, "OFFENDER") == NULL)
			{
				answer(SO_CHANNEL_REPORT, text);
				continue;
			}
			refused++;
			refuse(SO_CHANNEL_REPORT, statuses[i], SO_ERR_REQUEST_MALFORMED, 0);
		}
		assert_true(refused >= 2);
		assert_int_equal(logged("SO443"), 1);
		assert_int_equal(logged("is replaced because"), 1);
	}
	assert_int_equal(turns, 0);
}

/* A master that takes nothing at all: one item is replaced, and then it is asked less often. */
static void
test_everything_is_refused(void **state)
{
	int64_t left;

	(void) state;
	become_registered();
	record(1, SO_ITEM_RESULT, "{\"type\":\"result\",\"status\":7}");
	assert_true(so_agent_flush_spool(agent));
	so_report_pump(agent);
	for (int i = 0; i < 4; i++)
	{
		assert_int_equal(expect_report(), 1);
		assert_true(i == 0 || strstr(sent[SO_CHANNEL_REPORT].body, "\"status\":4") != NULL);
		refuse(SO_CHANNEL_REPORT, 400, SO_ERR_REQUEST_MALFORMED, 0);
		assert_true(so_spool_has_result(agent->spool, &task, 1));
	}
	assert_int_equal(logged("is replaced because"), 1);
	assert_int_equal(agent->report.backoff.failures, 3);
	left = left_of(agent->report.timer);
	assert_true(left > 200);
	assert_true(agent->report.waiting);
}

static void
test_busy_master(void **state)
{
	static const int statuses[] = {429, 503};

	(void) state;
	become_registered();
	record_events(3);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
	{
		int64_t left;

		so_agent_arm(agent->report.timer, 0);
		assert_int_equal(expect_report(), 3);
		refuse(SO_CHANNEL_REPORT, statuses[i], SO_ERR_MASTER_AWAY, 5000);
		left = left_of(agent->report.timer);
		assert_true(left > 3000 && left <= 5100);
		/* New items do not shorten the time. */
		so_report_pump(agent);
		assert_true(left_of(agent->report.timer) > 3000);
		so_agent_arm(agent->report.timer, 0);
		assert_int_equal(expect_report(), 3);
		refuse(SO_CHANNEL_REPORT, statuses[i], SO_ERR_MASTER_AWAY, 3600000);
		assert_true(left_of(agent->report.timer) <= 10100);
	}
	assert_int_equal(so_spool_waiting(agent->spool), 3);
	assert_int_equal(logged("is replaced"), 0);
	assert_int_equal(agent->report.batch_items, SO_LIMIT_ITEMS);
}

/* What was never sent is not committed, whatever the answer says. */
static void
test_acknowledges_too_much(void **state)
{
	(void) state;
	become_registered();
	record_events(2);
	assert_int_equal(expect_report(), 2);
	/* While the answer is on its way. */
	record(3, SO_ITEM_EVENT, "{\"type\":\"event\",\"message\":\"later\"}");
	assert_true(so_agent_flush_spool(agent));
	answer(SO_CHANNEL_REPORT, "{\"epoch\": 7, \"enabled\": true, \"acknowledged\": "
							  "[{\"task\": \"" TASK "\", \"attempt\": 1, \"sequence\": 99}]}");
	assert_int_equal(so_spool_waiting(agent->spool), 1);
	assert_int_equal(expect_report(), 1);
	assert_non_null(strstr(sent[SO_CHANNEL_REPORT].body, "later"));
	answer(SO_CHANNEL_REPORT, "{\"epoch\": 7, \"enabled\": true, \"acknowledged\": "
							  "[{\"task\": \"" TASK "\", \"attempt\": 1, \"sequence\": 3}]}");
	assert_int_equal(so_spool_waiting(agent->spool), 0);
}

/* Entries that name nothing we know, or cannot be read, change nothing. */
static void
test_settles_nothing(void **state)
{
	static const char *const lists[] = {
		"\"acknowledged\": []",
		"\"acknowledged\": null",
		"\"acknowledged\": {\"task\": \"" TASK "\"}",
		"\"acknowledged\": [7, null, \"x\", [], {}]",
		"\"acknowledged\": [{\"task\": \"" UNKNOWN "\", \"attempt\": 1, \"sequence\": 2}]",
		"\"acknowledged\": [{\"task\": \"" TASK "\", \"attempt\": 2, \"sequence\": 2}]",
		"\"acknowledged\": [{\"task\": \"" TASK "\", \"attempt\": 4294967297, \"sequence\": 2}]",
		"\"acknowledged\": [{\"task\": \"" TASK "\", \"attempt\": -4294967295, \"sequence\": 2}]",
		"\"acknowledged\": [{\"task\": \"" TASK "\", \"attempt\": 1, \"sequence\": -1}]",
		"\"acknowledged\": [{\"task\": \"" TASK "\", \"attempt\": 1, \"sequence\": \"2\"}]",
		"\"acknowledged\": [{\"task\": \"" TASK "\", \"attempt\": 1}]",
		"\"acknowledged\": [{\"task\": \"no uuid\", \"attempt\": 1, \"sequence\": 2}]",
		"\"rejected\": [{\"task\": \"" UNKNOWN "\", \"attempt\": 1, \"sequence\": 1}]",
		"\"rejected\": [{\"task\": \"" TASK "\", \"attempt\": 1, \"sequence\": 9}]",
		"\"replies\": [{\"task\": \"" UNKNOWN "\", \"attempt\": 1, \"sequence\": 1, \"body\": {}}]",
		"\"replies\": [{\"task\": \"" TASK "\", \"attempt\": 1, \"sequence\": 1}]",
		"\"replies\": [{\"task\": \"" TASK "\", \"attempt\": 1, \"sequence\": 1, \"body\": 7}]",
		"\"commands\": [{\"command\": \"dance\"}, {}, 7, null]",
		"\"commands\": [{\"command\": \"stop\", \"task\": \"" UNKNOWN "\", \"attempt\": 1}]",
	};

	(void) state;
	become_registered();
	record_events(2);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
	{
		char text[400];
		int64_t left;

		assert_int_equal(expect_report(), 2);
		snprintf(text, sizeof(text), "{\"epoch\": 7, \"enabled\": true, %s}", lists[i]);
		answer(SO_CHANNEL_REPORT, text);
		if (so_spool_waiting(agent->spool) != 2)
			fail_msg("settled by %s", lists[i]);
		/* Not at once: a master that is wrong must not be flooded. */
		left = left_of(agent->report.timer);
		if (left <= 500 || left > 1100)
			fail_msg("asks again after %d ms because of %s", (int) left, lists[i]);
		so_agent_arm(agent->report.timer, 0);
	}
	assert_int_equal(logged("settles none of them"), 1);
	assert_int_equal(expect_report(), 2);
	answer(SO_CHANNEL_REPORT, "{\"epoch\": 7, \"enabled\": true, \"rejected\": "
							  "[{\"task\": \"" TASK "\", \"attempt\": 1, \"sequence\": 1}]}");
	assert_int_equal(so_spool_waiting(agent->spool), 1);
	assert_false(agent->report.told_unsettled);
}

/* ---- registration ------------------------------------------------------------------ */

/* Every answer names an epoch; one that does not is a failure, not epoch 0. */
static const char *const no_epochs[] = {
	"{}",
	"{\"epoch\": null, \"enabled\": true}",
	"{\"epoch\": \"7\", \"enabled\": true}",
	"{\"epoch\": 7.5, \"enabled\": true}",
	"{\"epoch\": 0, \"enabled\": true}",
	"{\"epoch\": -1, \"enabled\": true}",
	"{\"epoch\": [7], \"enabled\": true}",
};

static void
test_registration_without_epoch(void **state)
{
	(void) state;
	so_register_start(agent);
	for (size_t i = 0; i < sizeof(no_epochs) / sizeof(no_epochs[0]); i++)
	{
		json_decref(expect_request(SO_CHANNEL_REPORT));
		answer(SO_CHANNEL_REPORT, no_epochs[i]);
		assert_false(agent->registered);
		assert_true(left_of(agent->registration.retry) >= 0);
		assert_int_equal(agent->identity.epoch, 0);
		assert_int_not_equal(access(agent->identity.epoch_file, F_OK), 0);
		so_agent_arm(agent->registration.retry, 0);
	}
	assert_true(logged("SO421") >= 1);
	json_decref(expect_request(SO_CHANNEL_REPORT));
	answer(SO_CHANNEL_REPORT, REGISTERED);
	assert_true(agent->registered);
	assert_int_equal(agent->identity.epoch, 7);
}

static void
test_lower_epoch(void **state)
{
	(void) state;
	agent->identity.epoch = 9;
	so_register_start(agent);
	json_decref(expect_request(SO_CHANNEL_REPORT));
	answer(SO_CHANNEL_REPORT, REGISTERED);
	assert_false(agent->registered);
	assert_int_equal(agent->identity.epoch, 9);
	assert_int_equal(logged("this worker has obeyed epoch 9"), 1);
	assert_true(left_of(agent->registration.retry) >= 0);
	assert_int_equal(turns, 1);
}

static void
test_odd_intervals(void **state)
{
	static const struct
	{
		const char *members;
		int64_t lease, heartbeat, poll;
	} rows[] = {
		{"\"x\": 1", 60000, 10000, 25000},
		{"\"lease_interval_ms\": 0, \"heartbeat_interval_ms\": -5, \"long_poll_ms\": null", 60000,
		 10000, 25000},
		{"\"lease_interval_ms\": \"1\", \"heartbeat_interval_ms\": 1.5, \"long_poll_ms\": []",
		 60000, 10000, 25000},
		{"\"lease_interval_ms\": 5000, \"heartbeat_interval_ms\": 100, \"long_poll_ms\": 700", 5000,
		 100, 700},
		{"\"lease_interval_ms\": 9223372036854775807, \"heartbeat_interval_ms\": "
		 "9223372036854775807, \"long_poll_ms\": 9223372036854775807",
		 86400000, 86400000, SO_LIMIT_LONG_POLL_MS},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		char text[400];

		so_register_start(agent);
		json_decref(expect_request(SO_CHANNEL_REPORT));
		snprintf(text, sizeof(text), "{\"epoch\": 7, \"enabled\": true, %s}", rows[i].members);
		answer(SO_CHANNEL_REPORT, text);
		assert_true(agent->registered);
		assert_int_equal(agent->lease_interval_ms, rows[i].lease);
		assert_int_equal(agent->heartbeat_interval_ms, rows[i].heartbeat);
		assert_int_equal(agent->long_poll_ms, rows[i].poll);
		/* The loop goes on with these intervals. */
		assert_int_equal(expect_report(), 0);
		answer(SO_CHANNEL_REPORT, "{\"epoch\": 7, \"enabled\": true}");
		json_decref(expect_request(SO_CHANNEL_LEASE_B));
	}
}

/* ---- leases ------------------------------------------------------------------------ */

static void
test_lease_without_epoch(void **state)
{
	(void) state;
	become_registered();
	for (size_t i = 0; i < sizeof(no_epochs) / sizeof(no_epochs[0]); i++)
	{
		json_decref(expect_request(SO_CHANNEL_LEASE_B));
		answer(SO_CHANNEL_LEASE_B, no_epochs[i]);
		/* No new registration, which would be answered at once, and so on without end. */
		assert_true(agent->registered);
		assert_false(sent[SO_CHANNEL_REPORT].open);
		assert_true(agent->lease.waiting);
		assert_true(left_of(agent->lease.retry) >= 0);
		so_agent_arm(agent->lease.retry, 0);
	}
}

static void
test_another_epoch(void **state)
{
	(void) state;
	become_registered();
	json_decref(expect_request(SO_CHANNEL_LEASE_B));
	answer(SO_CHANNEL_LEASE_B, "{\"epoch\": 8, \"enabled\": true}");
	assert_false(agent->registered);
	json_decref(expect_request(SO_CHANNEL_REPORT));
	assert_non_null(strstr(sent[SO_CHANNEL_REPORT].route, "register"));
}

/* Tasks that cannot be read are refused one by one; nothing is held. */
static void
test_odd_tasks(void **state)
{
	(void) state;
	become_registered();
	json_decref(expect_request(SO_CHANNEL_LEASE_B));
	answer(SO_CHANNEL_LEASE_B,
		   "{\"epoch\": 7, \"enabled\": true, \"projects\": {\"h\": {}}, \"tasks\": [7, null, {}, "
		   "{\"task\": \"x\", \"attempt\": 1, \"project\": \"h\"}, "
		   "{\"task\": \"" TASK "\", \"attempt\": 0, \"project\": \"h\"}, "
		   "{\"task\": \"" TASK "\", \"attempt\": 4294967297, \"project\": \"h\"}, "
		   "{\"task\": \"" TASK "\", \"attempt\": \"1\", \"project\": \"h\"}, "
		   "{\"task\": \"" TASK "\", \"attempt\": 1, \"project\": \"none\"}, "
		   "{\"task\": \"" TASK "\", \"attempt\": 1}], "
		   "\"commands\": [{\"command\": \"dance\"}, \"x\"]}");
	assert_int_equal(so_held_count(agent->held), 0);
	assert_int_equal(logged("a task from the master is not understood"), 9);
	assert_int_equal(logged("a command that is not understood"), 2);
	/* And the next poll is open. */
	json_decref(expect_request(SO_CHANNEL_LEASE_B));
}

/*
 * An answer that came while the process was stopped may be old; one that takes
 * long to be read, until after the next tick was due, is not.
 */
static void
test_stopped_or_busy(void **state)
{
	static const char tasks[] =
		"{\"epoch\": 7, \"enabled\": true, \"projects\": {}, \"tasks\": [7]}";

	(void) state;
	become_registered();
	json_decref(expect_request(SO_CHANNEL_LEASE_B));
	agent->tick_due_ms = so_clock_monotonic_ms() - 60000;
	answer(SO_CHANNEL_LEASE_B, tasks);
	assert_int_equal(logged("tasks granted meanwhile are ignored"), 1);
	assert_int_equal(logged("a task from the master is not understood"), 0);
	json_decref(expect_request(SO_CHANNEL_LEASE_B));
	arrived_ms = agent->tick_due_ms;
	answer(SO_CHANNEL_LEASE_B, tasks);
	assert_int_equal(logged("tasks granted meanwhile are ignored"), 1);
	assert_int_equal(logged("a task from the master is not understood"), 1);
}

static void
test_busy_lease(void **state)
{
	(void) state;
	become_registered();
	json_decref(expect_request(SO_CHANNEL_LEASE_B));
	refuse(SO_CHANNEL_LEASE_B, 503, SO_ERR_MASTER_AWAY, 4000);
	assert_true(left_of(agent->lease.retry) > 3000);
	so_lease_pump(agent);
	assert_false(sent[SO_CHANNEL_LEASE_B].open);
	assert_true(agent->registered);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_offender_is_found, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_everything_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_busy_master, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_acknowledges_too_much, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_settles_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_registration_without_epoch, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lower_epoch, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_odd_intervals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_lease_without_epoch, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_another_epoch, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_odd_tasks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stopped_or_busy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_busy_lease, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
