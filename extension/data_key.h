/*
 * extension/data_key.h
 *
 * Keys that encrypt values: each project has its own, kept in
 * internal.data_key and wrapped with the encryption key.
 *
 * Process: backends that encrypt, and the master.
 */
#ifndef EXTENSION_DATA_KEY_H
#define EXTENSION_DATA_KEY_H

#include "extension/cipher.h"

/* The key of the project, made when it has none yet; its id.  Raises SO134, SO136, SO142. */
extern const uint8 *so_data_key_of_project(int64 project_id, int64 *id);

/* The key with the id; NULL when the catalog has none.  Raises as above. */
extern const uint8 *so_data_key_by_id(int64 id);

/* Called from _PG_init. */
extern void so_data_key_init(void);

#endif /* EXTENSION_DATA_KEY_H */
