/*
 * worker_agent/master_trust.c
 *
 * Accepts the master's certificate when it is pinned, or succeeds a pinned one
 * (common/succession.h), and is named for the endpoint.
 *
 * Process: agent, event loop thread.  The callback only records; nothing leaves
 * OpenSSL's frames by another way than a return.
 */
#include "worker_agent/master_trust.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <openssl/x509_vfy.h>

#include "common/certificate_host.h"
#include "common/openssl_error.h"
#include "common/succession.h"

/* known: when the statement of a pinned certificate counts that leads on. */
static void
refuse_pin(SoMasterTrust *trust, const SoEndpoint *endpoint, const SoThumbprint *got, time_t now,
		   const SoSuccessionTime *known)
{
	char got_text[SO_THUMBPRINT_TEXT_SIZE];
	char pins[SO_PINS_MAX * (SO_THUMBPRINT_TEXT_SIZE + 2)];
	size_t used = 0;

	pins[0] = '\0';
	for (int i = 0; i < trust->address->pin_count; i++)
	{
		char pin[SO_THUMBPRINT_TEXT_SIZE];

		used += (size_t) snprintf(pins + used, sizeof(pins) - used, "%s%s", i > 0 ? ", " : "",
								  so_thumbprint_format(&trust->address->pins[i], pin));
	}
	so_error_set(&trust->error, SO_ERR_MASTER_UNTRUSTED, endpoint->url,
				 "the certificate of the master is not one of the pinned ones");
	so_error_detail(
		&trust->error,
		"The master sent a certificate with thumbprint %s; MasterHttpsCertThumbprint is %s.",
		so_thumbprint_format(got, got_text), pins);
	so_succession_explain(known, now, got, &trust->error);
}

/* Takes the place of OpenSSL's chain verification. */
static int
verify_cb(X509_STORE_CTX *store, void *argument)
{
	SoMasterTrust *trust = argument;
	const SoEndpoint *endpoint = &trust->address->endpoints.endpoints[trust->address->current];
	X509 *certificate = X509_STORE_CTX_get0_cert(store);
	SoThumbprint thumbprint;
	bool pinned = false;
	time_t now = time(NULL);
	SoSuccessionTime known = {0};

	X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
	if (certificate == NULL)
		return 0;
	if (!so_thumbprint_of_x509(certificate, &thumbprint, &trust->error))
		return 0;
	for (int i = 0; i < trust->address->pin_count; i++)
		pinned = pinned || so_thumbprint_equal(&thumbprint, &trust->address->pins[i]);
	/* A new one that a pinned one has named; the master then announces it (rotation.h). */
	if (!pinned && !so_succession_leads(X509_STORE_CTX_get0_untrusted(store), trust->address->pins,
										trust->address->pin_count, &thumbprint, now, &known))
	{
		refuse_pin(trust, endpoint, &thumbprint, now, &known);
		return 0;
	}
	if (!so_certificate_matches_host(certificate, endpoint->host, &trust->error))
	{
		snprintf(trust->error.place, sizeof(trust->error.place), "%s", endpoint->url);
		so_error_hint(&trust->error,
					  "Use one of the names of the certificate in MasterEndpoint, or "
					  "have the master's certificate made with the name that is used here.");
		return 0;
	}
	so_error_clear(&trust->error);
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

bool
so_master_trust_prepare(SSL_CTX *context, SoMasterTrust *trust)
{
	const SoCertificatePair *pair = trust->pair;

	so_error_clear(&trust->error);
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_cert_verify_callback(context, verify_cb, trust);
	if (SSL_CTX_use_certificate(context, pair->certificate) != 1 ||
		SSL_CTX_use_PrivateKey(context, pair->key) != 1 ||
		(pair->chain != NULL && SSL_CTX_set1_chain(context, pair->chain) != 1))
		return so_openssl_error(&trust->error, SO_ERR_CERTIFICATE_FAILED, NULL,
								"the worker's certificate cannot be used");
	return true;
}
