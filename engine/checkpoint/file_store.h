/*
 * engine/checkpoint/file_store.h
 *
 * Checkpoints in files, for packages that are run by hand.  The path is the
 * checkpoint's name.  A file has two lines of JSON: an envelope (format,
 * length and checksum of the second line, how it is encrypted) and the state.
 *
 * It has mode 0600 and is replaced as a whole (temporary file, fsync, rename,
 * fsync of the folder), so there is always either the old or the new one.  A
 * lock file beside it ("name.lock") keeps a second process away.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CHECKPOINT_FILE_STORE_H
#define ENGINE_CHECKPOINT_FILE_STORE_H

#include "engine/checkpoint/checkpoint.h"
#include "engine/checkpoint/file_key.h"

/*
 * A store of files, freed with talloc_free when no checkpoint is open any
 * more.  key_file: encrypt with the key in this file (32 bytes or 64
 * hexadecimal digits, readable by its owner only); NULL = do not encrypt.
 * NULL with *error CHECKPOINT_KEY when the key cannot be read.
 */
extern SoCheckpointStore *
so_checkpoint_file_store(TALLOC_CTX *context, const char *key_file, SoError *error);

/* ---- the bytes of a file (file_format.c) ---- */

/*
 * The file's bytes for a state's JSON text; *length without a terminating zero.
 * key NULL: plain.  NULL with *error.  Owned by context.
 */
extern char *so_checkpoint_file_encode(TALLOC_CTX *context, const char *package_id,
									   const char *body, size_t body_length,
									   const SoCheckpointKey *key, size_t *length, SoError *error);

/*
 * The state in a file's bytes.  NULL with *error: CHECKPOINT_FOREIGN (no
 * checkpoint at all), _TRUNCATED, _ALTERED, _NEWER, _KEY.  path is for messages.
 */
extern SoCheckpointState *
so_checkpoint_file_decode(TALLOC_CTX *context, const char *path, const char *bytes, size_t length,
						  const SoCheckpointKey *key, SoError *error);

/* ---- reading, replacing and locking (file_disk.c) ---- */

/* The whole file; *length 0 and NULL with *missing when there is none; NULL with *error. */
extern char *so_checkpoint_file_read(TALLOC_CTX *context, const char *path, size_t *length,
									 bool *missing, SoError *error);
/* Replace it; false with *error CHECKPOINT_WRITE, and the old file is still there. */
extern bool so_checkpoint_file_replace(const char *path, const char *bytes, size_t length,
									   SoError *error) SO_WARN_UNUSED;
extern bool so_checkpoint_file_remove(const char *path, SoError *error) SO_WARN_UNUSED;

/*
 * Lock path for this process; the descriptor, or -1 with *error CHECKPOINT_LOCKED
 * or _CREATE.  The lock ends with the process.
 */
extern int so_checkpoint_file_lock(const char *path, SoError *error);
extern void so_checkpoint_file_unlock(const char *path, int fd);
/* Is it locked by somebody?  Changes nothing. */
extern bool so_checkpoint_file_is_locked(const char *path);

#endif /* ENGINE_CHECKPOINT_FILE_STORE_H */
