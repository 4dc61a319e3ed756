/*
 * common/clock.h
 *
 * Monotonic time for deadlines.  Nothing in scaleout measures an interval with
 * the wall clock; durations travel on the wire, instants do not.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC. */
extern int64_t so_clock_monotonic_ms(void);

/*
 * The wall clock: Unix milliseconds.  For comparing the clocks of two machines,
 * never for measuring a time.
 */
extern int64_t so_clock_unix_ms(void);

/*
 * The wall clock as ISO 8601 in UTC with microseconds,
 * "2026-01-31T12:00:00.123456Z"; buffer needs 32 bytes.  For people and logs.
 */
extern char *so_clock_utc_text(char *buffer, size_t size);

#endif /* COMMON_CLOCK_H */
