/*
 * common/certificate_facts.c
 *
 * Reads what certificates say.
 *
 * Process: all of them, and the server's backends.  No state; nothing is written,
 * so a crash leaves nothing behind.
 */
#include "common/certificate_facts.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/certificate_form.h"
#include "common/openssl_error.h"

static void
format_name(const X509_NAME *name, char *buffer, size_t size)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int got = -1;

	if (bio != NULL && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253) >= 0)
		got = BIO_read(bio, buffer, (int) size - 1);
	buffer[got > 0 ? got : 0] = '\0';
	BIO_free(bio);
}

static void
format_serial(const X509 *certificate, char *buffer, size_t size)
{
	BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), NULL);
	char *text = number ? BN_bn2hex(number) : NULL;

	snprintf(buffer, size, "%s", text ? text : "");
	OPENSSL_free(text);
	BN_free(number);
}

/* Printable ASCII of an ASN.1 string; false when it has anything else. */
static bool
take_ascii(const ASN1_IA5STRING *string, char *buffer, size_t size)
{
	const unsigned char *data = ASN1_STRING_get0_data(string);
	int length = ASN1_STRING_length(string);

	if (length <= 0 || (size_t) length >= size)
		return false;
	for (int i = 0; i < length; i++)
	{
		if (data[i] <= ' ' || data[i] > '~')
			return false;
		buffer[i] = (char) data[i];
	}
	buffer[length] = '\0';
	return true;
}

static bool
take_address(const ASN1_OCTET_STRING *address, char *buffer, size_t size)
{
	int length = ASN1_STRING_length(address);

	if (length != 4 && length != 16)
		return false;
	return inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), buffer,
					 (socklen_t) size) != NULL;
}

static void
take_uri(const ASN1_IA5STRING *uri, SoCertificateFacts *facts)
{
	static const char prefix[] = "urn:uuid:";
	char text[SO_CERTIFICATE_NAME_SIZE];

	if (take_ascii(uri, text, sizeof(text)) && strncmp(text, prefix, sizeof(prefix) - 1) == 0 &&
		strlen(text) == sizeof(prefix) - 1 + 36)
		memcpy(facts->agent_id, text + sizeof(prefix) - 1, sizeof(facts->agent_id));
}

static void
take_names(const X509 *certificate, SoCertificateFacts *facts)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++)
	{
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
		bool taken = false;

		if (name->type == GEN_URI)
			take_uri(name->d.uniformResourceIdentifier, facts);
		if (facts->name_count == SO_CERTIFICATE_MAX_NAMES)
			continue;
		if (name->type == GEN_DNS)
			taken = take_ascii(name->d.dNSName, facts->names[facts->name_count],
							   SO_CERTIFICATE_NAME_SIZE);
		else if (name->type == GEN_IPADD)
			taken = take_address(name->d.iPAddress, facts->names[facts->name_count],
								 SO_CERTIFICATE_NAME_SIZE);
		if (taken)
			facts->name_count++;
	}
	GENERAL_NAMES_free(names);
}

static bool
take_time(const ASN1_TIME *time, time_t *result)
{
	struct tm parts;

	if (ASN1_TIME_to_tm(time, &parts) != 1)
		return false;
	*result = timegm(&parts);
	return true;
}

bool
so_certificate_facts_of_pem(const SoPem *pem, SoCertificateFacts *facts, SoError *error)
{
	const X509 *certificate = pem->certificate;

	memset(facts, 0, sizeof(*facts));
	if (!so_thumbprint_of_x509(certificate, &facts->thumbprint, error))
		return false;
	so_thumbprint_format(&facts->thumbprint, facts->thumbprint_text);
	format_name(X509_get_subject_name(certificate), facts->subject, sizeof(facts->subject));
	format_name(X509_get_issuer_name(certificate), facts->issuer, sizeof(facts->issuer));
	format_serial(certificate, facts->serial, sizeof(facts->serial));
	take_names(certificate, facts);
	facts->has_private_key = pem->has_private_key;
	facts->certificate_count = pem->certificate_count;
	if (!take_time(X509_get0_notBefore(certificate), &facts->not_before) ||
		!take_time(X509_get0_notAfter(certificate), &facts->not_after))
		return so_openssl_error(error, SO_ERR_CERTIFICATE_MALFORMED, NULL,
								"the certificate's validity is malformed");
	ERR_clear_error();
	return true;
}

bool
so_certificate_read(const char *pem, size_t length, SoCertificateFacts *facts, SoError *error)
{
	SoPem contents;
	bool ok;

	if (!so_pem_parse(pem, length, &contents, error))
		return false;
	ok = so_certificate_facts_of_pem(&contents, facts, error);
	so_pem_free(&contents);
	return ok;
}

bool
so_certificate_facts_of_x509(const struct x509_st *certificate, SoCertificateFacts *facts,
							 SoError *error)
{
	/* so_certificate_facts_of_pem reads only. */
	const SoPem pem = {.certificate = (X509 *) (uintptr_t) certificate, .certificate_count = 1};

	return so_certificate_facts_of_pem(&pem, facts, error);
}

bool
so_certificate_read_file(const char *file, SoCertificateFacts *facts, SoError *error)
{
	size_t length;
	char *pem = so_pem_read(file, &length, error);
	bool ok;

	if (pem == NULL)
		return false;
	ok = so_certificate_read(pem, length, facts, error);
	if (!ok)
		so_certificate_form_place(pem, length, file, error);
	so_pem_free_text(pem, length);
	return ok;
}

bool
so_certificate_check_time(const SoCertificateFacts *facts, time_t now, SoError *error)
{
	bool early = now < facts->not_before;
	time_t limit = early ? facts->not_before : facts->not_after;
	struct tm parts;
	char text[32] = "";

	if (!early && now <= facts->not_after)
		return true;
	if (gmtime_r(&limit, &parts) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
	return so_error_set(error, SO_ERR_CERTIFICATE_NOT_VALID_NOW, facts->subject,
						"the certificate %s %s", early ? "is not valid before" : "expired at",
						text);
}
