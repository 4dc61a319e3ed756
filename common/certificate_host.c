/*
 * common/certificate_host.c
 *
 * Compares host names with the names in a certificate.
 *
 * Process: all of them, and the server's backends.  No state, nothing is written.
 */
#include "common/certificate_host.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <string.h>

#include "common/certificate.h"

bool
so_certificate_matches_host(const struct x509_st *certificate, const char *host, SoError *error)
{
	/* OpenSSL's check functions take the certificate without const. */
	X509 *checked = (X509 *) (uintptr_t) certificate;
	char name[SO_CERTIFICATE_NAME_SIZE];
	size_t length = strlen(host);
	unsigned char address[16];
	int matches;

	if (length >= 2 && host[0] == '[' && host[length - 1] == ']')
	{
		host++;
		length -= 2;
	}
	/* A name may be absolute, with a final dot, which certificates leave out. */
	else if (length > 1 && host[length - 1] == '.')
		length--;
	if (length == 0 || length >= sizeof(name))
		return so_error_set(error, SO_ERR_HOST_NAME_MISMATCH, NULL, "\"%.300s\" is no host name",
							host);
	memcpy(name, host, length);
	name[length] = '\0';
	ERR_clear_error();
	if (inet_pton(AF_INET, name, address) == 1)
		matches = X509_check_ip(checked, address, 4, 0);
	else if (inet_pton(AF_INET6, name, address) == 1)
		matches = X509_check_ip(checked, address, 16, 0);
	else
		matches = X509_check_host(
			checked, name, length,
			X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL);
	ERR_clear_error();
	if (matches == 1)
		return true;
	return so_error_set(error, SO_ERR_HOST_NAME_MISMATCH, NULL,
						"\"%s\" is not one of the names in the certificate", name);
}

bool
so_certificate_file_matches_host(const char *file, const char *host, SoError *error)
{
	SoCertificatePair pair;
	bool ok;

	if (!so_certificate_load_public(file, &pair, error))
		return false;
	ok = so_certificate_matches_host(pair.certificate, host, error);
	so_certificate_pair_free(&pair);
	return ok;
}
