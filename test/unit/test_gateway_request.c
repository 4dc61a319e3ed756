/*
 * test/unit/test_gateway_request.c
 *
 * Requests to frames: every member that is checked, with what a wrong one is
 * told.  The whole way over HTTPS is test/tap/t/010_gateway_tls.pl.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/frame.h"
#include "gateway/error_body.h"
#include "gateway/request.h"

#define AGENT                                                                                      \
	"\"agent_id\":\"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11\",\"instance_id\":\"11111111-2222-3333-"  \
	"4444-555555555555\""
#define TASK        "\"task\":\"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\""
#define HELD        "\"held\":[{" TASK ",\"attempt\":3,\"state\":\"stopping\"}]"
#define LEASE(rest) "{" AGENT "," rest "}"
#define REGISTER(rest)                                                                             \
	"{" AGENT ",\"version\":\"0.1.0\",\"display_name\":\"d\",\"description\":\"\",\"machine_"      \
	"name\":\"m\",\"user_account\":\"u\",\"held\":[]," rest "}"
#define REPORT(items) "{" AGENT ",\"epoch\":7,\"held\":[],\"items\":[" items "]}"
#define PIECE(rest)   LEASE("\"epoch\":9,\"fetch\":7," rest)
#define ITEM(rest)    "{" TASK ",\"attempt\":1," rest "}"

static const SoRequestOrigin origin = {.request = 77, .peer = "192.0.2.7:41822"};

/* The only frame in the buffer, as a reader behind request number and kind. */
static SoFieldReader
open_frame(SoByteBuffer *out, SoRequestKind kind)
{
	SoFieldReader reader;
	SoFrame frame;
	SoError error;
	size_t size;

	assert_int_equal(so_frame_next(out, SO_FRAME_MAX_PAYLOAD, &frame, &error), 1);
	assert_int_equal(frame.type, SO_GATEWAY_REQUEST);
	so_field_reader_init(&reader, frame.payload, frame.length);
	assert_int_equal(so_get_u64(&reader), 77);
	assert_int_equal(so_get_u8(&reader), kind);
	assert_non_null(so_get_bytes(&reader, SO_THUMBPRINT_SIZE));
	assert_memory_equal(so_get_block(&reader, &size), "192.0.2.7:41822", 15);
	assert_memory_equal(so_get_bytes(&reader, 4), "\x0f\x1e\x7d\x2c", 4);
	assert_non_null(so_get_bytes(&reader, 12));
	assert_memory_equal(so_get_bytes(&reader, 4), "\x11\x11\x11\x11", 4);
	assert_non_null(so_get_bytes(&reader, 12));
	return reader;
}

static void
test_lease(void **state)
{
	static const char body[] =
		LEASE("\"epoch\":9,\"capacity\":4,\"wait_ms\":99999," HELD ",\"new\":[1]");
	SoByteBuffer out;
	SoFieldReader reader;
	SoError error;
	size_t size;

	(void) state;
	so_byte_buffer_init(&out);
	assert_true(so_request_encode(SO_REQUEST_LEASE, &origin, body, strlen(body), &out, &error));
	reader = open_frame(&out, SO_REQUEST_LEASE);
	assert_int_equal(so_get_u64(&reader), 9);
	assert_int_equal(so_get_u32(&reader), 4);
	assert_int_equal(so_get_u32(&reader), SO_LIMIT_LONG_POLL_MS);
	assert_int_equal(so_get_u32(&reader), 1);
	assert_memory_equal(so_get_bytes(&reader, 16),
						"\xaa\xaa\xaa\xaa\xbb\xbb\xcc\xcc\xdd\xdd\xee\xee\xee\xee\xee\xee", 16);
	assert_int_equal(so_get_u32(&reader), 3);
	assert_int_equal(so_get_u8(&reader), SO_HELD_STOPPING);
	so_get_block(&reader, &size);
	assert_int_equal(size, 0);
	assert_true(so_field_reader_done(&reader));
	so_byte_buffer_free(&out);
}

/* The body of an accepted request as JSON; the caller frees it. */
static json_t *
body_of(SoRequestKind kind, const char *body)
{
	SoByteBuffer out;
	SoFieldReader reader;
	SoError error;
	size_t size;
	const char *text;
	json_t *root;

	so_byte_buffer_init(&out);
	if (!so_request_encode(kind, &origin, body, strlen(body), &out, &error))
		fail_msg("%s: %s", error.message, error.detail);
	reader = open_frame(&out, kind);
	so_get_bytes(&reader, 8 + 4 + 4);
	assert_int_equal(so_get_u32(&reader), 0);
	text = so_get_block(&reader, &size);
	assert_true(so_field_reader_done(&reader));
	root = json_loadb(text, size, 0, NULL);
	assert_non_null(root);
	so_byte_buffer_free(&out);
	return root;
}

static void
test_report(void **state)
{
	json_t *items =
		body_of(SO_REQUEST_REPORT,
				REPORT(ITEM("\"sequence\":1,\"type\":\"event\",\"message\":\"a\\u0000\"") "," ITEM(
					"\"sequence\":2,\"type\":\"future\",\"x\":{\"y\":[null]}")));

	(void) state;
	assert_int_equal(json_array_size(items), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "message")),
						"a\xEF\xBF\xBD");
	assert_true(json_is_object(json_object_get(json_array_get(items, 1), "x")));
	json_decref(items);
	items = body_of(SO_REQUEST_REPORT, REPORT(""));
	assert_int_equal(json_array_size(items), 0);
	json_decref(items);
}

static void
test_register(void **state)
{
	json_t *root = body_of(
		SO_REQUEST_REGISTER,
		REGISTER(
			"\"protocol\":1,\"max_task_count\":5,\"capabilities\":{\"a\":1},\"password\":\"x\""));

	(void) state;
	assert_int_equal(json_integer_value(json_object_get(root, "max_task_count")), 5);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(root, "capabilities"), "a")), 1);
	assert_null(json_object_get(root, "password"));
	json_decref(root);
}

static void
test_task_log(void **state)
{
	json_t *root =
		body_of(SO_REQUEST_TASK_LOG,
				LEASE("\"epoch\":9,\"fetch\":7,\"offset\":10,\"bytes\":3,\"size\":13,\"end\":true,"
					  "\"text\":\"a\\u0000b\",\"secret\":1"));

	(void) state;
	assert_int_equal(json_object_size(root), 6);
	assert_int_equal(json_integer_value(json_object_get(root, "fetch")), 7);
	assert_int_equal(json_integer_value(json_object_get(root, "offset")), 10);
	assert_true(json_is_true(json_object_get(root, "end")));
	assert_string_equal(json_string_value(json_object_get(root, "text")), "a\xEF\xBF\xBD"
																		  "b");
	json_decref(root);
	root = body_of(SO_REQUEST_TASK_LOG,
				   LEASE("\"epoch\":9,\"fetch\":7,\"error\":{\"code\":\"SO455\",\"message\":"
						 "\"m\",\"detail\":\"\",\"hint\":\"h\",\"more\":1},\"text\":\"x\""));
	assert_int_equal(json_object_size(root), 2);
	assert_int_equal(json_object_size(json_object_get(root, "error")), 4);
	json_decref(root);
}

/* What a poll says of the load of its agent. */
static void
test_lease_asked(void **state)
{
	static const char body[] = LEASE("\"epoch\":9,\"capacity\":0,\"wait_ms\":0,\"held\":[],"
									 "\"reason\":\"cpu\",\"cpu\":97.5,\"memory_free_mb\":null,"
									 "\"io_pressure\":3,\"secret\":1");
	json_t *root = body_of(SO_REQUEST_LEASE, body);

	(void) state;
	assert_int_equal(json_object_size(root), 3);
	assert_string_equal(json_string_value(json_object_get(root, "reason")), "cpu");
	assert_true(json_number_value(json_object_get(root, "cpu")) == 97.5);
	assert_int_equal(json_integer_value(json_object_get(root, "io_pressure")), 3);
	json_decref(root);
}

/* The time of the agent becomes its difference to ours, half of the way taken off. */
static void
test_lease_clock(void **state)
{
	char body[400];
	json_t *root;
	json_int_t difference;

	(void) state;
	snprintf(body, sizeof(body),
			 LEASE("\"epoch\":9,\"capacity\":0,\"wait_ms\":0,\"held\":[],"
				   "\"time_ms\":%lld,\"round_trip_ms\":2000000"),
			 (long long) so_clock_unix_ms() - 7000000);
	root = body_of(SO_REQUEST_LEASE, body);
	assert_int_equal(json_object_size(root), 1);
	difference = json_integer_value(json_object_get(root, "clock_ms"));
	/* However slow this machine is. */
	assert_true(difference <= -6000000 && difference > -6600000);
	json_decref(root);
}

static void
test_refusals(void **state)
{
	static const struct
	{
		SoRequestKind kind;
		const char *body;
		SoErrorCode code;
		const char *place;
	} rows[] = {
		{SO_REQUEST_LEASE, "", SO_ERR_JSON_MALFORMED, ""},
		{SO_REQUEST_LEASE, "7", SO_ERR_JSON_MALFORMED, ""},
		{SO_REQUEST_LEASE, "[]", SO_ERR_REQUEST_MALFORMED, ""},
		{SO_REQUEST_LEASE, "{\"agent_id\":5}", SO_ERR_REQUEST_MALFORMED, "/agent_id"},
		{SO_REQUEST_LEASE, "{\"agent_id\":\"x\"}", SO_ERR_REQUEST_MALFORMED, "/agent_id"},
		{SO_REQUEST_LEASE, "{" AGENT "}", SO_ERR_REQUEST_MALFORMED, "/epoch"},
		{SO_REQUEST_LEASE, LEASE("\"epoch\":-1"), SO_ERR_REQUEST_MALFORMED, "/epoch"},
		{SO_REQUEST_LEASE, LEASE("\"epoch\":1.0"), SO_ERR_REQUEST_MALFORMED, "/epoch"},
		{SO_REQUEST_LEASE, LEASE("\"epoch\":99999999999999999999"), SO_ERR_JSON_MALFORMED, ""},
		{SO_REQUEST_LEASE, LEASE("\"epoch\":1,\"capacity\":100001"), SO_ERR_REQUEST_MALFORMED,
		 "/capacity"},
		{SO_REQUEST_LEASE, LEASE("\"epoch\":1,\"capacity\":1,\"wait_ms\":null"),
		 SO_ERR_REQUEST_MALFORMED, "/wait_ms"},
		{SO_REQUEST_LEASE, LEASE("\"epoch\":1,\"capacity\":1,\"wait_ms\":1"),
		 SO_ERR_REQUEST_MALFORMED, "/held"},
		{SO_REQUEST_LEASE, LEASE("\"epoch\":1,\"capacity\":1,\"wait_ms\":1,\"held\":{}"),
		 SO_ERR_REQUEST_MALFORMED, "/held"},
		{SO_REQUEST_LEASE, LEASE("\"epoch\":1,\"capacity\":1,\"wait_ms\":1,\"held\":[1]"),
		 SO_ERR_REQUEST_MALFORMED, "/held/0"},
		{SO_REQUEST_LEASE,
		 LEASE("\"epoch\":1,\"capacity\":1,\"wait_ms\":1,\"held\":[{" TASK
			   ",\"attempt\":0,\"state\":\"running\"}]"),
		 SO_ERR_REQUEST_MALFORMED, "/held/0/attempt"},
		{SO_REQUEST_LEASE,
		 LEASE("\"epoch\":1,\"capacity\":1,\"wait_ms\":1,\"held\":[{" TASK
			   ",\"attempt\":1,\"state\":\"\"}]"),
		 SO_ERR_REQUEST_MALFORMED, "/held/0"},
		{SO_REQUEST_LEASE,
		 LEASE("\"epoch\":1,\"capacity\":1,\"wait_ms\":1,\"held\":[],\"cpu\":\"much\""),
		 SO_ERR_REQUEST_MALFORMED, "/cpu"},
		{SO_REQUEST_LEASE,
		 LEASE("\"epoch\":1,\"capacity\":1,\"wait_ms\":1,\"held\":[],\"cpu\":1e300"),
		 SO_ERR_REQUEST_MALFORMED, "/cpu"},
		{SO_REQUEST_LEASE,
		 LEASE("\"epoch\":1,\"capacity\":1,\"wait_ms\":1,\"held\":[],\"memory_free_mb\":-2e15"),
		 SO_ERR_REQUEST_MALFORMED, "/memory_free_mb"},
		{SO_REQUEST_LEASE,
		 LEASE("\"epoch\":1,\"capacity\":1,\"wait_ms\":1,\"held\":[],\"io_pressure\":1e-300"),
		 SO_ERR_REQUEST_MALFORMED, "/io_pressure"},
		{SO_REQUEST_LEASE,
		 LEASE("\"epoch\":1,\"capacity\":1,\"wait_ms\":1,\"held\":[],\"reason\":7"),
		 SO_ERR_REQUEST_MALFORMED, "/reason"},
		{SO_REQUEST_REGISTER, REGISTER("\"max_task_count\":1,\"capabilities\":{}"),
		 SO_ERR_REQUEST_MALFORMED, "/protocol"},
		{SO_REQUEST_REGISTER, REGISTER("\"protocol\":0,\"max_task_count\":1,\"capabilities\":{}"),
		 SO_ERR_PROTOCOL_UNKNOWN, "/protocol"},
		{SO_REQUEST_REGISTER, REGISTER("\"protocol\":1,\"max_task_count\":1,\"capabilities\":[]"),
		 SO_ERR_REQUEST_MALFORMED, "/capabilities"},
		{SO_REQUEST_REGISTER,
		 REGISTER("\"protocol\":1,\"max_task_count\":true,\"capabilities\":{}"),
		 SO_ERR_REQUEST_MALFORMED, "/max_task_count"},
		{SO_REQUEST_REPORT, REPORT("1"), SO_ERR_REQUEST_MALFORMED, "/items/0"},
		{SO_REQUEST_REPORT, REPORT(ITEM("\"sequence\":0,\"type\":\"event\"")),
		 SO_ERR_REQUEST_MALFORMED, "/items/0/sequence"},
		{SO_REQUEST_REPORT, REPORT(ITEM("\"sequence\":1")), SO_ERR_REQUEST_MALFORMED,
		 "/items/0/type"},
		{SO_REQUEST_REPORT, REPORT(ITEM("\"sequence\":1,\"type\":\"event\"") ",{}"),
		 SO_ERR_REQUEST_MALFORMED, "/items/1/task"},
		{SO_REQUEST_TASK_LOG, LEASE("\"epoch\":9"), SO_ERR_REQUEST_MALFORMED, "/fetch"},
		{SO_REQUEST_TASK_LOG, PIECE("\"bytes\":-1"), SO_ERR_REQUEST_MALFORMED, "/bytes"},
		{SO_REQUEST_TASK_LOG, PIECE("\"bytes\":131073"), SO_ERR_REQUEST_MALFORMED, "/bytes"},
		{SO_REQUEST_TASK_LOG, PIECE("\"bytes\":1,\"offset\":9223372036854775807"),
		 SO_ERR_REQUEST_MALFORMED, "/offset"},
		{SO_REQUEST_TASK_LOG, PIECE("\"bytes\":1,\"offset\":0,\"size\":\"1\""),
		 SO_ERR_REQUEST_MALFORMED, "/size"},
		{SO_REQUEST_TASK_LOG,
		 PIECE("\"bytes\":1,\"offset\":0,\"size\":1,\"end\":true,\"text\":\"abcd\""),
		 SO_ERR_REQUEST_MALFORMED, "/text"},
		{SO_REQUEST_TASK_LOG, PIECE("\"bytes\":1,\"offset\":0,\"size\":1,\"end\":1,\"text\":\"a\""),
		 SO_ERR_REQUEST_MALFORMED, "/end"},
		{SO_REQUEST_TASK_LOG, PIECE("\"error\":7"), SO_ERR_REQUEST_MALFORMED, "/error"},
		{SO_REQUEST_TASK_LOG, PIECE("\"error\":{\"code\":\"SO455\"}"), SO_ERR_REQUEST_MALFORMED,
		 "/error/message"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoByteBuffer out;
		SoError error;

		so_byte_buffer_init(&out);
		assert_false(so_request_encode(rows[i].kind, &origin, rows[i].body, strlen(rows[i].body),
									   &out, &error));
		if (error.code != rows[i].code || strcmp(error.place, rows[i].place) != 0)
			fail_msg("%s: %s at \"%s\"", rows[i].body, so_error_state(error.code), error.place);
		assert_int_equal(so_byte_buffer_length(&out), 0);
		so_byte_buffer_free(&out);
	}
}

/* Repeat a text n times between a beginning and an end; malloc'ed. */
static char *
repeated(const char *begin, const char *element, size_t n, const char *end)
{
	size_t length = strlen(element);
	char *text = malloc(strlen(begin) + n * (length + 1) + strlen(end) + 1);
	char *position;

	assert_non_null(text);
	position = stpcpy(text, begin);
	for (size_t i = 0; i < n; i++)
	{
		if (i > 0 && element[0] == '{')
			*position++ = ',';
		position = stpcpy(position, element);
	}
	stpcpy(position, end);
	return text;
}

/* The largest that is allowed passes, one more does not. */
static void
test_limits(void **state)
{
	static const struct
	{
		SoRequestKind kind;
		const char *begin;
		const char *element;
		size_t most;
		const char *end;
	} rows[] = {
		{SO_REQUEST_LEASE, "{" AGENT ",\"epoch\":1,\"capacity\":1,\"wait_ms\":1,\"held\":[",
		 "{" TASK ",\"attempt\":1,\"state\":\"running\"}", SO_LIMIT_HELD, "]}"},
		{SO_REQUEST_REPORT, "{" AGENT ",\"epoch\":7,\"held\":[],\"items\":[",
		 ITEM("\"sequence\":1,\"type\":\"event\""), SO_LIMIT_ITEMS, "]}"},
		{SO_REQUEST_REPORT,
		 "{" AGENT ",\"epoch\":7,\"held\":[],\"items\":[{" TASK
		 ",\"attempt\":1,\"sequence\":1,\"type\":\"event\",\"m\":\"",
		 "m",
		 SO_LIMIT_ITEM -
			 sizeof("{" TASK ",\"attempt\":1,\"sequence\":1,\"type\":\"event\",\"m\":\"\"}") + 1,
		 "\"}]}"},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		for (size_t more = 0; more < 2; more++)
		{
			char *body = repeated(rows[i].begin, rows[i].element, rows[i].most + more, rows[i].end);
			SoByteBuffer out;
			SoError error;

			so_byte_buffer_init(&out);
			assert_int_equal(
				so_request_encode(rows[i].kind, &origin, body, strlen(body), &out, &error),
				more == 0);
			if (more)
				assert_int_equal(error.code, SO_ERR_REQUEST_TOO_LARGE);
			so_byte_buffer_free(&out);
			free(body);
		}
	}
}

/* A refused request leaves the frames before it alone. */
static void
test_refusal_keeps_what_was_there(void **state)
{
	static const char good[] = LEASE("\"epoch\":9,\"capacity\":4,\"wait_ms\":1,\"held\":[]");
	static const char bad[] =
		LEASE("\"epoch\":9,\"capacity\":4,\"wait_ms\":1,\"held\":[{" TASK "}]");
	SoByteBuffer out;
	SoFrame frame;
	SoError error;
	size_t length;

	(void) state;
	so_byte_buffer_init(&out);
	assert_true(so_request_encode(SO_REQUEST_LEASE, &origin, good, strlen(good), &out, &error));
	length = so_byte_buffer_length(&out);
	assert_false(so_request_encode(SO_REQUEST_LEASE, &origin, bad, strlen(bad), &out, &error));
	assert_int_equal(so_byte_buffer_length(&out), length);
	assert_true(so_request_encode(SO_REQUEST_LEASE, &origin, good, strlen(good), &out, &error));
	for (int i = 0; i < 2; i++)
	{
		assert_int_equal(so_frame_next(&out, 1000, &frame, &error), 1);
		assert_int_equal(frame.length, length - SO_FRAME_HEADER_SIZE);
	}
	so_byte_buffer_free(&out);
}

static void
test_error_body(void **state)
{
	SoError error;
	size_t size;
	char *body;
	json_t *root;
	const json_t *inner;

	(void) state;
	so_error_set(&error, SO_ERR_MASTER_BUSY, NULL, "cut \xC3");
	so_error_detail(&error, "say \"hi\"\n");
	body = so_error_body(&error, &size);
	assert_non_null(body);
	assert_int_equal(strlen(body), size);
	root = json_loads(body, 0, NULL);
	inner = json_object_get(root, "error");
	assert_string_equal(json_string_value(json_object_get(inner, "code")), "SO339");
	assert_string_equal(json_string_value(json_object_get(inner, "message")), "cut ?");
	assert_string_equal(json_string_value(json_object_get(inner, "detail")), "say \"hi\"\n");
	assert_true(json_is_true(json_object_get(inner, "retryable")));
	json_decref(root);
	free(body);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lease),
		cmocka_unit_test(test_lease_asked),
		cmocka_unit_test(test_lease_clock),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_register),
		cmocka_unit_test(test_task_log),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_refusal_keeps_what_was_there),
		cmocka_unit_test(test_error_body),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
