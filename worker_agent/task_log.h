/*
 * worker_agent/task_log.h
 *
 * The log of one attempt: TasksRootFolder/<task id>/attempt-<n>.log, made when
 * the first line comes.  With TaskLogSegment one file covers that span, and the
 * next one is attempt-<n>.2.log.  Lines have the format of common/log.h; what
 * TaskLogLevel leaves out is not written, and TaskLogMaxSize bounds the whole.
 *
 * A log that cannot be written never stops a task: it is said once in the log of
 * the worker, tried again every few seconds, and the log says how many lines it
 * lacks.
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_TASK_LOG_H
#define WORKER_AGENT_TASK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/byte_buffer.h"
#include "common/error.h"
#include "common/log.h"
#include "worker_agent/settings.h"

/* A longer line of a program's output is written in pieces of this size. */
#define SO_TASK_LOG_PIECE 2000

typedef struct SoTaskLog
{
	int fd;             /* -1: not open */
	int segment;        /* number of the file, from 1 */
	int64_t opened_ms;  /* when the segment began */
	int64_t checked_ms; /* when the file was last seen in its folder */
	int64_t bytes;      /* of this attempt, all segments */
	SoByteBuffer lines; /* not written yet */
	uint64_t line_count;
	uint64_t lost_lines; /* that could not be written, or did not fit TaskLogMaxSize */
	bool full;           /* TaskLogMaxSize is reached */
	bool failed;         /* cannot be written; said in the log of the worker */
	int64_t failed_ms;
	char partial[SO_TASK_LOG_PIECE]; /* output without its end of line yet */
	size_t partial_size;
} SoTaskLog;

extern void so_task_log_init(SoTaskLog *log);

/* Add a line of a runner (size bytes, no newline at its end), when its level is wanted. */
extern void so_task_log_line(SoTaskLog *log, const SoSettings *settings, SoLogLevel level,
							 const char *line, size_t size);

/* Add a line of the agent itself. */
extern void so_task_log_say(SoTaskLog *log, const SoSettings *settings, SoLogLevel level,
							const char *format, ...) SO_PRINTF(4, 5);

/*
 * Add what the runner process pid has printed, as warnings: what a package means
 * to print comes as events; this is what libraries and crashes leave behind.
 */
extern void so_task_log_output(SoTaskLog *log, const SoSettings *settings, pid_t pid,
							   const char *bytes, size_t size);

/* Write what was added.  To be called when the loop has nothing more at the moment. */
extern void
so_task_log_flush(SoTaskLog *log, const SoSettings *settings, const SoLogSubject *subject);

/* The attempt has ended: write everything, say what is missing, close. */
extern void so_task_log_finish(SoTaskLog *log, const SoSettings *settings,
							   const SoLogSubject *subject, pid_t pid);

/* The levels that are written with these settings: a sum of SoLogLevel; 0: none. */
extern int so_task_log_mask(const SoSettings *settings);

/* Make the folder of the task, and the work folder in it.  false with SO454. */
extern bool
so_task_folder_make(const SoSettings *settings, const char *task, SoError *error) SO_WARN_UNUSED;

/* The attempt has ended: remove its work folder and its folder when they are empty. */
extern void so_task_folder_tidy(const SoSettings *settings, const char *task);

#endif /* WORKER_AGENT_TASK_LOG_H */
