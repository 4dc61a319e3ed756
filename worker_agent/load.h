/*
 * worker_agent/load.h
 *
 * How busy the machine is: CPU use averaged over half a minute, and available
 * memory, for TaskRequestMaxCPU and TaskRequestMinMemory.
 *
 * Process: agent; a plain value, the texts of /proc are arguments.
 */
#ifndef WORKER_AGENT_LOAD_H
#define WORKER_AGENT_LOAD_H

#include <stdbool.h>
#include <stdint.h>

/* The averaging time: a burst of short tasks must not stop the requests. */
#define SO_LOAD_WINDOW_MS 30000

typedef struct SoLoad
{
	uint64_t busy; /* of the last sample, in ticks */
	uint64_t total;
	int64_t sampled_ms; /* 0: none yet */
	double cpu_percent;
	double available_mb; /* negative: unknown */
} SoLoad;

/* Feed the contents of /proc/stat and /proc/meminfo. */
extern void so_load_sample(SoLoad *load, const char *stat, const char *meminfo, int64_t now_ms);

/* Read both files and feed them. */
extern void so_load_read(SoLoad *load, int64_t now_ms);

#endif /* WORKER_AGENT_LOAD_H */
