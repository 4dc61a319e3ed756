/*
 * test/unit/test_worker_agent_identity.c
 *
 * The identity of a worker: lock, epoch, certificate, and what is refused.
 *
 * Process: unit test; a certificate of its own in a temporary directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/certificate_create.h"
#include "worker_agent/identity.h"

#define AGENT "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11"

static char folder[] = "/tmp/scaleout_identity.XXXXXX";
static char certificate[100];
static char key[100];
static char agent_id[] = AGENT;
static char no_text[] = "";
static SoSettings settings;

static int
setup(void **state)
{
	SoCertificateRequest request = {.common_name = "worker", .agent_id = AGENT, .days = 10};
	SoError error;

	(void) state;
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(certificate, sizeof(certificate), "%s/worker.crt", folder);
	snprintf(key, sizeof(key), "%s/worker.key", folder);
	return so_certificate_create(&request, certificate, key, &error) ? 0 : -1;
}

static int
teardown(void **state)
{
	char command[100];

	(void) state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

static int
reset(void **state)
{
	(void) state;
	settings.file = no_text;
	settings.agent_id = agent_id;
	settings.security_directory = folder;
	settings.certificate_file = certificate;
	settings.key_file = key;
	settings.worker_thumbprint = no_text;
	return 0;
}

static void
write_epoch(const char *text)
{
	char path[100];
	FILE *file;

	snprintf(path, sizeof(path), "%s/epoch", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void
test_open(void **state)
{
	SoIdentity identity;
	SoIdentity again;
	SoError error;

	(void) state;
	assert_true(so_identity_open(&settings, &identity, &error));
	assert_string_equal(identity.agent_id_text, AGENT);
	assert_string_not_equal(identity.host_name, "");
	assert_string_not_equal(identity.user_account, "");
	assert_int_equal(identity.epoch, 0);
	assert_int_equal(so_identity_running_pid(&settings), getpid());
	assert_true(so_identity_signal(settings.security_directory, 0, &error));
	assert_false(so_identity_signal(settings.security_directory, 9999, &error));
	assert_string_equal(so_error_state(error.code), "SO412");
	assert_non_null(strstr(error.detail, "Invalid argument"));
	so_identity_close(&identity);
	so_identity_close(&identity);
	assert_int_equal(so_identity_running_pid(&settings), 0);
	assert_false(so_identity_signal(settings.security_directory, 0, &error));
	assert_string_equal(so_error_state(error.code), "SO412");
	assert_string_equal(error.place, settings.security_directory);

	/* The next start has the same agent id and another instance. */
	assert_true(so_identity_open(&settings, &again, &error));
	assert_true(so_uuid_equal(&identity.agent_id, &again.agent_id));
	assert_false(so_uuid_equal(&identity.instance_id, &again.instance_id));
	assert_string_not_equal(identity.instance_id_text, again.instance_id_text);
	so_identity_close(&again);
}

/* Two processes never share a folder; the message names the other one. */
static void
test_lock(void **state)
{
	SoIdentity first;
	SoIdentity second;
	char pid[40];
	SoError error;

	(void) state;
	assert_true(so_identity_open(&settings, &first, &error));
	assert_false(so_identity_open(&settings, &second, &error));
	assert_string_equal(so_error_state(error.code), "SO407");
	snprintf(pid, sizeof(pid), "process id is %d.", (int) getpid());
	assert_non_null(strstr(error.detail, pid));
	/* The failed attempt has not taken the lock from the first. */
	assert_int_equal(so_identity_running_pid(&settings), getpid());
	so_identity_close(&first);
	assert_true(so_identity_open(&settings, &second, &error));
	so_identity_close(&second);
}

static void
write_lock(const char *text)
{
	char path[4200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/lock", settings.security_directory);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

/* Root signals a worker, not whoever somebody has written into the file. */
static void
test_signal_of_forged_lock(void **state)
{
	SoIdentity identity;
	char pid[40];
	SoError error;
	pid_t victim;

	(void) state;
	assert_true(so_identity_open(&settings, &identity, &error));
	victim = fork();
	assert_true(victim >= 0);
	if (victim == 0)
	{
		alarm(60);
		pause();
		_exit(0);
	}
	snprintf(pid, sizeof(pid), "%d", (int) victim);
	write_lock(pid);
	assert_false(so_identity_signal(settings.security_directory, SIGHUP, &error));
	assert_string_equal(so_error_state(error.code), "SO412");
	assert_non_null(strstr(error.detail, pid));
	assert_int_equal(waitpid(victim, NULL, WNOHANG), 0);
	assert_int_equal(kill(victim, SIGKILL), 0);
	assert_int_equal(waitpid(victim, NULL, 0), victim);
	so_identity_close(&identity);
}

/* The lock dies with its process, however that ends. */
static void
test_lock_dies_with_process(void **state)
{
	SoIdentity identity;
	int ready[2];
	char byte;
	SoError error;
	pid_t pid;

	(void) state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
	{
		byte = so_identity_open(&settings, &identity, &error) ? 'y' : 'n';
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(byte, 'y');
	assert_int_equal(so_identity_running_pid(&settings), pid);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(so_identity_running_pid(&settings), 0);
	assert_true(so_identity_open(&settings, &identity, &error));
	so_identity_close(&identity);
	close(ready[0]);
	close(ready[1]);
}

static void
test_epoch(void **state)
{
	SoIdentity identity;
	SoError error;

	(void) state;
	assert_int_equal(so_identity_read_epoch(&settings), 0);
	assert_true(so_identity_open(&settings, &identity, &error));
	assert_true(so_identity_set_epoch(&identity, UINT64_MAX, &error));
	assert_true(identity.epoch == UINT64_MAX);
	assert_true(so_identity_read_epoch(&settings) == UINT64_MAX);
	assert_true(so_identity_set_epoch(&identity, 42, &error));
	so_identity_close(&identity);
	assert_true(so_identity_open(&settings, &identity, &error));
	assert_int_equal(identity.epoch, 42);

	/* Where it cannot be written, it is remembered in memory and said. */
	snprintf(identity.epoch_file, sizeof(identity.epoch_file), "%s/not/there/epoch", folder);
	assert_false(so_identity_set_epoch(&identity, 43, &error));
	assert_string_equal(so_error_state(error.code), "SO008");
	assert_int_equal(identity.epoch, 43);
	so_identity_close(&identity);
	assert_int_equal(so_identity_read_epoch(&settings), 42);
	write_epoch("what");
	assert_int_equal(so_identity_read_epoch(&settings), 0);
}

static void
test_thumbprint(void **state)
{
	static char other[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
	char own[200];
	SoIdentity identity;
	SoError error;

	(void) state;
	assert_true(so_identity_open(&settings, &identity, &error));
	snprintf(own, sizeof(own), "%s", identity.facts.thumbprint_text);
	so_identity_close(&identity);

	settings.worker_thumbprint = own;
	assert_true(so_identity_open(&settings, &identity, &error));
	so_identity_close(&identity);

	settings.worker_thumbprint = other;
	assert_false(so_identity_open(&settings, &identity, &error));
	assert_string_equal(so_error_state(error.code), "SO408");
	assert_non_null(strstr(error.detail, own));
	/* Nothing is left locked. */
	assert_int_equal(so_identity_running_pid(&settings), 0);
}

static void
test_refuses(void **state)
{
	static char missing[] = "/nowhere/worker.crt";
	static char nowhere[] = "/nowhere";
	static char no_uuid[] = "worker-1";
	SoIdentity identity;
	SoError error;

	(void) state;
	settings.agent_id = no_uuid;
	assert_false(so_identity_open(&settings, &identity, &error));
	assert_string_equal(so_error_state(error.code), "SO402");
	reset(NULL);
	settings.security_directory = nowhere;
	assert_false(so_identity_open(&settings, &identity, &error));
	assert_string_equal(so_error_state(error.code), "SO008");
	assert_int_equal(so_identity_running_pid(&settings), 0);
	reset(NULL);
	settings.certificate_file = missing;
	assert_false(so_identity_open(&settings, &identity, &error));
	assert_non_null(strstr(error.place, missing));
	assert_int_equal(so_identity_running_pid(&settings), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_open, reset),
		cmocka_unit_test_setup(test_lock, reset),
		cmocka_unit_test_setup(test_signal_of_forged_lock, reset),
		cmocka_unit_test_setup(test_lock_dies_with_process, reset),
		cmocka_unit_test_setup(test_epoch, reset),
		cmocka_unit_test_setup(test_thumbprint, reset),
		cmocka_unit_test_setup(test_refuses, reset),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
