/*
 * worker_agent/load.c
 *
 * Measures CPU use and available memory; see load.h.
 *
 * Process: agent, event loop thread, or the doctor; reads files of the kernel only.
 */
#include "worker_agent/load.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void
sample_cpu(SoLoad *load, const char *stat, int64_t now_ms)
{
	uint64_t user;
	uint64_t nice;
	uint64_t system;
	uint64_t idle;
	uint64_t iowait = 0;
	uint64_t irq = 0;
	uint64_t softirq = 0;
	uint64_t steal = 0;
	uint64_t busy;
	uint64_t total;

	if (sscanf(stat,
			   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			   " %" SCNu64 " %" SCNu64,
			   &user, &nice, &system, &idle, &iowait, &irq, &softirq, &steal) < 4)
		return;
	busy = user + nice + system + irq + softirq + steal;
	total = busy + idle + iowait;
	if (load->sampled_ms != 0 && total > load->total && busy >= load->busy)
	{
		double percent = 100.0 * (double) (busy - load->busy) / (double) (total - load->total);
		double elapsed = (double) (now_ms - load->sampled_ms);
		double weight = elapsed / (elapsed + SO_LOAD_WINDOW_MS);

		load->cpu_percent += weight * (percent - load->cpu_percent);
	}
	load->busy = busy;
	load->total = total;
	load->sampled_ms = now_ms;
}

void
so_load_init(SoLoad *load)
{
	memset(load, 0, sizeof(*load));
	load->available_mb = -1;
	so_pressure_clear(&load->pressure);
	so_cgroup_clear(&load->group);
}

void
so_load_sample(SoLoad *load, const char *stat, const char *meminfo, int64_t now_ms)
{
	const char *available = strstr(meminfo, "MemAvailable:");
	uint64_t kilobytes;

	sample_cpu(load, stat, now_ms);
	load->available_mb = -1;
	if (available != NULL && sscanf(available, "MemAvailable: %" SCNu64, &kilobytes) == 1)
		load->available_mb = (double) kilobytes / 1024.0;
}

void
so_load_read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = 0;

	if (fd >= 0)
	{
		got = read(fd, text, size - 1);
		close(fd);
	}
	text[got > 0 ? got : 0] = '\0';
}

void
so_load_read(SoLoad *load, const char *pressure_folder, const char *group_folder, int64_t now_ms)
{
	char stat[256];
	char meminfo[512];

	so_load_read_file("/proc/stat", stat, sizeof(stat));
	so_load_read_file("/proc/meminfo", meminfo, sizeof(meminfo));
	so_load_sample(load, stat, meminfo, now_ms);
	so_pressure_read(&load->pressure, pressure_folder, "");
	so_cgroup_read(&load->group, group_folder, now_ms);
	so_pressure_merge(&load->pressure, &load->group.pressure);
}

double
so_load_cpu(const SoLoad *load)
{
	return load->group.cpu_percent > load->cpu_percent ? load->group.cpu_percent
													   : load->cpu_percent;
}

double
so_load_memory(const SoLoad *load)
{
	double group = load->group.memory_available_mb;

	return group >= 0 && (load->available_mb < 0 || group < load->available_mb)
			   ? group
			   : load->available_mb;
}
