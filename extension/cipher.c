/*
 * extension/cipher.c
 *
 * AES-256-GCM by OpenSSL.  Every call has a nonce of its own, 12 random bytes:
 * safe for 2^32 values under one key, and each project has its own.
 *
 * Process: backends and the master.  No state; the caller clears keys.
 */
#include "postgres.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "extension/cipher.h"
#include "extension/error.h"

static void
raise_library(const char *what)
{
	ereport(ERROR,
			(so_errcode(SO_ERR_INTERNAL), errmsg("the cryptographic library failed: %s", what)));
}

/* Both directions; false when the library fails or the tag does not fit. */
static bool
crypt_bytes(bool encrypt, const uint8 *key, const uint8 *nonce, const char *bound, int bound_length,
			const uint8 *in, int length, uint8 *out, uint8 *tag)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int n = 0;
	int rest = 0;
	bool ok;

	ok = context != NULL &&
		 EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, key, nonce, encrypt) == 1 &&
		 EVP_CipherUpdate(context, NULL, &n, (const uint8 *) bound, bound_length) == 1 &&
		 EVP_CipherUpdate(context, out, &n, in, length) == 1 &&
		 (encrypt || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, SO_TAG_SIZE, tag) == 1) &&
		 EVP_CipherFinal_ex(context, out + n, &rest) == 1 &&
		 (!encrypt || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, SO_TAG_SIZE, tag) == 1);
	EVP_CIPHER_CTX_free(context);
	return ok;
}

void
so_cipher_seal(const uint8 *key, const char *bound, int bound_length, const uint8 *plain,
			   int length, uint8 *out)
{
	if (RAND_bytes(out, SO_NONCE_SIZE) != 1 ||
		!crypt_bytes(true, key, out, bound, bound_length, plain, length, out + SO_NONCE_SIZE,
					 out + SO_NONCE_SIZE + length))
		raise_library("encryption");
}

bool
so_cipher_open(const uint8 *key, const char *bound, int bound_length, const uint8 *in, int length,
			   uint8 *plain)
{
	uint8 tag[SO_TAG_SIZE];
	int inner = length - SO_SEALED_SIZE;

	if (inner < 0)
		return false;
	memcpy(tag, in + SO_NONCE_SIZE + inner, SO_TAG_SIZE);
	return crypt_bytes(false, key, in, bound, bound_length, in + SO_NONCE_SIZE, inner, plain, tag);
}

void
so_cipher_make_key(uint8 *key)
{
	if (RAND_bytes(key, SO_KEY_SIZE) != 1)
		raise_library("RAND_bytes");
}
