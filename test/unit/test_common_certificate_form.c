/*
 * test/unit/test_common_certificate_form.c
 *
 * Files that hold a certificate or a key in another form are named, with a command
 * that makes them what they should be; what is right or unknown is left alone.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/certificate_create.h"
#include "common/certificate_form.h"

static char folder[128];
static SoCertificatePair pair;
static char word[] = "word";

static int
setup(void **state)
{
	const char *base = getenv("TMPDIR");
	const char *names[] = {"db1.example.org"};
	SoCertificateRequest request = {
		.common_name = "db1", .names = names, .name_count = 1, .days = 30};
	char certificate[192];
	char key[192];
	SoError error;

	(void) state;
	snprintf(folder, sizeof(folder), "%.90s/form.XXXXXX", base ? base : "/tmp");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(certificate, sizeof(certificate), "%s/a.crt", folder);
	snprintf(key, sizeof(key), "%s/a.key", folder);
	if (!so_certificate_create(&request, certificate, key, &error))
		return -1;
	return so_certificate_load(certificate, key, &pair, NULL, &error) ? 0 : -1;
}

static int
teardown(void **state)
{
	char command[256];

	(void) state;
	so_certificate_pair_free(&pair);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

/* What is said of these bytes; the detail is empty when nothing is. */
static SoError
explain(const char *bytes, size_t length, bool is_key)
{
	SoError error;

	so_error_set(&error, is_key ? SO_ERR_KEY_UNREADABLE : SO_ERR_CERTIFICATE_MALFORMED, "/f", "no");
	so_certificate_form_explain(bytes, length, is_key, "/f", &error);
	return error;
}

/* The same of what stands in bio, which is freed. */
static SoError
explain_bio(BIO *bio, bool is_key)
{
	char *data;
	long length = BIO_get_mem_data(bio, &data);
	char *copy = calloc(1, (size_t) length + 1);
	SoError error;

	assert_non_null(copy);
	assert_true(length > 0);
	memcpy(copy, data, (size_t) length);
	error = explain(copy, (size_t) length, is_key);
	free(copy);
	BIO_free(bio);
	return error;
}

static void
assert_says(SoError error, const char *detail, const char *hint)
{
	if (strstr(error.detail, detail) == NULL || strstr(error.hint, hint) == NULL)
		fail_msg("\"%s\" \"%s\" instead of \"%s\" \"%s\"", error.detail, error.hint, detail, hint);
}

static void
test_der(void **state)
{
	BIO *bio = BIO_new(BIO_s_mem());

	(void) state;
	assert_int_equal(i2d_X509_bio(bio, pair.certificate), 1);
	assert_says(explain_bio(bio, false), "in DER form",
				"cp -p /f /f.der && openssl x509 -inform DER -in /f.der -out /f");
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(i2d_X509_bio(bio, pair.certificate), 1);
	assert_says(explain_bio(bio, true), "a certificate in DER form, not a key", "interchanged");
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(i2d_PrivateKey_bio(bio, pair.key), 1);
	assert_says(explain_bio(bio, true), "The key is in DER form",
				"openssl pkey -inform DER -in /f.der -out /f");
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(i2d_PKCS8PrivateKeyInfo_bio(bio, pair.key), 1);
	assert_says(explain_bio(bio, false), "a private key in DER form", "interchanged");
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(i2d_PKCS8PrivateKey_bio(bio, pair.key, EVP_aes_128_cbc(), NULL, 0, NULL, word),
					 1);
	assert_says(explain_bio(bio, true), "protected by a passphrase", "openssl pkey -inform DER");
}

static void
test_archives(void **state)
{
	PKCS12 *archive = PKCS12_create(word, "x", pair.key, pair.certificate, NULL, 0, 0, 0, 0, 0);
	PKCS7 *list = PKCS7_new();
	BIO *bio;

	(void) state;
	assert_non_null(archive);
	assert_true(PKCS7_set_type(list, NID_pkcs7_signed) == 1 &&
				PKCS7_content_new(list, NID_pkcs7_data) == 1 &&
				PKCS7_add_certificate(list, pair.certificate) == 1);
	for (int is_key = 0; is_key <= 1; is_key++)
	{
		bio = BIO_new(BIO_s_mem());
		assert_int_equal(i2d_PKCS12_bio(bio, archive), 1);
		assert_says(explain_bio(bio, is_key), "PKCS #12",
					is_key ? "openssl pkcs12 -nocerts -nodes -in /f.p12 -out /f"
						   : "openssl pkcs12 -clcerts -nokeys -in /f.p12 -out /f");
	}
	PKCS12_free(archive);
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_PKCS7(bio, list), 1);
	assert_says(explain_bio(bio, false), "PKCS #7", "openssl pkcs7 -print_certs -in");
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(i2d_PKCS7_bio(bio, list), 1);
	assert_says(explain_bio(bio, false), "PKCS #7", "openssl pkcs7 -print_certs -inform DER");
	PKCS7_free(list);
}

static void
test_pem(void **state)
{
	BIO *bio = BIO_new(BIO_s_mem());

	(void) state;
	assert_int_equal(
		PEM_write_bio_PKCS8PrivateKey(bio, pair.key, EVP_aes_128_cbc(), NULL, 0, NULL, word), 1);
	assert_says(explain_bio(bio, true), "protected by a passphrase",
				"cp -p /f /f.encrypted && openssl pkey -in /f.encrypted -out /f");
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(
		PEM_write_bio_PrivateKey_traditional(bio, pair.key, EVP_aes_128_cbc(), NULL, 0, NULL, word),
		1);
	assert_says(explain_bio(bio, true), "protected by a passphrase", "openssl pkey -in");
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_PrivateKey(bio, pair.key, NULL, NULL, 0, NULL, NULL), 1);
	assert_says(explain_bio(bio, false), "a private key, not a certificate", "interchanged");
	bio = BIO_new(BIO_s_mem());
	assert_int_equal(PEM_write_bio_X509(bio, pair.certificate), 1);
	assert_says(explain_bio(bio, true), "a certificate, not a key", "interchanged");
	assert_says(explain("-----BEGIN CERTIFICATE REQUEST-----\n", 36, false), "a request",
				"Put the certificate");
}

static void
test_others(void **state)
{
	static const char *const unknown[] = {"hello", "\x30\x03zzz", "0",
										  "-----BEGIN PRIVATE KEY-----\nAAAA\n"};

	(void) state;
	assert_says(explain("", 0, true), "empty", "Put the private key");
	assert_says(explain(" \r\n", 3, false), "empty", "Put the certificate");
	assert_says(explain("\xff\xfe-\0-\0", 6, false), "UTF-16", "iconv -f UTF-16 -t UTF-8 -o /f");
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
		assert_string_equal(explain(unknown[i], strlen(unknown[i]), true).detail, "");
	assert_string_equal(explain("-----BEGIN CERTIFICATE-----\nAA\n", 31, false).detail, "");
	so_certificate_form_explain("", 0, true, "/f", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_der),
		cmocka_unit_test(test_archives),
		cmocka_unit_test(test_pem),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
