/*
 * engine/checkpoint/state.c
 *
 * Questions to a loaded checkpoint, and the hash that says whether a package
 * is still the same.
 *
 * Process: runner and client, control thread only.  Works on the caller's
 * memory; nothing is left behind by a crash.
 */
#include "engine/checkpoint/checkpoint.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/load.h"

char *
so_checkpoint_content_hash(TALLOC_CTX *context, const SoPackage *package)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	json_t *json = so_package_to_json(package);
	char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
	char *hash = NULL;

	if (text != NULL)
	{
		SHA256((const unsigned char *) text, strlen(text), digest);
		hash = talloc_zero_array(context, char, 2 * sizeof(digest) + 1);
		for (size_t i = 0; hash != NULL && i < sizeof(digest); i++)
			snprintf(hash + 2 * i, 3, "%02x", digest[i]);
	}
	free(text);
	json_decref(json);
	return hash;
}

const SoCheckpointRecord *
so_checkpoint_record(const SoCheckpointState *state, SoCheckpointRecordKind kind, const char *id,
					 const char *item)
{
	if (state == NULL)
		return NULL;
	/* From the end: a later record replaces an earlier one. */
	for (int i = state->record_count - 1; i >= 0; i--)
	{
		const SoCheckpointRecord *record = &state->records[i];

		if (record->kind == kind && strcmp(record->id, id) == 0 && strcmp(record->item, item) == 0)
			return record;
	}
	return NULL;
}

bool
so_checkpoint_is_done(const SoCheckpointState *state, const char *executable_id)
{
	const SoCheckpointRecord *record =
		so_checkpoint_record(state, SO_CHECKPOINT_UNIT, executable_id, "");

	return record != NULL && record->result != SO_RESULT_FAILURE;
}
