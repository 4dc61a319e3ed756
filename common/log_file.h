/*
 * common/log_file.h
 *
 * A log file that rotates itself by size and age and keeps a number of old ones
 * (file.1 is the newest), opens itself again after somebody else has moved it
 * (logrotate), and recovers when it could not be written.  Several processes may
 * write to the same file: each line is one write(2), and only one of them
 * rotates.
 *
 * Process: all of them; not thread safe, no allocation.
 */
#ifndef COMMON_LOG_FILE_H
#define COMMON_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

typedef struct SoLogFile
{
	char path[1024];      /* empty: none */
	int64_t rotate_bytes; /* a file that would grow beyond is rotated; 0: never */
	int64_t rotate_age_s; /* the same for the age of its first line; 0: never */
	int keep;             /* old files */
	mode_t mode;          /* of a new file */

	int fd;           /* -1: not open */
	int opened_count; /* grows whenever another file is open */
	dev_t device;
	ino_t inode;
	int64_t begun_s;   /* wall clock, of the first line */
	bool torn;         /* the last line is not whole */
	bool failed;       /* could not be written */
	int64_t failed_ms; /* monotonic; when it was tried last */
	uint64_t lost;     /* lines since then */
} SoLogFile;

typedef enum SoLogFileResult
{
	SO_LOG_FILE_WRITTEN,
	SO_LOG_FILE_RECOVERED, /* written, after file->lost lines (now 0 again) were not: *lost has them */
	SO_LOG_FILE_FAILED,    /* not written, for the first time: *error says why */
	SO_LOG_FILE_LOST       /* not written, as said before */
} SoLogFileResult;

/* Nothing is open. */
extern void so_log_file_init(SoLogFile *file);

/* Use path (empty: none) from now on; closes what is open. */
extern void so_log_file_set(SoLogFile *file, const char *path);

/* Open it now, to see whether it can be; false with *error. */
extern bool so_log_file_open(SoLogFile *file, SoError *error) SO_WARN_UNUSED;

/*
 * Append a line (size bytes that end with a newline).  lost and error may not be
 * NULL; see SoLogFileResult for when they are set.
 */
extern SoLogFileResult
so_log_file_write(SoLogFile *file, const char *line, size_t size, uint64_t *lost, SoError *error);

/* Close; the next line opens it again. */
extern void so_log_file_close(SoLogFile *file);

#endif /* COMMON_LOG_FILE_H */
