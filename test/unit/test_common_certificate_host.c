/*
 * test/unit/test_common_certificate_host.c
 *
 * Host names and addresses against the names in a certificate.
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/certificate.h"
#include "common/certificate_host.h"
#include "test/unit/certificate_folder.h"

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
	SoCertificatePair pair;
	SoError error;

	(void) state;
	assert_true(so_certificate_load_public(so_test_certificate, &pair, &error));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		bool matches = so_certificate_matches_host(pair.certificate, rows[i].host, &error);

		if (matches != rows[i].matches)
			print_error("host \"%s\"\n", rows[i].host);
		assert_int_equal(matches, rows[i].matches);
		if (!matches)
			assert_int_equal(error.code, SO_ERR_HOST_NAME_MISMATCH);
	}
	so_certificate_pair_free(&pair);
}

/* A name longer than any name in a certificate. */
static void
test_long_name(void **state)
{
	char host[1000];
	SoError error;

	(void) state;
	memset(host, 'a', sizeof(host) - 1);
	host[sizeof(host) - 1] = '\0';
	assert_false(so_certificate_file_matches_host(so_test_certificate, host, &error));
	assert_int_equal(error.code, SO_ERR_HOST_NAME_MISMATCH);
}

/* Of what is wrong with a file the file is the place; of a wrong name it is not. */
static void
test_files(void **state)
{
	char missing[192];
	SoError error;

	(void) state;
	snprintf(missing, sizeof(missing), "%s/missing", so_test_folder);
	assert_true(so_certificate_file_matches_host(so_test_certificate, "192.0.2.7", &error));
	assert_false(so_certificate_file_matches_host(so_test_certificate, "db2", &error));
	assert_int_equal(error.code, SO_ERR_HOST_NAME_MISMATCH);
	assert_string_equal(error.place, "");
	assert_false(so_certificate_file_matches_host(missing, "db1", &error));
	assert_int_equal(error.code, SO_ERR_FILE_UNREADABLE);
	assert_string_equal(error.place, missing);
	assert_false(so_certificate_file_matches_host(so_test_key, "db1", &error));
	assert_int_equal(error.code, SO_ERR_CERTIFICATE_MALFORMED);
	assert_string_equal(error.place, so_test_key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_names),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, so_test_certificates_begin, so_test_certificates_end);
}
