/*
 * extension/secrets.h
 *
 * Encryption of sensitive values: AES-256-GCM with the key of
 * scaleout.encryption_key_file, bound to the row that holds the value.
 *
 * Process: backends encrypt; the master decrypts what it puts into a lease.
 */
#ifndef EXTENSION_SECRETS_H
#define EXTENSION_SECRETS_H

#include "postgres.h"

/* Make the key file when it is missing (true), check it when not (false). Raises errors. */
extern bool so_secrets_prepare_key(void);

#endif /* EXTENSION_SECRETS_H */
