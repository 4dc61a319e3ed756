/*
 * common/certificate_facts.h
 *
 * What a certificate says, in texts and numbers.
 *
 * Process: all of them, and the server's backends; no state.  Functions leave
 * OpenSSL's error queue of the thread empty.
 */
#ifndef COMMON_CERTIFICATE_FACTS_H
#define COMMON_CERTIFICATE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "common/error.h"
#include "common/pem.h"
#include "common/thumbprint.h"

/* Names beyond these are not shown in facts (matching sees all of them). */
#define SO_CERTIFICATE_MAX_NAMES 32
#define SO_CERTIFICATE_NAME_SIZE 256

/* What a certificate says; texts are ASCII (others escaped), cut when too long. */
typedef struct SoCertificateFacts
{
	SoThumbprint thumbprint;
	char thumbprint_text[SO_THUMBPRINT_TEXT_SIZE];
	char subject[512]; /* RFC 2253: "CN=loader-1,O=..." */
	char issuer[512];
	char serial[80];   /* hex */
	char agent_id[37]; /* of a name urn:uuid:...; empty without one */
	char names[SO_CERTIFICATE_MAX_NAMES][SO_CERTIFICATE_NAME_SIZE]; /* DNS and IP */
	size_t name_count;
	time_t not_before;
	time_t not_after;
	bool has_private_key;     /* the PEM text also holds a private key */
	size_t certificate_count; /* certificates in the PEM text; facts are of the first */
} SoCertificateFacts;

/*
 * Read what the first certificate of a PEM text says.  length in bytes; the text
 * need not be terminated.  false with SO305 when there is none.
 */
extern bool so_certificate_read(const char *pem, size_t length, SoCertificateFacts *facts,
								SoError *error) SO_WARN_UNUSED;

/* The same of a file; SO007 when it cannot be read. */
extern bool so_certificate_read_file(const char *file, SoCertificateFacts *facts,
									 SoError *error) SO_WARN_UNUSED;

/* The same of a certificate that OpenSSL has parsed; the caller keeps it. */
extern bool so_certificate_facts_of_x509(const struct x509_st *certificate,
										 SoCertificateFacts *facts, SoError *error) SO_WARN_UNUSED;

/* The same of a text that is taken apart. */
extern bool so_certificate_facts_of_pem(const SoPem *pem, SoCertificateFacts *facts,
										SoError *error) SO_WARN_UNUSED;

/* false with SO306 when now is outside the certificate's life. */
extern bool so_certificate_check_time(const SoCertificateFacts *facts, time_t now,
									  SoError *error) SO_WARN_UNUSED;

#endif /* COMMON_CERTIFICATE_FACTS_H */
