/*
 * worker_agent/cgroup.h
 *
 * What the control group (version 2) of the worker allows: a service with
 * MemoryMax= or CPUQuota= must look at its own limits and not at the machine's.
 * The limits of the groups around it count as well; the tightest decides.
 *
 * Process: agent; plain values, the texts of the kernel are arguments of
 * everything but so_cgroup_read.
 */
#ifndef WORKER_AGENT_CGROUP_H
#define WORKER_AGENT_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker_agent/pressure.h"

#define SO_CGROUP_ROOT "/sys/fs/cgroup"

typedef struct SoCgroup
{
	double memory_limit_mb;     /* of the tightest group; negative: none */
	double memory_available_mb; /* below it; negative: no limit */
	double cpu_cores;           /* negative: no limit */
	double cpu_percent;         /* of these, averaged; negative: no limit, or not known yet */
	SoPressure pressure;        /* of the own group */

	/* of the last sample */
	double sampled_cores;
	uint64_t sampled_usage; /* microseconds of CPU */
	int64_t sampled_ms;     /* 0: none yet */
} SoCgroup;

/*
 * The folder of the group that /proc/self/cgroup names (its text is the
 * argument), below SO_CGROUP_ROOT.  false when there is no version 2 group.
 */
extern bool so_cgroup_folder(const char *membership, char *folder, size_t size);

/*
 * Memory that may still be taken below a limit: texts of memory.max,
 * memory.current and memory.stat.  What the kernel can give back at once (the
 * inactive part of the file cache) counts as free.  MB; -1 without a limit.
 */
extern double so_cgroup_memory_available(const char *max, const char *current, const char *stat);

/* Cores that the text of cpu.max allows; -1 without a limit. */
extern double so_cgroup_cores(const char *cpu_max);

/* usage_usec of the text of cpu.stat; false when it is not there. */
extern bool so_cgroup_usage(const char *cpu_stat, uint64_t *microseconds);

/* Take in what the tightest group has used; averages over SO_LOAD_WINDOW_MS. */
extern void so_cgroup_sample_cpu(SoCgroup *group, double cores, uint64_t usage, int64_t now_ms);

/* Nothing is known and nothing is limited. */
extern void so_cgroup_clear(SoCgroup *group);

/*
 * Read the group in folder and those around it; NULL or "": the own one.  A
 * folder outside SO_CGROUP_ROOT is looked at alone.
 */
extern void so_cgroup_read(SoCgroup *group, const char *folder, int64_t now_ms);

#endif /* WORKER_AGENT_CGROUP_H */
