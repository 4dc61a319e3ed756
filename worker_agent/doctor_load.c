/*
 * worker_agent/doctor_load.c
 *
 * The check of the load: would this machine ask for tasks now?  See doctor.h.
 *
 * Process: a short-lived command; reads files of the kernel only.
 */
#include "worker_agent/doctor.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "worker_agent/capacity.h"

/* How long CPU use is measured. */
#define MEASURE_MS 500

/* The agent averages slowly; here is one look, which must count in full. */
static double
in_full(double percent, int64_t elapsed_ms)
{
	return percent <= 0 ? percent
						: percent * (double) (elapsed_ms + SO_LOAD_WINDOW_MS) / (double) elapsed_ms;
}

static void
measure(const SoSettings *settings, SoLoad *load)
{
	int64_t begin_ms = so_clock_monotonic_ms();
	int64_t elapsed_ms;

	so_load_init(load);
	so_load_read(load, settings->pressure_folder, settings->control_group_folder, begin_ms);
	poll(NULL, 0, MEASURE_MS);
	elapsed_ms = so_clock_monotonic_ms() - begin_ms;
	so_load_read(load, settings->pressure_folder, settings->control_group_folder,
				 begin_ms + elapsed_ms);
	load->cpu_percent = in_full(load->cpu_percent, elapsed_ms);
	load->group.cpu_percent = in_full(load->group.cpu_percent, elapsed_ms);
}

static void
describe(const SoLoad *load, char *text, size_t size)
{
	const double *percent = load->pressure.percent;
	int used = snprintf(text, size, "CPU %.0f %%, %.0f MB available, ", so_load_cpu(load),
						so_load_memory(load));

	if (so_pressure_known(&load->pressure))
		snprintf(text + used, size - (size_t) used,
				 "waiting for CPU %.1f %%, memory %.1f %%, I/O %.1f %%.", percent[SO_PRESSURE_CPU],
				 percent[SO_PRESSURE_MEMORY], percent[SO_PRESSURE_IO]);
	else
		snprintf(text + used, size - (size_t) used,
				 "no pressure figures: this kernel does not tell them, they are not used.");
}

void
so_doctor_load(SoDoctor *doctor)
{
	SoLoad load;
	char reason[SO_CAPACITY_REASON_SIZE];
	char figures[300];
	char cure[600];

	measure(doctor->settings, &load);
	describe(&load, figures, sizeof(figures));
	/* The tasks of the running worker are not ours; what they use is used all the same. */
	if (so_capacity_load_obstacle(&load, doctor->settings, 1, reason, sizeof(reason)) ==
		SO_OBSTACLE_NONE)
	{
		so_doctor_sayf(doctor, "load", "ok", NULL, "%s", figures);
		return;
	}
	if (strrchr(reason, ';') != NULL)
		*strrchr(reason, ';') = '\0';
	snprintf(cure, sizeof(cure),
			 "It asks again when the load falls; else change the limit that is named in %s and "
			 "reload the worker. why_not_more in catalog.worker_agents says what it does.",
			 doctor->settings->file);
	so_doctor_sayf(doctor, "load", "warning", cure,
				   "With this load the worker asks for no task: %s. %s", reason, figures);
}
