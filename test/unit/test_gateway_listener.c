/*
 * test/unit/test_gateway_listener.c
 *
 * Listening: lists of addresses, chosen ports, who holds a port, and what is refused.
 *
 * Process: the unit test; sockets on loopback, on ports that the system chooses.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/listener.h"
#include "gateway/port_owner.h"

static struct event_base *base;
static SoListener listener;
static SoError error;

static int
setup(void **state)
{
	(void) state;
	base = event_base_new();
	return base == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void) state;
	event_base_free(base);
	return 0;
}

/* Does somebody listen there? */
static bool
reachable(const char *address, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool connected;

	assert_true(fd >= 0);
	assert_int_equal(inet_pton(AF_INET, address, &to.sin_addr), 1);
	connected = connect(fd, (struct sockaddr *) &to, sizeof(to)) == 0;
	close(fd);
	return connected;
}

static void
test_chosen_port(void **state)
{
	char wanted[40];

	(void) state;
	assert_true(so_listener_open(&listener, base, "127.0.0.1", 0, &error));
	assert_int_equal(listener.count, 1);
	assert_true(listener.port > 0);
	snprintf(wanted, sizeof(wanted), "127.0.0.1:%u", listener.port);
	assert_string_equal(listener.addresses, wanted);
	assert_true(reachable("127.0.0.1", listener.port));
	so_listener_close(&listener);
	assert_int_equal(listener.count, 0);
	assert_false(reachable("127.0.0.1", listener.port));
}

/* The port that was chosen for the first address is that of the others. */
static void
test_list(void **state)
{
	char wanted[80];

	(void) state;
	assert_true(so_listener_open(&listener, base, " 127.0.0.1,127.0.0.2 ,\t127.0.0.3,", 0, &error));
	assert_int_equal(listener.count, 3);
	snprintf(wanted, sizeof(wanted), "127.0.0.1:%u, 127.0.0.2:%u, 127.0.0.3:%u", listener.port,
			 listener.port, listener.port);
	assert_string_equal(listener.addresses, wanted);
	assert_true(reachable("127.0.0.2", listener.port));
	assert_true(reachable("127.0.0.3", listener.port));
	assert_false(reachable("127.0.0.4", listener.port));
	so_listener_close(&listener);
}

/* All addresses; without IPv6 that is skipped. */
static void
test_star(void **state)
{
	(void) state;
	assert_true(so_listener_open(&listener, base, "*", 0, &error));
	assert_true(listener.count == 1 || listener.count == 2);
	assert_non_null(strstr(listener.addresses, "0.0.0.0:"));
	assert_true(reachable("127.0.0.1", listener.port));
	so_listener_close(&listener);
}

/* A port is taken: nothing is left open, and the error names who has it. */
static void
test_taken(void **state)
{
	SoListener second;
	char owner[100];
	char wanted[40];
	uint16_t port;

	(void) state;
	assert_true(so_listener_open(&listener, base, "127.0.0.2", 0, &error));
	port = listener.port;
	assert_false(so_listener_open(&second, base, "127.0.0.1,127.0.0.2", port, &error));
	assert_string_equal(so_error_state(error.code), "SO330");
	assert_non_null(strstr(error.place, "127.0.0.2:"));
	snprintf(wanted, sizeof(wanted), "process %d (", (int) getpid());
	assert_non_null(strstr(error.detail, wanted));
	assert_int_equal(second.count, 0);
	assert_false(reachable("127.0.0.1", port));

	assert_true(so_port_owner_describe(port, owner, sizeof(owner)));
	assert_ptr_equal(strstr(owner, wanted), owner);
	so_listener_close(&listener);
	assert_false(so_port_owner_describe(port, owner, sizeof(owner)));
}

/* The text about the owner is cut, not overrun. */
static void
test_owner_cut(void **state)
{
	char owner[9] = "xxxxxxxx";

	(void) state;
	assert_true(so_listener_open(&listener, base, "127.0.0.1", 0, &error));
	assert_true(so_port_owner_describe(listener.port, owner, 8));
	assert_string_equal(owner, "process");
	so_listener_close(&listener);
}

static void
test_refuses(void **state)
{
	char many[SO_LISTENER_MAX * 16 + 100] = "";
	size_t used = 0;
	char longer[400];

	(void) state;
	memset(longer, 'a', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	for (int i = 0; i <= SO_LISTENER_MAX; i++)
		used += (size_t) snprintf(many + used, sizeof(many) - used, "127.0.1.%d,", i + 1);
	{
		const char *const rows[] = {"",      " , ",  "256.0.0.1", "[::1", "127.0.0.1,[]",
									"a b@c", longer, many};

		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		{
			if (so_listener_open(&listener, base, rows[i], 0, &error))
				fail_msg("\"%s\" was accepted", rows[i]);
			if (error.code != SO_ERR_GATEWAY_ADDRESS_INVALID)
				fail_msg("\"%s\": %s %s", rows[i], so_error_state(error.code), error.message);
			assert_int_equal(listener.count, 0);
		}
	}
	/* An address of somebody else (RFC 5737). */
	assert_false(so_listener_open(&listener, base, "127.0.0.1,192.0.2.1", 0, &error));
	assert_string_equal(so_error_state(error.code), "SO330");
	assert_int_equal(listener.count, 0);
}

static int accepted;

static void
count_accepted(struct evconnlistener *socket_listener, evutil_socket_t fd, struct sockaddr *address,
			   int length, void *context)
{
	(void) socket_listener;
	(void) address;
	(void) length;
	(void) context;
	accepted++;
	close(fd);
}

/* Paused, nobody is accepted; the kernel keeps who comes until it goes on. */
static void
test_pause(void **state)
{
	(void) state;
	accepted = 0;
	assert_true(so_listener_open(&listener, base, "127.0.0.1", 0, &error));
	assert_false(listener.full);
	evconnlistener_set_cb(listener.sockets[0], count_accepted, NULL);
	so_listener_resume(&listener);
	assert_true(reachable("127.0.0.1", listener.port));
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(accepted, 1);
	so_listener_pause(&listener);
	assert_true(listener.full);
	assert_true(reachable("127.0.0.1", listener.port));
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(accepted, 1);
	so_listener_resume(&listener);
	assert_false(listener.full);
	event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(accepted, 2);
	so_listener_close(&listener);
	so_listener_close(&listener);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chosen_port), cmocka_unit_test(test_list),
		cmocka_unit_test(test_star),        cmocka_unit_test(test_taken),
		cmocka_unit_test(test_owner_cut),   cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_pause),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
