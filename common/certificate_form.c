/*
 * common/certificate_form.c
 *
 * See certificate_form.h.
 *
 * Process: all of them, and the server's backends.  No state; nothing is written,
 * so a crash leaves nothing behind.
 */
#include "common/certificate_form.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

typedef enum Form
{
	FORM_UNKNOWN,
	FORM_EMPTY,
	FORM_UTF16,
	FORM_DER_CERTIFICATE,
	FORM_DER_KEY,
	FORM_DER_ENCRYPTED_KEY,
	FORM_PKCS12,
	FORM_DER_PKCS7,
	FORM_PEM_PKCS7,
	FORM_PEM_REQUEST,
	FORM_PEM_ENCRYPTED_KEY,
	FORM_PEM_KEY,
	FORM_PEM_CERTIFICATE,
} Form;

/* Does the parser of a DER form take the bytes?  What it makes is freed. */
#define TAKES(type, bytes, length)                                                                 \
	__extension__({                                                                                \
		const unsigned char *position_ = (const unsigned char *) bytes;                            \
		type *parsed_ = d2i_##type(NULL, &position_, (long) (length));                             \
		bool taken_ = parsed_ != NULL;                                                             \
		type##_free(parsed_);                                                                      \
		taken_;                                                                                    \
	})

static bool
takes_key(const char *bytes, size_t length)
{
	const unsigned char *position = (const unsigned char *) bytes;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &position, (long) length);

	EVP_PKEY_free(key);
	return key != NULL;
}

static Form
form_of_der(const char *bytes, size_t length)
{
	/* Every one of them is a sequence. */
	if (bytes[0] != 0x30)
		return FORM_UNKNOWN;
	if (TAKES(X509, bytes, length))
		return FORM_DER_CERTIFICATE;
	if (TAKES(PKCS12, bytes, length))
		return FORM_PKCS12;
	if (TAKES(PKCS7, bytes, length))
		return FORM_DER_PKCS7;
	if (takes_key(bytes, length))
		return FORM_DER_KEY;
	return TAKES(X509_SIG, bytes, length) ? FORM_DER_ENCRYPTED_KEY : FORM_UNKNOWN;
}

static Form
form_of(const char *bytes, size_t length, bool is_key)
{
	Form form;

	if (strspn(bytes, " \t\r\n") == length)
		return FORM_EMPTY;
	if (length >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0))
		return FORM_UTF16;
	if (strstr(bytes, "-----BEGIN PKCS7-----") != NULL)
		return FORM_PEM_PKCS7;
	/* A file may have both; the one that is wanted is then malformed, and not of another form. */
	if (!is_key && strstr(bytes, "-----BEGIN CERTIFICATE-----") != NULL)
		return FORM_PEM_CERTIFICATE;
	if (strstr(bytes, "-----BEGIN ENCRYPTED PRIVATE KEY-----") != NULL ||
		strstr(bytes, "Proc-Type: 4,ENCRYPTED") != NULL)
		return FORM_PEM_ENCRYPTED_KEY;
	if (strstr(bytes, "PRIVATE KEY-----") != NULL)
		return FORM_PEM_KEY;
	if (strstr(bytes, "CERTIFICATE REQUEST-----") != NULL)
		return FORM_PEM_REQUEST;
	if (strstr(bytes, "CERTIFICATE-----") != NULL)
		return FORM_PEM_CERTIFICATE;
	form = form_of_der(bytes, length);
	ERR_clear_error();
	return form;
}

/* What the form is called; NULL when it is what was wanted, or not known. */
static const char *
describe(Form form, bool is_key)
{
	switch (form)
	{
		case FORM_EMPTY:
			return "The file is empty.";
		case FORM_UTF16:
			return "The file was saved as UTF-16.";
		case FORM_DER_CERTIFICATE:
			return is_key ? "The file is a certificate in DER form, not a key."
						  : "The certificate is in DER form, not in PEM form.";
		case FORM_DER_KEY:
			return is_key ? "The key is in DER form, not in PEM form."
						  : "The file is a private key in DER form, not a certificate.";
		case FORM_DER_ENCRYPTED_KEY:
			return is_key ? "The key is in DER form and protected by a passphrase."
						  : "The file is a private key in DER form, not a certificate.";
		case FORM_PKCS12:
			return "The file is a PKCS #12 archive (.pfx, .p12), not PEM.";
		case FORM_DER_PKCS7:
		case FORM_PEM_PKCS7:
			return is_key ? "The file is a PKCS #7 list of certificates (.p7b), without a key."
						  : "The file is a PKCS #7 list of certificates (.p7b), not PEM.";
		case FORM_PEM_REQUEST:
			return "The file is a request for a certificate: the authority's answer is missing.";
		case FORM_PEM_ENCRYPTED_KEY:
			return is_key ? "The key is protected by a passphrase, which nobody can type when a "
							"service starts."
						  : "The file is a private key, not a certificate.";
		case FORM_PEM_KEY:
			return is_key ? NULL : "The file is a private key, not a certificate.";
		case FORM_PEM_CERTIFICATE:
			return is_key ? "The file is a certificate, not a key." : NULL;
		case FORM_UNKNOWN:
			break;
	}
	return NULL;
}

/* openssl writes into the file that exists, so owner and mode stay. */
static void
convert(SoError *error, const char *file, const char *suffix, const char *command)
{
	so_error_hint(error, "Run cp -p %s %s.%s && openssl %s -in %s.%s -out %s", file, file, suffix,
				  command, file, suffix, file);
}

void
so_certificate_form_explain(const char *bytes, size_t length, bool is_key, const char *file,
							SoError *error)
{
	Form form = form_of(bytes, length, is_key);
	const char *what = describe(form, is_key);

	if (error == NULL || what == NULL)
		return;
	so_error_detail(error, "%s", what);
	if (form == FORM_UTF16)
		so_error_hint(error, "Run cp -p %s %s.utf16 && iconv -f UTF-16 -t UTF-8 -o %s %s.utf16",
					  file, file, file, file);
	else if (form == FORM_DER_CERTIFICATE && !is_key)
		convert(error, file, "der", "x509 -inform DER");
	else if ((form == FORM_DER_KEY || form == FORM_DER_ENCRYPTED_KEY) && is_key)
		convert(error, file, "der", "pkey -inform DER");
	else if (form == FORM_PKCS12)
		convert(error, file, "p12", is_key ? "pkcs12 -nocerts -nodes" : "pkcs12 -clcerts -nokeys");
	else if (form == FORM_DER_PKCS7 && !is_key)
		convert(error, file, "p7b", "pkcs7 -print_certs -inform DER");
	else if (form == FORM_PEM_PKCS7 && !is_key)
		convert(error, file, "p7b", "pkcs7 -print_certs");
	else if (form == FORM_PEM_ENCRYPTED_KEY && is_key)
		convert(error, file, "encrypted", "pkey");
	else
		so_error_hint(error,
					  "Put the %s into this file, in PEM form; perhaps two files are "
					  "interchanged.",
					  is_key ? "private key" : "certificate");
}

void
so_certificate_form_place(const char *bytes, size_t length, const char *file, SoError *error)
{
	if (error == NULL)
		return;
	snprintf(error->place, sizeof(error->place), "%s", file);
	if (error->code == SO_ERR_CERTIFICATE_MALFORMED)
		so_certificate_form_explain(bytes, length, false, file, error);
}
