/*
 * worker_agent/capacity.c
 *
 * Decides how many tasks are asked for; see capacity.h.
 *
 * Process: agent, event loop thread.  Nothing is kept: a new agent decides anew.
 */
#include "worker_agent/capacity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker_agent/agent.h"
#include "worker_agent/nursery_client.h"

/* A worker that runs nothing complains when others keep it from work for this long, and again. */
#define IDLE_FIRST_MS (5 * 60 * 1000)
#define IDLE_AGAIN_MS (60 * 60 * 1000)

/* ---- the load ------------------------------------------------------------------------ */

/* Are the own tasks part of the load? */
static const char *
whose_load(int running, char text[80])
{
	if (running == 0)
		return "it runs nothing itself, other programs are the load";
	snprintf(text, 80, "it runs %d task%s itself", running, running == 1 ? "" : "s");
	return text;
}

static bool
exceeds(const SoLoad *load, SoPressureKind kind, double limit)
{
	return limit < 100 && load->pressure.percent[kind] > limit;
}

/* Whose figure is it, the control group's or the machine's? */
static const char *
pressure_place(const SoLoad *load, SoPressureKind kind)
{
	return load->group.pressure.percent[kind] >= load->pressure.percent[kind]
			   ? "in its control group"
			   : "on the machine";
}

static SoObstacle
pressure_obstacle(const SoLoad *load, const SoSettings *settings, int running, char *reason,
				  size_t size)
{
	const struct
	{
		SoPressureKind kind;
		SoObstacle obstacle;
		const char *waits_for;
		const char *setting;
		double limit;
	} rows[] = {
		{SO_PRESSURE_MEMORY, SO_OBSTACLE_MEMORY_PRESSURE, "memory", "TaskRequestMaxMemoryPressure",
		 settings->task_request_max_memory_pressure},
		{SO_PRESSURE_IO, SO_OBSTACLE_IO_PRESSURE, "I/O", "TaskRequestMaxIoPressure",
		 settings->task_request_max_io_pressure},
		{SO_PRESSURE_CPU, SO_OBSTACLE_CPU_PRESSURE, "the CPU", "TaskRequestMaxCpuPressure",
		 settings->task_request_max_cpu_pressure},
	};
	char text[80];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		if (!exceeds(load, rows[i].kind, rows[i].limit))
			continue;
		snprintf(reason, size, "processes %s wait for %s %.0f %% of the time (%s = %.4g); %s",
				 pressure_place(load, rows[i].kind), rows[i].waits_for,
				 load->pressure.percent[rows[i].kind], rows[i].setting, rows[i].limit,
				 whose_load(running, text));
		return rows[i].obstacle;
	}
	return SO_OBSTACLE_NONE;
}

SoObstacle
so_capacity_load_obstacle(const SoLoad *load, const SoSettings *settings, int running, char *reason,
						  size_t size)
{
	double cpu = so_load_cpu(load);
	double memory = so_load_memory(load);
	char text[80];

	reason[0] = '\0';
	if (memory >= 0 && memory < settings->task_request_min_memory)
	{
		char limit[80] = "";

		if (memory != load->available_mb)
			snprintf(limit, sizeof(limit), " below the %.0f MB of its control group",
					 load->group.memory_limit_mb);
		snprintf(reason, size,
				 "memory is short: %.0f MB are left%s (TaskRequestMinMemory = %.15g); %s", memory,
				 limit, settings->task_request_min_memory, whose_load(running, text));
		return SO_OBSTACLE_MEMORY;
	}
	if (settings->task_request_max_cpu < 100 && cpu > settings->task_request_max_cpu)
	{
		char cores[80] = "";

		if (cpu != load->cpu_percent)
			snprintf(cores, sizeof(cores), " of the %.4g cores of its control group",
					 load->group.cpu_cores);
		snprintf(reason, size, "the CPU is busy: %.0f %%%s (TaskRequestMaxCPU = %.4g); %s", cpu,
				 cores, settings->task_request_max_cpu, whose_load(running, text));
		return SO_OBSTACLE_CPU;
	}
	return pressure_obstacle(load, settings, running, reason, size);
}

/* ---- the agent ------------------------------------------------------------------------- */

static SoObstacle
find_obstacle(const SoAgent *agent, char *reason, size_t size)
{
	const SoSettings *settings = agent->settings;
	int64_t limit = settings->max_buffer_log_count * settings->max_in_memory_buffer_count;
	int64_t waiting = (int64_t) so_spool_waiting(agent->spool);

	if (agent->draining)
	{
		snprintf(reason, size, "it was told to stop and takes no new tasks (DrainTimeout)");
		return SO_OBSTACLE_DRAINING;
	}
	if (agent->spool_blocked)
	{
		snprintf(reason, size, "the spool cannot be written (ExecutionLogCacheFolder)");
		return SO_OBSTACLE_SPOOL;
	}
	if (waiting >= limit)
	{
		snprintf(reason, size,
				 "%" PRId64 " records wait for the master, of %" PRId64
				 " that may (ExecutionLogMaxBufferLogCount = %" PRId64 ")",
				 waiting, limit, (int64_t) settings->max_buffer_log_count);
		return SO_OBSTACLE_RECORDS;
	}
	if (!so_nursery_is_ready(agent->nursery))
	{
		snprintf(reason, size, "runners cannot be started at the moment (RunnerProgram)");
		return SO_OBSTACLE_NURSERY;
	}
	return so_capacity_load_obstacle(&agent->load, settings, so_held_active(agent->held), reason,
									 size);
}

int
so_capacity_now(SoAgent *agent)
{
	SoCapacity *capacity = &agent->capacity;
	SoObstacle before = capacity->obstacle;
	int max = (int) agent->settings->max_task_count;
	int free_tasks;

	capacity->obstacle = find_obstacle(agent, capacity->reason, sizeof(capacity->reason));
	if (capacity->obstacle != before)
	{
		capacity->since_ms = so_clock_monotonic_ms();
		if (capacity->obstacle != SO_OBSTACLE_NONE)
			so_log(SO_LOG_INFORMATION, "no tasks are requested: %s", capacity->reason);
		else
			so_log(SO_LOG_INFORMATION, "tasks are requested again");
	}
	if (capacity->obstacle != SO_OBSTACLE_NONE)
		return 0;
	free_tasks = so_held_capacity(agent->held, max);
	if (free_tasks == 0 && so_held_active(agent->held) >= max)
		snprintf(capacity->reason, sizeof(capacity->reason),
				 "all its tasks are taken (MaxTaskCount = %d)", max);
	else if (free_tasks == 0)
		snprintf(capacity->reason, sizeof(capacity->reason),
				 "the results of %d tasks wait for the master (ExecutionLogMaxBufferLogCount)",
				 so_held_count(agent->held));
	return free_tasks;
}

const char *
so_capacity_reason(const SoAgent *agent, int capacity)
{
	return capacity > 0 ? NULL : agent->capacity.reason;
}

void
so_capacity_check_idle(SoAgent *agent, int64_t now_ms)
{
	SoCapacity *capacity = &agent->capacity;
	SoError error;

	if (!capacity->told_without_figures && !so_pressure_known(&agent->load.pressure))
	{
		capacity->told_without_figures = true;
		so_log(SO_LOG_INFORMATION,
			   "this kernel tells no pressure figures (%s); TaskRequestMaxCpuPressure, "
			   "TaskRequestMaxMemoryPressure and TaskRequestMaxIoPressure are not used",
			   agent->settings->pressure_folder);
	}
	if (capacity->obstacle < SO_OBSTACLE_CPU || so_held_active(agent->held) > 0)
	{
		capacity->idle_since_ms = 0;
		capacity->idle_told_ms = 0;
		return;
	}
	if (capacity->idle_since_ms == 0)
		capacity->idle_since_ms = now_ms;
	if (now_ms - capacity->idle_since_ms < IDLE_FIRST_MS ||
		(capacity->idle_told_ms != 0 && now_ms - capacity->idle_told_ms < IDLE_AGAIN_MS))
		return;
	capacity->idle_told_ms = now_ms;
	so_error_set(&error, SO_ERR_AGENT_IDLE, NULL,
				 "this worker has run nothing and asked for nothing for %" PRId64 " minutes",
				 (now_ms - capacity->idle_since_ms) / 60000);
	so_error_detail(&error, "It does not ask because %s.", capacity->reason);
	so_log_error(SO_LOG_WARNING, &error);
}
