/*
 * common/certificate_form.h
 *
 * Names the form of a certificate or key file that is not the one wanted: what
 * companies hand out is DER, PKCS #12, protected by a passphrase, or saved by an
 * editor as UTF-16; and files get interchanged.
 */
#ifndef COMMON_CERTIFICATE_FORM_H
#define COMMON_CERTIFICATE_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/*
 * The bytes of file (length of them, with a terminator behind) held no certificate
 * (is_key: no private key) that could be used, and *error says so.  When their form
 * is known, replaces detail and hint: the hint is then a command that makes the file
 * what it should be.  Otherwise *error stays as it is.  The file is not read.
 */
extern void so_certificate_form_explain(const char *bytes, size_t length, bool is_key,
										const char *file, SoError *error);

/* The same of a certificate's file: *error, which names no file, names this one. */
extern void
so_certificate_form_place(const char *bytes, size_t length, const char *file, SoError *error);

#endif /* COMMON_CERTIFICATE_FORM_H */
