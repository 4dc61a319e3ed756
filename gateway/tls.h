/*
 * gateway/tls.h
 *
 * The TLS context of the endpoint: built completely, then put in place, so that
 * a reload with a bad certificate leaves the old one serving.
 *
 * Process: gateway; one thread, no locking.
 */
#ifndef GATEWAY_TLS_H
#define GATEWAY_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "common/certificate.h"
#include "common/error.h"

typedef struct SoTls
{
	SSL_CTX *context;
	SoThumbprint thumbprint; /* of the served certificate */
} SoTls;

/*
 * Build a context from the files and put it in place of the one in *tls (whose
 * connections go on).  On failure *tls stays as it was.  Warns in the log when
 * the certificate is not valid now.
 */
extern bool so_tls_load(SoTls *tls, const char *certificate_file, const char *key_file,
						SoError *error) SO_WARN_UNUSED;
extern void so_tls_free(SoTls *tls);

/*
 * The thumbprint of the peer's certificate: 1 with *thumbprint, 0 when the peer
 * sent none, -1 with *error.
 */
extern int so_tls_peer_thumbprint(const SSL *ssl, SoThumbprint *thumbprint, SoError *error);

/* What the peer's certificate says; SO301 when it sent none. */
extern bool
so_tls_peer_facts(const SSL *ssl, SoCertificateFacts *facts, SoError *error) SO_WARN_UNUSED;

#endif /* GATEWAY_TLS_H */
