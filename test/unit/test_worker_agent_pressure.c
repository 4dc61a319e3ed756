/*
 * test/unit/test_worker_agent_pressure.c
 *
 * Pressure-stall figures from the texts of the kernel.
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

#include "worker_agent/pressure.h"

static void
test_parse(void **state)
{
	static const struct
	{
		const char *text;
		double percent;
	} rows[] = {
		{"some avg10=4.51 avg60=30.47 avg300=33.54 total=3843367666\n"
		 "full avg10=9.00 avg60=0.00 avg300=0.00 total=0\n",
		 4.51},
		/* The order is not promised. */
		{"full avg10=9.00 avg60=0.00 avg300=0.00 total=0\nsome avg10=100.00 avg60=1 avg300=1 "
		 "total=1\n",
		 100},
		{"some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", 0},
		{"", -1},
		{"full avg10=9.00 avg60=0.00 avg300=0.00 total=0\n", -1},
		{"some avg60=1.00\n", -1},
		{"some avg10=many\n", -1},
		{"some avg10=101\n", -1},
		{"some avg10=-1\n", -1},
		{"awesome avg10=5.00\n", -1},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(so_pressure_parse(rows[i].text) == rows[i].percent);
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
	char folder[] = "/tmp/scaleout_pressure.XXXXXX";
	char command[100];
	SoPressure pressure;

	(void) state;
	assert_non_null(mkdtemp(folder));
	so_pressure_read(&pressure, folder, "");
	assert_false(so_pressure_known(&pressure));
	write_file(folder, "memory", "some avg10=7.50 avg60=0 avg300=0 total=0\n");
	write_file(folder, "io.pressure", "some avg10=3.00 avg60=0 avg300=0 total=0\n");
	so_pressure_read(&pressure, folder, "");
	assert_true(so_pressure_known(&pressure));
	assert_true(pressure.percent[SO_PRESSURE_CPU] == -1);
	assert_true(pressure.percent[SO_PRESSURE_MEMORY] == 7.5);
	assert_true(pressure.percent[SO_PRESSURE_IO] == -1);
	so_pressure_read(&pressure, folder, ".pressure");
	assert_true(pressure.percent[SO_PRESSURE_MEMORY] == -1);
	assert_true(pressure.percent[SO_PRESSURE_IO] == 3);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	assert_int_equal(system(command), 0);
}

static void
test_merge(void **state)
{
	SoPressure machine = {{-1, 5, 9}};
	SoPressure group = {{2, -1, 10}};

	(void) state;
	so_pressure_merge(&machine, &group);
	assert_true(machine.percent[0] == 2 && machine.percent[1] == 5 && machine.percent[2] == 10);
	so_pressure_clear(&machine);
	assert_false(so_pressure_known(&machine));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
