/*
 * worker_agent/cgroup.c
 *
 * Reads the limits and the use of the own control group; see cgroup.h.
 *
 * Process: agent, event loop thread, or the doctor; reads files of the kernel
 * only.  What cannot be read limits nothing.
 */
#include "worker_agent/cgroup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker_agent/load.h"

#define BYTES_PER_MB (1024.0 * 1024.0)

bool
so_cgroup_folder(const char *membership, char *folder, size_t size)
{
	const char *own = strncmp(membership, "0::", 3) == 0 ? membership : strstr(membership, "\n0::");
	size_t length;

	if (own == NULL)
		return false;
	own = strstr(own, "0::") + 3;
	length = strcspn(own, "\n");
	if (length == 0 || own[0] != '/')
		return false;
	/* The root of a namespace is "/". */
	snprintf(folder, size, "%s%.*s", SO_CGROUP_ROOT, length > 1 ? (int) length : 0, own);
	return true;
}

/* The number in a text, or the one behind name in "name number" lines; false when there is none. */
static bool
number_in(const char *text, const char *name, uint64_t *number)
{
	size_t length = strlen(name);

	while (text != NULL && *text != '\0')
	{
		if (length == 0)
			return sscanf(text, "%" SCNu64, number) == 1;
		if (strncmp(text, name, length) == 0 && text[length] == ' ')
			return sscanf(text + length, "%" SCNu64, number) == 1;
		text = strchr(text, '\n');
		if (text != NULL)
			text++;
	}
	return false;
}

double
so_cgroup_memory_available(const char *max, const char *current, const char *stat)
{
	uint64_t limit;
	uint64_t used;
	uint64_t reclaimable;

	if (!number_in(max, "", &limit) || !number_in(current, "", &used))
		return -1;
	if (!number_in(stat, "inactive_file", &reclaimable))
		reclaimable = 0;
	used = used > reclaimable ? used - reclaimable : 0;
	return limit > used ? (double) (limit - used) / BYTES_PER_MB : 0;
}

double
so_cgroup_cores(const char *cpu_max)
{
	uint64_t quota;
	uint64_t period;

	if (sscanf(cpu_max, "%" SCNu64 " %" SCNu64, &quota, &period) != 2 || period == 0)
		return -1;
	return (double) quota / (double) period;
}

bool
so_cgroup_usage(const char *cpu_stat, uint64_t *microseconds)
{
	return number_in(cpu_stat, "usage_usec", microseconds);
}

void
so_cgroup_sample_cpu(SoCgroup *group, double cores, uint64_t usage, int64_t now_ms)
{
	if (group->sampled_ms != 0 && group->sampled_cores == cores && now_ms > group->sampled_ms &&
		usage >= group->sampled_usage)
	{
		double elapsed = (double) (now_ms - group->sampled_ms);
		double weight = elapsed / (elapsed + SO_LOAD_WINDOW_MS);
		double percent = (double) (usage - group->sampled_usage) / 10.0 / (elapsed * cores);

		if (group->cpu_percent < 0)
			group->cpu_percent = 0;
		/* A burst may use what was saved in the periods before. */
		percent = percent > 100 ? 100 : percent;
		group->cpu_percent += weight * (percent - group->cpu_percent);
	}
	else if (group->sampled_cores != cores)
		group->cpu_percent = -1;
	group->cpu_cores = cores;
	group->sampled_cores = cores;
	group->sampled_usage = usage;
	group->sampled_ms = now_ms;
}

void
so_cgroup_clear(SoCgroup *group)
{
	memset(group, 0, sizeof(*group));
	group->memory_limit_mb = -1;
	group->memory_available_mb = -1;
	group->cpu_cores = -1;
	group->cpu_percent = -1;
	so_pressure_clear(&group->pressure);
}

static void
read_in(const char *folder, const char *name, char *text, size_t size)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	so_load_read_file(path, text, size);
}

static void
read_memory(SoCgroup *group, const char *folder)
{
	char max[64];
	char current[64];
	char stat[4096];
	double available;

	read_in(folder, "memory.max", max, sizeof(max));
	read_in(folder, "memory.current", current, sizeof(current));
	read_in(folder, "memory.stat", stat, sizeof(stat));
	available = so_cgroup_memory_available(max, current, stat);
	if (available < 0 ||
		(group->memory_available_mb >= 0 && group->memory_available_mb <= available))
		return;
	group->memory_available_mb = available;
	group->memory_limit_mb = strtod(max, NULL) / BYTES_PER_MB;
}

/* The group with the fewest cores, and what it has used. */
static void
read_cpu(const char *folder, double *fewest, uint64_t *usage)
{
	char max[64];
	char stat[1024];
	double cores;
	uint64_t used;

	read_in(folder, "cpu.max", max, sizeof(max));
	cores = so_cgroup_cores(max);
	if (cores <= 0 || (*fewest > 0 && *fewest <= cores))
		return;
	read_in(folder, "cpu.stat", stat, sizeof(stat));
	if (!so_cgroup_usage(stat, &used))
		return;
	*fewest = cores;
	*usage = used;
}

void
so_cgroup_read(SoCgroup *group, const char *folder, int64_t now_ms)
{
	char membership[4096];
	char path[4096];
	double cores = -1;
	uint64_t usage = 0;
	char *slash;

	group->memory_limit_mb = -1;
	group->memory_available_mb = -1;
	group->cpu_cores = -1;
	so_pressure_clear(&group->pressure);
	so_load_read_file("/proc/self/cgroup", membership, sizeof(membership));
	if (folder != NULL && folder[0] != '\0')
		snprintf(path, sizeof(path), "%s", folder);
	else if (!so_cgroup_folder(membership, path, sizeof(path)))
		return;
	so_pressure_read(&group->pressure, path, ".pressure");
	for (;;)
	{
		read_memory(group, path);
		read_cpu(path, &cores, &usage);
		slash = strrchr(path, '/');
		if (strncmp(path, SO_CGROUP_ROOT "/", strlen(SO_CGROUP_ROOT) + 1) != 0 || slash == NULL)
			break;
		*slash = '\0';
	}
	if (cores > 0)
		so_cgroup_sample_cpu(group, cores, usage, now_ms);
	else
	{
		group->cpu_percent = -1;
		group->sampled_ms = 0;
	}
}
