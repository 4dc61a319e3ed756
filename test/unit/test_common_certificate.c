/*
 * test/unit/test_common_certificate.c
 *
 * Certificates with their keys: who may read the key, and do they fit?
 *
 * Process: the unit test itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/certificate.h"
#include "test/unit/certificate_folder.h"

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
		assert_int_equal(chmod(so_test_key, rows[i].mode), 0);
		assert_int_equal(so_certificate_check_files(so_test_certificate, so_test_key, NULL, &error),
						 !rows[i].refused);
		if (rows[i].refused)
			assert_int_equal(error.code, SO_ERR_KEY_EXPOSED);
	}
	assert_int_equal(chmod(so_test_key, 0600), 0);
}

static void
test_bad_pairs(void **state)
{
	char junk[192];
	char missing[192];
	SoError error;

	(void) state;
	snprintf(junk, sizeof(junk), "%s/junk", so_test_folder);
	snprintf(missing, sizeof(missing), "%s/missing", so_test_folder);
	so_test_spill(junk, "no PEM at all\n", 0600);
	assert_false(so_certificate_check_files(so_test_certificate, so_test_other_key, NULL, &error));
	assert_int_equal(error.code, SO_ERR_KEY_MISMATCH);
	assert_string_equal(error.place, so_test_other_key);
	assert_false(so_certificate_check_files(so_test_certificate, junk, NULL, &error));
	assert_int_equal(error.code, SO_ERR_KEY_UNREADABLE);
	assert_false(so_certificate_check_files(junk, so_test_key, NULL, &error));
	assert_int_equal(error.code, SO_ERR_CERTIFICATE_MALFORMED);
	assert_string_equal(error.place, junk);
	assert_false(so_certificate_check_files(missing, so_test_key, NULL, &error));
	assert_int_equal(error.code, SO_ERR_FILE_UNREADABLE);
	assert_false(so_certificate_check_files(so_test_certificate, missing, NULL, &error));
	assert_int_equal(error.code, SO_ERR_FILE_UNREADABLE);
	assert_false(so_certificate_check_files(so_test_certificate, so_test_folder, NULL, &error));
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
	snprintf(encrypted, sizeof(encrypted), "%s/encrypted.key", so_test_folder);
	snprintf(command, sizeof(command),
			 "openssl pkcs8 -topk8 -in '%s' -passout pass:secret -out '%s'", so_test_key,
			 encrypted);
	assert_int_equal(system(command), 0);
	assert_int_equal(chmod(encrypted, 0600), 0);
	assert_false(so_certificate_check_files(so_test_certificate, encrypted, NULL, &error));
	assert_int_equal(error.code, SO_ERR_KEY_UNREADABLE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_modes),
		cmocka_unit_test(test_bad_pairs),
		cmocka_unit_test(test_encrypted_key),
	};

	return cmocka_run_group_tests(tests, so_test_certificates_begin, so_test_certificates_end);
}
