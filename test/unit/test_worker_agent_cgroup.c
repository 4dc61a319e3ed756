/*
 * test/unit/test_worker_agent_cgroup.c
 *
 * Limits of control groups from the texts of the kernel.
 *
 * Process: unit test; files in a temporary directory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "worker_agent/cgroup.h"

static void
test_folder(void **state)
{
	char folder[300];

	(void) state;
	assert_true(so_cgroup_folder("0::/system.slice/scaleout-worker.service\n", folder, 300));
	assert_string_equal(folder, "/sys/fs/cgroup/system.slice/scaleout-worker.service");
	assert_true(so_cgroup_folder("4:memory:/old\n0::/\n", folder, 300));
	assert_string_equal(folder, "/sys/fs/cgroup");
	assert_true(so_cgroup_folder("1:name=systemd:/x\n0::/a b\n2:cpu:/y\n", folder, 300));
	assert_string_equal(folder, "/sys/fs/cgroup/a b");
	assert_false(so_cgroup_folder("", folder, 300));
	assert_false(so_cgroup_folder("4:memory:/old\n10::/no\n", folder, 300));
	assert_false(so_cgroup_folder("0::\n", folder, 300));
}

static void
test_memory(void **state)
{
	(void) state;
	/* 512 MB allowed, 300 used, of which 100 can be given back. */
	assert_true(so_cgroup_memory_available("536870912\n", "314572800\n",
										   "anon 1\ninactive_file 104857600\nslab 5\n") == 312);
	assert_true(so_cgroup_memory_available("536870912\n", "314572800\n", "") == 212);
	/* The limit was lowered below what is used. */
	assert_true(so_cgroup_memory_available("1048576", "314572800", "inactive_file 1\n") == 0);
	assert_true(so_cgroup_memory_available("1048576", "100", "inactive_file 200\n") == 1);
	assert_true(so_cgroup_memory_available("max\n", "314572800\n", "") == -1);
	assert_true(so_cgroup_memory_available("", "", "") == -1);
	assert_true(so_cgroup_memory_available("100", "", "") == -1);
}

static void
test_cpu_texts(void **state)
{
	uint64_t usage = 0;

	(void) state;
	assert_true(so_cgroup_cores("150000 100000\n") == 1.5);
	assert_true(so_cgroup_cores("max 100000\n") == -1);
	assert_true(so_cgroup_cores("") == -1);
	assert_true(so_cgroup_cores("5 0") == -1);
	assert_true(so_cgroup_usage("usage_usec 12345\nuser_usec 1\n", &usage));
	assert_int_equal(usage, 12345);
	assert_true(so_cgroup_usage("user_usec 1\nusage_usec 7\n", &usage));
	assert_int_equal(usage, 7);
	assert_false(so_cgroup_usage("user_usec 1\n", &usage));
}

/* Use is relative to the cores that are allowed, and averaged. */
static void
test_cpu_percent(void **state)
{
	SoCgroup group;
	double before;

	(void) state;
	so_cgroup_clear(&group);
	so_cgroup_sample_cpu(&group, 2, 1000000, 1000);
	assert_true(group.cpu_percent == -1);
	/* One of two cores for minutes: 50 %. */
	for (int i = 1; i <= 300; i++)
		so_cgroup_sample_cpu(&group, 2, 1000000 + (uint64_t) i * 1000000, 1000 + i * 1000);
	assert_true(group.cpu_percent > 49 && group.cpu_percent < 51);
	/* A counter that went back (another group) changes nothing. */
	before = group.cpu_percent;
	so_cgroup_sample_cpu(&group, 2, 5, 302000);
	assert_true(group.cpu_percent == before);
	/* Another limit: measured anew. */
	so_cgroup_sample_cpu(&group, 1, 6, 303000);
	assert_true(group.cpu_percent == -1);
	for (int i = 1; i <= 300; i++)
		so_cgroup_sample_cpu(&group, 1, (uint64_t) i * 3000000, 303000 + i * 1000);
	assert_true(group.cpu_percent > 99 && group.cpu_percent <= 100);
}

static void
write_file(const char *folder, const char *name, const char *text)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void
test_read(void **state)
{
	char folder[] = "/tmp/scaleout_cgroup.XXXXXX";
	char command[100];
	SoCgroup group;

	(void) state;
	assert_non_null(mkdtemp(folder));
	so_cgroup_clear(&group);
	so_cgroup_read(&group, folder, 1000);
	assert_true(group.memory_available_mb == -1 && group.cpu_cores == -1);
	assert_false(so_pressure_known(&group.pressure));
	write_file(folder, "memory.max", "209715200\n");
	write_file(folder, "memory.current", "104857600\n");
	write_file(folder, "memory.stat", "anon 0\nfile 0\ninactive_file 0\n");
	write_file(folder, "cpu.max", "50000 100000\n");
	write_file(folder, "cpu.stat", "usage_usec 1000000\n");
	write_file(folder, "memory.pressure", "some avg10=12.00 avg60=0 avg300=0 total=0\n");
	so_cgroup_read(&group, folder, 2000);
	assert_true(group.memory_limit_mb == 200 && group.memory_available_mb == 100);
	assert_true(group.cpu_cores == 0.5 && group.cpu_percent == -1);
	assert_true(group.pressure.percent[SO_PRESSURE_MEMORY] == 12);
	write_file(folder, "cpu.stat", "usage_usec 1500000\n");
	so_cgroup_read(&group, folder, 3000);
	assert_true(group.cpu_percent > 3 && group.cpu_percent < 3.5);
	/* The limits are taken away. */
	write_file(folder, "memory.max", "max\n");
	write_file(folder, "cpu.max", "max 100000\n");
	so_cgroup_read(&group, folder, 4000);
	assert_true(group.memory_available_mb == -1 && group.cpu_cores == -1 &&
				group.cpu_percent == -1);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	assert_int_equal(system(command), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folder),    cmocka_unit_test(test_memory),
		cmocka_unit_test(test_cpu_texts), cmocka_unit_test(test_cpu_percent),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
