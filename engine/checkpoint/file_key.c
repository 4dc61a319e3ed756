/*
 * engine/checkpoint/file_key.c
 *
 * Reads key files and encrypts with AES-256-GCM.
 *
 * Process: runner and client, control thread only.  A key is in memory only
 * while its store exists; it is never written anywhere.
 */
#include "engine/checkpoint/file_key.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
hex_digit(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	if (isxdigit((unsigned char) character))
		return (character | 0x20) - 'a' + 10;
	return -1;
}

/* 64 hexadecimal digits and perhaps a line end. */
static bool
from_hex(const char *text, size_t length, unsigned char *bytes)
{
	while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
		length--;
	if (length != (size_t) 2 * SO_CHECKPOINT_KEY_SIZE)
		return false;
	for (size_t i = 0; i < SO_CHECKPOINT_KEY_SIZE; i++)
	{
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (unsigned char) (high << 4 | low);
	}
	return true;
}

static void
set_fingerprint(SoCheckpointKey *key)
{
	static const char label[] = "scaleout checkpoint key";
	unsigned char text[sizeof(label) + SO_CHECKPOINT_KEY_SIZE];
	unsigned char digest[SHA256_DIGEST_LENGTH];

	memcpy(text, label, sizeof(label));
	memcpy(text + sizeof(label), key->bytes, SO_CHECKPOINT_KEY_SIZE);
	SHA256(text, sizeof(text), digest);
	for (int i = 0; i < 8; i++)
		snprintf(key->fingerprint + 2 * i, 3, "%02x", digest[i]);
	OPENSSL_cleanse(text, sizeof(text));
}

bool
so_checkpoint_key_read(const char *path, SoCheckpointKey *key, SoError *error)
{
	char text[256];
	struct stat status;
	ssize_t length = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	bool good = false;

	if (fd >= 0 && fstat(fd, &status) == 0)
		length = read(fd, text, sizeof(text));
	if (length < 0)
	{
		so_error_set(error, SO_ERR_CHECKPOINT_KEY, path, "the key file \"%s\" cannot be read",
					 path);
		so_error_detail(error, "%s.", strerror(errno));
	}
	else if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
	{
		so_error_set(error, SO_ERR_CHECKPOINT_KEY, path,
					 "the key file \"%s\" can be read by others", path);
		so_error_hint(error, "Run chmod 600 on it.");
	}
	else if (length == SO_CHECKPOINT_KEY_SIZE)
	{
		memcpy(key->bytes, text, SO_CHECKPOINT_KEY_SIZE);
		good = true;
	}
	else if (from_hex(text, (size_t) length, key->bytes))
		good = true;
	else
	{
		so_error_set(error, SO_ERR_CHECKPOINT_KEY, path,
					 "the key file \"%s\" holds no key of 32 bytes", path);
		so_error_hint(error, "Make one with: openssl rand -hex 32");
	}
	OPENSSL_cleanse(text, sizeof(text));
	if (fd >= 0)
		close(fd);
	if (good)
		set_fingerprint(key);
	return good;
}

void
so_checkpoint_key_forget(SoCheckpointKey *key)
{
	OPENSSL_cleanse(key, sizeof(*key));
}

bool
so_checkpoint_key_encrypt(const SoCheckpointKey *key, const char *bound, unsigned char *bytes,
						  size_t length, unsigned char *iv, unsigned char *tag)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	int done = 0;
	int rest = 0;
	bool good;

	good = cipher != NULL && length < INT32_MAX && RAND_bytes(iv, SO_CHECKPOINT_IV_SIZE) == 1 &&
		   EVP_EncryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key->bytes, iv) == 1 &&
		   EVP_EncryptUpdate(cipher, NULL, &done, (const unsigned char *) bound,
							 (int) strlen(bound)) == 1 &&
		   EVP_EncryptUpdate(cipher, bytes, &done, bytes, (int) length) == 1 &&
		   EVP_EncryptFinal_ex(cipher, bytes + done, &rest) == 1 &&
		   EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_GET_TAG, SO_CHECKPOINT_TAG_SIZE, tag) == 1;
	EVP_CIPHER_CTX_free(cipher);
	return good;
}

bool
so_checkpoint_key_decrypt(const SoCheckpointKey *key, const char *bound, unsigned char *bytes,
						  size_t length, const unsigned char *iv, const unsigned char *tag)
{
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	unsigned char copy[SO_CHECKPOINT_TAG_SIZE];
	int done = 0;
	int rest = 0;
	bool good;

	memcpy(copy, tag, sizeof(copy));
	good = cipher != NULL && length < INT32_MAX &&
		   EVP_DecryptInit_ex(cipher, EVP_aes_256_gcm(), NULL, key->bytes, iv) == 1 &&
		   EVP_DecryptUpdate(cipher, NULL, &done, (const unsigned char *) bound,
							 (int) strlen(bound)) == 1 &&
		   EVP_DecryptUpdate(cipher, bytes, &done, bytes, (int) length) == 1 &&
		   EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_GCM_SET_TAG, sizeof(copy), copy) == 1 &&
		   EVP_DecryptFinal_ex(cipher, bytes + done, &rest) == 1;
	EVP_CIPHER_CTX_free(cipher);
	return good;
}
