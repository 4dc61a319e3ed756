/*
 * gateway/tls.c
 *
 * Builds TLS contexts.  Any client certificate is accepted in the handshake, and
 * none: who the client is, is its certificate's thumbprint, which the trust set
 * knows or not (docs/protocol.md 2.1).  The handshake itself proves that the
 * client has the private key.
 *
 * Process: gateway; one thread.  Certificate and key live in memory only.
 */
#include "gateway/tls.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <time.h>

#include "common/log.h"
#include "common/openssl_error.h"

/* A larger key costs the gateway more to verify than it gives the client. */
#define MAX_PEER_RSA_BITS           8192
#define MAX_PEER_CERTIFICATES_BYTES (32 * 1024)
#define WARN_BEFORE_SECONDS         (30 * 24 * 3600)

/* Instead of building a chain, which would mean nothing here. */
static int
accept_certificate_cb(X509_STORE_CTX *store, void *context)
{
	const X509 *certificate = X509_STORE_CTX_get0_cert(store);
	EVP_PKEY *key = certificate ? X509_get0_pubkey(certificate) : NULL;

	(void) context;
	if (key == NULL ||
		(EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) > MAX_PEER_RSA_BITS))
	{
		X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
		return 0;
	}
	X509_STORE_CTX_set_error(store, X509_V_OK);
	return 1;
}

static void
set_options(SSL_CTX *context)
{
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
									 SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_max_cert_list(context, MAX_PEER_CERTIFICATES_BYTES);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(context, accept_certificate_cb, NULL);
}

static SSL_CTX *
make_context(const SoCertificatePair *pair)
{
	SSL_CTX *context;

	ERR_clear_error();
	context = SSL_CTX_new(TLS_server_method());
	if (context == NULL)
		return NULL;
	set_options(context);
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
		SSL_CTX_use_certificate(context, pair->certificate) != 1 ||
		SSL_CTX_set1_chain(context, pair->chain) != 1 ||
		SSL_CTX_use_PrivateKey(context, pair->key) != 1 || SSL_CTX_check_private_key(context) != 1)
	{
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

/* Agents pin the thumbprint, so a certificate out of its time works; people should know. */
static void
warn_about_time(const SoCertificateFacts *facts, const char *file)
{
	time_t now = time(NULL);
	SoError error;

	if (!so_certificate_check_time(facts, now, &error))
		so_log_error(SO_LOG_WARNING, &error);
	else if (facts->not_after - now < WARN_BEFORE_SECONDS)
		so_log(SO_LOG_WARNING, "the certificate in %s expires in %ld days", file,
			   (long) (facts->not_after - now) / (24 * 3600));
}

bool
so_tls_load(SoTls *tls, const char *certificate_file, const char *key_file, SoError *error)
{
	SoCertificatePair pair;
	SoCertificateFacts facts;
	SSL_CTX *context;

	if (!so_certificate_load(certificate_file, key_file, &pair, &facts, error))
		return false;
	context = make_context(&pair);
	so_certificate_pair_free(&pair);
	if (context == NULL)
		return so_openssl_error(error, SO_ERR_CERTIFICATE_FAILED, certificate_file,
								"the certificate cannot be used for TLS");
	warn_about_time(&facts, certificate_file);
	/* Connections of the old context hold references to it. */
	SSL_CTX_free(tls->context);
	tls->context = context;
	tls->thumbprint = facts.thumbprint;
	return true;
}

void
so_tls_free(SoTls *tls)
{
	SSL_CTX_free(tls->context);
	tls->context = NULL;
}

int
so_tls_peer_thumbprint(const SSL *ssl, SoThumbprint *thumbprint, SoError *error)
{
	X509 *certificate = SSL_get1_peer_certificate(ssl);
	bool ok;

	if (certificate == NULL)
		return 0;
	ok = so_thumbprint_of_x509(certificate, thumbprint, error);
	X509_free(certificate);
	return ok ? 1 : -1;
}

bool
so_tls_peer_facts(const SSL *ssl, SoCertificateFacts *facts, SoError *error)
{
	X509 *certificate = SSL_get1_peer_certificate(ssl);
	bool ok;

	if (certificate == NULL)
		return so_error_set(error, SO_ERR_CERTIFICATE_REQUIRED, NULL,
							"the client sent no certificate");
	ok = so_certificate_facts_of_x509(certificate, facts, error);
	X509_free(certificate);
	return ok;
}
