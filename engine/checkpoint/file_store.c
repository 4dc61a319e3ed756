/*
 * engine/checkpoint/file_store.c
 *
 * The store of checkpoint files.  The JSON of every part is kept as text, so
 * that a write only joins texts; everything that was appended since the last
 * write goes out with the next one.
 *
 * Process: runner and client, control thread only.  If the process dies the
 * file is as it was after the last write, and the lock is gone.
 */
#include "engine/checkpoint/file_store.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct FileStore
{
	SoCheckpointStore base;
	SoCheckpointKey key;
	bool encrypts;
} FileStore;

typedef struct Variable
{
	const char *executable_id;
	const char *name;
	char *json;
} Variable;

typedef struct FileCheckpoint
{
	SoCheckpoint base;
	char *path;
	int lock;
	char *package_id;
	json_t *header;
	Variable *variables;
	int variable_count;
	char *records; /* joined by commas */
	size_t records_length;
	size_t records_room;
	bool look_only;
	uint64_t ticket;
	uint64_t durable;
} FileCheckpoint;

static const SoCheckpointKey *
key_of(const FileCheckpoint *file)
{
	const FileStore *store = (const FileStore *) file->base.store;

	return store->encrypts ? &store->key : NULL;
}

/* ---- open ---- */

static bool
load(FileCheckpoint *file, TALLOC_CTX *context, SoCheckpointState **state, SoError *error)
{
	bool missing;
	size_t length;
	char *bytes = so_checkpoint_file_read(file, file->path, &length, &missing, error);

	*state = NULL;
	if (bytes == NULL)
		return missing;
	*state = so_checkpoint_file_decode(context, file->path, bytes, length, key_of(file), error);
	talloc_free(bytes);
	return *state != NULL;
}

static bool
file_open(SoCheckpointStore *store, const SoCheckpointIdentity *identity, TALLOC_CTX *context,
		  SoCheckpoint **checkpoint, SoCheckpointState **state, SoError *error)
{
	FileCheckpoint *file;

	*checkpoint = NULL;
	if (identity->name[0] == '\0')
		return so_error_set(error, SO_ERR_CHECKPOINT_NAME, NULL,
							"package \"%s\" has no checkpoint_file_name", identity->package_name);
	file = talloc_zero(store, FileCheckpoint);
	file->base.store = store;
	file->path = talloc_strdup(file, identity->name);
	file->package_id = talloc_strdup(file, identity->package_id);
	file->look_only = identity->look_only;
	file->lock = -1;
	if (identity->look_only && so_checkpoint_file_is_locked(file->path))
		so_error_set(error, SO_ERR_CHECKPOINT_LOCKED, file->path,
					 "the checkpoint \"%s\" is in use by another process (DTS 0xC001604B)",
					 file->path);
	else if (identity->look_only || (file->lock = so_checkpoint_file_lock(file->path, error)) >= 0)
	{
		if (load(file, context, state, error))
		{
			*checkpoint = &file->base;
			return true;
		}
		so_checkpoint_file_unlock(file->path, file->lock);
	}
	talloc_free(file);
	return false;
}

static void
file_close(SoCheckpoint *checkpoint)
{
	FileCheckpoint *file = (FileCheckpoint *) checkpoint;

	so_checkpoint_file_unlock(file->path, file->lock);
	json_decref(file->header);
	talloc_free(file);
}

/* ---- write ---- */

/* The text of json, which is given up; owned by context. */
static char *
to_text(TALLOC_CTX *context, json_t *json)
{
	char *dumped = json_dumps(json, JSON_COMPACT);
	char *text = talloc_strdup(context, dumped != NULL ? dumped : "null");

	free(dumped);
	json_decref(json);
	return text;
}

static void
set_variable(FileCheckpoint *file, const SoCheckpointVariable *variable)
{
	char *json = to_text(file, so_checkpoint_variable_to_json(variable));
	Variable *entry;

	for (int i = 0; i < file->variable_count; i++)
	{
		entry = &file->variables[i];
		if (strcmp(entry->executable_id, variable->executable_id) == 0 &&
			strcmp(entry->name, variable->name) == 0)
		{
			talloc_free(entry->json);
			entry->json = json;
			return;
		}
	}
	file->variables = talloc_realloc(file, file->variables, Variable, file->variable_count + 1);
	entry = &file->variables[file->variable_count++];
	entry->executable_id = talloc_strdup(file, variable->executable_id);
	entry->name = talloc_strdup(file, variable->name);
	entry->json = json;
}

static void
add_record(FileCheckpoint *file, const SoCheckpointRecord *record)
{
	char *json = to_text(file, so_checkpoint_record_to_json(record));
	size_t length = strlen(json);

	if (file->records_length + length + 2 > file->records_room)
	{
		file->records_room = 2 * (file->records_room + length) + 1024;
		file->records = talloc_realloc_size(file, file->records, file->records_room);
	}
	if (file->records_length > 0)
		file->records[file->records_length++] = ',';
	memcpy(file->records + file->records_length, json, length);
	file->records_length += length;
	talloc_free(json);
}

/* The header as of now, without its closing brace. */
static char *
header_text(TALLOC_CTX *context, const FileCheckpoint *file)
{
	struct timespec now;
	char *text;

	clock_gettime(CLOCK_REALTIME, &now);
	json_object_set_new(file->header, "updated_us",
						json_integer((json_int_t) now.tv_sec * 1000000 + now.tv_nsec / 1000));
	text = to_text(context, json_incref(file->header));
	text[strlen(text) - 1] = '\0';
	return text;
}

static char *
join(TALLOC_CTX *context, const FileCheckpoint *file, size_t *length)
{
	static const char variables_key[] = ",\"variables\":[";
	static const char records_key[] = "],\"records\":[";
	char *header = header_text(context, file);
	size_t room =
		strlen(header) + sizeof(variables_key) + sizeof(records_key) + file->records_length + 8;
	char *text;
	char *end;

	for (int i = 0; i < file->variable_count; i++)
		room += strlen(file->variables[i].json) + 1;
	text = talloc_size(context, room);
	end = stpcpy(stpcpy(text, header), variables_key);
	for (int i = 0; i < file->variable_count; i++)
	{
		if (i > 0)
			*end++ = ',';
		end = stpcpy(end, file->variables[i].json);
	}
	end = stpcpy(end, records_key);
	if (file->records_length > 0)
		memcpy(end, file->records, file->records_length);
	end = stpcpy(end + file->records_length, "]}");
	*length = (size_t) (end - text);
	return text;
}

static bool
file_flush(SoCheckpoint *checkpoint, SoError *error)
{
	FileCheckpoint *file = (FileCheckpoint *) checkpoint;
	TALLOC_CTX *scratch;
	size_t length;
	char *body;
	char *bytes;
	bool good;

	if (file->durable == file->ticket)
		return true;
	scratch = talloc_new(NULL);
	body = join(scratch, file, &length);
	bytes = so_checkpoint_file_encode(scratch, file->package_id, body, length, key_of(file),
									  &length, error);
	good = bytes != NULL && so_checkpoint_file_replace(file->path, bytes, length, error);
	talloc_free(scratch);
	if (good)
		file->durable = file->ticket;
	return good;
}

static bool
file_begin(SoCheckpoint *checkpoint, const SoCheckpointState *state, uint64_t *ticket,
		   SoError *error)
{
	FileCheckpoint *file = (FileCheckpoint *) checkpoint;
	SoError cause = {0};

	file->header = so_checkpoint_header_to_json(state);
	for (int i = 0; i < state->variable_count; i++)
		set_variable(file, &state->variables[i]);
	for (int i = 0; i < state->record_count; i++)
		add_record(file, &state->records[i]);
	*ticket = ++file->ticket;
	/* Now, and not after an hour of work: can it be written at all? */
	if (file_flush(checkpoint, &cause))
		return true;
	so_error_set(error, SO_ERR_CHECKPOINT_CREATE, file->path,
				 "the checkpoint \"%s\" cannot be created (DTS 0xC001604D)", file->path);
	return so_error_detail(error, "%s", cause.detail);
}

static bool
file_append(SoCheckpoint *checkpoint, const SoCheckpointChange *change, uint64_t *ticket,
			SoError *error)
{
	FileCheckpoint *file = (FileCheckpoint *) checkpoint;

	(void) error;
	for (int i = 0; i < change->variable_count; i++)
		set_variable(file, &change->variables[i]);
	if (change->record != NULL)
		add_record(file, change->record);
	*ticket = ++file->ticket;
	return true;
}

static uint64_t
file_durable(SoCheckpoint *checkpoint)
{
	return ((FileCheckpoint *) checkpoint)->durable;
}

static bool
file_finish(SoCheckpoint *checkpoint, SoCheckpointEnd end, uint64_t *ticket, SoError *error)
{
	FileCheckpoint *file = (FileCheckpoint *) checkpoint;

	if (end == SO_CHECKPOINT_KEEP)
	{
		*ticket = file->ticket;
		return file_flush(checkpoint, error);
	}
	*ticket = ++file->ticket;
	if (!so_checkpoint_file_remove(file->path, error))
		return false;
	file->durable = file->ticket;
	return true;
}

static const SoCheckpointStoreType file_store_type = {
	.name = "file",
	.open = file_open,
	.begin = file_begin,
	.append = file_append,
	.flush = file_flush,
	.durable = file_durable,
	.finish = file_finish,
	.close = file_close,
};

static int
forget_key(FileStore *store)
{
	so_checkpoint_key_forget(&store->key);
	return 0;
}

SoCheckpointStore *
so_checkpoint_file_store(TALLOC_CTX *context, const char *key_file, SoError *error)
{
	FileStore *store = talloc_zero(context, FileStore);

	store->base.type = &file_store_type;
	store->base.wait_fd = -1;
	talloc_set_destructor(store, forget_key);
	if (key_file == NULL)
		return &store->base;
	store->encrypts = so_checkpoint_key_read(key_file, &store->key, error);
	store->base.flags = SO_CHECKPOINT_SECRET;
	if (store->encrypts)
		return &store->base;
	talloc_free(store);
	return NULL;
}
