/*
 * common/pem.c
 *
 * Reads files of certificates and keys, and takes PEM texts apart.
 *
 * Process: all of them, and the server's backends.  No state; memory is OpenSSL's
 * and malloc's, and cleansed where it may have held a key.  Nothing is written, so
 * a crash leaves nothing behind.
 */
#include "common/pem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/certificate_form.h"
#include "common/openssl_error.h"

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

/* Open a small regular file that nobody else can read, when it is a key; -1 with *error. */
static int
open_file(const char *file, bool is_key, SoError *error)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0)
	{
		so_error_set(error, SO_ERR_FILE_UNREADABLE, file, "cannot open the %s file",
					 is_key ? "private key" : "certificate");
		so_error_detail(error, "The system says: %s.", strerror(errno));
	}
	else if (!S_ISREG(status.st_mode) || status.st_size > SO_PEM_MAX)
		so_error_set(error, SO_ERR_FILE_UNREADABLE, file, "not a regular file of at most %d bytes",
					 SO_PEM_MAX);
	else if (!is_key || check_key_mode(&status, file, error))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* See so_pem_read. */
static char *
read_file(const char *file, bool is_key, size_t *length, SoError *error)
{
	int fd = open_file(file, is_key, error);
	char *bytes;
	ssize_t got = 1;

	*length = 0;
	if (fd < 0)
		return NULL;
	bytes = malloc(SO_PEM_MAX + 1);
	if (bytes == NULL)
		so_error_set(error, SO_ERR_OUT_OF_MEMORY, file, "out of memory");
	while (bytes != NULL && got > 0 && *length < SO_PEM_MAX)
	{
		got = read(fd, bytes + *length, SO_PEM_MAX - *length);
		if (got > 0)
			*length += (size_t) got;
		else if (got < 0 && errno == EINTR)
			got = 1;
	}
	if (got < 0)
	{
		so_error_set(error, SO_ERR_FILE_UNREADABLE, file, "cannot read the file");
		so_error_detail(error, "The system says: %s.", strerror(errno));
		so_pem_free_text(bytes, *length);
		bytes = NULL;
	}
	close(fd);
	if (bytes != NULL)
		bytes[*length] = '\0';
	return bytes;
}

char *
so_pem_read(const char *file, size_t *length, SoError *error)
{
	return read_file(file, false, length, error);
}

void
so_pem_free_text(char *text, size_t length)
{
	if (text == NULL)
		return;
	OPENSSL_cleanse(text, length);
	free(text);
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

EVP_PKEY *
so_pem_read_key(const char *file, SoError *error)
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
	if (key == NULL)
	{
		so_openssl_error(error, SO_ERR_KEY_UNREADABLE, file, "the private key cannot be used");
		so_certificate_form_explain(pem, length, true, file, error);
	}
	so_pem_free_text(pem, length);
	return key;
}

/* ---- texts ---------------------------------------------------------------- */

void
so_pem_free(SoPem *pem)
{
	X509_free(pem->certificate);
	sk_X509_pop_free(pem->chain, X509_free);
	pem->certificate = NULL;
	pem->chain = NULL;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t length = strlen(text);
	size_t end_length = strlen(end);

	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* Add a block of the text; false when it should be a certificate and is none. */
static bool
take_block(SoPem *pem, const char *name, const unsigned char *data, long length)
{
	const unsigned char *position = data;
	X509 *certificate;

	if (ends_with(name, "PRIVATE KEY"))
		pem->has_private_key = true;
	if (strcmp(name, PEM_STRING_X509) != 0 && strcmp(name, PEM_STRING_X509_OLD) != 0)
		return true;
	certificate = d2i_X509(NULL, &position, length);
	if (certificate == NULL || position != data + length ||
		(pem->certificate != NULL && sk_X509_push(pem->chain, certificate) == 0))
	{
		X509_free(certificate);
		return false;
	}
	pem->certificate_count++;
	if (pem->certificate == NULL)
		pem->certificate = certificate;
	return true;
}

/* All blocks of the text; false when one is malformed. */
static bool
take_blocks(SoPem *pem, BIO *bio)
{
	bool good = true;
	char *name = NULL;
	char *header = NULL;
	unsigned char *data = NULL;
	long size = 0;

	while (PEM_read_bio(bio, &name, &header, &data, &size) == 1)
	{
		good = take_block(pem, name, data, size) && good;
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t) size);
	}
	return good && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
}

bool
so_pem_parse(const char *text, size_t length, SoPem *pem, SoError *error)
{
	BIO *bio;
	bool good;

	memset(pem, 0, sizeof(*pem));
	if (length > SO_PEM_MAX)
		return so_error_set(error, SO_ERR_CERTIFICATE_MALFORMED, NULL,
							"a certificate text of %zu bytes is too long", length);
	ERR_clear_error();
	bio = BIO_new_mem_buf(text, (int) length);
	pem->chain = sk_X509_new_null();
	if (bio == NULL || pem->chain == NULL)
	{
		BIO_free(bio);
		so_pem_free(pem);
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	}
	good = take_blocks(pem, bio);
	BIO_free(bio);
	if (good && pem->certificate != NULL)
	{
		ERR_clear_error();
		return true;
	}
	so_openssl_error(error, SO_ERR_CERTIFICATE_MALFORMED, NULL,
					 good ? "there is no certificate in the text" : "the certificate is malformed");
	if (pem->has_private_key)
		so_error_detail(
			error,
			"The text is a private key. Keep it secret: if others have seen it, make a new one.");
	so_pem_free(pem);
	return false;
}
