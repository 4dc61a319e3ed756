/*
 * worker_agent/backoff.h
 *
 * Exponential back-off with jitter: the n-th delay is drawn from the upper half
 * of initial * 2^n, at most maximum, so that many agents do not come back at once.
 *
 * Process: agent; a plain value.
 */
#ifndef WORKER_AGENT_BACKOFF_H
#define WORKER_AGENT_BACKOFF_H

#include <stdint.h>

typedef struct SoBackoff
{
	int64_t initial_ms;
	int failures; /* in a row */
} SoBackoff;

/*
 * Count a failure and return the delay before the next try, in ms.  random: any
 * 32 random bits.  maximum_ms is at least initial_ms.
 */
extern int64_t so_backoff_next(SoBackoff *backoff, int64_t maximum_ms, uint32_t random);

extern void so_backoff_reset(SoBackoff *backoff);

#endif /* WORKER_AGENT_BACKOFF_H */
