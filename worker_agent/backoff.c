/*
 * worker_agent/backoff.c
 *
 * Computes delays between tries; see backoff.h.
 *
 * Process: agent; no state of its own.
 */
#include "worker_agent/backoff.h"

int64_t
so_backoff_next(SoBackoff *backoff, int64_t maximum_ms, uint32_t random)
{
	int doublings = backoff->failures < 30 ? backoff->failures : 30;
	int64_t delay = backoff->initial_ms << doublings;

	if (delay > maximum_ms || delay <= 0)
		delay = maximum_ms;
	if (delay < backoff->initial_ms)
		delay = backoff->initial_ms;
	backoff->failures++;
	return delay / 2 + (int64_t) (random % (uint64_t) (delay / 2 + 1));
}

void
so_backoff_reset(SoBackoff *backoff)
{
	backoff->failures = 0;
}
