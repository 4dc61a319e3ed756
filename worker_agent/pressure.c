/*
 * worker_agent/pressure.c
 *
 * Reads the pressure-stall figures of the kernel; see pressure.h.
 *
 * Process: agent, event loop thread, or the doctor; reads files of the kernel
 * only.  A kernel without them (before 4.20, or booted with psi=0) is no error.
 */
#include "worker_agent/pressure.h"

#include <stdio.h>
#include <string.h>

#include "worker_agent/load.h"

static const char *const kind_names[SO_PRESSURE_KINDS] = {"cpu", "memory", "io"};

double
so_pressure_parse(const char *text)
{
	const char *some = strncmp(text, "some ", 5) == 0 ? text : strstr(text, "\nsome ");
	double percent;

	if (some == NULL || sscanf(some, " some avg10=%lf", &percent) != 1 || percent < 0 ||
		percent > 100)
		return -1;
	return percent;
}

void
so_pressure_clear(SoPressure *pressure)
{
	for (int kind = 0; kind < SO_PRESSURE_KINDS; kind++)
		pressure->percent[kind] = -1;
}

void
so_pressure_read(SoPressure *pressure, const char *folder, const char *suffix)
{
	char path[4200];
	char text[512];

	for (int kind = 0; kind < SO_PRESSURE_KINDS; kind++)
	{
		snprintf(path, sizeof(path), "%s/%s%s", folder, kind_names[kind], suffix);
		so_load_read_file(path, text, sizeof(text));
		pressure->percent[kind] = so_pressure_parse(text);
	}
}

void
so_pressure_merge(SoPressure *pressure, const SoPressure *other)
{
	for (int kind = 0; kind < SO_PRESSURE_KINDS; kind++)
	{
		if (other->percent[kind] > pressure->percent[kind])
			pressure->percent[kind] = other->percent[kind];
	}
}

bool
so_pressure_known(const SoPressure *pressure)
{
	for (int kind = 0; kind < SO_PRESSURE_KINDS; kind++)
	{
		if (pressure->percent[kind] >= 0)
			return true;
	}
	return false;
}
