/*
 * bgworker/log_reader.h
 *
 * What waits to be copied to the log database, read from the catalog.
 */
#ifndef BGWORKER_LOG_READER_H
#define BGWORKER_LOG_READER_H

#include "lib/stringinfo.h"
#include "utils/uuid.h"

/* Where the copy goes. */
typedef struct SoLogTarget
{
	bool set; /* there is a log database */
	char *server_name;
	char *connection_string;
	bool by_superuser;
	pg_uuid_t source; /* this catalog */
	int64 last_id;    /* no number of the queue is higher */
} SoLogTarget;

#define SO_LOG_READER_RANGES 200

/* The next ranges of the queue, all of one source. */
typedef struct SoLogRanges
{
	int n; /* 0: nothing waits */
	pg_uuid_t source;
	int64 copy_ids[SO_LOG_READER_RANGES];
	int64 operations[SO_LOG_READER_RANGES];
	int32 attempts[SO_LOG_READER_RANGES];
	int64 first[SO_LOG_READER_RANGES];
	int64 last[SO_LOG_READER_RANGES];
} SoLogRanges;

/* Everything runs inside the bracket of so_spi_begin; results live in the given context. */

extern void so_log_reader_target(SoLogTarget *target, MemoryContext context);

/* The ranges after this number. */
extern void so_log_reader_ranges(int64 after, SoLogRanges *ranges);

/*
 * Append the messages of the ranges from number start on as lines of COPY's
 * text format, until there are enough for one transaction; *columns gets the
 * names of their columns.  Returns the number of the range after the last one
 * that was read.  Messages that retention has removed are not there any more.
 */
extern int
so_log_reader_lines(const SoLogRanges *ranges, int start, StringInfo lines, StringInfo columns);

#endif /* BGWORKER_LOG_READER_H */
