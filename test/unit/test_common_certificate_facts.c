/*
 * test/unit/test_common_certificate_facts.c
 *
 * What a certificate says: thumbprint, names, validity.
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

#include "common/certificate_facts.h"
#include "test/unit/certificate_folder.h"

/* The thumbprint is the one that openssl prints. */
static void
test_thumbprint_of_openssl(void **state)
{
	SoCertificateFacts facts;
	SoThumbprint thumbprint;
	SoError error;
	char command[512];
	char line[256] = "";
	FILE *pipe_stream;

	(void) state;
	snprintf(command, sizeof(command), "openssl x509 -in '%s' -noout -fingerprint -sha256",
			 so_test_certificate);
	pipe_stream = popen(command, "r");
	assert_non_null(pipe_stream);
	assert_non_null(fgets(line, sizeof(line), pipe_stream));
	pclose(pipe_stream);
	line[strcspn(line, "\n")] = '\0';
	assert_non_null(strchr(line, '='));
	assert_true(so_thumbprint_parse(strchr(line, '=') + 1, &thumbprint, &error));
	assert_true(so_certificate_read_file(so_test_certificate, &facts, &error));
	assert_true(so_thumbprint_equal(&thumbprint, &facts.thumbprint));
}

static void
test_private_key_in_text(void **state)
{
	char pem[2 * SO_TEST_FILE_SIZE];
	size_t length = so_test_slurp(so_test_key, pem);
	SoCertificateFacts facts;
	SoError error;

	(void) state;
	assert_false(so_certificate_read(pem, length, &facts, &error));
	assert_non_null(strstr(error.detail, "private key"));
	length += so_test_slurp(so_test_certificate, pem + length);
	assert_true(so_certificate_read(pem, length, &facts, &error));
	assert_true(facts.has_private_key);
	length += so_test_slurp(so_test_other_certificate, pem + length);
	assert_true(so_certificate_read(pem, length, &facts, &error));
	assert_int_equal(facts.certificate_count, 2);
	assert_string_equal(facts.subject, "CN=db1");
}

static void
test_validity(void **state)
{
	SoCertificateFacts facts;
	SoError error;

	(void) state;
	assert_true(so_certificate_read_file(so_test_certificate, &facts, &error));
	assert_true(so_certificate_check_time(&facts, facts.not_before, &error));
	assert_true(so_certificate_check_time(&facts, facts.not_after, &error));
	assert_false(so_certificate_check_time(&facts, facts.not_before - 1, &error));
	assert_non_null(strstr(error.message, "not valid before"));
	assert_false(so_certificate_check_time(&facts, facts.not_after + 1, &error));
	assert_non_null(strstr(error.message, "expired"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thumbprint_of_openssl),
		cmocka_unit_test(test_private_key_in_text),
		cmocka_unit_test(test_validity),
	};

	return cmocka_run_group_tests(tests, so_test_certificates_begin, so_test_certificates_end);
}
