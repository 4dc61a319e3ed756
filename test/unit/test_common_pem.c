/*
 * test/unit/test_common_pem.c
 *
 * PEM texts and files: whole, cut off, malformed, too long, not to be read.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/pem.h"
#include "test/unit/certificate_folder.h"

/* Every prefix of a certificate is refused, the whole is accepted; no bytes matter after it. */
static void
test_truncated_texts(void **state)
{
	char pem[SO_TEST_FILE_SIZE];
	size_t length = so_test_slurp(so_test_certificate, pem);
	SoPem contents;
	SoError error;

	(void) state;
	for (size_t i = 0; i + 1 < length; i++)
	{
		char *exact = malloc(i + 1);

		assert_non_null(exact);
		memcpy(exact, pem, i);
		assert_false(so_pem_parse(exact, i, &contents, &error));
		assert_int_equal(error.code, SO_ERR_CERTIFICATE_MALFORMED);
		free(exact);
	}
	assert_true(so_pem_parse(pem, length, &contents, &error));
	so_pem_free(&contents);
	assert_false(so_pem_parse("", 0, &contents, &error));
}

/* The first certificate is the one that counts, the others are its chain. */
static void
test_chain(void **state)
{
	char text[3 * SO_TEST_FILE_SIZE];
	size_t length;
	SoPem first;
	SoPem pem;
	SoError error;

	(void) state;
	length = so_test_slurp(so_test_certificate, text);
	assert_true(so_pem_parse(text, length, &first, &error));
	assert_int_equal(first.certificate_count, 1);
	assert_int_equal(sk_X509_num(first.chain), 0);
	assert_false(first.has_private_key);
	length += so_test_slurp(so_test_key, text + length);
	length += so_test_slurp(so_test_other_certificate, text + length);
	assert_true(so_pem_parse(text, length, &pem, &error));
	assert_int_equal(pem.certificate_count, 2);
	assert_int_equal(sk_X509_num(pem.chain), 1);
	assert_true(pem.has_private_key);
	assert_int_equal(X509_cmp(pem.certificate, first.certificate), 0);
	assert_int_not_equal(X509_cmp(pem.certificate, sk_X509_value(pem.chain, 0)), 0);
	so_pem_free(&pem);
	so_pem_free(&first);
}

/* One bad certificate is enough, wherever it stands. */
static void
test_malformed(void **state)
{
	static const char bad[] = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
	static const char torn[] = "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n";
	char text[2 * SO_TEST_FILE_SIZE];
	size_t length = so_test_slurp(so_test_certificate, text);
	SoPem pem;
	SoError error;

	(void) state;
	assert_false(so_pem_parse(bad, strlen(bad), &pem, &error));
	assert_string_equal(error.message, "the certificate is malformed");
	snprintf(text + length, SO_TEST_FILE_SIZE, "%s", bad);
	assert_false(so_pem_parse(text, strlen(text), &pem, &error));
	assert_int_equal(error.code, SO_ERR_CERTIFICATE_MALFORMED);
	snprintf(text + length, SO_TEST_FILE_SIZE, "%s", torn);
	assert_false(so_pem_parse(text, strlen(text), &pem, &error));
	assert_int_equal(error.code, SO_ERR_CERTIFICATE_MALFORMED);
	assert_false(so_pem_parse(torn, SO_PEM_MAX + 1, &pem, &error));
	assert_non_null(strstr(error.message, "too long"));
	assert_int_equal(ERR_peek_error(), 0);
}

/* As large as allowed, and one byte more. */
static void
test_large_files(void **state)
{
	char file[192];
	size_t length = 0;
	char *text;
	SoError error;

	(void) state;
	snprintf(file, sizeof(file), "%s/large", so_test_folder);
	so_test_spill(file, "", 0644);
	assert_int_equal(truncate(file, SO_PEM_MAX), 0);
	text = so_pem_read(file, &length, &error);
	assert_non_null(text);
	assert_int_equal(length, SO_PEM_MAX);
	assert_int_equal(text[length], '\0');
	so_pem_free_text(text, length);
	assert_int_equal(truncate(file, SO_PEM_MAX + 1), 0);
	assert_null(so_pem_read(file, &length, &error));
	assert_int_equal(error.code, SO_ERR_FILE_UNREADABLE);
	assert_null(so_pem_read(so_test_folder, &length, &error));
	assert_int_equal(error.code, SO_ERR_FILE_UNREADABLE);
	assert_null(so_pem_read("/dev/null", &length, &error));
	assert_int_equal(error.code, SO_ERR_FILE_UNREADABLE);
}

static void
test_keys(void **state)
{
	SoError error;
	EVP_PKEY *key = so_pem_read_key(so_test_key, &error);

	(void) state;
	assert_non_null(key);
	EVP_PKEY_free(key);
	assert_int_equal(chmod(so_test_key, 0604), 0);
	assert_null(so_pem_read_key(so_test_key, &error));
	assert_int_equal(error.code, SO_ERR_KEY_EXPOSED);
	assert_string_equal(error.place, so_test_key);
	assert_string_equal(error.detail, "Its mode is 604.");
	assert_int_equal(chmod(so_test_key, 0600), 0);
	assert_int_equal(chmod(so_test_certificate, 0600), 0);
	assert_null(so_pem_read_key(so_test_certificate, &error));
	assert_int_equal(error.code, SO_ERR_KEY_UNREADABLE);
	assert_int_equal(chmod(so_test_certificate, 0644), 0);
	assert_int_equal(ERR_peek_error(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truncated_texts),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_large_files),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, so_test_certificates_begin, so_test_certificates_end);
}
