/*
 * worker_agent/load.h
 *
 * How busy the machine is: CPU use averaged over half a minute, and available
 * memory, pressure-stall figures, and what the own control group leaves, for the
 * settings TaskRequest*.
 *
 * Process: agent; a plain value, the texts of /proc are arguments.
 */
#ifndef WORKER_AGENT_LOAD_H
#define WORKER_AGENT_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "worker_agent/cgroup.h"
#include "worker_agent/pressure.h"

/* The averaging time: a burst of short tasks must not stop the requests. */
#define SO_LOAD_WINDOW_MS 30000

typedef struct SoLoad
{
	uint64_t busy; /* of the last sample, in ticks */
	uint64_t total;
	int64_t sampled_ms; /* 0: none yet */
	double cpu_percent;
	double available_mb; /* negative: unknown */
	SoPressure pressure; /* of the machine and of the own group, the larger ones */
	SoCgroup group;
} SoLoad;

/* Nothing is known yet. */
extern void so_load_init(SoLoad *load);

/* Feed the contents of /proc/stat and /proc/meminfo. */
extern void so_load_sample(SoLoad *load, const char *stat, const char *meminfo, int64_t now_ms);

/*
 * Read everything: /proc, the pressure files in pressure_folder, and the control
 * group in group_folder ("": the own one).
 */
extern void
so_load_read(SoLoad *load, const char *pressure_folder, const char *group_folder, int64_t now_ms);

/* CPU use and memory that count: of the machine or of the control group, what is tighter. */
extern double so_load_cpu(const SoLoad *load);
extern double so_load_memory(const SoLoad *load); /* MB; negative: unknown */

/* The beginning of a file of the kernel as text; empty when it cannot be read. */
extern void so_load_read_file(const char *path, char *text, size_t size);

#endif /* WORKER_AGENT_LOAD_H */
