/*
 * test/unit/test_worker_agent_nursery_client.c
 *
 * The agent's end of the nursery's socket.  This program plays the nursery,
 * too: started with --nursery it does what FAKE_NURSERY says, good and bad.
 *
 * Process: unit test; the nurseries are its children and are waited for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <event2/event.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/byte_buffer.h"
#include "common/clock.h"
#include "common/nursery_protocol.h"
#include "common/protocol.h"
#include "worker_agent/nursery_client.h"

/* Milliseconds; generous, because nothing here depends on speed. */
#define DEADLINE 30000

/* ---- the nursery that this program plays ------------------------------------ */

static void
say(const SoByteBuffer *out)
{
	if (send(SO_NURSERY_FD, out->data + out->start, so_byte_buffer_length(out), 0) < 0)
		_exit(3);
}

static void
say_ready(const char *version)
{
	SoByteBuffer out;

	so_byte_buffer_init(&out);
	so_put_u8(&out, SO_NURSERY_READY);
	so_put_string(&out, version);
	so_put_u32(&out, (uint32_t) getpid());
	so_put_string(&out, "execute_sql,script");
	say(&out);
	so_byte_buffer_free(&out);
}

static void
say_number(uint8_t type, uint64_t token, uint32_t value)
{
	SoByteBuffer out;

	so_byte_buffer_init(&out);
	so_put_u8(&out, type);
	so_put_u64(&out, token);
	so_put_u32(&out, value);
	say(&out);
	so_byte_buffer_free(&out);
}

/* Answer SPAWN and KILL until the agent goes; descriptors that come are closed. */
static void
serve(void)
{
	for (;;)
	{
		uint8_t packet[SO_NURSERY_PACKET_SIZE];
		char control[CMSG_SPACE(2 * sizeof(int))];
		struct iovec part = {.iov_base = packet, .iov_len = sizeof(packet)};
		struct msghdr message = {.msg_iov = &part,
								 .msg_iovlen = 1,
								 .msg_control = control,
								 .msg_controllen = sizeof(control)};
		ssize_t got = recvmsg(SO_NURSERY_FD, &message, 0);
		struct cmsghdr *header = CMSG_FIRSTHDR(&message);
		SoFieldReader reader;
		uint8_t type;
		uint64_t token;

		if (got <= 0)
			_exit(0);
		if (header != NULL)
		{
			int fds[2];

			memcpy(fds, CMSG_DATA(header), sizeof(fds));
			close(fds[0]);
			close(fds[1]);
		}
		so_field_reader_init(&reader, packet, (size_t) got);
		type = so_get_u8(&reader);
		token = so_get_u64(&reader);
		if (type == SO_NURSERY_SPAWN && token == 666)
			say_number(SO_NURSERY_FAILED, token, EAGAIN);
		else if (type == SO_NURSERY_SPAWN)
			say_number(SO_NURSERY_SPAWNED, token, 4242);
		else
			say_number(SO_NURSERY_EXITED, token, SIGKILL);
	}
}

static int
play_nursery(const char *part)
{
	if (strcmp(part, "ends") == 0)
		return 1;
	if (strcmp(part, "other version") == 0)
		say_ready("99.0");
	else if (strcmp(part, "nonsense") == 0)
		say_number(77, 1, 1);
	else if (strcmp(part, "short") == 0)
	{
		static const uint8_t bytes[] = {SO_NURSERY_READY, 0, 0, 0, 200, 'x'};

		if (send(SO_NURSERY_FD, bytes, sizeof(bytes), 0) < 0)
			return 3;
	}
	else
		say_ready(SO_VERSION);
	if (strcmp(part, "nonsense later") == 0)
		say_number(77, 1, 1);
	else if (strcmp(part, "deaf") == 0)
	{
		for (;;)
			pause();
	}
	serve();
	return 0;
}

/* ---- the agent ---------------------------------------------------------------- */

typedef struct Agent
{
	struct event_base *base;
	SoNurseryClient *nursery;
	int ready;
	int spawned;
	int exited;
	int failed;
	int lost;
	int impossible;
	uint64_t token;
	int value;
	SoErrorCode code;
} Agent;

static void
on_ready(void *context)
{
	((Agent *) context)->ready++;
}

static void
on_spawned(void *context, uint64_t token, pid_t pid)
{
	Agent *agent = context;

	agent->spawned++;
	agent->token = token;
	agent->value = pid;
}

static void
on_exited(void *context, uint64_t token, int status)
{
	Agent *agent = context;

	agent->exited++;
	agent->token = token;
	agent->value = status;
}

static void
on_failed(void *context, uint64_t token, int reason)
{
	Agent *agent = context;

	agent->failed++;
	agent->token = token;
	agent->value = reason;
}

static void
on_lost(void *context)
{
	((Agent *) context)->lost++;
}

static void
on_impossible(void *context, const SoError *error)
{
	Agent *agent = context;

	agent->impossible++;
	agent->code = error->code;
}

static bool
start_agent(Agent *agent, const char *program, const char *part, SoError *error)
{
	SoNurseryEvents events = {agent,     on_ready, on_spawned,   on_exited,
							  on_failed, on_lost,  on_impossible};

	memset(agent, 0, sizeof(*agent));
	agent->base = event_base_new();
	setenv("FAKE_NURSERY", part, 1);
	agent->nursery = so_nursery_start(NULL, agent->base, program, &events, error);
	return agent->nursery != NULL;
}

static void
start(Agent *agent, const char *part)
{
	SoError error;

	assert_true(start_agent(agent, "/proc/self/exe", part, &error));
}

/* Run the event loop until the counter has this value. */
static void
wait_for(Agent *agent, const int *counter, int value)
{
	int64_t deadline = so_clock_monotonic_ms() + DEADLINE;

	while (*counter < value)
	{
		assert_true(so_clock_monotonic_ms() < deadline);
		event_base_loop(agent->base, EVLOOP_NONBLOCK);
		so_nursery_reap(agent->nursery);
		poll(NULL, 0, 2);
	}
	assert_int_equal(*counter, value);
}

static void
stop(Agent *agent)
{
	so_nursery_stop(agent->nursery);
	event_base_free(agent->base);
	/* Nothing of it is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static int
open_descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(folder);
	while (readdir(folder) != NULL)
		count++;
	closedir(folder);
	return count;
}

/* The other ends of what the nursery gets. */
static void
spawn(Agent *agent, uint64_t token, int ends[2])
{
	int sockets[2];
	int output[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
	assert_int_equal(pipe(output), 0);
	so_nursery_spawn(agent->nursery, token, sockets[1], output[1]);
	ends[0] = sockets[0];
	ends[1] = output[0];
}

static void
assert_closed(const int ends[2])
{
	for (int i = 0; i < 2; i++)
	{
		struct pollfd fds = {.fd = ends[i], .events = POLLIN};
		char byte;

		assert_int_equal(poll(&fds, 1, DEADLINE), 1);
		assert_int_equal(read(ends[i], &byte, 1), 0);
		close(ends[i]);
	}
}

static void
test_requests(void **state)
{
	Agent agent;
	int before = open_descriptors();
	int ends[2];

	(void) state;
	start(&agent, "good");
	assert_false(so_nursery_is_ready(agent.nursery));
	wait_for(&agent, &agent.ready, 1);
	assert_true(so_nursery_is_ready(agent.nursery));
	assert_string_equal(so_nursery_task_types(agent.nursery), "execute_sql,script");
	spawn(&agent, UINT64_C(0x123456789abcdef0), ends);
	wait_for(&agent, &agent.spawned, 1);
	assert_true(agent.token == UINT64_C(0x123456789abcdef0));
	assert_int_equal(agent.value, 4242);
	/* Ours were closed when they were sent, the nursery's by the nursery. */
	assert_closed(ends);
	so_nursery_kill(agent.nursery, 7);
	wait_for(&agent, &agent.exited, 1);
	assert_int_equal(agent.value, SIGKILL);
	spawn(&agent, 666, ends);
	wait_for(&agent, &agent.failed, 1);
	assert_int_equal(agent.value, EAGAIN);
	assert_closed(ends);
	stop(&agent);
	assert_int_equal(open_descriptors(), before);
}

static void
test_impossible(void **state)
{
	static const struct
	{
		const char *part;
		SoErrorCode code;
	} rows[] = {{"ends", SO_ERR_AGENT_RUNNER_PROGRAM},
				{"nonsense", SO_ERR_AGENT_RUNNER_PROGRAM},
				{"short", SO_ERR_AGENT_RUNNER_PROGRAM},
				{"other version", SO_ERR_VERSION_MISMATCH}};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		Agent agent;

		start(&agent, rows[i].part);
		wait_for(&agent, &agent.impossible, 1);
		assert_int_equal(agent.code, rows[i].code);
		assert_int_equal(agent.ready, 0);
		assert_false(so_nursery_is_ready(agent.nursery));
		stop(&agent);
	}
}

static void
test_no_program(void **state)
{
	Agent agent;
	SoError error = {0};
	int before = open_descriptors();

	(void) state;
	assert_false(start_agent(&agent, "/nowhere/scaleout-runner", "good", &error));
	assert_int_equal(error.code, SO_ERR_AGENT_RUNNER_PROGRAM);
	assert_string_equal(error.place, "/nowhere/scaleout-runner");
	assert_true(error.detail[0] != '\0');
	event_base_free(agent.base);
	assert_int_equal(open_descriptors(), before);
}

/* Once it was ready, what goes wrong is told and it is started again. */
static void
test_starts_again(void **state)
{
	Agent agent;
	int ends[2];

	(void) state;
	start(&agent, "nonsense later");
	wait_for(&agent, &agent.lost, 1);
	assert_false(so_nursery_is_ready(agent.nursery));
	/* Killing what is gone already is nothing. */
	so_nursery_kill(agent.nursery, 1);
	setenv("FAKE_NURSERY", "good", 1);
	wait_for(&agent, &agent.ready, 2);
	spawn(&agent, 5, ends);
	wait_for(&agent, &agent.spawned, 1);
	assert_int_equal(agent.token, 5);
	assert_closed(ends);
	assert_int_equal(agent.impossible, 0);
	stop(&agent);
}

/* A nursery that hears nothing: requests wait, and their descriptors go with it. */
static void
test_deaf(void **state)
{
	enum
	{
		REQUESTS = 400
	};
	int ends[REQUESTS][2];
	Agent agent;
	int before = open_descriptors();
	FILE *children;
	int pid = 0;

	(void) state;
	start(&agent, "deaf");
	wait_for(&agent, &agent.ready, 1);
	for (int i = 0; i < REQUESTS; i++)
	{
		spawn(&agent, (uint64_t) i, ends[i]);
		/* No room for two thousand descriptors here. */
		close(ends[i][1]);
	}
	event_base_loop(agent.base, EVLOOP_NONBLOCK);
	assert_int_equal(agent.spawned, 0);
	children = fopen("/proc/thread-self/children", "re");
	assert_non_null(children);
	assert_int_equal(fscanf(children, "%d", &pid), 1);
	fclose(children);
	assert_int_equal(kill(pid, SIGKILL), 0);
	wait_for(&agent, &agent.lost, 1);
	for (int i = 0; i < REQUESTS; i++)
	{
		char byte;

		assert_int_equal(read(ends[i][0], &byte, 1), 0);
		close(ends[i][0]);
	}
	stop(&agent);
	assert_int_equal(open_descriptors(), before);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),   cmocka_unit_test(test_impossible),
		cmocka_unit_test(test_no_program), cmocka_unit_test(test_starts_again),
		cmocka_unit_test(test_deaf),
	};

	if (argc > 1 && strcmp(argv[1], "--nursery") == 0)
		return play_nursery(getenv("FAKE_NURSERY"));
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
