/*
 * common/log.h
 *
 * One log format for master, gateway, agent, runner, nursery and client:
 *
 *     2026-01-31T12:00:00.123456Z WARNING scaleout-worker[123] SO401: message
 *
 * Time in UTC, level, program and process, the code when there is one, the
 * message with place, detail and hint.  Further lines of a message begin with a
 * tab, so a line that begins with anything else is a new event, whatever the
 * message holds.  Levels are the bits of TaskLogLevel in WorkerSettings.config.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdint.h>

#include "common/error.h"

typedef enum SoLogLevel
{
	SO_LOG_VERBOSE = 0x01,
	SO_LOG_INFORMATION = 0x02,
	SO_LOG_WARNING = 0x04,
	SO_LOG_ERROR = 0x08,
	SO_LOG_PROGRESS = 0x10,
	SO_LOG_CRITICAL = 0x20,
	SO_LOG_AUDIT = 0x40
} SoLogLevel;

#define SO_LOG_DEFAULT_MASK 126  /* everything but Verbose */
#define SO_LOG_LINE_SIZE    8192 /* a whole event, with the zero byte; longer ones are cut */

/* What a line is about; for logs with fields. */
typedef struct SoLogSubject
{
	int64_t execution_id; /* 0: unknown */
	const char *task;     /* id */
	uint32_t attempt;
} SoLogSubject;

/* One event. */
typedef struct SoLogRecord
{
	SoLogLevel level;
	const char *line;            /* as it stands in a file, without the newline at its end */
	const char *message;         /* the part of line behind the program */
	char code[6];                /* "SO401", or empty */
	const SoLogSubject *subject; /* NULL: nothing in particular */
	const char *file;            /* of the source */
	int source_line;
	const char *function;
} SoLogRecord;

/* Called with each event instead of writing to stderr. */
typedef void (*SoLogSink)(const SoLogRecord *record, void *context);

extern void so_log_open(const char *program, int mask);
extern void so_log_set_mask(int mask);
/* Is the level written?  so_log asks itself; this is for what is costly to make. */
extern bool so_log_wants(SoLogLevel level);
extern void so_log_set_sink(SoLogSink sink, void *context);

#define so_log(level, ...) so_log_at(__FILE__, __LINE__, __func__, NULL, level, __VA_ARGS__)
/* The same about a task. */
#define so_log_about(subject, level, ...)                                                          \
	so_log_at(__FILE__, __LINE__, __func__, subject, level, __VA_ARGS__)
/* The error in full: code, message, place, detail, hint. */
#define so_log_error(level, error) so_log_error_at(__FILE__, __LINE__, __func__, NULL, level, error)
#define so_log_error_about(subject, level, error)                                                  \
	so_log_error_at(__FILE__, __LINE__, __func__, subject, level, error)

/* An error with the code's own hint, as so_log_error; subject may be NULL. */
#define so_log_code(subject, level, code, ...)                                                     \
	so_log_code_at(__FILE__, __LINE__, __func__, subject, level, code, __VA_ARGS__)

extern void so_log_at(const char *file, int line, const char *function, const SoLogSubject *subject,
					  SoLogLevel level, const char *format, ...) SO_PRINTF(6, 7);
extern void so_log_error_at(const char *file, int line, const char *function,
							const SoLogSubject *subject, SoLogLevel level, const SoError *error);
extern void
so_log_code_at(const char *file, int line, const char *function, const SoLogSubject *subject,
			   SoLogLevel level, SoErrorCode code, const char *format, ...) SO_PRINTF(7, 8);

/*
 * A line that another process has written to a pipe: as it is when it has the
 * format of this header, else as a warning with "program: " in front.
 */
extern void so_log_relay(const char *program, const char *line);

/* "WARNING" and so on; one word. */
extern const char *so_log_level_name(SoLogLevel level);

/*
 * Build an event in buffer (size bytes, SO_LOG_LINE_SIZE is meant): time (NULL:
 * now), level, program, process, and length bytes of message, made harmless: line breaks are
 * followed by a tab, other control characters and what is not UTF-8 become "?".
 * Returns the length; *message (may be NULL) is where the message begins.
 */
extern size_t
so_log_build(char *buffer, size_t size, const char *time, SoLogLevel level, const char *program,
			 int pid, const char *text, size_t length, const char **message);

#endif /* COMMON_LOG_H */
