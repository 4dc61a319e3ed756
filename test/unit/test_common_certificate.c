/*
 * test/unit/test_common_certificate.c
 *
 * Making, reading, loading and matching certificates, in a private folder.
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

#define AGENT    "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11"
#define MAX_FILE (64 * 1024)

static char folder[128];
static char certificate_file[192];
static char key_file[192];
static char other_certificate_file[192];
static char other_key_file[192];

static const char *const names[] = {"db1.example.org", "*.pool.example.org", "192.0.2.7",
									"2001:db8::7"};

static SoCertificateRequest
default_request(void)
{
	SoCertificateRequest request = {
		.common_name = "db1",
		.names = names,
		.name_count = 4,
		.agent_id = AGENT,
		.days = 30,
	};

	return request;
}

static size_t
slurp(const char *file, char *buffer)
{
	FILE *stream = fopen(file, "r");
	size_t length;

	assert_non_null(stream);
	length = fread(buffer, 1, MAX_FILE - 1, stream);
	buffer[length] = '\0';
	fclose(stream);
	return length;
}

static void
spill(const char *file, const char *text, mode_t mode)
{
	FILE *stream = fopen(file, "w");

	assert_non_null(stream);
	fputs(text, stream);
	fclose(stream);
	assert_int_equal(chmod(file, mode), 0);
}

static int
setup(void **state)
{
	const char *base = getenv("TMPDIR");
	SoCertificateRequest request = default_request();
	SoError error;

	(void) state;
	snprintf(folder, sizeof(folder), "%.90s/certificate.XXXXXX", base ? base : "/tmp");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(certificate_file, sizeof(certificate_file), "%s/a.crt", folder);
	snprintf(key_file, sizeof(key_file), "%s/a.key", folder);
	snprintf(other_certificate_file, sizeof(other_certificate_file), "%s/b.crt", folder);
	snprintf(other_key_file, sizeof(other_key_file), "%s/b.key", folder);
	if (!so_certificate_create(&request, certificate_file, key_file, &error))
		return -1;
	return so_certificate_create(&request, other_certificate_file, other_key_file, &error) ? 0 : -1;
}

static int
teardown(void **state)
{
	char command[256];

	(void) state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

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
	assert_int_equal(mode_of(key_file), 0600);
	assert_int_equal(mode_of(certificate_file), 0644);
	assert_true(so_certificate_check_files(certificate_file, key_file, &facts, &error));
	assert_string_equal(facts.subject, "CN=db1");
	assert_string_equal(facts.issuer, "CN=db1");
	assert_string_equal(facts.agent_id, AGENT);
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
			 certificate_file);
	pipe_stream = popen(command, "r");
	assert_non_null(pipe_stream);
	assert_non_null(fgets(line, sizeof(line), pipe_stream));
	pclose(pipe_stream);
	line[strcspn(line, "\n")] = '\0';
	assert_non_null(strchr(line, '='));
	assert_true(so_thumbprint_parse(strchr(line, '=') + 1, &thumbprint, &error));
	assert_true(so_certificate_read_file(certificate_file, &facts, &error));
	assert_true(so_thumbprint_equal(&thumbprint, &facts.thumbprint));
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
				 purposes[i], certificate_file, certificate_file, folder);
		assert_int_equal(system(command), 0);
	}
}

static void
test_never_overwrites(void **state)
{
	SoCertificateRequest request = default_request();
	char before[MAX_FILE];
	char after[MAX_FILE];
	SoError error;

	(void) state;
	slurp(key_file, before);
	assert_false(so_certificate_create(&request, certificate_file, key_file, &error));
	assert_int_equal(error.code, SO_ERR_CERTIFICATE_EXISTS);
	slurp(key_file, after);
	assert_string_equal(before, after);
}

static void
test_replace(void **state)
{
	SoCertificateRequest request = default_request();
	SoCertificateFacts before;
	SoCertificateFacts after;
	SoError error;

	(void) state;
	assert_true(so_certificate_read_file(other_certificate_file, &before, &error));
	request.replace = true;
	assert_true(so_certificate_create(&request, other_certificate_file, other_key_file, &error));
	assert_true(so_certificate_check_files(other_certificate_file, other_key_file, &after, &error));
	assert_false(so_thumbprint_equal(&before.thumbprint, &after.thumbprint));
	assert_string_not_equal(before.serial, after.serial);
	assert_int_equal(mode_of(other_key_file), 0600);
}

/* A crash between key and certificate is completed with the same key. */
static void
test_completes_left_key(void **state)
{
	SoCertificateRequest request = default_request();
	char before[MAX_FILE];
	char after[MAX_FILE];
	SoError error;

	(void) state;
	slurp(other_key_file, before);
	assert_int_equal(unlink(other_certificate_file), 0);
	assert_true(so_certificate_create(&request, other_certificate_file, other_key_file, &error));
	slurp(other_key_file, after);
	assert_string_equal(before, after);
	assert_true(so_certificate_check_files(other_certificate_file, other_key_file, NULL, &error));
}

static void
test_key_modes(void **state)
{
	/* The group may read only what root owns. */
	const mode_t group_read = getuid() == 0 ? 0 : 1;
	const struct
	{
		mode_t mode;
		mode_t refused;
	} rows[] = {
		{0600, 0}, {0400, 0}, {0640, group_read}, {0644, 1}, {0604, 1}, {0660, 1}, {0601, 1},
	};
	SoError error;

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		assert_int_equal(chmod(key_file, rows[i].mode), 0);
		assert_int_equal(so_certificate_check_files(certificate_file, key_file, NULL, &error),
						 !rows[i].refused);
		if (rows[i].refused)
			assert_int_equal(error.code, SO_ERR_KEY_EXPOSED);
	}
	assert_int_equal(chmod(key_file, 0600), 0);
}

static void
test_bad_pairs(void **state)
{
	char junk[192];
	char missing[192];
	SoError error;

	(void) state;
	snprintf(junk, sizeof(junk), "%s/junk", folder);
	snprintf(missing, sizeof(missing), "%s/missing", folder);
	spill(junk, "no PEM at all\n", 0600);
	assert_false(so_certificate_check_files(certificate_file, other_key_file, NULL, &error));
	assert_int_equal(error.code, SO_ERR_KEY_MISMATCH);
	assert_string_equal(error.place, other_key_file);
	assert_false(so_certificate_check_files(certificate_file, junk, NULL, &error));
	assert_int_equal(error.code, SO_ERR_KEY_UNREADABLE);
	assert_false(so_certificate_check_files(junk, key_file, NULL, &error));
	assert_int_equal(error.code, SO_ERR_CERTIFICATE_MALFORMED);
	assert_string_equal(error.place, junk);
	assert_false(so_certificate_check_files(missing, key_file, NULL, &error));
	assert_int_equal(error.code, SO_ERR_FILE_UNREADABLE);
	assert_false(so_certificate_check_files(certificate_file, missing, NULL, &error));
	assert_int_equal(error.code, SO_ERR_FILE_UNREADABLE);
	assert_false(so_certificate_check_files(certificate_file, folder, NULL, &error));
	assert_int_equal(error.code, SO_ERR_FILE_UNREADABLE);
	assert_int_equal(ERR_peek_error(), 0);
}

static void
test_encrypted_key(void **state)
{
	char encrypted[192];
	char command[640];
	SoError error;

	(void) state;
	snprintf(encrypted, sizeof(encrypted), "%s/encrypted.key", folder);
	snprintf(command, sizeof(command),
			 "openssl pkcs8 -topk8 -in '%s' -passout pass:secret -out '%s'", key_file, encrypted);
	assert_int_equal(system(command), 0);
	assert_int_equal(chmod(encrypted, 0600), 0);
	assert_false(so_certificate_check_files(certificate_file, encrypted, NULL, &error));
	assert_int_equal(error.code, SO_ERR_KEY_UNREADABLE);
}

/* Every prefix of a certificate is refused, the whole is accepted; no bytes matter after it. */
static void
test_truncated_texts(void **state)
{
	char pem[MAX_FILE];
	size_t length = slurp(certificate_file, pem);
	SoCertificateFacts facts;
	SoError error;

	(void) state;
	for (size_t i = 0; i + 1 < length; i++)
	{
		char *exact = malloc(i + 1);

		assert_non_null(exact);
		memcpy(exact, pem, i);
		assert_false(so_certificate_read(exact, i, &facts, &error));
		assert_int_equal(error.code, SO_ERR_CERTIFICATE_MALFORMED);
		free(exact);
	}
	assert_true(so_certificate_read(pem, length, &facts, &error));
	assert_false(so_certificate_read("", 0, &facts, &error));
}

static void
test_private_key_in_text(void **state)
{
	char pem[2 * MAX_FILE];
	size_t length = slurp(key_file, pem);
	SoCertificateFacts facts;
	SoError error;

	(void) state;
	assert_false(so_certificate_read(pem, length, &facts, &error));
	assert_non_null(strstr(error.detail, "private key"));
	length += slurp(certificate_file, pem + length);
	assert_true(so_certificate_read(pem, length, &facts, &error));
	assert_true(facts.has_private_key);
	length += slurp(other_certificate_file, pem + length);
	assert_true(so_certificate_read(pem, length, &facts, &error));
	assert_int_equal(facts.certificate_count, 2);
	assert_string_equal(facts.subject, "CN=db1");
}

static void
test_host_names(void **state)
{
	static const struct
	{
		const char *host;
		bool matches;
	} rows[] = {
		{"db1.example.org", true},
		{"DB1.Example.ORG", true},
		{"db1.example.org.", true},
		{"db2.example.org", false},
		{"example.org", false},
		{"x.db1.example.org", false},
		{"a.pool.example.org", true},
		{"a.b.pool.example.org", false},
		{"pool.example.org", false},
		{"192.0.2.7", true},
		{"192.0.2.8", false},
		{"2001:db8::7", true},
		{"[2001:db8::7]", true},
		{"2001:0db8:0::0007", true},
		{"2001:db8::8", false},
		{"db1", false},
		{"", false},
		{"[]", false},
		{".", false},
	};
	char pem[MAX_FILE];
	size_t length = slurp(certificate_file, pem);

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		SoError error;
		bool matches = so_certificate_pem_matches_host(pem, length, rows[i].host, &error);

		if (matches != rows[i].matches)
			print_error("host \"%s\"\n", rows[i].host);
		assert_int_equal(matches, rows[i].matches);
		if (!matches)
			assert_int_equal(error.code, SO_ERR_HOST_NAME_MISMATCH);
	}
}

static void
test_bad_requests(void **state)
{
	static const char *const bad_names[] = {
		"",      "a b", "a..b", ".a", "a,DNS:evil", "a\nb", "*", "*.", "a.*.b", "\xc3\xa4.example",
		"-\x01",
	};
	SoCertificateRequest request = default_request();
	char file[192];
	SoError error;

	(void) state;
	snprintf(file, sizeof(file), "%s/none", folder);
	for (size_t i = 0; i < sizeof(bad_names) / sizeof(bad_names[0]); i++)
	{
		request.names = &bad_names[i];
		request.name_count = 1;
		assert_false(so_certificate_create(&request, file, file, &error));
		assert_int_equal(error.code, SO_ERR_CERTIFICATE_NAME_INVALID);
	}
	request = default_request();
	request.days = 0;
	assert_false(so_certificate_create(&request, file, file, &error));
	request = default_request();
	request.common_name = "";
	assert_false(so_certificate_create(&request, file, file, &error));
	request = default_request();
	request.agent_id = "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a1";
	assert_false(so_certificate_create(&request, file, file, &error));
	assert_int_equal(access(file, F_OK), -1);
}

static void
test_long_common_name(void **state)
{
	SoCertificateRequest request = default_request();
	SoCertificateFacts facts;
	char file[192];
	char key[192];
	char name[301];
	SoError error;

	(void) state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	request.common_name = name;
	snprintf(file, sizeof(file), "%s/long.crt", folder);
	snprintf(key, sizeof(key), "%s/long.key", folder);
	assert_true(so_certificate_create(&request, file, key, &error));
	assert_true(so_certificate_read_file(file, &facts, &error));
	assert_int_equal(strlen(facts.subject), 3 + 64);
}

static void
test_missing_folder(void **state)
{
	SoCertificateRequest request = default_request();
	char file[192];
	SoError error;

	(void) state;
	snprintf(file, sizeof(file), "%s/no/such/folder", folder);
	assert_false(so_certificate_create(&request, file, file, &error));
	assert_int_equal(error.code, SO_ERR_FILE_UNWRITABLE);
}

static void
test_validity(void **state)
{
	SoCertificateFacts facts;
	SoError error;

	(void) state;
	assert_true(so_certificate_read_file(certificate_file, &facts, &error));
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
		cmocka_unit_test(test_created_files),
		cmocka_unit_test(test_thumbprint_of_openssl),
		cmocka_unit_test(test_openssl_verifies),
		cmocka_unit_test(test_never_overwrites),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_completes_left_key),
		cmocka_unit_test(test_key_modes),
		cmocka_unit_test(test_bad_pairs),
		cmocka_unit_test(test_encrypted_key),
		cmocka_unit_test(test_truncated_texts),
		cmocka_unit_test(test_private_key_in_text),
		cmocka_unit_test(test_host_names),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_long_common_name),
		cmocka_unit_test(test_missing_folder),
		cmocka_unit_test(test_validity),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
