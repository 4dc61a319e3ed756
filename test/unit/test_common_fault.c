/*
 * test/unit/test_common_fault.c
 *
 * Fault points: which one fires, at which passage, and the proof that it did.
 *
 * Process: the unit test, and children of it that the faults end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/fault.h"

static char log_file[] = "/tmp/scaleout_fault.XXXXXX";

/*
 * Pass the points a.one, a.one.more, a.two that often, in a child with this
 * setting; returns its wait status, 0 when it passed them all.
 */
static int
run(const char *setting, int passages)
{
	int status;
	pid_t pid;

	assert_int_equal(truncate(log_file, 0), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
	{
		setenv("SCALEOUT_FAULT_LOG", log_file, 1);
		unsetenv("SCALEOUT_FAULT");
		if (setting != NULL)
			setenv("SCALEOUT_FAULT", setting, 1);
		for (int i = 0; i < passages; i++)
		{
			SO_FAULT("a.one");
			SO_FAULT("a.one.more");
			SO_FAULT("a.two");
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	if (WIFSTOPPED(status))
	{
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
	return status;
}

static void
assert_log(const char *wanted)
{
	char text[200];
	int fd = open(log_file, O_RDONLY);
	ssize_t got = read(fd, text, sizeof(text) - 1);

	close(fd);
	assert_true(got >= 0);
	text[got] = '\0';
	assert_string_equal(text, wanted);
}

static void
test_actions(void **state)
{
	int status;

	(void) state;
	status = run("a.one=kill", 1);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_log("a.one\n");
	status = run("a.one.more=stop", 1);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
	assert_log("a.one.more\n");
	status = run("a.two=exit", 1);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 70);
	assert_log("a.two\n");
}

static void
test_passages(void **state)
{
	(void) state;
	assert_int_equal(run("a.one=exit@3", 2), 0);
	assert_log("");
	assert_int_equal(WEXITSTATUS(run("a.one=exit@3", 3)), 70);
	assert_log("a.one\n");
}

/* Each point has a counter of its own; the first that is due fires. */
static void
test_list(void **state)
{
	(void) state;
	assert_int_equal(WEXITSTATUS(run("a.one=exit@2,a.two=exit", 2)), 70);
	assert_log("a.two\n");
	assert_int_equal(WEXITSTATUS(run("a.two=exit@2,a.one=exit@2", 2)), 70);
	assert_log("a.one\n");
}

/* A name that begins like another one is another one. */
static void
test_names(void **state)
{
	(void) state;
	assert_int_equal(run("a.on=kill,a.one.mor=kill,a=kill,xa.one=kill", 2), 0);
	assert_int_equal(run("", 2), 0);
	assert_int_equal(run(NULL, 2), 0);
	assert_log("");
	assert_true(WIFSIGNALED(run("a.one.more=kill", 2)));
	assert_log("a.one.more\n");
}

static int
setup(void **state)
{
	int fd = mkstemp(log_file);

	(void) state;
	return fd < 0 ? -1 : close(fd);
}

static int
teardown(void **state)
{
	(void) state;
	return unlink(log_file);
}

#ifndef SO_FAULT_POINTS
/* This build contains no fault points: whatever the environment says, nothing happens. */
static void
test_absent(void **state)
{
	(void) state;
	(void) test_actions;
	(void) test_passages;
	(void) test_list;
	(void) test_names;
	assert_int_equal(run("a.one=kill,a.two=exit", 1), 0);
	assert_log("");
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef SO_FAULT_POINTS
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_passages),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_names),
#else
		cmocka_unit_test(test_absent),
#endif
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
