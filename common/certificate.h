/*
 * common/certificate.h
 *
 * Certificates with their private keys, ready for use: is a key file private, and
 * does it fit its certificate?  common/certificate_facts.h reads what one says,
 * common/certificate_host.h compares names, common/certificate_create.h makes new
 * ones.
 *
 * Process: all of them, and the server's backends; no state.  Functions leave
 * OpenSSL's error queue of the thread empty.
 */
#ifndef COMMON_CERTIFICATE_H
#define COMMON_CERTIFICATE_H

#include <stdbool.h>

#include "common/certificate_facts.h"
#include "common/error.h"

struct x509_st; /* OpenSSL's X509, EVP_PKEY, STACK_OF(X509) */
struct evp_pkey_st;
struct stack_st_X509;

/* A certificate ready for TLS; free with so_certificate_pair_free. */
typedef struct SoCertificatePair
{
	struct x509_st *certificate;
	struct stack_st_X509 *chain; /* further certificates of the file; may be empty */
	struct evp_pkey_st *key;
} SoCertificatePair;

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

#endif /* COMMON_CERTIFICATE_H */
