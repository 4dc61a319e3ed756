/*
 * test/unit/test_runner_channel.c
 *
 * The runner's end of the socket, with the test as the agent: order and numbers
 * of items, acknowledgements and replies in any order, frames that are no
 * frames, an agent that reads nothing, and one that goes away.
 *
 * Process: unit test; the channel has a thread of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/frame.h"
#include "runner/channel.h"

/* Milliseconds; generous, because nothing here depends on speed. */
#define DEADLINE 30000

typedef struct Agent
{
	int fd;
	SoByteBuffer in;
	SoChannel *channel;
	json_t *task;
} Agent;

static void
put_frame(Agent *agent, const SoByteBuffer *out)
{
	size_t sent = 0;

	while (sent < so_byte_buffer_length(out))
	{
		ssize_t wrote =
			write(agent->fd, out->data + out->start + sent, so_byte_buffer_length(out) - sent);

		assert_true(wrote > 0);
		sent += (size_t) wrote;
	}
}

static void
send_text(Agent *agent, uint8_t type, const char *text)
{
	SoByteBuffer out;
	size_t frame;

	so_byte_buffer_init(&out);
	frame = so_frame_begin(&out, type, 0);
	if (text != NULL)
		so_put_string(&out, text);
	so_frame_end(&out, frame);
	put_frame(agent, &out);
	so_byte_buffer_free(&out);
}

/* An acknowledgement (text NULL) or a reply. */
static void
send_number(Agent *agent, uint8_t type, uint64_t sequence, const char *text)
{
	SoByteBuffer out;
	size_t frame;

	so_byte_buffer_init(&out);
	frame = so_frame_begin(&out, type, 0);
	so_put_u64(&out, sequence);
	if (text != NULL)
		so_put_string(&out, text);
	so_frame_end(&out, frame);
	put_frame(agent, &out);
	so_byte_buffer_free(&out);
}

static void
open_channel(Agent *agent)
{
	SoError error = {0};
	int fds[2];

	memset(agent, 0, sizeof(*agent));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	agent->fd = fds[0];
	so_byte_buffer_init(&agent->in);
	/* The socket holds it until the channel reads. */
	send_text(agent, SO_RUNNER_TASK, "{\"package\": \"p\"}");
	agent->channel = so_channel_open(fds[1], &agent->task, &error);
	assert_non_null(agent->channel);
	assert_string_equal(json_string_value(json_object_get(agent->task, "package")), "p");
}

static void
close_channel(Agent *agent)
{
	so_channel_close(agent->channel);
	so_byte_buffer_free(&agent->in);
	json_decref(agent->task);
	if (agent->fd >= 0)
		close(agent->fd);
}

/* The next frame; its payload is valid until the next call. */
static SoFrame
next_frame(Agent *agent)
{
	int64_t deadline = so_clock_monotonic_ms() + DEADLINE;
	SoFrame frame;
	SoError error;
	int state;

	while ((state = so_frame_next(&agent->in, SO_FRAME_MAX_PAYLOAD, &frame, &error)) == 0)
	{
		struct pollfd fds = {.fd = agent->fd, .events = POLLIN};

		assert_true(so_clock_monotonic_ms() < deadline);
		if (poll(&fds, 1, 100) > 0)
			assert_true(so_frame_read(&agent->in, agent->fd) > 0);
	}
	assert_int_equal(state, 1);
	return frame;
}

static void
wait_until(bool (*condition)(SoChannel *), SoChannel *channel)
{
	int64_t deadline = so_clock_monotonic_ms() + DEADLINE;

	while (!condition(channel))
	{
		assert_true(so_clock_monotonic_ms() < deadline);
		poll(NULL, 0, 5);
	}
}

static void
test_items(void **state)
{
	Agent agent;
	SoFieldReader reader;
	SoFrame frame;
	size_t length;

	(void) state;
	open_channel(&agent);
	frame = next_frame(&agent);
	assert_int_equal(frame.type, SO_RUNNER_HELLO);
	for (uint64_t i = 1; i <= 3; i++)
	{
		json_t *item = json_pack("{s:I}", "n", (json_int_t) i);

		assert_int_equal(so_channel_item_sequence(agent.channel, SO_ITEM_EVENT, item), i);
		frame = next_frame(&agent);
		assert_int_equal(frame.type, SO_RUNNER_ITEM);
		so_field_reader_init(&reader, frame.payload, frame.length);
		assert_int_equal(so_get_u64(&reader), i);
		assert_int_equal(so_get_u8(&reader), SO_ITEM_EVENT);
		assert_int_equal(so_get_block(&reader, &length)[0], '{');
		assert_true(so_field_reader_done(&reader));
	}
	close_channel(&agent);
}

static bool
three_acknowledged(SoChannel *channel)
{
	return so_channel_acknowledged(channel) == 3;
}

/* They may come late, twice, and out of order; nonsense counts for nothing. */
static void
test_acknowledgements(void **state)
{
	Agent agent;

	(void) state;
	open_channel(&agent);
	for (int i = 0; i < 3; i++)
		so_channel_item(agent.channel, SO_ITEM_EVENT, json_object());
	send_text(&agent, SO_RUNNER_ACKNOWLEDGE, NULL); /* no number */
	send_text(&agent, 99, "what is this?");
	send_number(&agent, SO_RUNNER_ACKNOWLEDGE, 2, NULL);
	send_number(&agent, SO_RUNNER_ACKNOWLEDGE, 1, NULL);
	send_number(&agent, SO_RUNNER_ACKNOWLEDGE, 3, NULL);
	send_number(&agent, SO_RUNNER_ACKNOWLEDGE, 2, NULL);
	wait_until(three_acknowledged, agent.channel);
	assert_true(so_channel_finish(agent.channel));
	assert_false(so_channel_gone(agent.channel));
	close_channel(&agent);
}

static void
assert_reply(SoChannel *channel, uint64_t sequence, int expected)
{
	json_t *body = so_channel_wait_reply(channel, sequence);

	assert_int_equal(json_integer_value(json_object_get(body, "n")), expected);
	json_decref(body);
}

/* Each waiter gets its own, whatever came first; the others are kept. */
static void
test_replies(void **state)
{
	Agent agent;
	uint64_t sequence = 0;
	json_t *body;

	(void) state;
	open_channel(&agent);
	for (int i = 0; i < 5; i++)
		so_channel_item(agent.channel, SO_ITEM_CHECKPOINT, json_object());
	send_number(&agent, SO_RUNNER_REPLY, 2, "{\"n\": 2}");
	send_number(&agent, SO_RUNNER_REPLY, 1, "{\"n\": 1}");
	send_number(&agent, SO_RUNNER_REPLY, 3, "{\"n\": 3}");
	assert_reply(agent.channel, 3, 3);
	assert_reply(agent.channel, 1, 1);
	body = so_channel_next_reply(agent.channel, &sequence);
	assert_int_equal(sequence, 2);
	json_decref(body);
	assert_null(so_channel_next_reply(agent.channel, &sequence));
	/* A reply that is no JSON is an empty one: who waits for it must not wait for ever. */
	send_number(&agent, SO_RUNNER_REPLY, 4, "{nonsense");
	body = so_channel_wait_reply(agent.channel, 4);
	assert_int_equal(json_object_size(body), 0);
	json_decref(body);
	/* Acknowledged without a reply. */
	send_number(&agent, SO_RUNNER_ACKNOWLEDGE, 5, NULL);
	assert_null(so_channel_wait_reply(agent.channel, 5));
	/* One that nobody takes is freed with the channel. */
	send_number(&agent, SO_RUNNER_REPLY, 5, "{\"n\": 5}");
	close_channel(&agent);
}

static bool
is_readable(int fd)
{
	struct pollfd fds = {.fd = fd, .events = POLLIN};

	return poll(&fds, 1, DEADLINE) == 1;
}

static void
test_cancel(void **state)
{
	Agent agent;

	(void) state;
	open_channel(&agent);
	so_channel_item(agent.channel, SO_ITEM_CHECKPOINT, json_object());
	send_text(&agent, SO_RUNNER_CANCEL, NULL);
	assert_true(is_readable(so_channel_cancel_fd(agent.channel)));
	/* Who waits for a reply is let go, and items still go out. */
	assert_null(so_channel_wait_reply(agent.channel, 1));
	assert_int_equal(so_channel_item_sequence(agent.channel, SO_ITEM_RESULT, json_object()), 2);
	close_channel(&agent);
}

static void
close_agent(Agent *agent)
{
	close(agent->fd);
	agent->fd = -1;
}

/* Nothing blocks, and what was not acknowledged was not delivered. */
static void
test_agent_goes_away(void **state)
{
	Agent agent;

	(void) state;
	open_channel(&agent);
	so_channel_item(agent.channel, SO_ITEM_EVENT, json_object());
	close_agent(&agent);
	assert_true(is_readable(so_channel_cancel_fd(agent.channel)));
	wait_until(so_channel_gone, agent.channel);
	assert_null(so_channel_wait_reply(agent.channel, 1));
	assert_int_equal(so_channel_item_sequence(agent.channel, SO_ITEM_EVENT, json_object()), 0);
	so_channel_log(agent.channel, 1, "nobody reads this");
	assert_false(so_channel_finish(agent.channel));
	close_channel(&agent);
}

/* A length that cannot be: nothing behind it can be understood. */
static void
test_malformed_frame(void **state)
{
	static const uint8_t head[] = {0xff, 0xff, 0xff, 0xff, SO_RUNNER_CANCEL, 0, 0, 0};
	Agent agent;

	(void) state;
	open_channel(&agent);
	assert_int_equal(write(agent.fd, head, sizeof(head)), sizeof(head));
	wait_until(so_channel_gone, agent.channel);
	close_channel(&agent);
}

/* Frames in single bytes. */
static void
test_slow_agent(void **state)
{
	Agent agent;
	SoByteBuffer out;
	size_t frame;

	(void) state;
	open_channel(&agent);
	so_channel_item(agent.channel, SO_ITEM_EVENT, json_object());
	so_byte_buffer_init(&out);
	frame = so_frame_begin(&out, SO_RUNNER_ACKNOWLEDGE, 0);
	so_put_u64(&out, 1);
	so_frame_end(&out, frame);
	for (size_t i = 0; i < so_byte_buffer_length(&out); i++)
		assert_int_equal(write(agent.fd, out.data + out.start + i, 1), 1);
	so_byte_buffer_free(&out);
	assert_true(so_channel_finish(agent.channel));
	close_channel(&agent);
}

/* ---- an agent that reads nothing for a while ---- */

#define LARGE_ITEMS 40
#define LARGE       (1024 * 1024 - 200)

static void *
send_large_items(void *argument)
{
	char *text = malloc(LARGE + 1);

	memset(text, 'x', LARGE);
	text[LARGE] = '\0';
	for (int i = 0; i < LARGE_ITEMS; i++)
		so_channel_item(argument, SO_ITEM_EVENT, json_pack("{s:s}", "t", text));
	free(text);
	return NULL;
}

/* The sender waits instead of taking all memory; in the end everything is there. */
static void
test_back_pressure(void **state)
{
	Agent agent;
	pthread_t thread;
	uint64_t expected = 1;

	(void) state;
	open_channel(&agent);
	assert_int_equal(next_frame(&agent).type, SO_RUNNER_HELLO);
	assert_int_equal(pthread_create(&thread, NULL, send_large_items, agent.channel), 0);
	while (expected <= LARGE_ITEMS)
	{
		SoFrame frame = next_frame(&agent);
		SoFieldReader reader;
		uint64_t sequence;

		so_field_reader_init(&reader, frame.payload, frame.length);
		sequence = so_get_u64(&reader);
		assert_int_equal(sequence, expected++);
	}
	pthread_join(thread, NULL);
	close_channel(&agent);
}

/* The agent dies while the sender waits for room. */
static void
test_gone_while_full(void **state)
{
	Agent agent;
	pthread_t thread;

	(void) state;
	open_channel(&agent);
	assert_int_equal(pthread_create(&thread, NULL, send_large_items, agent.channel), 0);
	/* Something has come, so the sender is at work. */
	assert_int_equal(next_frame(&agent).type, SO_RUNNER_HELLO);
	assert_int_equal(next_frame(&agent).type, SO_RUNNER_ITEM);
	close_agent(&agent);
	pthread_join(thread, NULL);
	assert_true(so_channel_gone(agent.channel));
	close_channel(&agent);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_items),           cmocka_unit_test(test_acknowledgements),
		cmocka_unit_test(test_replies),         cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_agent_goes_away), cmocka_unit_test(test_malformed_frame),
		cmocka_unit_test(test_slow_agent),      cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_gone_while_full),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
