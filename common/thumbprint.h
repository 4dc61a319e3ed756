/*
 * common/thumbprint.h
 *
 * The identity of a certificate: SHA-256 over its DER form.  32 raw bytes in
 * frames and sets, 64 lower-case hex digits in texts (docs/protocol.md 2.1).
 *
 * Process: all of them, and the server; no allocation, no state.
 */
#ifndef COMMON_THUMBPRINT_H
#define COMMON_THUMBPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/protocol.h"

/* 64 digits and the terminator */
#define SO_THUMBPRINT_TEXT_SIZE (2 * SO_THUMBPRINT_SIZE + 1)

typedef struct SoThumbprint
{
	uint8_t bytes[SO_THUMBPRINT_SIZE];
} SoThumbprint;

struct x509_st; /* OpenSSL's X509 */

/* The thumbprint of size bytes of DER; false with *error when the digest fails. */
extern bool so_thumbprint_of_der(const void *der, size_t size, SoThumbprint *thumbprint,
								 SoError *error) SO_WARN_UNUSED;

/* The thumbprint of a certificate that OpenSSL has parsed; the caller keeps it. */
extern bool so_thumbprint_of_x509(const struct x509_st *certificate, SoThumbprint *thumbprint,
								  SoError *error) SO_WARN_UNUSED;

/* 64 lower-case hex digits into buffer, SO_THUMBPRINT_TEXT_SIZE bytes. Returns buffer. */
extern char *so_thumbprint_format(const SoThumbprint *thumbprint, char *buffer);

/*
 * Parse what people paste: 64 hex digits of either case; colons, spaces and
 * tabs between them are skipped.  false with SO304 otherwise.
 */
extern bool
so_thumbprint_parse(const char *text, SoThumbprint *thumbprint, SoError *error) SO_WARN_UNUSED;

/*
 * Parse a list of thumbprints, separated by commas, into list (which may be NULL, to
 * check only).  false with SO304 when one of them is none, there is none at all, or
 * there are more than most.
 */
extern bool so_thumbprint_parse_list(const char *text, SoThumbprint *list, int most, int *count,
									 SoError *error) SO_WARN_UNUSED;

extern bool so_thumbprint_equal(const SoThumbprint *a, const SoThumbprint *b);

/* Less than, equal to or greater than 0, for qsort and bsearch. */
extern int so_thumbprint_compare(const void *a, const void *b);

#endif /* COMMON_THUMBPRINT_H */
