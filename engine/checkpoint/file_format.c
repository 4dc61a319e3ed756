/*
 * engine/checkpoint/file_format.c
 *
 * The bytes of a checkpoint file: a line with the envelope, a line with the
 * state, plain or encrypted.
 *
 * Process: runner and client, control thread only.  What is read may be any
 * file of the machine: nothing in it is believed before it is checked.
 */
#include "engine/checkpoint/file_store.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every checkpoint file begins with this. */
#define MAGIC          "{\"scaleout_checkpoint\":"
#define CIPHER         "aes-256-gcm"
#define ENVELOPE_LIMIT 4096

static char *
to_hex(TALLOC_CTX *context, const unsigned char *bytes, size_t length)
{
	char *text = talloc_zero_array(context, char, 2 * length + 1);

	for (size_t i = 0; i < length; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return text;
}

static bool
from_hex(const char *text, unsigned char *bytes, size_t length)
{
	if (text == NULL || strlen(text) != 2 * length)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		unsigned value;

		if (sscanf(text + 2 * i, "%2x", &value) != 1)
			return false;
		bytes[i] = (unsigned char) value;
	}
	return true;
}

static char *
checksum(TALLOC_CTX *context, const char *bytes, size_t length)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];

	SHA256((const unsigned char *) bytes, length, digest);
	return to_hex(context, digest, sizeof(digest));
}

/* What the tag of an encrypted state covers besides the state. */
static char *
bound_text(TALLOC_CTX *context, int format, const char *package_id)
{
	return talloc_asprintf(context, "scaleout checkpoint %d %s", format, package_id);
}

/* ---- encode ---- */

static char *
encrypt(TALLOC_CTX *context, const char *package_id, const char *body, size_t length,
		const SoCheckpointKey *key, char **envelope_part)
{
	unsigned char *bytes = talloc_memdup(context, body, length + 1);
	unsigned char iv[SO_CHECKPOINT_IV_SIZE];
	unsigned char tag[SO_CHECKPOINT_TAG_SIZE];
	char *text;

	if (!so_checkpoint_key_encrypt(key, bound_text(context, SO_CHECKPOINT_FORMAT, package_id),
								   bytes, length, iv, tag))
		return NULL;
	text = talloc_size(context, (length + 2) / 3 * 4 + 1);
	EVP_EncodeBlock((unsigned char *) text, bytes, (int) length);
	*envelope_part = talloc_asprintf(
		context, "\"cipher\":\"" CIPHER "\",\"key\":\"%s\",\"iv\":\"%s\",\"tag\":\"%s\"",
		key->fingerprint, to_hex(context, iv, sizeof(iv)), to_hex(context, tag, sizeof(tag)));
	return text;
}

char *
so_checkpoint_file_encode(TALLOC_CTX *context, const char *package_id, const char *body,
						  size_t body_length, const SoCheckpointKey *key, size_t *length,
						  SoError *error)
{
	TALLOC_CTX *scratch = talloc_new(context);
	char *part = NULL;
	char *coded = NULL;
	char *head;
	char *bytes;
	size_t head_length;

	if (key != NULL)
	{
		coded = encrypt(scratch, package_id, body, body_length, key, &part);
		if (coded == NULL)
		{
			talloc_free(scratch);
			so_error_set(error, SO_ERR_CHECKPOINT_WRITE, NULL,
						 "the checkpoint cannot be encrypted");
			return NULL;
		}
		/* A string is JSON too. */
		coded = talloc_asprintf(scratch, "\"%s\"", coded);
		body = coded;
		body_length = strlen(coded);
	}
	else
		part = talloc_asprintf(scratch, "\"sha256\":\"%s\"", checksum(scratch, body, body_length));
	head = talloc_asprintf(scratch, MAGIC "%d,\"package_id\":\"%s\",\"length\":%zu,%s}\n",
						   SO_CHECKPOINT_FORMAT, package_id, body_length, part);
	head_length = strlen(head);
	*length = head_length + body_length + 1;
	bytes = talloc_size(context, *length + 1);
	memcpy(bytes, head, head_length);
	memcpy(bytes + head_length, body, body_length);
	memcpy(bytes + head_length + body_length, "\n", 2);
	talloc_free(scratch);
	return bytes;
}

/* ---- decode ---- */

static bool
altered(const char *path, const char *what, SoError *error)
{
	so_error_set(error, SO_ERR_CHECKPOINT_ALTERED, path, "the checkpoint \"%s\" was changed", path);
	return so_error_detail(error, "%s.", what);
}

static bool
truncated(const char *path, SoError *error)
{
	return so_error_set(error, SO_ERR_CHECKPOINT_TRUNCATED, path,
						"the checkpoint \"%s\" is not complete", path);
}

static bool
check_magic(const char *path, const char *bytes, size_t length, SoError *error)
{
	size_t size = strlen(MAGIC);

	if (memcmp(bytes, MAGIC, length < size ? length : size) != 0)
		return so_error_set(error, SO_ERR_CHECKPOINT_FOREIGN, path,
							"\"%s\" is no checkpoint (DTS 0xC001604A)", path);
	if (length <= size)
		return truncated(path, error);
	if (strtol(bytes + size, NULL, 10) < 1)
		return altered(path, "It has no format", error);
	if (strtol(bytes + size, NULL, 10) > SO_CHECKPOINT_FORMAT)
		return so_error_set(error, SO_ERR_CHECKPOINT_NEWER, path,
							"the checkpoint \"%s\" has format %ld, this version knows %d", path,
							strtol(bytes + size, NULL, 10), SO_CHECKPOINT_FORMAT);
	return true;
}

static char *
decrypt(TALLOC_CTX *context, const char *path, const json_t *envelope, const char *body,
		size_t length, const SoCheckpointKey *key, size_t *plain_length, SoError *error)
{
	const char *fingerprint = json_string_value(json_object_get(envelope, "key"));
	const char *package_id = json_string_value(json_object_get(envelope, "package_id"));
	unsigned char iv[SO_CHECKPOINT_IV_SIZE];
	unsigned char tag[SO_CHECKPOINT_TAG_SIZE];
	unsigned char *bytes;
	int decoded;

	if (key == NULL || fingerprint == NULL || strcmp(key->fingerprint, fingerprint) != 0)
	{
		so_error_set(error, SO_ERR_CHECKPOINT_KEY, path,
					 key == NULL ? "the checkpoint \"%s\" is encrypted and no key was given"
								 : "the checkpoint \"%s\" is encrypted with another key",
					 path);
		so_error_detail(error, "It needs the key with fingerprint %s.",
						fingerprint != NULL ? fingerprint : "(none)");
		return NULL;
	}
	bytes = talloc_zero_size(context, length + 4);
	decoded = length >= 2 && body[0] == '"' && body[length - 1] == '"'
				  ? EVP_DecodeBlock(bytes, (const unsigned char *) body + 1, (int) length - 2)
				  : -1;
	for (size_t i = length; i >= 3 && body[i - 2] == '=' && decoded > 0; i--)
		decoded--;
	if (decoded <= 0 || package_id == NULL ||
		!from_hex(json_string_value(json_object_get(envelope, "iv")), iv, sizeof(iv)) ||
		!from_hex(json_string_value(json_object_get(envelope, "tag")), tag, sizeof(tag)) ||
		!so_checkpoint_key_decrypt(key, bound_text(context, SO_CHECKPOINT_FORMAT, package_id),
								   bytes, (size_t) decoded, iv, tag))
	{
		altered(path, "Its authentication tag is wrong", error);
		return NULL;
	}
	*plain_length = (size_t) decoded;
	return (char *) bytes;
}

static SoCheckpointState *
read_state(TALLOC_CTX *context, const char *path, const json_t *envelope, const char *body,
		   size_t length, SoError *error)
{
	const char *package_id = json_string_value(json_object_get(envelope, "package_id"));
	json_t *json = json_loadb(body, length, 0, NULL);
	SoCheckpointState *state = NULL;

	if (!json_is_object(json))
		altered(path, "Its second line is no JSON object", error);
	else
		state = so_checkpoint_state_from_json(context, json, error);
	json_decref(json);
	if (state != NULL && (package_id == NULL || strcmp(package_id, state->package_id) != 0))
	{
		TALLOC_FREE(state);
		altered(path, "Its first line names another package than its second", error);
	}
	return state;
}

static SoCheckpointState *
decode_body(TALLOC_CTX *context, const char *path, const json_t *envelope, const char *body,
			size_t length, const SoCheckpointKey *key, SoError *error)
{
	const json_t *size = json_object_get(envelope, "length");
	const char *cipher = json_string_value(json_object_get(envelope, "cipher"));
	const char *sum = json_string_value(json_object_get(envelope, "sha256"));
	TALLOC_CTX *scratch = talloc_new(context);
	SoCheckpointState *state = NULL;
	size_t wanted = json_is_integer(size) ? (size_t) json_integer_value(size) : 0;

	if (!json_is_integer(size) || json_integer_value(size) < 0 || length > wanted + 1)
		altered(path, "Its length is not the one that its first line tells", error);
	else if (length < wanted + 1)
		truncated(path, error);
	else if (cipher == NULL && (sum == NULL || strcmp(sum, checksum(scratch, body, wanted)) != 0))
		altered(path, "Its checksum is wrong", error);
	else if (cipher != NULL && strcmp(cipher, CIPHER) != 0)
		so_error_set(
			error, SO_ERR_CHECKPOINT_NEWER, path,
			"the checkpoint \"%s\" is encrypted by \"%s\", which this version does not know", path,
			cipher);
	else if (cipher == NULL)
		state = read_state(context, path, envelope, body, wanted, error);
	else
	{
		body = decrypt(scratch, path, envelope, body, wanted, key, &wanted, error);
		if (body != NULL)
			state = read_state(context, path, envelope, body, wanted, error);
	}
	talloc_free(scratch);
	return state;
}

SoCheckpointState *
so_checkpoint_file_decode(TALLOC_CTX *context, const char *path, const char *bytes, size_t length,
						  const SoCheckpointKey *key, SoError *error)
{
	const char *end = memchr(bytes, '\n', length < ENVELOPE_LIMIT ? length : ENVELOPE_LIMIT);
	SoCheckpointState *state = NULL;
	json_t *envelope;
	size_t head;

	if (!check_magic(path, bytes, length, error))
		return NULL;
	if (end == NULL)
	{
		truncated(path, error);
		return NULL;
	}
	head = (size_t) (end - bytes) + 1;
	envelope = json_loadb(bytes, head, 0, NULL);
	if (!json_is_object(envelope))
		altered(path, "Its first line is no JSON object", error);
	else
		state = decode_body(context, path, envelope, bytes + head, length - head, key, error);
	json_decref(envelope);
	return state;
}
