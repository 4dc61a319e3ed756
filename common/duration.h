/*
 * common/duration.h
 *
 * Durations as people write them: hh:mm:ss and d.hh:mm:ss (WorkerSettings.config),
 * or a number with a unit (250ms, 30s, 5min, 12h, 7d) as in postgresql.conf.
 */
#ifndef COMMON_DURATION_H
#define COMMON_DURATION_H

#include <stdint.h>

#include "common/error.h"

/* text to milliseconds; false with *error (place: what) when it is none or negative. */
extern bool so_duration_parse(const char *text, const char *what, int64_t *milliseconds,
							  SoError *error) SO_WARN_UNUSED;

/* "1.02:03:04" or "00:00:30.250"; buffer needs 40 bytes. Returns buffer. */
extern char *so_duration_format(int64_t milliseconds, char *buffer, size_t size);

#endif /* COMMON_DURATION_H */
