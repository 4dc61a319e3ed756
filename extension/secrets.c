/*
 * extension/secrets.c
 *
 * internal.encrypt_secret and internal.decrypt_secret.  An encrypted value is
 *
 *   1 byte   format, 1
 *   4 bytes  key id: the first bytes of the key's SHA-256
 *   12 bytes nonce, random
 *   n bytes  ciphertext
 *   16 bytes tag
 *
 * and is authenticated together with a text that names its row, so that it
 * cannot be moved to another one.
 *
 * Process: client backends and the master.  The key is read at each use and
 * cleared after it; it is never in shared memory or in the database.
 */
#include "postgres.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <unistd.h>

#include "extension/compat.h"
#include "extension/error.h"
#include "extension/private_file.h"
#include "extension/secrets.h"
#include "extension/settings.h"
#include "fmgr.h"
#include "utils/builtins.h"

#define KEY_SIZE    32
#define KEY_ID_SIZE 4
#define NONCE_SIZE  12
#define TAG_SIZE    16
#define FORMAT      1
#define PREFIX_SIZE (1 + KEY_ID_SIZE + NONCE_SIZE)

SO_SQL_FUNCTION(so_encrypt_secret);
SO_SQL_FUNCTION(so_decrypt_secret);

typedef struct Key
{
	uint8 bytes[KEY_SIZE];
	uint8 id[KEY_ID_SIZE];
} Key;

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* 64 lower-case hex digits and a line end. */
static bool
parse_key(const char *text, Key *key)
{
	for (int i = 0; i < KEY_SIZE; i++)
	{
		int high = hex_digit(text[2 * i]);
		int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		key->bytes[i] = (uint8) (high << 4 | low);
	}
	return text[2 * KEY_SIZE] == '\0' || text[2 * KEY_SIZE] == '\n';
}

/* Raises SO134; the caller clears the key. */
static void
read_key(Key *key)
{
	char *path = so_setting_resolved_encryption_key_file();
	char text[2 * KEY_SIZE + 16];
	uint8 digest[SHA256_DIGEST_LENGTH];
	SoError error = {0};
	bool ok;

	if (!so_private_file_read(path, text, sizeof(text), &error))
		so_error_raise(&error);
	ok = parse_key(text, key);
	OPENSSL_cleanse(text, sizeof(text));
	if (!ok)
		ereport(ERROR, (so_errcode(SO_ERR_SECURITY_FILE),
						errmsg("\"%s\" does not hold a key of 64 hexadecimal digits", path),
						errhint("%s", so_error_default_hint(SO_ERR_SECURITY_FILE))));
	SHA256(key->bytes, KEY_SIZE, digest);
	memcpy(key->id, digest, KEY_ID_SIZE);
}

static void
raise_crypto(const char *what)
{
	ereport(ERROR, (so_errcode(SO_ERR_INTERNAL), errmsg("the cryptographic library failed: %s", what)));
}

bool
so_secrets_prepare_key(void)
{
	char *path = so_setting_resolved_encryption_key_file();
	char text[2 * KEY_SIZE + 2];
	Key key;
	SoError error = {0};
	bool ok;

	if (access(path, F_OK) == 0)
	{
		read_key(&key);
		OPENSSL_cleanse(&key, sizeof(key));
		return false;
	}
	if (RAND_bytes(key.bytes, KEY_SIZE) != 1)
		raise_crypto("RAND_bytes");
	for (int i = 0; i < KEY_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", key.bytes[i]);
	text[2 * KEY_SIZE] = '\n';
	ok = so_private_file_write(path, text, 2 * KEY_SIZE + 1, &error);
	OPENSSL_cleanse(text, sizeof(text));
	OPENSSL_cleanse(&key, sizeof(key));
	if (!ok)
		so_error_raise(&error);
	return true;
}

/* Both directions of AES-256-GCM; false when the tag does not fit. */
static bool
crypt_bytes(bool encrypt, const Key *key, const uint8 *nonce, const char *bound_to,
			int bound_length, const uint8 *in, int length, uint8 *out, uint8 *tag)
{
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	int n = 0;
	int rest = 0;
	bool ok;

	ok = context != NULL &&
		 EVP_CipherInit_ex(context, EVP_aes_256_gcm(), NULL, key->bytes, nonce, encrypt) == 1 &&
		 EVP_CipherUpdate(context, NULL, &n, (const uint8 *) bound_to, bound_length) == 1 &&
		 EVP_CipherUpdate(context, out, &n, in, length) == 1 &&
		 (encrypt || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, tag) == 1) &&
		 EVP_CipherFinal_ex(context, out + n, &rest) == 1 &&
		 (!encrypt || EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, tag) == 1);
	EVP_CIPHER_CTX_free(context);
	return ok;
}

/* internal.encrypt_secret(plain text, bound_to text) returns bytea; NULL in, NULL out. */
Datum
so_encrypt_secret(PG_FUNCTION_ARGS)
{
	text *plain;
	text *bound_to;
	int length;
	bytea *result;
	uint8 *bytes;
	Key key;
	bool ok;

	so_error_require_preload();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	plain = PG_GETARG_TEXT_PP(0);
	bound_to = PG_GETARG_TEXT_PP(1);
	length = (int) VARSIZE_ANY_EXHDR(plain);
	result = palloc(VARHDRSZ + PREFIX_SIZE + length + TAG_SIZE);
	SET_VARSIZE(result, VARHDRSZ + PREFIX_SIZE + length + TAG_SIZE);
	bytes = (uint8 *) VARDATA(result);
	read_key(&key);
	bytes[0] = FORMAT;
	memcpy(bytes + 1, key.id, KEY_ID_SIZE);
	ok = RAND_bytes(bytes + 1 + KEY_ID_SIZE, NONCE_SIZE) == 1 &&
		 crypt_bytes(true, &key, bytes + 1 + KEY_ID_SIZE, VARDATA_ANY(bound_to),
					 (int) VARSIZE_ANY_EXHDR(bound_to), (const uint8 *) VARDATA_ANY(plain), length,
					 bytes + PREFIX_SIZE, bytes + PREFIX_SIZE + length);
	OPENSSL_cleanse(&key, sizeof(key));
	if (!ok)
		raise_crypto("encryption");
	PG_RETURN_BYTEA_P(result);
}

static void
raise_unreadable(const char *detail)
{
	ereport(ERROR, (so_errcode(SO_ERR_SECRET_UNREADABLE),
					errmsg("an encrypted value cannot be decrypted"), errdetail("%s", detail),
					errhint("%s", so_error_default_hint(SO_ERR_SECRET_UNREADABLE))));
}

/* internal.decrypt_secret(secret bytea, bound_to text) returns text; NULL in, NULL out. */
Datum
so_decrypt_secret(PG_FUNCTION_ARGS)
{
	bytea *secret;
	text *bound_to;
	text *result;
	uint8 *bytes;
	int length;
	Key key;
	bool right_key;
	bool ok;

	so_error_require_preload();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	secret = PG_GETARG_BYTEA_PP(0);
	bound_to = PG_GETARG_TEXT_PP(1);
	bytes = (uint8 *) VARDATA_ANY(secret);
	length = (int) VARSIZE_ANY_EXHDR(secret) - PREFIX_SIZE - TAG_SIZE;
	if (length < 0 || bytes[0] != FORMAT)
		raise_unreadable("It is not in the format of this version.");
	result = palloc(VARHDRSZ + length + 1);
	SET_VARSIZE(result, VARHDRSZ + length);
	read_key(&key);
	right_key = memcmp(bytes + 1, key.id, KEY_ID_SIZE) == 0;
	ok = right_key && crypt_bytes(false, &key, bytes + 1 + KEY_ID_SIZE, VARDATA_ANY(bound_to),
								  (int) VARSIZE_ANY_EXHDR(bound_to), bytes + PREFIX_SIZE, length,
								  (uint8 *) VARDATA(result), bytes + PREFIX_SIZE + length);
	OPENSSL_cleanse(&key, sizeof(key));
	if (!right_key)
		raise_unreadable("It was encrypted with another key.");
	if (!ok)
		raise_unreadable("It is damaged, or belongs to another row.");
	PG_RETURN_TEXT_P(result);
}
