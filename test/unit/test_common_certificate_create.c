/*
 * test/unit/test_common_certificate_create.c
 *
 * Making certificates and requests: what is in them, what is never overwritten.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/certificate_create.h"
#include "test/unit/certificate_folder.h"

static mode_t
mode_of(const char *file)
{
	struct stat status;

	assert_int_equal(stat(file, &status), 0);
	return status.st_mode & 07777;
}

static void
test_created_files(void **state)
{
	SoCertificateFacts facts;
	SoError error;

	(void) state;
	assert_int_equal(mode_of(so_test_key), 0600);
	assert_int_equal(mode_of(so_test_certificate), 0644);
	assert_true(so_certificate_check_files(so_test_certificate, so_test_key, &facts, &error));
	assert_string_equal(facts.subject, "CN=db1");
	assert_string_equal(facts.issuer, "CN=db1");
	assert_string_equal(facts.agent_id, SO_TEST_AGENT);
	assert_int_equal(facts.name_count, 4);
	assert_string_equal(facts.names[0], "db1.example.org");
	assert_string_equal(facts.names[2], "192.0.2.7");
	assert_string_equal(facts.names[3], "2001:db8::7");
	assert_int_equal(facts.certificate_count, 1);
	assert_false(facts.has_private_key);
	assert_int_equal(strlen(facts.thumbprint_text), 64);
	assert_true(labs((long) (facts.not_after - time(NULL)) - 30L * 86400) < 600);
	assert_true(facts.not_before < time(NULL));
	assert_int_equal(ERR_peek_error(), 0);
}

/* openssl verify accepts it as its own authority, for both purposes. */
static void
test_openssl_verifies(void **state)
{
	static const char *const purposes[] = {"sslserver", "sslclient"};
	char command[640];

	(void) state;
	for (int i = 0; i < 2; i++)
	{
		snprintf(command, sizeof(command),
				 "openssl verify -x509_strict -purpose %s -CAfile '%s' '%s' >/dev/null 2>'%s/log'",
				 purposes[i], so_test_certificate, so_test_certificate, so_test_folder);
		assert_int_equal(system(command), 0);
	}
}

static void
test_never_overwrites(void **state)
{
	SoCertificateRequest request = so_test_certificate_request();
	char before[SO_TEST_FILE_SIZE];
	char after[SO_TEST_FILE_SIZE];
	SoError error;

	(void) state;
	so_test_slurp(so_test_key, before);
	assert_false(so_certificate_create(&request, so_test_certificate, so_test_key, &error));
	assert_int_equal(error.code, SO_ERR_CERTIFICATE_EXISTS);
	so_test_slurp(so_test_key, after);
	assert_string_equal(before, after);
}

static void
test_replace(void **state)
{
	SoCertificateRequest request = so_test_certificate_request();
	SoCertificateFacts before;
	SoCertificateFacts after;
	SoError error;

	(void) state;
	assert_true(so_certificate_read_file(so_test_other_certificate, &before, &error));
	request.replace = true;
	assert_true(
		so_certificate_create(&request, so_test_other_certificate, so_test_other_key, &error));
	assert_true(
		so_certificate_check_files(so_test_other_certificate, so_test_other_key, &after, &error));
	assert_false(so_thumbprint_equal(&before.thumbprint, &after.thumbprint));
	assert_string_not_equal(before.serial, after.serial);
	assert_int_equal(mode_of(so_test_other_key), 0600);
}

/* A crash between key and certificate is completed with the same key. */
static void
test_completes_left_key(void **state)
{
	SoCertificateRequest request = so_test_certificate_request();
	char before[SO_TEST_FILE_SIZE];
	char after[SO_TEST_FILE_SIZE];
	SoError error;

	(void) state;
	so_test_slurp(so_test_other_key, before);
	assert_int_equal(unlink(so_test_other_certificate), 0);
	assert_true(
		so_certificate_create(&request, so_test_other_certificate, so_test_other_key, &error));
	so_test_slurp(so_test_other_key, after);
	assert_string_equal(before, after);
	assert_true(
		so_certificate_check_files(so_test_other_certificate, so_test_other_key, NULL, &error));
}

static void
test_bad_requests(void **state)
{
	static const char *const bad_names[] = {
		"",      "a b", "a..b", ".a", "a,DNS:evil", "a\nb", "*", "*.", "a.*.b", "\xc3\xa4.example",
		"-\x01",
	};
	SoCertificateRequest request = so_test_certificate_request();
	char file[192];
	SoError error;

	(void) state;
	snprintf(file, sizeof(file), "%s/none", so_test_folder);
	for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++)
	{
		request.names = &bad_names[i];
		request.name_count = 1;
		assert_false(so_certificate_create(&request, file, file, &error));
		assert_int_equal(error.code, SO_ERR_CERTIFICATE_NAME_INVALID);
	}
	request = so_test_certificate_request();
	request.days = 0;
	assert_false(so_certificate_create(&request, file, file, &error));
	request = so_test_certificate_request();
	request.common_name = "";
	assert_false(so_certificate_create(&request, file, file, &error));
	request = so_test_certificate_request();
	request.agent_id = "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a1";
	assert_false(so_certificate_create(&request, file, file, &error));
	assert_int_equal(access(file, F_OK), -1);
}

static void
test_long_common_name(void **state)
{
	SoCertificateRequest request = so_test_certificate_request();
	SoCertificateFacts facts;
	char file[192];
	char key[192];
	char name[301];
	SoError error;

	(void) state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	request.common_name = name;
	snprintf(file, sizeof(file), "%s/long.crt", so_test_folder);
	snprintf(key, sizeof(key), "%s/long.key", so_test_folder);
	assert_true(so_certificate_create(&request, file, key, &error));
	assert_true(so_certificate_read_file(file, &facts, &error));
	assert_int_equal(strlen(facts.subject), 3 + 64);
}

static void
test_missing_folder(void **state)
{
	SoCertificateRequest request = so_test_certificate_request();
	char file[192];
	SoError error;

	(void) state;
	snprintf(file, sizeof(file), "%s/no/such/folder", so_test_folder);
	assert_false(so_certificate_create(&request, file, file, &error));
	assert_int_equal(error.code, SO_ERR_FILE_UNWRITABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_created_files),      cmocka_unit_test(test_openssl_verifies),
		cmocka_unit_test(test_never_overwrites),   cmocka_unit_test(test_replace),
		cmocka_unit_test(test_completes_left_key), cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_long_common_name),   cmocka_unit_test(test_missing_folder),
	};

	return cmocka_run_group_tests(tests, so_test_certificates_begin, so_test_certificates_end);
}
