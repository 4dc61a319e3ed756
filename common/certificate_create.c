/*
 * common/certificate_create.c
 *
 * Makes keys, self-signed certificates and requests for certificates, and writes
 * them to files.
 *
 * Process: a backend, the agent's init, the client; no state.  Files appear
 * whole or not at all (pem_file.h).  The key is written first: a crash between the
 * two leaves a key without certificate, which the next call completes.
 */
#include "common/certificate_create.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/certificate.h"
#include "common/openssl_error.h"
#include "common/pem_file.h"

#define MAX_DAYS        36500
#define MAX_COMMON_NAME 64 /* ub-common-name of RFC 5280, in characters */

/* ---- the certificate ------------------------------------------------------ */

/* Letters, digits, '-', '_' and '.', no empty label; "*." may stand in front. */
static bool
is_dns_name(const char *name)
{
	size_t label = 0;

	if (strncmp(name, "*.", 2) == 0)
		name += 2;
	if (strlen(name) == 0 || strlen(name) > 253)
		return false;
	for (; *name != '\0'; name++)
	{
		if (*name == '.')
		{
			if (label == 0)
				return false;
			label = 0;
			continue;
		}
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", *name) ==
				NULL ||
			++label > 63)
			return false;
	}
	return label > 0;
}

static bool
is_uuid(const char *text)
{
	if (strlen(text) != 36)
		return false;
	for (int i = 0; i < 36; i++)
	{
		if (i == 8 || i == 13 || i == 18 || i == 23
				? text[i] != '-'
				: strchr("0123456789abcdefABCDEF", text[i]) == NULL)
			return false;
	}
	return true;
}

/* Push a name of the given type with the given bytes. */
static bool
push_name(GENERAL_NAMES *names, int type, const void *bytes, size_t length)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = type == GEN_IPADD ? ASN1_OCTET_STRING_new() : ASN1_IA5STRING_new();

	if (name == NULL || value == NULL || ASN1_STRING_set(value, bytes, (int) length) != 1)
	{
		GENERAL_NAME_free(name);
		ASN1_STRING_free(value);
		return false;
	}
	GENERAL_NAME_set0_value(name, type, value);
	if (sk_GENERAL_NAME_push(names, name) == 0)
	{
		GENERAL_NAME_free(name);
		return false;
	}
	return true;
}

static bool
push_requested_name(GENERAL_NAMES *names, const char *name)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, name, address) == 1)
		return push_name(names, GEN_IPADD, address, 4);
	if (inet_pton(AF_INET6, name, address) == 1)
		return push_name(names, GEN_IPADD, address, 16);
	return push_name(names, GEN_DNS, name, strlen(name));
}

static bool
check_request(const SoCertificateRequest *request, SoError *error)
{
	unsigned char address[16];

	if (request->days < 1 || request->days > MAX_DAYS)
		return so_error_set(error, SO_ERR_CERTIFICATE_NAME_INVALID, "days",
							"a validity of %d days is not between 1 and %d", request->days,
							MAX_DAYS);
	if (request->common_name == NULL || request->common_name[0] == '\0')
		return so_error_set(error, SO_ERR_CERTIFICATE_NAME_INVALID, "common name",
							"the common name is empty");
	if (request->agent_id != NULL && !is_uuid(request->agent_id))
		return so_error_set(error, SO_ERR_CERTIFICATE_NAME_INVALID, "agent id",
							"\"%.100s\" is not a UUID", request->agent_id);
	for (size_t i = 0; i < request->name_count; i++)
	{
		const char *name = request->names[i];

		if (inet_pton(AF_INET, name, address) != 1 && inet_pton(AF_INET6, name, address) != 1 &&
			!is_dns_name(name))
			return so_error_set(error, SO_ERR_CERTIFICATE_NAME_INVALID, NULL,
								"\"%.300s\" is neither a host name nor an IP address", name);
	}
	return true;
}

/* The names as GENERAL_NAMES; NULL when memory is short. */
static GENERAL_NAMES *
alternative_names(const SoCertificateRequest *request)
{
	GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
	char urn[64];
	bool ok = names != NULL;

	for (size_t i = 0; ok && i < request->name_count; i++)
		ok = push_requested_name(names, request->names[i]);
	if (ok && request->agent_id != NULL)
	{
		snprintf(urn, sizeof(urn), "urn:uuid:%s", request->agent_id);
		ok = push_name(names, GEN_URI, urn, strlen(urn));
	}
	if (ok)
		return names;
	GENERAL_NAMES_free(names);
	return NULL;
}

static bool
add_alternative_names(X509 *certificate, const SoCertificateRequest *request)
{
	GENERAL_NAMES *names = alternative_names(request);
	bool ok = names != NULL;

	if (ok && sk_GENERAL_NAME_num(names) > 0)
		ok = X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, 0) == 1;
	GENERAL_NAMES_free(names);
	return ok;
}

bool
so_certificate_add_extension(X509 *certificate, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool ok;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	ok = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

bool
so_certificate_set_serial(X509 *certificate)
{
	BIGNUM *number = BN_new();
	bool ok;

	ok = number != NULL && BN_rand(number, 159, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
		 BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
	BN_free(number);
	return ok;
}

/* Bytes of the first MAX_COMMON_NAME characters of UTF-8. */
static int
common_name_length(const char *name)
{
	int characters = 0;
	int length = 0;

	for (; name[length] != '\0'; length++)
	{
		if (((unsigned char) name[length] & 0xC0) != 0x80 && ++characters > MAX_COMMON_NAME)
			break;
	}
	return length;
}

static X509_NAME *
make_subject(const char *common_name)
{
	X509_NAME *name = X509_NAME_new();

	if (name != NULL && X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
												   (const unsigned char *) common_name,
												   common_name_length(common_name), -1, 0) == 1)
		return name;
	X509_NAME_free(name);
	return NULL;
}

static bool
set_subject(X509 *certificate, const char *common_name)
{
	X509_NAME *name = make_subject(common_name);
	bool ok;

	ok = name != NULL && X509_set_subject_name(certificate, name) == 1 &&
		 X509_set_issuer_name(certificate, name) == 1;
	X509_NAME_free(name);
	return ok;
}

static X509 *
make_certificate(const SoCertificateRequest *request, EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	bool ok;

	ok =
		certificate != NULL && X509_set_version(certificate, X509_VERSION_3) == 1 &&
		so_certificate_set_serial(certificate) &&
		X509_gmtime_adj(X509_getm_notBefore(certificate), -SO_CERTIFICATE_START_BEFORE_S) != NULL &&
		X509_time_adj_ex(X509_getm_notAfter(certificate), request->days, 0, NULL) != NULL &&
		set_subject(certificate, request->common_name) && X509_set_pubkey(certificate, key) == 1 &&
		so_certificate_add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
		so_certificate_add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
		so_certificate_add_extension(certificate, NID_ext_key_usage, "serverAuth,clientAuth") &&
		so_certificate_add_extension(certificate, NID_subject_key_identifier, "hash") &&
		add_alternative_names(certificate, request) &&
		X509_sign(certificate, key, EVP_sha256()) > 0;
	if (!ok)
	{
		X509_free(certificate);
		return NULL;
	}
	return certificate;
}

/* A request with the names; the authority decides about everything else. */
static X509_REQ *
make_signing_request(const SoCertificateRequest *request, EVP_PKEY *key)
{
	X509_REQ *made = X509_REQ_new();
	X509_NAME *name = make_subject(request->common_name);
	GENERAL_NAMES *names = alternative_names(request);
	X509_EXTENSIONS *extensions = NULL;
	bool ok;

	ok = made != NULL && name != NULL && names != NULL &&
		 X509_REQ_set_version(made, X509_REQ_VERSION_1) == 1 &&
		 X509_REQ_set_subject_name(made, name) == 1 && X509_REQ_set_pubkey(made, key) == 1 &&
		 (sk_GENERAL_NAME_num(names) == 0 ||
		  (X509V3_add1_i2d(&extensions, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1 &&
		   X509_REQ_add_extensions(made, extensions) == 1)) &&
		 X509_REQ_sign(made, key, EVP_sha256()) > 0;
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	GENERAL_NAMES_free(names);
	X509_NAME_free(name);
	if (ok)
		return made;
	X509_REQ_free(made);
	return NULL;
}

/* ---- files ---------------------------------------------------------------- */

static bool
exists(const char *file)
{
	struct stat status;

	return lstat(file, &status) == 0;
}

/* The key that an earlier call left without certificate. */
static EVP_PKEY *
read_left_key(const char *key_file)
{
	FILE *stream = fopen(key_file, "re");
	EVP_PKEY *key = NULL;

	if (stream != NULL)
	{
		key = PEM_read_PrivateKey(stream, NULL, NULL, (void *) (uintptr_t) "");
		fclose(stream);
	}
	return key;
}

/* Write the key (unless it is there already), then what belongs to it. */
static bool
write_both(const char *file, BIO *bio, const char *key_file, BIO *key_bio, bool replace,
		   SoError *error)
{
	SoPemFile staged;
	SoPemFile staged_key;

	if (!replace)
		return (key_bio == NULL || so_pem_file_write(key_file, 0600, false, key_bio, error)) &&
			   so_pem_file_write(file, 0644, false, bio, error);
	if (!so_pem_file_stage(&staged, file, 0644, bio, error))
		return false;
	if (so_pem_file_stage(&staged_key, key_file, 0600, key_bio, error))
		return so_pem_file_replace_pair(&staged, &staged_key, error);
	so_pem_file_drop(&staged);
	return false;
}

/* The certificate, or the request for one, that belongs to the key. */
static bool
write_pair(const SoCertificateRequest *request, bool sign, EVP_PKEY *key, bool write_key,
		   const char *file, const char *key_file, SoError *error)
{
	X509 *certificate = sign ? make_certificate(request, key) : NULL;
	X509_REQ *wish = sign ? NULL : make_signing_request(request, key);
	BIO *key_bio = BIO_new(BIO_s_secmem());
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok;

	ok = (certificate != NULL || wish != NULL) && key_bio != NULL && bio != NULL &&
		 PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1 &&
		 (sign ? PEM_write_bio_X509(bio, certificate) : PEM_write_bio_X509_REQ(bio, wish)) == 1;
	if (ok)
		ok = write_both(file, bio, key_file, write_key ? key_bio : NULL, request->replace, error);
	else
		so_openssl_error(error, SO_ERR_CERTIFICATE_FAILED, file,
						 sign ? "cannot make the certificate" : "cannot make the request");
	BIO_free(bio);
	BIO_free(key_bio);
	X509_REQ_free(wish);
	X509_free(certificate);
	return ok;
}

/* A pair of files: the certificate or the request for one, and the key. */
static bool
create(const SoCertificateRequest *request, bool sign, const char *file, const char *key_file,
	   SoError *error)
{
	bool have_key = !request->replace && exists(key_file);
	EVP_PKEY *key;
	bool ok;

	if (!check_request(request, error))
		return false;
	if (!request->replace && exists(file))
		return so_error_set(error, SO_ERR_CERTIFICATE_EXISTS, file, "the %s file exists already",
							sign ? "certificate" : "request");
	ERR_clear_error();
	key = have_key ? read_left_key(key_file) : EVP_EC_gen("P-256");
	if (key == NULL)
		return so_openssl_error(
			error, have_key ? SO_ERR_CERTIFICATE_EXISTS : SO_ERR_CERTIFICATE_FAILED, key_file,
			have_key ? "the key file exists already and is not usable" : "cannot make a key");
	ok = write_pair(request, sign, key, !have_key, file, key_file, error);
	EVP_PKEY_free(key);
	ERR_clear_error();
	return ok;
}

bool
so_certificate_create(const SoCertificateRequest *request, const char *certificate_file,
					  const char *key_file, SoError *error)
{
	return create(request, true, certificate_file, key_file, error);
}

bool
so_certificate_request(const SoCertificateRequest *request, const char *request_file,
					   const char *key_file, SoError *error)
{
	return create(request, false, request_file, key_file, error);
}
