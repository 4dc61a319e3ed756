/*
 * common/certificate.h
 *
 * Reading and checking certificates and private keys: what a PEM text says,
 * whether a key file is private and fits its certificate, whether a host name
 * is one of a certificate's names.  common/certificate_create.h makes new ones.
 *
 * Process: all of them, and the server's backends; no state.  Functions leave
 * OpenSSL's error queue of the thread empty.
 */
#ifndef COMMON_CERTIFICATE_H
#define COMMON_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "common/error.h"
#include "common/thumbprint.h"

/* A PEM file or text larger than this is refused. */
#define SO_CERTIFICATE_MAX_PEM (1024 * 1024)
/* Names beyond these are not shown in facts (matching sees all of them). */
#define SO_CERTIFICATE_MAX_NAMES 32
#define SO_CERTIFICATE_NAME_SIZE 256

struct x509_st; /* OpenSSL's X509, EVP_PKEY, STACK_OF(X509) */
struct evp_pkey_st;
struct stack_st_X509;

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

/* A certificate ready for TLS; free with so_certificate_pair_free. */
typedef struct SoCertificatePair
{
	struct x509_st *certificate;
	struct stack_st_X509 *chain; /* further certificates of the file; may be empty */
	struct evp_pkey_st *key;
} SoCertificatePair;

/*
 * Read what the first certificate of a PEM text says.  length in bytes; the text
 * need not be terminated.  false with SO305 when there is none.
 */
extern bool so_certificate_read(const char *pem, size_t length, SoCertificateFacts *facts,
								SoError *error) SO_WARN_UNUSED;

/* The same of a certificate that OpenSSL has parsed; the caller keeps it. */
extern bool so_certificate_facts_of_x509(const struct x509_st *certificate,
										 SoCertificateFacts *facts, SoError *error) SO_WARN_UNUSED;

/* The same of a file; SO007 when it cannot be read. */
extern bool so_certificate_read_file(const char *file, SoCertificateFacts *facts,
									 SoError *error) SO_WARN_UNUSED;

/*
 * Load a certificate and its private key.  Refused: SO007 (cannot be read),
 * SO305, SO307 (key readable by others: only the owner may, or root's group when
 * root owns it), SO308 (they do not fit), SO309 (no usable key).  facts may be NULL.
 */
extern bool
so_certificate_load(const char *certificate_file, const char *key_file, SoCertificatePair *pair,
					SoCertificateFacts *facts, SoError *error) SO_WARN_UNUSED;
/* The same without a key: pair->key is NULL. */
extern bool so_certificate_load_public(const char *certificate_file, SoCertificatePair *pair,
									   SoError *error) SO_WARN_UNUSED;
extern void so_certificate_pair_free(SoCertificatePair *pair);

/* so_certificate_load without keeping the pair: are the two files usable? */
extern bool so_certificate_check_files(const char *certificate_file, const char *key_file,
									   SoCertificateFacts *facts, SoError *error) SO_WARN_UNUSED;

/* false with SO306 when now is outside the certificate's life. */
extern bool so_certificate_check_time(const SoCertificateFacts *facts, time_t now,
									  SoError *error) SO_WARN_UNUSED;

/*
 * Is host (a DNS name, an IP address, or an IPv6 address in brackets) one of
 * the certificate's names?  Wildcards stand for one whole label; the subject's
 * common name does not count.  false with SO313 otherwise.
 */
extern bool so_certificate_matches_host(const struct x509_st *certificate, const char *host,
										SoError *error) SO_WARN_UNUSED;
extern bool so_certificate_pem_matches_host(const char *pem, size_t length, const char *host,
											SoError *error) SO_WARN_UNUSED;

extern bool
so_certificate_file_matches_host(const char *file, const char *host, SoError *error) SO_WARN_UNUSED;

/* Set *error to code with the oldest reason in OpenSSL's queue as detail; returns false. */
extern bool so_certificate_openssl_error(SoError *error, SoErrorCode code, const char *place,
										 const char *message);

#endif /* COMMON_CERTIFICATE_H */
