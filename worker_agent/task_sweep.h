/*
 * worker_agent/task_sweep.h
 *
 * Removes old task folders (TaskFolderRetention) in a thread of its own, so that
 * a large tree does not stop the event loop.
 *
 * Process: agent.  The thread gets copies of everything and touches files only;
 * when the agent dies half-way, the next sweep goes on.
 */
#ifndef WORKER_AGENT_TASK_SWEEP_H
#define WORKER_AGENT_TASK_SWEEP_H

#include <stdint.h>

#include "worker_agent/held.h"

/*
 * Begin a sweep of folder: remove every task folder that has not changed for
 * retention_ms and whose task is not in held.  Does nothing while another sweep
 * is running.
 */
extern void so_task_sweep_start(const char *folder, int64_t retention_ms, SoHeld *held);

/* Sweep in the calling thread; keep holds task ids, keep_count of them.  Returns folders removed. */
extern int
so_task_sweep(const char *folder, int64_t retention_ms, const SoUuid *keep, int keep_count);

#endif /* WORKER_AGENT_TASK_SWEEP_H */
