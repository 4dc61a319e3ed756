/*
 * worker_agent/load.c
 *
 * Measures CPU use and available memory; see load.h.
 *
 * Process: agent, event loop thread; reads /proc only.
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
so_load_sample(SoLoad *load, const char *stat, const char *meminfo, int64_t now_ms)
{
	const char *available = strstr(meminfo, "MemAvailable:");
	uint64_t kilobytes;

	sample_cpu(load, stat, now_ms);
	load->available_mb = -1;
	if (available != NULL && sscanf(available, "MemAvailable: %" SCNu64, &kilobytes) == 1)
		load->available_mb = (double) kilobytes / 1024.0;
}

static void
read_start(const char *path, char *text, size_t size)
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
so_load_read(SoLoad *load, int64_t now_ms)
{
	char stat[256];
	char meminfo[512];

	read_start("/proc/stat", stat, sizeof(stat));
	read_start("/proc/meminfo", meminfo, sizeof(meminfo));
	so_load_sample(load, stat, meminfo, now_ms);
}
