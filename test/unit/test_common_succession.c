/*
 * test/unit/test_common_succession.c
 *
 * Statements of succession: what is written behind the next certificate, for keys
 * of every kind, and what a verifier makes of it.  The TLS matrix
 * (test/tap/t/020_tls_matrix.pl) has the forgeries.
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
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/certificate_create.h"
#include "common/succession.h"

static char folder[] = "/tmp/test_succession.XXXXXX";

static const char *
path(const char *name, const char *suffix)
{
	static char paths[8][200];
	static int next;
	char *text = paths[next++ % 8];

	snprintf(text, sizeof(paths[0]), "%s/%s.%s", folder, name, suffix);
	return text;
}

static void
make(const char *name)
{
	const char *names[] = {"localhost"};
	SoCertificateRequest request = {
		.common_name = name, .names = names, .name_count = 1, .days = 10, .replace = true};
	SoError error;

	assert_true(so_certificate_create(&request, path(name, "crt"), path(name, "key"), &error));
}

/* A self-signed certificate with a given key; authority: it may sign others. */
static void
make_with(const char *name, EVP_PKEY *key, const EVP_MD *digest, bool authority)
{
	X509 *certificate = X509_new();
	X509_EXTENSION *extension;
	FILE *file;

	assert_non_null(key);
	X509_set_version(certificate, X509_VERSION_3);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -60);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
	X509_set_pubkey(certificate, key);
	extension = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints,
									authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	assert_true(X509_sign(certificate, key, digest) > 0);
	file = fopen(path(name, "crt"), "w");
	PEM_write_X509(file, certificate);
	fclose(file);
	file = fopen(path(name, "key"), "w");
	fchmod(fileno(file), 0600);
	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static bool
write_succession(const char *present, const char *next, time_t end)
{
	SoError error;

	return so_succession_write(path(present, "crt"), path(present, "key"), path(next, "crt"),
							   path(next, "key"), end, &error);
}

static SoThumbprint
thumbprint_of(const char *name)
{
	SoCertificateFacts facts;
	SoError error;

	assert_true(so_certificate_read_file(path(name, "crt"), &facts, &error));
	return facts.thumbprint;
}

static size_t
count_in(const char *name)
{
	SoCertificateFacts facts;
	SoError error;

	assert_true(so_certificate_read_file(path(name, "crt"), &facts, &error));
	return facts.certificate_count;
}

/* Would whoever pins one certificate accept what the file of another one sends, at that time? */
static bool
leads(const char *pinned, const char *served, time_t now, SoSuccessionTime *other)
{
	SoThumbprint pin = thumbprint_of(pinned);
	SoThumbprint leaf = thumbprint_of(served);
	SoCertificatePair pair;
	SoError error;
	bool ok;

	assert_true(so_certificate_load_public(path(served, "crt"), &pair, &error));
	ok = so_succession_leads(pair.chain, &pin, 1, &leaf, now, other);
	so_certificate_pair_free(&pair);
	return ok;
}

static void
test_steps(void **state)
{
	time_t now = time(NULL);
	SoSuccessionTime other;

	(void) state;
	make("a");
	make("b");
	make("c");
	assert_true(write_succession("a", "b", now + 100));
	assert_int_equal(count_in("b"), 3);
	/* After a crash it is done again. */
	assert_true(write_succession("a", "b", now + 100));
	assert_int_equal(count_in("b"), 3);
	assert_true(leads("a", "b", now, &other));
	assert_false(leads("c", "b", now, &other));
	assert_int_equal(other.ended, 0);
	assert_int_equal(other.begins, 0);
	/* It ends when it says. */
	assert_false(leads("a", "b", now + 100, &other));
	assert_int_equal(other.ended, now + 100);
	assert_int_equal(other.begins, 0);
	/* The first statement goes along, and the path ends with the first that ends. */
	assert_true(write_succession("b", "c", now + 200));
	assert_int_equal(count_in("c"), 5);
	assert_true(leads("a", "c", now + 99, &other));
	assert_false(leads("a", "c", now + 100, &other));
	assert_true(leads("b", "c", now + 199, &other));
	/* A stolen key: nothing leads on from it, nor to it. */
	assert_true(write_succession("b", "c", 0));
	assert_int_equal(count_in("c"), 1);
	assert_false(leads("a", "c", now, &other) || leads("b", "c", now, &other));
}

/* A clock that is wrong is named, and which way. */
static void
test_wrong_clock(void **state)
{
	time_t now = time(NULL);
	time_t behind = now - SO_CERTIFICATE_START_BEFORE_S - 60;
	SoThumbprint leaf;
	SoSuccessionTime other;
	SoError error = {0};

	(void) state;
	make("a");
	make("b");
	assert_true(write_succession("a", "b", now + 100));
	leaf = thumbprint_of("b");
	assert_true(leads("a", "b", now - SO_CERTIFICATE_START_BEFORE_S + 60, &other));
	assert_false(so_succession_explain(&other, now, &leaf, &error));
	assert_false(leads("a", "b", behind, &other));
	assert_int_equal(other.ended, 0);
	assert_in_range(other.begins, now - SO_CERTIFICATE_START_BEFORE_S,
					time(NULL) - SO_CERTIFICATE_START_BEFORE_S);
	assert_true(so_succession_explain(&other, behind, &leaf, &error));
	assert_non_null(strstr(error.detail, "The clock of this machine is behind: it says "));
	assert_non_null(strstr(error.hint, "timedatectl"));
	assert_false(leads("a", "b", now + 1000, &other));
	assert_true(so_succession_explain(&other, now + 1000, &leaf, &error));
	assert_non_null(strstr(error.detail, "counted until "));
	assert_non_null(strstr(error.detail, "the clock of this machine says "));
}

static void
test_keys(void **state)
{
	time_t now = time(NULL);
	SoSuccessionTime other;
	bool possible;
	SoError error;

	(void) state;
	make("next");
	make_with("rsa", EVP_RSA_gen(2048), EVP_sha256(), false);
	assert_true(write_succession("rsa", "next", now + 100));
	assert_true(leads("rsa", "next", now, &other));
	make("next");
	make_with("ed", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL, false);
	assert_true(write_succession("ed", "next", now + 100));
	assert_true(leads("ed", "next", now, &other));
	/* Who may sign certificates may not name a successor. */
	make("next");
	make_with("authority", EVP_EC_gen("P-256"), EVP_sha256(), true);
	assert_true(so_succession_possible(path("authority", "crt"), &possible, &error));
	assert_false(possible);
	assert_true(write_succession("authority", "next", now + 100));
	assert_int_equal(count_in("next"), 1);
	assert_true(so_succession_possible(path("ed", "crt"), &possible, &error));
	assert_true(possible);
}

/* What OpenSSL cannot read is not taken for "no authority". */
static void
test_unreadable_extensions(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate;
	X509_EXTENSION *extension;
	FILE *file;
	bool possible;
	SoError error;

	(void) state;
	EVP_PKEY_up_ref(key);
	make_with("twice", key, EVP_sha256(), true);
	file = fopen(path("twice", "crt"), "r");
	certificate = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	extension = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
	assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
	file = fopen(path("twice", "crt"), "w");
	PEM_write_X509(file, certificate);
	fclose(file);
	X509_free(certificate);
	EVP_PKEY_free(key);
	if (so_succession_possible(path("twice", "crt"), &possible, &error))
		assert_false(possible);
	else
		print_message("the certificate is refused before: %s\n", error.message);
}

/* A stolen key may be deleted before the next certificate takes its place. */
static void
test_present_is_gone(void **state)
{
	time_t now = time(NULL);

	(void) state;
	make("a");
	make("b");
	assert_true(write_succession("a", "b", now + 100));
	assert_int_equal(unlink(path("a", "key")), 0);
	assert_false(write_succession("a", "b", now + 100));
	assert_int_equal(count_in("b"), 3);
	assert_true(write_succession("a", "b", 0));
	assert_int_equal(count_in("b"), 1);
}

static void
test_chain_is_kept(void **state)
{
	time_t now = time(NULL);
	SoSuccessionTime other;
	char text[8192];
	FILE *file;
	size_t size;

	(void) state;
	/* The certificate of an authority stands behind the next one. */
	make("a");
	make("next");
	make("middle");
	file = fopen(path("middle", "crt"), "r");
	size = fread(text, 1, sizeof(text), file);
	fclose(file);
	file = fopen(path("next", "crt"), "a");
	fwrite(text, 1, size, file);
	fclose(file);
	assert_true(write_succession("a", "next", now + 100));
	assert_int_equal(count_in("next"), 4);
	assert_true(leads("a", "next", now, &other));
	assert_true(write_succession("a", "next", 0));
	assert_int_equal(count_in("next"), 2);
}

static void
test_long_line(void **state)
{
	time_t now = time(NULL);
	SoSuccessionTime other;
	char name[16];
	char before[16] = "s0";

	(void) state;
	make("s0");
	for (int i = 1; i <= 2 * SO_SUCCESSION_MAX; i++)
	{
		snprintf(name, sizeof(name), "s%d", i);
		make(name);
		assert_true(write_succession(before, name, now + 100));
		memcpy(before, name, sizeof(before));
	}
	/* The file does not grow without end; the nearest ones lead there. */
	assert_int_equal(count_in(before), 1 + 2 * SO_SUCCESSION_MAX);
	snprintf(name, sizeof(name), "s%d", SO_SUCCESSION_MAX);
	assert_true(leads(name, before, now, &other));
	snprintf(name, sizeof(name), "s%d", SO_SUCCESSION_MAX - 1);
	assert_false(leads(name, before, now, &other));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_wrong_clock),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_unreadable_extensions),
		cmocka_unit_test(test_present_is_gone),
		cmocka_unit_test(test_chain_is_kept),
		cmocka_unit_test(test_long_line),
	};
	char command[100];
	int failed;

	if (mkdtemp(folder) == NULL)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command) != 0 || failed != 0;
}
