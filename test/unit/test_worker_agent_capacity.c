/*
 * test/unit/test_worker_agent_capacity.c
 *
 * What of the load keeps a worker from asking, and how it says so.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/log.h"
#include "worker_agent/agent.h"
#include "worker_agent/capacity.h"

static SoSettings settings;
static SoLoad load;
static char reason[SO_CAPACITY_REASON_SIZE];

/* A machine with nothing to do, and the default settings. */
static int
setup(void **state)
{
	(void) state;
	memset(&settings, 0, sizeof(settings));
	settings.task_request_max_cpu = 70;
	settings.task_request_min_memory = 100;
	settings.task_request_max_memory_pressure = 25;
	settings.task_request_max_io_pressure = 100;
	settings.task_request_max_cpu_pressure = 100;
	so_load_init(&load);
	load.cpu_percent = 10;
	load.available_mb = 8000;
	return 0;
}

static SoObstacle
obstacle(int running)
{
	return so_capacity_load_obstacle(&load, &settings, running, reason, sizeof(reason));
}

static void
test_nothing(void **state)
{
	(void) state;
	assert_int_equal(obstacle(0), SO_OBSTACLE_NONE);
	assert_string_equal(reason, "");
	/* Nothing known is no obstacle. */
	so_load_init(&load);
	assert_int_equal(obstacle(0), SO_OBSTACLE_NONE);
}

static void
test_cpu(void **state)
{
	(void) state;
	load.cpu_percent = 93;
	assert_int_equal(obstacle(0), SO_OBSTACLE_CPU);
	assert_string_equal(reason, "the CPU is busy: 93 % (TaskRequestMaxCPU = 70); it runs nothing "
								"itself, other programs are the load");
	assert_int_equal(obstacle(1), SO_OBSTACLE_CPU);
	assert_non_null(strstr(reason, "; it runs 1 task itself"));
	load.cpu_percent = 70;
	assert_int_equal(obstacle(0), SO_OBSTACLE_NONE);
	load.group.cpu_percent = 98;
	load.group.cpu_cores = 1.5;
	assert_int_equal(obstacle(3), SO_OBSTACLE_CPU);
	assert_string_equal(reason, "the CPU is busy: 98 % of the 1.5 cores of its control group "
								"(TaskRequestMaxCPU = 70); it runs 3 tasks itself");
	settings.task_request_max_cpu = 100;
	assert_int_equal(obstacle(3), SO_OBSTACLE_NONE);
}

static void
test_memory(void **state)
{
	(void) state;
	load.available_mb = 60;
	load.cpu_percent = 93;
	assert_int_equal(obstacle(0), SO_OBSTACLE_MEMORY);
	assert_string_equal(reason, "memory is short: 60 MB are left (TaskRequestMinMemory = 100); it "
								"runs nothing itself, other programs are the load");
	load.available_mb = 8000;
	load.group.memory_available_mb = 20;
	load.group.memory_limit_mb = 512;
	assert_int_equal(obstacle(2), SO_OBSTACLE_MEMORY);
	assert_string_equal(reason, "memory is short: 20 MB are left below the 512 MB of its control "
								"group (TaskRequestMinMemory = 100); it runs 2 tasks itself");
	settings.task_request_min_memory = 0;
	load.cpu_percent = 0;
	assert_int_equal(obstacle(0), SO_OBSTACLE_NONE);
}

static void
test_pressure(void **state)
{
	(void) state;
	load.pressure.percent[SO_PRESSURE_MEMORY] = 25;
	load.pressure.percent[SO_PRESSURE_IO] = 100;
	load.pressure.percent[SO_PRESSURE_CPU] = 100;
	assert_int_equal(obstacle(0), SO_OBSTACLE_NONE);
	load.pressure.percent[SO_PRESSURE_MEMORY] = 43.2;
	assert_int_equal(obstacle(0), SO_OBSTACLE_MEMORY_PRESSURE);
	assert_string_equal(reason, "processes on the machine wait for memory 43 % of the time "
								"(TaskRequestMaxMemoryPressure = 25); it runs nothing itself, "
								"other programs are the load");
	load.group.pressure.percent[SO_PRESSURE_MEMORY] = 43.2;
	assert_int_equal(obstacle(0), SO_OBSTACLE_MEMORY_PRESSURE);
	assert_non_null(strstr(reason, "in its control group"));
	settings.task_request_max_memory_pressure = 100;
	settings.task_request_max_io_pressure = 60;
	assert_int_equal(obstacle(1), SO_OBSTACLE_IO_PRESSURE);
	assert_non_null(strstr(reason, "wait for I/O 100 % of the time (TaskRequestMaxIoPressure"));
	settings.task_request_max_io_pressure = 100;
	settings.task_request_max_cpu_pressure = 0;
	assert_int_equal(obstacle(1), SO_OBSTACLE_CPU_PRESSURE);
	assert_non_null(strstr(reason, "wait for the CPU 100 % of the time"));
}

static int warnings;
static char last[2000];

static void
note(const SoLogRecord *record, void *context)
{
	(void) context;
	if (record->level != SO_LOG_WARNING)
		return;
	warnings++;
	snprintf(last, sizeof(last), "%s", record->line);
}

/* Kept from work by others: told after five minutes, and every hour; not while it runs something. */
static void
test_idle(void **state)
{
	SoAgent agent;
	SoUuid task = {{1}};
	SoAttempt *attempt;

	(void) state;
	memset(&agent, 0, sizeof(agent));
	settings.pressure_folder = last;
	agent.settings = &settings;
	so_load_init(&agent.load);
	agent.held = so_held_create(NULL);
	warnings = 0;
	so_log_open("test", SO_LOG_DEFAULT_MASK);
	so_log_set_sink(note, NULL);
	agent.capacity.obstacle = SO_OBSTACLE_CPU;
	snprintf(agent.capacity.reason, sizeof(agent.capacity.reason), "the CPU is busy: 93 %%");
	so_capacity_check_idle(&agent, 1000);
	so_capacity_check_idle(&agent, 1000 + 299999);
	assert_int_equal(warnings, 0);
	so_capacity_check_idle(&agent, 1000 + 300000);
	assert_int_equal(warnings, 1);
	assert_non_null(strstr(last, "SO425"));
	assert_non_null(strstr(last, "for 5 minutes"));
	assert_non_null(strstr(last, "because the CPU is busy: 93 %."));
	so_capacity_check_idle(&agent, 1000 + 300000 + 3599999);
	assert_int_equal(warnings, 1);
	so_capacity_check_idle(&agent, 1000 + 300000 + 3600000);
	assert_int_equal(warnings, 2);

	/* A task of its own: the load may be its own. */
	attempt = so_held_grant(agent.held, &task, 1, 60000, 0);
	so_capacity_check_idle(&agent, 10000000);
	so_held_set_state(agent.held, attempt, SO_HELD_FINISHED);
	so_capacity_check_idle(&agent, 10001000);
	so_capacity_check_idle(&agent, 10200000);
	assert_int_equal(warnings, 2);
	/* Another reason than the load is told elsewhere. */
	agent.capacity.obstacle = SO_OBSTACLE_DRAINING;
	so_capacity_check_idle(&agent, 20000000);
	assert_int_equal(warnings, 2);
	so_log_set_sink(NULL, NULL);
	talloc_free(agent.held);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing, setup), cmocka_unit_test_setup(test_cpu, setup),
		cmocka_unit_test_setup(test_memory, setup),  cmocka_unit_test_setup(test_pressure, setup),
		cmocka_unit_test_setup(test_idle, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
