/*
 * worker_agent/pressure.h
 *
 * Pressure-stall figures: for what share of the last ten seconds some process
 * had to wait for CPU, memory or I/O (Documentation/accounting/psi.rst of the
 * kernel).
 *
 * Process: agent; plain values, the texts of the kernel are arguments.
 */
#ifndef WORKER_AGENT_PRESSURE_H
#define WORKER_AGENT_PRESSURE_H

#include <stdbool.h>

typedef enum SoPressureKind
{
	SO_PRESSURE_CPU,
	SO_PRESSURE_MEMORY,
	SO_PRESSURE_IO,
	SO_PRESSURE_KINDS
} SoPressureKind;

/* Percent of the last ten seconds; negative: unknown. */
typedef struct SoPressure
{
	double percent[SO_PRESSURE_KINDS];
} SoPressure;

/* The figure "some avg10" of one file's text; -1 when it is not there. */
extern double so_pressure_parse(const char *text);

/* Nothing is known. */
extern void so_pressure_clear(SoPressure *pressure);

/*
 * Read the files of folder whose names begin with cpu, memory and io and end
 * with suffix ("" below /proc/pressure, ".pressure" in a control group).
 */
extern void so_pressure_read(SoPressure *pressure, const char *folder, const char *suffix);

/* Take the larger figure of each kind into pressure. */
extern void so_pressure_merge(SoPressure *pressure, const SoPressure *other);

/* Does the kernel tell any of them? */
extern bool so_pressure_known(const SoPressure *pressure);

#endif /* WORKER_AGENT_PRESSURE_H */
