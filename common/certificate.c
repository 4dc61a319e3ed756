/*
 * common/certificate.c
 *
 * Reads and checks certificates and private keys in PEM form.
 *
 * Process: all of them, and the server's backends.  No state; memory is
 * OpenSSL's and malloc's, freed before a function returns.  Nothing is written,
 * so a crash leaves nothing behind.
 */
#include "common/certificate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool
so_certificate_openssl_error(SoError *error, SoErrorCode code, const char *place,
							 const char *message)
{
	unsigned long reason = ERR_get_error();
	char text[256];

	ERR_clear_error();
	so_error_set(error, code, place, "%s", message);
	if (reason == 0)
		return false;
	ERR_error_string_n(reason, text, sizeof(text));
	return so_error_detail(error, "OpenSSL says: %s.", text);
}

/* A passphrase is never asked for: these programs have nobody at a terminal. */
static int
no_passphrase(char *buffer, int size, int writing, void *context)
{
	(void) buffer;
	(void) size;
	(void) writing;
	(void) context;
	return 0;
}

/* ---- files ---------------------------------------------------------------- */

static bool
check_key_mode(const struct stat *status, const char *file, SoError *error)
{
	mode_t forbidden = status->st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO;

	if ((status->st_mode & forbidden) == 0)
		return true;
	so_error_set(error, SO_ERR_KEY_EXPOSED, file, "the private key file can be read by others");
	return so_error_detail(error, "Its mode is %03o.", (unsigned int) (status->st_mode & 07777));
}

/*
 * Read a whole small file.  Returns malloc'ed bytes with a terminator that
 * *length does not count, or NULL with *error.
 */
static char *
read_file(const char *file, bool is_key, size_t *length, SoError *error)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	char *bytes;
	size_t used = 0;

	if (fd < 0 || fstat(fd, &status) != 0)
	{
		so_error_set(error, SO_ERR_FILE_UNREADABLE, file, "cannot open the %s file",
					 is_key ? "private key" : "certificate");
		so_error_detail(error, "The system says: %s.", strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	bytes = NULL;
	if (!S_ISREG(status.st_mode) || status.st_size > SO_CERTIFICATE_MAX_PEM)
		so_error_set(error, SO_ERR_FILE_UNREADABLE, file, "not a regular file of at most %d bytes",
					 SO_CERTIFICATE_MAX_PEM);
	else if (!is_key || check_key_mode(&status, file, error))
	{
		bytes = malloc(SO_CERTIFICATE_MAX_PEM + 1);
		if (bytes == NULL)
			so_error_set(error, SO_ERR_OUT_OF_MEMORY, file, "out of memory");
	}
	while (bytes != NULL && used < SO_CERTIFICATE_MAX_PEM)
	{
		ssize_t got = read(fd, bytes + used, SO_CERTIFICATE_MAX_PEM - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
		{
			so_error_set(error, SO_ERR_FILE_UNREADABLE, file, "cannot read the file");
			so_error_detail(error, "The system says: %s.", strerror(errno));
			OPENSSL_cleanse(bytes, used);
			free(bytes);
			bytes = NULL;
		}
		if (got <= 0)
			break;
		used += (size_t) got;
	}
	close(fd);
	if (bytes != NULL)
		bytes[used] = '\0';
	*length = used;
	return bytes;
}

static void
free_file(char *bytes, size_t length)
{
	if (bytes == NULL)
		return;
	OPENSSL_cleanse(bytes, length);
	free(bytes);
}

/* ---- PEM ------------------------------------------------------------------ */

/* What a PEM text contains. */
typedef struct PemContents
{
	X509 *certificate;      /* the first */
	STACK_OF(X509) * chain; /* the others */
	size_t certificate_count;
	bool has_private_key;
	bool malformed;
} PemContents;

static void
free_contents(PemContents *contents)
{
	X509_free(contents->certificate);
	sk_X509_pop_free(contents->chain, X509_free);
	contents->certificate = NULL;
	contents->chain = NULL;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);
	size_t end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static void
take_block(PemContents *contents, const char *name, const unsigned char *data, long length)
{
	const unsigned char *position = data;
	X509 *certificate;

	if (ends_with(name, "PRIVATE KEY"))
		contents->has_private_key = true;
	if (strcmp(name, PEM_STRING_X509) != 0 && strcmp(name, PEM_STRING_X509_OLD) != 0)
		return;
	certificate = d2i_X509(NULL, &position, length);
	if (certificate == NULL || position != data + length)
	{
		contents->malformed = true;
		X509_free(certificate);
		return;
	}
	contents->certificate_count++;
	if (contents->certificate == NULL)
		contents->certificate = certificate;
	else if (sk_X509_push(contents->chain, certificate) == 0)
	{
		contents->malformed = true;
		X509_free(certificate);
	}
}

/* Take a PEM text apart; false with SO305 unless there is a certificate and all are good. */
static bool
read_contents(const char *pem, size_t length, PemContents *contents, SoError *error)
{
	BIO *bio;
	char *name = NULL;
	char *header = NULL;
	unsigned char *data = NULL;
	long size = 0;

	memset(contents, 0, sizeof(*contents));
	if (length > SO_CERTIFICATE_MAX_PEM)
		return so_error_set(error, SO_ERR_CERTIFICATE_MALFORMED, NULL,
							"a certificate text of %zu bytes is too long", length);
	ERR_clear_error();
	bio = BIO_new_mem_buf(pem, (int) length);
	contents->chain = sk_X509_new_null();
	if (bio == NULL || contents->chain == NULL)
	{
		BIO_free(bio);
		free_contents(contents);
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	}
	while (PEM_read_bio(bio, &name, &header, &data, &size) == 1)
	{
		take_block(contents, name, data, size);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t) size);
	}
	BIO_free(bio);
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		contents->malformed = true;
	else if (contents->certificate != NULL)
		ERR_clear_error();
	if (contents->certificate != NULL && !contents->malformed)
		return true;
	so_certificate_openssl_error(error, SO_ERR_CERTIFICATE_MALFORMED, NULL,
								 contents->malformed ? "the certificate is malformed"
													 : "there is no certificate in the text");
	if (contents->has_private_key)
		so_error_detail(
			error,
			"The text is a private key. Keep it secret: if others have seen it, make a new one.");
	free_contents(contents);
	return false;
}

/* ---- facts ---------------------------------------------------------------- */

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

static bool
fill_facts(const PemContents *contents, SoCertificateFacts *facts, SoError *error)
{
	const X509 *certificate = contents->certificate;

	memset(facts, 0, sizeof(*facts));
	if (!so_thumbprint_of_x509(certificate, &facts->thumbprint, error))
		return false;
	so_thumbprint_format(&facts->thumbprint, facts->thumbprint_text);
	format_name(X509_get_subject_name(certificate), facts->subject, sizeof(facts->subject));
	format_name(X509_get_issuer_name(certificate), facts->issuer, sizeof(facts->issuer));
	format_serial(certificate, facts->serial, sizeof(facts->serial));
	take_names(certificate, facts);
	facts->has_private_key = contents->has_private_key;
	facts->certificate_count = contents->certificate_count;
	if (!take_time(X509_get0_notBefore(certificate), &facts->not_before) ||
		!take_time(X509_get0_notAfter(certificate), &facts->not_after))
		return so_certificate_openssl_error(error, SO_ERR_CERTIFICATE_MALFORMED, NULL,
											"the certificate's validity is malformed");
	ERR_clear_error();
	return true;
}

bool
so_certificate_read(const char *pem, size_t length, SoCertificateFacts *facts, SoError *error)
{
	PemContents contents;
	bool ok;

	if (!read_contents(pem, length, &contents, error))
		return false;
	ok = fill_facts(&contents, facts, error);
	free_contents(&contents);
	return ok;
}

bool
so_certificate_facts_of_x509(const struct x509_st *certificate, SoCertificateFacts *facts,
							 SoError *error)
{
	/* fill_facts reads only. */
	const PemContents contents = {.certificate = (X509 *) (uintptr_t) certificate,
								  .certificate_count = 1};

	return fill_facts(&contents, facts, error);
}

/* Errors of the contents of a file name the file as their place. */
static void
set_place(SoError *error, const char *file)
{
	if (error != NULL)
		snprintf(error->place, sizeof(error->place), "%s", file);
}

bool
so_certificate_read_file(const char *file, SoCertificateFacts *facts, SoError *error)
{
	size_t length;
	char *pem = read_file(file, false, &length, error);
	bool ok;

	if (pem == NULL)
		return false;
	ok = so_certificate_read(pem, length, facts, error);
	if (!ok)
		set_place(error, file);
	free_file(pem, length);
	return ok;
}

/* ---- certificate and key -------------------------------------------------- */

static EVP_PKEY *
load_key(const char *file, SoError *error)
{
	size_t length;
	char *pem = read_file(file, true, &length, error);
	BIO *bio;
	EVP_PKEY *key = NULL;

	if (pem == NULL)
		return NULL;
	ERR_clear_error();
	bio = BIO_new_mem_buf(pem, (int) length);
	if (bio != NULL)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	BIO_free(bio);
	free_file(pem, length);
	if (key == NULL)
		so_certificate_openssl_error(error, SO_ERR_KEY_UNREADABLE, file,
									 "the private key cannot be used");
	return key;
}

/* Certificate, chain and facts (which may be NULL), no key. */
static bool
load_certificate(const char *certificate_file, SoCertificatePair *pair, SoCertificateFacts *facts,
				 SoError *error)
{
	SoCertificateFacts unwanted;
	PemContents contents;
	size_t length;
	char *pem = read_file(certificate_file, false, &length, error);
	bool ok;

	memset(pair, 0, sizeof(*pair));
	if (pem == NULL)
		return false;
	ok = read_contents(pem, length, &contents, error);
	free_file(pem, length);
	if (ok)
	{
		pair->certificate = contents.certificate;
		pair->chain = contents.chain;
		ok = fill_facts(&contents, facts ? facts : &unwanted, error);
	}
	if (ok)
		return true;
	set_place(error, certificate_file);
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
	ok = (pair->key = load_key(key_file, error)) != NULL;
	if (ok && X509_check_private_key(pair->certificate, pair->key) != 1)
	{
		ok = so_certificate_openssl_error(error, SO_ERR_KEY_MISMATCH, key_file,
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

/* ---- names ---------------------------------------------------------------- */

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
so_certificate_pem_matches_host(const char *pem, size_t length, const char *host, SoError *error)
{
	PemContents contents;
	bool ok;

	if (!read_contents(pem, length, &contents, error))
		return false;
	ok = so_certificate_matches_host(contents.certificate, host, error);
	free_contents(&contents);
	return ok;
}

bool
so_certificate_file_matches_host(const char *file, const char *host, SoError *error)
{
	size_t length;
	char *pem = read_file(file, false, &length, error);
	bool ok;

	if (pem == NULL)
		return false;
	ok = so_certificate_pem_matches_host(pem, length, host, error);
	if (!ok && error->code != SO_ERR_HOST_NAME_MISMATCH)
		set_place(error, file);
	free_file(pem, length);
	return ok;
}
