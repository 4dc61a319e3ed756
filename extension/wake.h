/*
 * extension/wake.h
 *
 * Waking the master when the transaction that submitted something commits.
 *
 * Process: client backends.  State is private to the process.
 */
#ifndef EXTENSION_WAKE_H
#define EXTENSION_WAKE_H

/* Registers the transaction callbacks; from _PG_init under preload. */
extern void so_wake_init(void);

/* Set the master's latch when this transaction commits; undone by ROLLBACK TO. */
extern void so_wake_master_at_commit(void);

/* The same for the launcher: scaleout was enabled or disabled, an extension dropped. */
extern void so_wake_launcher_at_commit(void);

#endif /* EXTENSION_WAKE_H */
