/*
 * test/unit/certificate_folder.h
 *
 * A private folder with two certificates and their keys, for the tests of what
 * reads certificates.
 *
 * Process: the unit test itself.
 */
#ifndef TEST_UNIT_CERTIFICATE_FOLDER_H
#define TEST_UNIT_CERTIFICATE_FOLDER_H

#include <stddef.h>
#include <sys/types.h>

#include "common/certificate_create.h"

#define SO_TEST_AGENT "0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11"
/* Bytes for a file with its end, as so_test_slurp reads it. */
#define SO_TEST_FILE_SIZE (64 * 1024)

/* The folder, and two pairs in it that do not fit each other. */
extern char so_test_folder[128];
extern char so_test_certificate[192];
extern char so_test_key[192];
extern char so_test_other_certificate[192];
extern char so_test_other_key[192];

/* Make them and remove them; for cmocka_run_group_tests. */
extern int so_test_certificates_begin(void **state);
extern int so_test_certificates_end(void **state);

/*
 * What both certificates were made of: db1 with the names db1.example.org,
 * *.pool.example.org, 192.0.2.7 and 2001:db8::7 for 30 days.
 */
extern SoCertificateRequest so_test_certificate_request(void);

/* Read a file into buffer (SO_TEST_FILE_SIZE bytes); its length. */
extern size_t so_test_slurp(const char *file, char *buffer);

/* Write a file. */
extern void so_test_spill(const char *file, const char *text, mode_t mode);

#endif /* TEST_UNIT_CERTIFICATE_FOLDER_H */
