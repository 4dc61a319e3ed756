/*
 * worker_agent/task_log.h
 *
 * The log file of one attempt: TasksRootFolder/<task id>/attempt-<n>.log, made
 * when the first line comes.  With TaskLogSegment one file covers that span,
 * and the next one is attempt-<n>.2.log.
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_TASK_LOG_H
#define WORKER_AGENT_TASK_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "worker_agent/settings.h"

typedef struct SoTaskLog
{
	int fd;      /* -1: not open */
	int segment; /* number of the file, from 1 */
	int64_t opened_ms;
	bool broken; /* complained about already */
} SoTaskLog;

extern void so_task_log_init(SoTaskLog *log);

/* Append bytes as they are.  Failures are logged once and not repeated. */
extern void so_task_log_write(SoTaskLog *log, const SoSettings *settings, const char *task,
							  uint32_t attempt, const void *bytes, size_t size);

extern void so_task_log_close(SoTaskLog *log);

/* Make the folder of the task, and the work folder in it.  false with SO454. */
extern bool
so_task_folder_make(const SoSettings *settings, const char *task, SoError *error) SO_WARN_UNUSED;

/* The attempt has ended: remove its work folder and its folder when they are empty. */
extern void so_task_folder_tidy(const SoSettings *settings, const char *task);

#endif /* WORKER_AGENT_TASK_LOG_H */
