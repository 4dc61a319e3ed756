/*
 * test/unit/test_common_orphan.c
 *
 * Orphans of dead children are adopted and killed; own children are spared.
 *
 * Process: the unit test, which becomes a subreaper, and processes that it forks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/orphan.h"

#define DEADLINE_MS 20000

static pid_t own = 0;

static bool
is_own(pid_t pid, void *context)
{
	assert_ptr_equal(context, &own);
	return pid == own;
}

/* A child that lives until it is killed. */
static pid_t
fork_sleeper(void)
{
	pid_t pid = fork();

	if (pid == 0)
	{
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

/*
 * A child that starts "depth" descendants, one below the other, each in a
 * session of its own, and dies.  alive: the descendants hold this pipe open.
 */
static void
leave_orphans(int depth, int alive)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
	{
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		return;
	}
	for (int i = 0; i < depth; i++)
	{
		pid = fork();
		if (pid < 0)
			_exit(1);
		if (pid > 0)
		{
			if (i == 0)
				_exit(0);
			for (;;)
				pause();
		}
		setsid();
	}
	if (write(alive, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void
kill_all(void)
{
	int64_t deadline = so_clock_monotonic_ms() + DEADLINE_MS;

	while (so_orphan_kill(is_own, &own) != 0)
	{
		assert_true(so_clock_monotonic_ms() < deadline);
		sched_yield();
	}
}

/* Everybody who had the pipe open is gone. */
static void
assert_closed(int fd)
{
	struct pollfd wanted = {.fd = fd, .events = POLLIN};
	char byte;

	assert_int_equal(poll(&wanted, 1, DEADLINE_MS), 1);
	assert_int_equal(read(fd, &byte, 1), 0);
}

static void
test_kills_descendants(void **state)
{
	char byte;
	int ends[2];

	(void) state;
	assert_int_equal(pipe(ends), 0);
	leave_orphans(3, ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[1]);
	assert_true(so_orphan_kill(is_own, &own) > 0);
	kill_all();
	assert_closed(ends[0]);
	close(ends[0]);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void
test_spares_own(void **state)
{
	char byte;
	int ends[2];

	(void) state;
	assert_int_equal(pipe(ends), 0);
	own = fork_sleeper();
	leave_orphans(1, ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	kill_all();
	/* The own child is there still, and nobody has reaped it. */
	assert_int_equal(waitpid(own, NULL, WNOHANG), 0);
	assert_int_equal(kill(own, SIGKILL), 0);
	assert_int_equal(waitpid(own, NULL, 0), own);
	own = 0;
	close(ends[1]);
	assert_closed(ends[0]);
	close(ends[0]);
}

static void
test_nothing_to_do(void **state)
{
	(void) state;
	assert_int_equal(so_orphan_kill(is_own, &own), 0);
}

static int
setup(void **state)
{
	(void) state;
	return so_orphan_adopt() ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_kills_descendants),
		cmocka_unit_test(test_spares_own),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
