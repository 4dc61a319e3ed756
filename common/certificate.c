/*
 * common/certificate.c
 *
 * Loads certificates with their private keys, and checks that they fit.
 *
 * Process: all of them, and the server's backends.  No state; memory is OpenSSL's,
 * and the caller's to free.  Nothing is written, so a crash leaves nothing behind.
 */
#include "common/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "common/certificate_form.h"
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
	if (ok)
	{
		pair->certificate = contents.certificate;
		pair->chain = contents.chain;
		ok = so_certificate_facts_of_pem(&contents, facts ? facts : &unwanted, error);
	}
	if (!ok)
	{
		so_certificate_form_place(pem, length, certificate_file, error);
		so_certificate_pair_free(pair);
	}
	so_pem_free_text(pem, length);
	return ok;
}

bool
so_certificate_load_public(const char *certificate_file, SoCertificatePair *pair, SoError *error)
{
	return load_certificate(certificate_file, pair, NULL, error);
}

/* The key is of another certificate than the first one of the file. */
static void
set_mismatch(const SoCertificatePair *pair, const char *certificate_file, const char *key_file,
			 SoError *error)
{
	so_openssl_error(error, SO_ERR_KEY_MISMATCH, key_file,
					 "the private key does not belong to the certificate");
	so_error_detail(error, "The certificate is %s.", certificate_file);
	for (int i = 0; i < sk_X509_num(pair->chain); i++)
	{
		if (X509_check_private_key(sk_X509_value(pair->chain, i), pair->key) != 1)
			continue;
		so_error_detail(error, "It belongs to certificate %d of %s, not to the first one.", i + 2,
						certificate_file);
		so_error_hint(error,
					  "Put the certificate of the key first in %s, and those of the authorities "
					  "behind it.",
					  certificate_file);
	}
	ERR_clear_error();
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
		set_mismatch(pair, certificate_file, key_file, error);
		ok = false;
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
