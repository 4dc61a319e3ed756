/*
 * worker_agent/master_trust.h
 *
 * The TLS side of master_client.c: our certificate goes into the context, and
 * the master's is checked by thumbprint and host name instead of by authorities.
 *
 * Process: agent, event loop thread; called back by libcurl and OpenSSL.
 */
#ifndef WORKER_AGENT_MASTER_TRUST_H
#define WORKER_AGENT_MASTER_TRUST_H

#include <openssl/ssl.h>

#include "common/certificate.h"
#include "common/error.h"
#include "worker_agent/master_client.h"

/* What one connection is checked against, and what was found. */
typedef struct SoMasterTrust
{
	const SoCertificatePair *pair;
	const SoMasterAddress *address;
	SoError error; /* why the certificate was refused; SO_OK otherwise */
} SoMasterTrust;

/*
 * Prepare a context that libcurl is about to use; trust must outlive the
 * connection attempt.  false with trust->error.
 */
extern bool so_master_trust_prepare(SSL_CTX *context, SoMasterTrust *trust) SO_WARN_UNUSED;

#endif /* WORKER_AGENT_MASTER_TRUST_H */
