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

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

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
	unlink("b.csr");
	unlink("b2.csr");
	unlink("b.key");
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
		{"request", SO_EXIT_USAGE},
		{"request --name=bad..name b.csr b.key", SO_EXIT_FAILED},
		{"request --like nothing.crt b.csr b.key", SO_EXIT_NOT_FOUND},
		{"request --like a.crt --name=db3.example.org b.csr b.key", SO_EXIT_SUCCESS},
		{"request b.csr c.key", SO_EXIT_FAILED},
		{"request b2.csr b.key", SO_EXIT_SUCCESS},
		{"create --force --agent-id=0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11 a.crt a.key",
		 SO_EXIT_SUCCESS},
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

/* The request has the names of the certificate and the given one; a key that is there is used. */
static void
test_request(void **state)
{
	X509_REQ *requests[2];
	STACK_OF(X509_EXTENSION) * extensions;
	GENERAL_NAMES *names;
	struct stat status;

	(void) state;
	for (int i = 0; i < 2; i++)
	{
		FILE *file = fopen(i == 0 ? "b.csr" : "b2.csr", "r");

		assert_non_null(file);
		requests[i] = PEM_read_X509_REQ(file, NULL, NULL, NULL);
		fclose(file);
		assert_non_null(requests[i]);
		assert_int_equal(X509_REQ_verify(requests[i], X509_REQ_get0_pubkey(requests[i])), 1);
	}
	assert_int_equal(
		EVP_PKEY_eq(X509_REQ_get0_pubkey(requests[0]), X509_REQ_get0_pubkey(requests[1])), 1);
	extensions = X509_REQ_get_extensions(requests[0]);
	names = X509V3_get_d2i(extensions, NID_subject_alt_name, NULL, NULL);
	assert_int_equal(sk_GENERAL_NAME_num(names), 3);
	GENERAL_NAMES_free(names);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(requests[0]);
	X509_REQ_free(requests[1]);
	assert_int_equal(stat("b.key", &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(access("c.key", F_OK), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
