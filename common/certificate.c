/*
 * common/certificate.c
 *
 * Loads certificates with their private keys, and checks that they fit.
 *
 * Process: all of them, and the server's backends.  No state; memory is OpenSSL's,
 * and the caller's to free.  Nothing is written, so a crash leaves nothing behind.
 */
#include "common/certificate.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "common/openssl_error.h"
#include "common/pem.h"

/* Certificate, chain and facts (which may be NULL), no key. */
static bool
load_certificate(const char *certificate_file, SoCertificatePair *pair, SoCertificateFacts *facts,
				 SoError *error)
{
	SoCertificateFacts unwanted;
	SoPem contents;
	size_t length;
	char *pem = so_pem_read(certificate_file, &length, error);
	bool ok;

	memset(pair, 0, sizeof(*pair));
	if (pem == NULL)
		return false;
	ok = so_pem_parse(pem, length, &contents, error);
	so_pem_free_text(pem, length);
	if (ok)
	{
		pair->certificate = contents.certificate;
		pair->chain = contents.chain;
		ok = so_certificate_facts_of_pem(&contents, facts ? facts : &unwanted, error);
	}
	if (ok)
		return true;
	if (error != NULL)
		snprintf(error->place, sizeof(error->place), "%s", certificate_file);
	so_certificate_pair_free(pair);
	return false;
}

bool
so_certificate_load_public(const char *certificate_file, SoCertificatePair *pair, SoError *error)
{
	return load_certificate(certificate_file, pair, NULL, error);
}

bool
so_certificate_load(const char *certificate_file, const char *key_file, SoCertificatePair *pair,
					SoCertificateFacts *facts, SoError *error)
{
	bool ok = load_certificate(certificate_file, pair, facts, error);

	if (!ok)
		return false;
	ok = (pair->key = so_pem_read_key(key_file, error)) != NULL;
	if (ok && X509_check_private_key(pair->certificate, pair->key) != 1)
	{
		ok = so_openssl_error(error, SO_ERR_KEY_MISMATCH, key_file,
							  "the private key does not belong to the certificate");
		so_error_detail(error, "The certificate is %s.", certificate_file);
	}
	if (!ok)
		so_certificate_pair_free(pair);
	return ok;
}

void
so_certificate_pair_free(SoCertificatePair *pair)
{
	X509_free(pair->certificate);
	sk_X509_pop_free(pair->chain, X509_free);
	EVP_PKEY_free(pair->key);
	memset(pair, 0, sizeof(*pair));
}

bool
so_certificate_check_files(const char *certificate_file, const char *key_file,
						   SoCertificateFacts *facts, SoError *error)
{
	SoCertificatePair pair;

	if (!so_certificate_load(certificate_file, key_file, &pair, facts, error))
		return false;
	so_certificate_pair_free(&pair);
	return true;
}
