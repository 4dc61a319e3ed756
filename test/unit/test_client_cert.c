/*
 * test/unit/test_client_cert.c
 *
 * scaleout cert: exit codes and files, in a private folder.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cert.h"
#include "client/options.h"
#include "common/certificate.h"

static char folder[] = "/tmp/scaleout_cert.XXXXXX";

static int
setup(void **state)
{
	(void) state;
	return mkdtemp(folder) == NULL ? -1 : chdir(folder);
}

static int
teardown(void **state)
{
	(void) state;
	unlink("a.crt");
	unlink("a.key");
	return chdir("/") == 0 ? rmdir(folder) : -1;
}

/* Run "cert ARGUMENTS..." without its output; returns the exit status. */
static int
run(const char *arguments)
{
	char line[512];
	char *words[20];
	int count = 0;
	int streams[2] = {dup(STDOUT_FILENO), dup(STDERR_FILENO)};
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int status;

	snprintf(line, sizeof(line), "cert %s", arguments);
	for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
		words[count++] = word;
	words[count] = NULL;
	fflush(NULL);
	dup2(nowhere, STDOUT_FILENO);
	dup2(nowhere, STDERR_FILENO);
	status = so_client_cert(count, words);
	fflush(NULL);
	for (int i = 0; i < 2; i++)
	{
		dup2(streams[i], i + STDOUT_FILENO);
		close(streams[i]);
	}
	close(nowhere);
	return status;
}

static void
test_exit_codes(void **state)
{
	static const struct
	{
		const char *arguments;
		int status;
	} rows[] = {
		{"--help", SO_EXIT_SUCCESS},
		{"", SO_EXIT_USAGE},
		{"nonsense", SO_EXIT_USAGE},
		{"create a.crt", SO_EXIT_USAGE},
		{"show a.crt", SO_EXIT_NOT_FOUND},
		{"create --name=bad..name a.crt a.key", SO_EXIT_FAILED},
		{"create --name=db1.example.org --name=192.0.2.1 --days=30 a.crt a.key", SO_EXIT_SUCCESS},
		{"create a.crt a.key", SO_EXIT_FAILED},
		{"show a.crt", SO_EXIT_SUCCESS},
		{"show --json a.crt a.crt", SO_EXIT_SUCCESS},
		{"thumbprint a.crt", SO_EXIT_SUCCESS},
		{"thumbprint a.key", SO_EXIT_FAILED},
		{"check a.crt a.key", SO_EXIT_SUCCESS},
		{"check --host 192.0.2.1 a.crt a.key", SO_EXIT_SUCCESS},
		{"check --host db2.example.org a.crt a.key", SO_EXIT_FAILED},
		{"create --force --agent-id=0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11 a.crt a.key", SO_EXIT_SUCCESS},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		int status = run(rows[i].arguments);

		if (status != rows[i].status)
			fail_msg("cert %s: status %d, not %d", rows[i].arguments, status, rows[i].status);
	}
}

static void
test_files(void **state)
{
	SoCertificateFacts facts;
	SoError error;

	(void) state;
	assert_true(so_certificate_check_files("a.crt", "a.key", &facts, &error));
	assert_string_equal(facts.agent_id, "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11");
	assert_int_equal(facts.name_count, 1);
	assert_int_equal(chmod("a.key", 0644), 0);
	assert_int_equal(run("check a.crt a.key"), SO_EXIT_FAILED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
