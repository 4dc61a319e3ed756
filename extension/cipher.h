/*
 * extension/cipher.h
 *
 * AES-256-GCM by OpenSSL, and keys as bytes and text.
 *
 * Process: backends and the master; no state.
 */
#ifndef EXTENSION_CIPHER_H
#define EXTENSION_CIPHER_H

#include "postgres.h"

#define SO_KEY_SIZE    32
#define SO_NONCE_SIZE  12
#define SO_TAG_SIZE    16
#define SO_SEALED_SIZE (SO_NONCE_SIZE + SO_TAG_SIZE) /* more than the plain bytes */

/*
 * Write nonce, ciphertext and tag to out: length + SO_SEALED_SIZE bytes.  The
 * result is authenticated together with bound (bound_length bytes).  Raises an
 * error when the library fails.
 */
extern void so_cipher_seal(const uint8 *key, const char *bound, int bound_length,
						   const uint8 *plain, int length, uint8 *out);

/*
 * The inverse: length is that of in; writes length - SO_SEALED_SIZE bytes.
 * false when in was changed, or bound or key is another one.
 */
extern bool so_cipher_open(const uint8 *key, const char *bound, int bound_length, const uint8 *in,
						   int length, uint8 *plain);

/* Random bytes for a new key; raises an error when there are none. */
extern void so_cipher_make_key(uint8 *key);

#endif /* EXTENSION_CIPHER_H */
