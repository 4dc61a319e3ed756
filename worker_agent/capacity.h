/*
 * worker_agent/capacity.h
 *
 * How many tasks the agent may ask for, and why not for more: draining, a spool
 * that is full, no nursery, or a machine that is too busy (TaskRequest*).
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_CAPACITY_H
#define WORKER_AGENT_CAPACITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "worker_agent/load.h"
#include "worker_agent/settings.h"

struct SoAgent;

/* The longest reason that docs/protocol.md allows, with the zero byte. */
#define SO_CAPACITY_REASON_SIZE 257

typedef enum SoObstacle
{
	SO_OBSTACLE_NONE,
	SO_OBSTACLE_DRAINING,
	SO_OBSTACLE_SPOOL,
	SO_OBSTACLE_RECORDS,
	SO_OBSTACLE_NURSERY,
	/* From here on: the load of the machine or of the control group. */
	SO_OBSTACLE_CPU,
	SO_OBSTACLE_MEMORY,
	SO_OBSTACLE_CPU_PRESSURE,
	SO_OBSTACLE_MEMORY_PRESSURE,
	SO_OBSTACLE_IO_PRESSURE
} SoObstacle;

typedef struct SoCapacity
{
	SoObstacle obstacle;
	char reason[SO_CAPACITY_REASON_SIZE]; /* why none is asked for, with today's figures and, in
											 parentheses, the setting that decides */
	int64_t since_ms;                     /* when it began */
	int64_t idle_since_ms;     /* kept from work by the load while nothing runs; 0: not so */
	int64_t idle_told_ms;      /* when that was logged; 0: not yet */
	bool told_without_figures; /* a kernel without pressure figures was logged */
} SoCapacity;

/*
 * What of the load is in the way, with its reason in words: the limit that is
 * exceeded, by how much, and whether the running tasks of this worker are part
 * of it.  running: how many of these there are.
 */
extern SoObstacle so_capacity_load_obstacle(const SoLoad *load, const SoSettings *settings,
											int running, char *reason, size_t size);

/* How many tasks may be requested now; notes and logs the obstacle when it changes. */
extern int so_capacity_now(struct SoAgent *agent);

/* Why capacity (the last answer of so_capacity_now) is 0; NULL when it is not. */
extern const char *so_capacity_reason(const struct SoAgent *agent, int capacity);

/*
 * Every second: say so when a worker that runs nothing has been kept from work
 * by the load for long.
 */
extern void so_capacity_check_idle(struct SoAgent *agent, int64_t now_ms);

#endif /* WORKER_AGENT_CAPACITY_H */
