/*
 * engine/checkpoint/file_key.h
 *
 * The key that checkpoint files are encrypted with, and AES-256-GCM by OpenSSL.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CHECKPOINT_FILE_KEY_H
#define ENGINE_CHECKPOINT_FILE_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

#define SO_CHECKPOINT_KEY_SIZE 32
#define SO_CHECKPOINT_IV_SIZE  12
#define SO_CHECKPOINT_TAG_SIZE 16

typedef struct SoCheckpointKey
{
	unsigned char bytes[SO_CHECKPOINT_KEY_SIZE];
	char fingerprint[17]; /* hexadecimal; says which key, not what it is */
} SoCheckpointKey;

/* Read a key file; false with *error CHECKPOINT_KEY. */
extern bool
so_checkpoint_key_read(const char *path, SoCheckpointKey *key, SoError *error) SO_WARN_UNUSED;

/* Overwrite it in memory. */
extern void so_checkpoint_key_forget(SoCheckpointKey *key);

/*
 * Encrypt length bytes in place under a fresh random iv; bound is what the
 * tag also covers.  false when OpenSSL refuses.
 */
extern bool
so_checkpoint_key_encrypt(const SoCheckpointKey *key, const char *bound, unsigned char *bytes,
						  size_t length, unsigned char *iv, unsigned char *tag) SO_WARN_UNUSED;
/* The reverse; false when key, bound text, iv, tag or bytes are not the ones. */
extern bool so_checkpoint_key_decrypt(const SoCheckpointKey *key, const char *bound,
									  unsigned char *bytes, size_t length, const unsigned char *iv,
									  const unsigned char *tag) SO_WARN_UNUSED;

#endif /* ENGINE_CHECKPOINT_FILE_KEY_H */
