/*
 * gateway/limits.c
 *
 * Descriptor limits, ranges of settings, the time of an answer, and the budget of log lines.
 *
 * Process: gateway; one thread.  Nothing here survives the process.
 */
#include "gateway/limits.h"

#include <sys/resource.h>

/* Descriptors that are not connections: libevent, listeners, files, the link. */
#define RESERVED_DESCRIPTORS 64
#define DEFAULT_DESCRIPTORS  1024
#define MIN_CONNECTIONS      4
#define MIN_TIMEOUT_MS       100

#define LOG_LINES_PER_WINDOW 20
#define LOG_WINDOW_MS        10000

uint64_t
so_limits_raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return DEFAULT_DESCRIPTORS;
	if (limit.rlim_cur < limit.rlim_max)
	{
		rlim_t soft = limit.rlim_cur;

		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			limit.rlim_cur = soft;
	}
	return limit.rlim_cur;
}

void
so_limits_adjust(SoLimits *limits, uint64_t descriptors)
{
	uint64_t most = descriptors > RESERVED_DESCRIPTORS + MIN_CONNECTIONS
						? descriptors - RESERVED_DESCRIPTORS
						: MIN_CONNECTIONS;

	if (limits->max_connections > most)
		limits->max_connections = (uint32_t) most;
	if (limits->max_connections < MIN_CONNECTIONS)
		limits->max_connections = MIN_CONNECTIONS;
	if (limits->idle_timeout_ms < MIN_TIMEOUT_MS)
		limits->idle_timeout_ms = MIN_TIMEOUT_MS;
	if (limits->request_timeout_ms < MIN_TIMEOUT_MS)
		limits->request_timeout_ms = MIN_TIMEOUT_MS;
}

int64_t
so_limits_answer_ms(const SoLimits *limits, size_t size)
{
	return limits->request_timeout_ms * (1 + (int64_t) (size / SO_LIMIT_ANSWER_BYTES));
}

bool
so_limits_may_log(SoLogBudget *budget, int64_t now_ms, uint32_t *suppressed)
{
	*suppressed = 0;
	if (budget->used == 0 || now_ms - budget->window_start_ms >= LOG_WINDOW_MS)
	{
		*suppressed = budget->suppressed;
		budget->window_start_ms = now_ms;
		budget->used = 0;
		budget->suppressed = 0;
	}
	if (budget->used >= LOG_LINES_PER_WINDOW)
	{
		budget->suppressed++;
		return false;
	}
	budget->used++;
	return true;
}
