/*
 * test/unit/test_worker_agent_root_account.c
 *
 * Which root is the machine's: by the map of a user namespace.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker_agent/root_account.h"

static bool
judge(uid_t uid, const char *map)
{
	char path[] = "/tmp/scaleout_uid_map.XXXXXX";
	int file = mkstemp(path);
	bool real;

	assert_int_equal(write(file, map, strlen(map)), (ssize_t) strlen(map));
	close(file);
	real = so_root_account(uid, path);
	unlink(path);
	return real;
}

static void
test_maps(void **state)
{
	(void) state;
	assert_true(judge(0, "         0          0 4294967295\n"));
	assert_false(judge(1000, "         0          0 4294967295\n"));
	/* A rootless container; one of podman with subordinate ids. */
	assert_false(judge(0, "         0       1000          1\n"));
	assert_false(judge(0, "         0       1000          1\n         1     100000      65536\n"));
	assert_false(judge(0, "         1     100000      65536\n         0       1000          1\n"));
	/* Only a part of the machine, but with its root. */
	assert_true(judge(0, "         0          0      65536\n"));
	assert_true(so_root_account(0, "/nonexistent/uid_map"));
	assert_false(so_root_account(7, "/nonexistent/uid_map"));
	assert_true(so_root_account_is_ours() ==
				(geteuid() == 0 && so_root_account(0, "/proc/self/uid_map")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
