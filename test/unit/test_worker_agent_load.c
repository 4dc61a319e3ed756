/*
 * test/unit/test_worker_agent_load.c
 *
 * CPU use and memory from the texts of /proc.
 *
 * Process: unit test; /proc is read once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "worker_agent/load.h"

#define MEMORY                                                                                     \
	"MemTotal:       16000000 kB\nMemFree: 1 kB\nMemAvailable:    2048000 kB\nBuffers: 1 kB\n"

/* Feed a first line of /proc/stat with this much busy and idle time. */
static void
feed(SoLoad *load, int busy, int idle, int64_t now_ms)
{
	char stat[200];

	snprintf(stat, sizeof(stat), "cpu  %d 0 0 %d 0 0 0 0 0 0\ncpu0 1 2 3 4\n", busy, idle);
	so_load_sample(load, stat, MEMORY, now_ms);
}

/* The first sample says nothing yet; then the average follows what happens, slowly. */
static void
test_average(void **state)
{
	SoLoad load = {0};
	double before;

	(void) state;
	feed(&load, 5000, 5000, 1000);
	assert_true(load.cpu_percent == 0.0);
	assert_true(load.available_mb == 2000.0);

	/* One busy second of an idle machine is a small part of half a minute. */
	feed(&load, 5100, 5000, 2000);
	assert_true(load.cpu_percent > 2.0 && load.cpu_percent < 5.0);

	/* Busy for minutes: it comes near 100 and never goes above. */
	for (int i = 1; i <= 300; i++)
	{
		before = load.cpu_percent;
		feed(&load, 5100 + 100 * i, 5000, 2000 + 1000 * i);
		assert_true(load.cpu_percent > before && load.cpu_percent <= 100.0);
	}
	assert_true(load.cpu_percent > 99.0);

	/* And idle again. */
	for (int i = 1; i <= 300; i++)
		feed(&load, 35100, 5000 + 100 * i, 302000 + 1000 * i);
	assert_true(load.cpu_percent < 1.0);
}

/* Half busy is 50 %, however often it is sampled. */
static void
test_steady(void **state)
{
	SoLoad often = {0};
	SoLoad seldom = {0};

	(void) state;
	for (int i = 0; i <= 6000; i++)
		feed(&often, 1000 + 5 * i, 1000 + 5 * i, 1 + 100 * i);
	for (int i = 0; i <= 60; i++)
		feed(&seldom, 1000 + 500 * i, 1000 + 500 * i, 1 + 10000 * i);
	assert_true(often.cpu_percent > 49.0 && often.cpu_percent < 51.0);
	assert_true(seldom.cpu_percent > 49.0 && seldom.cpu_percent < 51.0);
}

/* What counts as busy: user, nice, system, irq, softirq, steal; not idle and iowait. */
static void
test_columns(void **state)
{
	(void) state;
	for (int column = 0; column < 8; column++)
	{
		int ticks[8] = {100, 100, 100, 100, 100, 100, 100, 100};
		SoLoad load = {0};
		char stat[200];

		for (int sample = 0; sample < 2; sample++)
		{
			snprintf(stat, sizeof(stat), "cpu  %d %d %d %d %d %d %d %d 0 0\n", ticks[0], ticks[1],
					 ticks[2], ticks[3], ticks[4], ticks[5], ticks[6], ticks[7]);
			so_load_sample(&load, stat, MEMORY, 1 + sample * 1000);
			ticks[column] += 100;
		}
		if (column == 3 || column == 4)
			assert_true(load.cpu_percent == 0.0);
		else
			assert_true(load.cpu_percent > 1.0);
	}
}

/* Counters that stand still or go back (a CPU was taken away) change nothing. */
static void
test_odd_counters(void **state)
{
	SoLoad load = {0};
	double before;

	(void) state;
	feed(&load, 1000, 1000, 1000);
	feed(&load, 2000, 1000, 2000);
	before = load.cpu_percent;
	feed(&load, 2000, 1000, 3000);
	assert_true(load.cpu_percent == before);
	feed(&load, 500, 500, 4000);
	assert_true(load.cpu_percent == before);
	feed(&load, 500, 600, 5000);
	assert_true(load.cpu_percent >= 0.0 && load.cpu_percent < before);
}

/* Texts that say nothing: memory is unknown, the CPU as before. */
static void
test_unreadable(void **state)
{
	SoLoad load = {0};

	(void) state;
	so_load_sample(&load, "", "", 1000);
	assert_true(load.available_mb < 0);
	assert_true(load.cpu_percent == 0.0);
	assert_int_equal(load.sampled_ms, 0);
	so_load_sample(&load, "cpu x", "MemAvailable: many kB", 2000);
	assert_true(load.available_mb < 0);
	so_load_sample(&load, "cpu 1 2 3 4", "MemAvailable: 0 kB", 3000);
	assert_true(load.available_mb == 0.0);
}

static void
test_this_machine(void **state)
{
	SoLoad load = {0};

	(void) state;
	so_load_init(&load);
	so_load_read(&load, "/proc/pressure", "", 1000);
	assert_true(load.available_mb > 0.0);
	assert_true(so_load_memory(&load) > 0.0 && so_load_memory(&load) <= load.available_mb);
	assert_true(load.total > 0 && load.busy <= load.total);
	assert_int_equal(load.sampled_ms, 1000);
}

/* The tighter of machine and control group counts. */
static void
test_tighter(void **state)
{
	SoLoad load;

	(void) state;
	so_load_init(&load);
	assert_true(so_load_memory(&load) < 0);
	load.cpu_percent = 40;
	load.available_mb = 3000;
	assert_true(so_load_cpu(&load) == 40 && so_load_memory(&load) == 3000);
	load.group.cpu_percent = 90;
	load.group.memory_available_mb = 200;
	assert_true(so_load_cpu(&load) == 90 && so_load_memory(&load) == 200);
	load.group.cpu_percent = 10;
	load.group.memory_available_mb = 4000;
	assert_true(so_load_cpu(&load) == 40 && so_load_memory(&load) == 3000);
	load.available_mb = -1;
	assert_true(so_load_memory(&load) == 4000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_average),    cmocka_unit_test(test_steady),
		cmocka_unit_test(test_columns),    cmocka_unit_test(test_odd_counters),
		cmocka_unit_test(test_unreadable), cmocka_unit_test(test_this_machine),
		cmocka_unit_test(test_tighter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
