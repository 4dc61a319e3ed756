/*
 * test/unit/certificate_folder.c
 *
 * Makes and removes the folder of certificates.
 *
 * Process: the unit test itself; a killed test leaves the folder behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "test/unit/certificate_folder.h"

char so_test_folder[128];
char so_test_certificate[192];
char so_test_key[192];
char so_test_other_certificate[192];
char so_test_other_key[192];

static const char *const names[] = {"db1.example.org", "*.pool.example.org", "192.0.2.7",
									"2001:db8::7"};

SoCertificateRequest
so_test_certificate_request(void)
{
	SoCertificateRequest request = {
		.common_name = "db1",
		.names = names,
		.name_count = 4,
		.agent_id = SO_TEST_AGENT,
		.days = 30,
	};

	return request;
}

size_t
so_test_slurp(const char *file, char *buffer)
{
	FILE *stream = fopen(file, "r");
	size_t length;

	assert_non_null(stream);
	length = fread(buffer, 1, SO_TEST_FILE_SIZE - 1, stream);
	buffer[length] = '\0';
	fclose(stream);
	return length;
}

void
so_test_spill(const char *file, const char *text, mode_t mode)
{
	FILE *stream = fopen(file, "w");

	assert_non_null(stream);
	fputs(text, stream);
	fclose(stream);
	assert_int_equal(chmod(file, mode), 0);
}

int
so_test_certificates_begin(void **state)
{
	const char *base = getenv("TMPDIR");
	SoCertificateRequest request = so_test_certificate_request();
	SoError error;

	(void) state;
	snprintf(so_test_folder, sizeof(so_test_folder), "%.90s/certificate.XXXXXX",
			 base ? base : "/tmp");
	if (mkdtemp(so_test_folder) == NULL)
		return -1;
	snprintf(so_test_certificate, sizeof(so_test_certificate), "%s/a.crt", so_test_folder);
	snprintf(so_test_key, sizeof(so_test_key), "%s/a.key", so_test_folder);
	snprintf(so_test_other_certificate, sizeof(so_test_other_certificate), "%s/b.crt",
			 so_test_folder);
	snprintf(so_test_other_key, sizeof(so_test_other_key), "%s/b.key", so_test_folder);
	if (!so_certificate_create(&request, so_test_certificate, so_test_key, &error))
		return -1;
	return so_certificate_create(&request, so_test_other_certificate, so_test_other_key, &error)
			   ? 0
			   : -1;
}

int
so_test_certificates_end(void **state)
{
	char command[256];

	(void) state;
	snprintf(command, sizeof(command), "rm -rf '%s'", so_test_folder);
	return system(command);
}
