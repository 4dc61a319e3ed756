/*
 * worker_agent/spool_private.h
 *
 * What the parts of the spool share: spool.c (streams, sending), spool_segment.c
 * (files, records), spool_load.c (reading at the start).
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_SPOOL_PRIVATE_H
#define WORKER_AGENT_SPOOL_PRIVATE_H

#include <sys/queue.h>

#include "worker_agent/spool.h"

#define SPOOL_RECORD_HEADER 8
/* kind, task, attempt, sequence */
#define SPOOL_PAYLOAD_HEADER (1 + SO_UUID_SIZE + 4 + 8)
#define SPOOL_BUCKETS        1024
/* Item texts kept in memory, in bytes; beyond that they are read from the file. */
#define SPOOL_MEMORY (32 * 1024 * 1024)

typedef enum SpoolRecordKind
{
	SPOOL_RECORD_ITEM = 1,
	SPOOL_RECORD_ACKNOWLEDGED = 2, /* up to sequence */
	SPOOL_RECORD_REJECTED = 3,     /* this sequence */
	SPOOL_RECORD_NO_RESULT = 4     /* the result item is discarded */
} SpoolRecordKind;

typedef struct SpoolSegment
{
	TAILQ_ENTRY(SpoolSegment) link;
	uint64_t number;
	int fd;
	size_t size; /* bytes written, whole records only */
	int live;    /* items of this segment that wait */
	char path[4096];
} SpoolSegment;

typedef struct SpoolItem
{
	TAILQ_ENTRY(SpoolItem) link;
	SpoolSegment *segment;
	size_t offset; /* of the text in the segment */
	uint32_t length;
	uint32_t stored; /* length of what is in the segment */
	uint64_t sequence;
	SoItemKind kind;
	bool sent;  /* by this process; only then can it be acknowledged */
	char *text; /* NULL: read it from the segment */
} SpoolItem;

/* The items of one attempt, in order of sequence. */
typedef struct SpoolStream
{
	TAILQ_ENTRY(SpoolStream) link;
	struct SpoolStream *next_in_bucket;
	SoUuid task;
	uint32_t attempt;
	bool has_result;
	TAILQ_HEAD(SpoolItemHead, SpoolItem) items;
} SpoolStream;

struct SoSpool
{
	char *folder;
	size_t segment_size;
	TAILQ_HEAD(SpoolSegmentHead, SpoolSegment) segments; /* oldest first; the last is written to */
	TAILQ_HEAD(SpoolStreamHead, SpoolStream) streams;    /* in the order of their turn */
	SpoolStream *buckets[SPOOL_BUCKETS];
	SoByteBuffer unwritten; /* records that belong behind the last segment's size */
	size_t memory;          /* bytes of texts */
	size_t waiting;
	/* the first item of the last collection */
	SoUuid first_task;
	uint32_t first_attempt;
	uint64_t first_sequence;
};

/* ---- spool_segment.c ---- */

/* Begin a new segment with the given number; false with *error. */
extern bool so_spool_segment_begin(SoSpool *spool, uint64_t number, SoError *error) SO_WARN_UNUSED;
/* Close and remove a segment file. */
extern void so_spool_segment_remove(SoSpool *spool, SpoolSegment *segment);
/* Append a record to spool->unwritten; returns the offset of the text within the segment. */
extern size_t
so_spool_record_put(SoSpool *spool, SpoolRecordKind kind, const SoUuid *task, uint32_t attempt,
					uint64_t sequence, SoItemKind item_kind, const char *text, size_t length);
extern uint32_t so_spool_crc(const uint8_t *bytes, size_t size);
/* Remove segments in which nothing waits; begin a new one when the last has grown. */
extern bool so_spool_segment_rotate(SoSpool *spool, SoError *error) SO_WARN_UNUSED;

/* ---- spool.c ---- */

extern SpoolStream *
so_spool_stream(SoSpool *spool, const SoUuid *task, uint32_t attempt, bool create);
extern void
so_spool_stream_add(SoSpool *spool, SpoolStream *stream, SpoolSegment *segment, uint64_t sequence,
					SoItemKind kind, size_t offset, uint32_t length, const char *text);
/* Take an item out; frees the stream when it was the last. */
extern void so_spool_item_remove(SoSpool *spool, SpoolStream *stream, SpoolItem *item);
/* The settling operations without a record. */
extern void so_spool_settle(SoSpool *spool, SpoolRecordKind kind, const SoUuid *task,
							uint32_t attempt, uint64_t sequence);

/* ---- spool_load.c ---- */

extern bool so_spool_load(SoSpool *spool, uint64_t *last_number, SoError *error) SO_WARN_UNUSED;

#endif /* WORKER_AGENT_SPOOL_PRIVATE_H */
