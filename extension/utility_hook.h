/*
 * extension/utility_hook.h
 *
 * Makes the master leave its database for statements that need it to be
 * unused, and come back after them.
 *
 * Process: client backends.
 */
#ifndef EXTENSION_UTILITY_HOOK_H
#define EXTENSION_UTILITY_HOOK_H

/* Installs the hook and the transaction callback; from _PG_init under preload. */
extern void so_utility_hook_init(void);

#endif /* EXTENSION_UTILITY_HOOK_H */
