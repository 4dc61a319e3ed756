/*
 * worker_agent/spool.h
 *
 * What runners have reported and the master has not yet committed: append-only
 * segment files in ExecutionLogCacheFolder.  An item is in the spool before the
 * agent sends it, and stays there until the master acknowledges or rejects it,
 * so it survives a crash of the agent and an outage of the master.
 *
 * A segment is a sequence of records: u32 length of the payload, u32 CRC-32C of
 * the payload, payload.  The payload is u8 kind, 16 bytes task, u32 attempt, u64
 * sequence, and for items u8 item kind and the JSON text.  An acknowledgement is a
 * record, too.  Reading stops at the first record that is torn or damaged.
 * Nothing is synchronised to disk: after a crash of the machine the tasks are
 * run again, and what is missing here is not missed.
 *
 * Process: agent, event loop thread.  One agent per folder (worker_agent/identity.h
 * holds the lock).
 */
#ifndef WORKER_AGENT_SPOOL_H
#define WORKER_AGENT_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <talloc.h>

#include "common/byte_buffer.h"
#include "common/error.h"
#include "common/protocol.h"
#include "common/uuid.h"

typedef struct SoSpool SoSpool;

/* Size from which on a new segment is begun; the tests make it small. */
#define SO_SPOOL_SEGMENT_SIZE (16 * 1024 * 1024)

/*
 * Open the folder (made when missing) and read what is there.  Damage is
 * logged; items behind it, and items that do not follow their predecessor, are
 * dropped with a warning.  NULL with *error when the folder cannot be used.
 */
extern SoSpool *
so_spool_open(TALLOC_CTX *context, const char *folder, size_t segment_size, SoError *error);

/*
 * Add one item; text is a JSON object without task, attempt and sequence.  A
 * checkpoint is kept in memory only, with a stub in the file: it may hold
 * secrets.  An item is part of the spool after the next so_spool_flush that
 * returns true, and may be sent only then.
 */
extern void so_spool_append(SoSpool *spool, const SoUuid *task, uint32_t attempt, uint64_t sequence,
							SoItemKind kind, const char *text, size_t length);

/*
 * Write what was added.  false with *error (SO440) when the file system refuses;
 * everything stays in memory, and the caller tries again later.
 */
extern bool so_spool_flush(SoSpool *spool, SoError *error) SO_WARN_UNUSED;

/*
 * Append to out, comma-separated, the JSON of items that wait, in order within
 * each attempt, fair among attempts; at most max_items and about max_bytes.  The
 * same items are returned again until they are settled.  Returns their number.
 */
extern int so_spool_collect(SoSpool *spool, SoByteBuffer *out, int max_items, size_t max_bytes);

/*
 * The master has committed every item of the attempt up to sequence.  What has
 * not been sent since the spool was opened stays, whatever the master says: it
 * is sent, and acknowledged then.  Returns up to where items are settled.
 */
extern uint64_t
so_spool_acknowledge(SoSpool *spool, const SoUuid *task, uint32_t attempt, uint64_t sequence);

/* The master has rejected this one item. */
extern void
so_spool_reject(SoSpool *spool, const SoUuid *task, uint32_t attempt, uint64_t sequence);

/* The attempt was superseded: its result will not be sent; its events will. */
extern void so_spool_discard_result(SoSpool *spool, const SoUuid *task, uint32_t attempt);

/*
 * Replace the text of the first item of the last so_spool_collect: the master
 * refuses to read it, and a record without content must take its sequence.  false
 * when it is no longer there.
 */
extern bool so_spool_replace_first(SoSpool *spool, const char *text, SoUuid *task,
								   uint32_t *attempt, uint64_t *sequence, SoItemKind *kind);

/* Items that wait, the result of the attempt is among them. */
extern size_t so_spool_waiting(const SoSpool *spool);
extern bool so_spool_has_result(const SoSpool *spool, const SoUuid *task, uint32_t attempt);

/* Bytes added and not yet written (after a failed flush). */
extern size_t so_spool_unwritten(const SoSpool *spool);

/* Call each for every attempt whose result waits. */
extern void so_spool_each_result(const SoSpool *spool,
								 void (*each)(void *context, const SoUuid *task, uint32_t attempt),
								 void *context);

/* Number of segment files, for tests and logs. */
extern int so_spool_segment_count(const SoSpool *spool);

/* Write what can be written and close the files. */
extern void so_spool_close(SoSpool *spool);

#endif /* WORKER_AGENT_SPOOL_H */
