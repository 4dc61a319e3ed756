/*
 * engine/model/identity.c
 *
 * Ids: written ones are checked to be unique, missing ones are derived (UUID
 * version 5, RFC 4122) from the package's id and the object's path, so that
 * the same document always gets the same ids, on every machine.
 *
 * Process: runner, client, loader.  No state of its own.
 */
#include "engine/model/loader.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* Made up once for scaleout; never to be changed. */
#define ROOT_NAMESPACE "5b0f2e6e-6f0a-4c57-9d2b-6a1f3c7e8d90"

const char *
so_identity_root(void)
{
	return ROOT_NAMESPACE;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The sixteen bytes of a canonical uuid text; what is not hexadecimal counts as 0. */
static void
uuid_bytes(const char *text, unsigned char *bytes)
{
	int digits = 0;

	memset(bytes, 0, 16);
	for (; *text != '\0' && digits < 32; text++)
	{
		int digit = hex_digit(*text);

		if (digit < 0)
			continue;
		bytes[digits / 2] |= (unsigned char) (digits % 2 == 0 ? digit << 4 : digit);
		digits++;
	}
}

char *
so_identity_derive(TALLOC_CTX *context, const char *namespace_id, const char *name)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned char space[16];
	unsigned int size = 0;
	EVP_MD_CTX *digest = EVP_MD_CTX_new();

	uuid_bytes(namespace_id, space);
	if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha1(), NULL) != 1 ||
		EVP_DigestUpdate(digest, space, sizeof(space)) != 1 ||
		EVP_DigestUpdate(digest, name, strlen(name)) != 1 ||
		EVP_DigestFinal_ex(digest, bytes, &size) != 1 || size < 16)
		abort(); /* only without memory, as talloc does */
	EVP_MD_CTX_free(digest);
	bytes[6] = (unsigned char) ((bytes[6] & 0x0f) | 0x50);
	bytes[8] = (unsigned char) ((bytes[8] & 0x3f) | 0x80);
	return talloc_asprintf(
		context, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", bytes[0],
		bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8], bytes[9],
		bytes[10], bytes[11], bytes[12], bytes[13], bytes[14], bytes[15]);
}

char *
so_package_content_hash(TALLOC_CTX *context, const SoPackage *package)
{
	json_t *json = so_package_to_json(package);
	char *text = json_dumps(json, JSON_COMPACT);
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	char *hash = talloc_strdup(context, "");

	json_decref(json);
	if (text == NULL || EVP_Digest(text, strlen(text), bytes, &size, EVP_sha256(), NULL) != 1)
		abort(); /* only without memory */
	for (unsigned int i = 0; i < size; i++)
		hash = talloc_asprintf_append_buffer(hash, "%02x", bytes[i]);
	free(text);
	return hash;
}

char *
so_loader_identify(SoLoader *loader, SoObject *object, const char *path)
{
	SoField *field = so_object_field(object, "id");
	const char *used_by;
	char *id;

	if (field->is_set)
		id = talloc_strdup(object, field->value.as.text.bytes);
	else
	{
		id = so_identity_derive(object, loader->identity, path);
		field->value = so_value_string(object, id);
		field->is_set = true;
	}
	used_by = json_string_value(json_object_get(loader->ids, id));
	/* equal derived ids come from equal paths, which are reported as such */
	if (used_by != NULL && strcmp(used_by, path) != 0)
		so_loader_error_at(loader, object, field, SO_ERR_DOCUMENT_DUPLICATE_ID, NULL,
						   "id %s of %s belongs to %s already", id, path, used_by);
	else
		json_object_set_new(loader->ids, id, json_string(path));
	return id;
}
