/*
 * common/log.h
 *
 * One log format for gateway, agent, runner and client:
 *
 *     2026-01-31T12:00:00.123456Z WARNING scaleout-worker[123] SO401 message
 *
 * Levels are the bits of TaskLogLevel in WorkerSettings.config.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

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

#define SO_LOG_DEFAULT_MASK 126 /* everything but Verbose */

/* Called with a finished line without newline instead of writing to stderr. */
typedef void (*SoLogSink)(SoLogLevel level, const char *line, void *context);

extern void so_log_open(const char *program, int mask);
extern void so_log_set_mask(int mask);
extern void so_log_set_sink(SoLogSink sink, void *context);
extern void so_log(SoLogLevel level, const char *format, ...) SO_PRINTF(2, 3);
/* The error in full: code, message, place, detail, hint. */
extern void so_log_error(SoLogLevel level, const SoError *error);
/* "Warning" and so on; one word. */
extern const char *so_log_level_name(SoLogLevel level);

#endif /* COMMON_LOG_H */
