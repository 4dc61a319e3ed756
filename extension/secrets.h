/*
 * extension/secrets.h
 *
 * Encryption of sensitive values and checkpoints: AES-256-GCM with the data key of
 * the project, bound to the row that holds the value.
 *
 * Process: backends encrypt; the master encrypts checkpoints and decrypts what
 * it puts into a lease.
 */
#ifndef EXTENSION_SECRETS_H
#define EXTENSION_SECRETS_H

#include "postgres.h"

#include "extension/compat.h"

/* SO136 with the detail. */
pg_noreturn extern void so_secrets_raise_unreadable(const char *detail);

#endif /* EXTENSION_SECRETS_H */
