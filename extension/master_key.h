/*
 * extension/master_key.h
 *
 * The key that wraps the data keys: in scaleout.encryption_key_file, or printed
 * by scaleout.encryption_key_command.  The catalog knows its fingerprint.
 *
 * Process: backends that encrypt, and the master.
 */
#ifndef EXTENSION_MASTER_KEY_H
#define EXTENSION_MASTER_KEY_H

#include "extension/cipher.h"

#define SO_FINGERPRINT_SIZE 65 /* 64 hexadecimal digits and the terminator */

typedef struct SoMasterKey
{
	uint8 bytes[SO_KEY_SIZE];
	char fingerprint[SO_FINGERPRINT_SIZE];
} SoMasterKey;

/*
 * Read the key with the wanted fingerprint (NULL: whichever is there).  Raises
 * SO134 when file is missing or not private, SO136 when it is another key, SO142
 * when the command fails.  The caller clears *key.
 */
extern void so_master_key_read(const char *wanted, SoMasterKey *key);

/*
 * Make the key file when it is missing (true); otherwise check that it is the
 * wanted key (NULL: any), and finish an exchange that a crash has interrupted.
 */
extern bool so_master_key_prepare(const char *wanted);

/*
 * Make a new key beside the present one; it takes its place when this
 * transaction commits.  Until then, and when a crash comes in between,
 * so_master_key_read finds both by their fingerprints.  wanted is the catalog's
 * present key (NULL: none).  Raises SO143 with a command, SO103 when it was called
 * before in this transaction.
 */
extern void so_master_key_exchange(const char *wanted, SoMasterKey *key);

/* Called from _PG_init. */
extern void so_master_key_init(void);

#endif /* EXTENSION_MASTER_KEY_H */
