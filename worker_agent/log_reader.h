/*
 * worker_agent/log_reader.h
 *
 * Reads the log files of one attempt, TasksRootFolder/<task id>/attempt-<n>.log
 * and its segments attempt-<n>.2.log and so on, as one text.  Positions count
 * the bytes of all segments in their order.  What comes from the wire is a UUID
 * and a number; a file that is not an ordinary one is not opened, so nothing
 * leads out of the folder of the task.
 *
 * Process: agent, in a thread of its own; pure functions.
 */
#ifndef WORKER_AGENT_LOG_READER_H
#define WORKER_AGENT_LOG_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/byte_buffer.h"
#include "common/error.h"
#include "common/uuid.h"

/* The end of the log, at most limit bytes of it. */
#define SO_LOG_FROM_END (-1)

typedef struct SoLogWanted
{
	const char *root; /* TasksRootFolder */
	SoUuid task;
	uint32_t attempt;
	int64_t from;  /* byte, or SO_LOG_FROM_END */
	int64_t limit; /* bytes; more than 0 */
	bool growing;  /* the attempt is running: a line that is not complete waits for its rest */
} SoLogWanted;

typedef struct SoLogPiece
{
	int64_t offset; /* of its first byte */
	int64_t bytes;  /* of the files; the text may be longer or shorter */
	int64_t size;   /* of the log now */
	bool end;       /* nothing behind it is there or within the limit */
	SoByteBuffer text;
} SoLogPiece;

/*
 * Read one piece, at most SO_LIMIT_TASK_LOG_PIECE bytes, if possible whole lines.
 * What is not UTF-8 is replaced.  When from is SO_LOG_FROM_END and the log is
 * longer than limit, the piece begins with a line.  piece->text is for the caller
 * to free, also on failure: false with SO455 (there is no file; the place is its
 * path) or SO456.
 */
extern bool
so_log_reader_read(const SoLogWanted *wanted, SoLogPiece *piece, SoError *error) SO_WARN_UNUSED;

/*
 * The number of the segment that a file of this name is of the attempt: 1 for
 * "attempt-3.log", 2 for "attempt-3.2.log"; 0 when it is none.
 */
extern int so_log_reader_segment(const char *name, uint32_t attempt);

#endif /* WORKER_AGENT_LOG_READER_H */
