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

static int
compare_identity(const SoCheckpointRecord *left, const SoCheckpointRecord *right)
{
	int order = (int) left->kind - (int) right->kind;

	if (order == 0)
		order = strcmp(left->id, right->id);
	return order != 0 ? order : strcmp(left->item, right->item);
}

static int
compare_entries(const void *left, const void *right)
{
	const SoCheckpointRecord *a = *(const SoCheckpointRecord *const *) left;
	const SoCheckpointRecord *b = *(const SoCheckpointRecord *const *) right;
	int order = compare_identity(a, b);

	/* The later one first: it replaces the earlier one. */
	return order != 0 ? order : a > b ? -1 : a < b ? 1 : 0;
}

void
so_checkpoint_state_index(SoCheckpointState *state)
{
	int count = 0;

	state->index = talloc_zero_array(state, const SoCheckpointRecord *, state->record_count + 1);
	for (int i = 0; i < state->record_count; i++)
		state->index[i] = &state->records[i];
	qsort(state->index, (size_t) state->record_count, sizeof(*state->index), compare_entries);
	for (int i = 0; i < state->record_count; i++)
	{
		if (count == 0 || compare_identity(state->index[count - 1], state->index[i]) != 0)
			state->index[count++] = state->index[i];
	}
	state->index_count = count;
}

const SoCheckpointRecord *
so_checkpoint_record(const SoCheckpointState *state, SoCheckpointRecordKind kind, const char *id,
					 const char *item)
{
	SoCheckpointRecord key = {.kind = kind, .id = id, .item = item};
	int low = 0;
	int high;

	if (state == NULL)
		return NULL;
	for (int i = state->record_count - 1; state->index == NULL && i >= 0; i--)
	{
		if (compare_identity(&state->records[i], &key) == 0)
			return &state->records[i];
	}
	for (high = state->index_count; low < high;)
	{
		int middle = low + (high - low) / 2;
		int order = compare_identity(state->index[middle], &key);

		if (order == 0)
			return state->index[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
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
