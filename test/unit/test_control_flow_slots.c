/*
 * test/unit/test_control_flow_slots.c
 *
 * Who gets a slot, and in which order, with units that do nothing: so_unit_begin is
 * the test's.
 *
 * Process: unit test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "engine/control_flow/unit.h"

#define MANY 1000

extern const SoTaskType so_task_no_operation;

static SoRun *run;
static SoPackageRun packages[2];
static SoExecutable *executables;
static SoUnit *units;
static SoUnit *begun[MANY + 1];
static int begun_count;

/* In place of the one in unit.c. */
void
so_unit_begin(SoUnit *unit)
{
	begun[begun_count++] = unit;
}

static int
begin(void **state)
{
	(void) state;
	run = talloc_zero(NULL, SoRun);
	executables = talloc_zero_array(run, SoExecutable, MANY);
	units = talloc_zero_array(run, SoUnit, MANY);
	packages[0].ordinal = 0;
	packages[1].ordinal = 1;
	for (int i = 0; i < MANY; i++)
	{
		executables[i].kind = SO_KIND_TASK;
		executables[i].task_type = &so_task_no_operation;
		executables[i].index = i;
		units[i].run = run;
		units[i].package_run = &packages[0];
		units[i].executable = &executables[i];
	}
	run->max_concurrent = 1;
	begun_count = 0;
	return 0;
}

static int
end(void **state)
{
	(void) state;
	talloc_free(run);
	return 0;
}

/* Whatever the order in which they become ready: that of the document. */
static void
test_document_order(void **state)
{
	(void) state;
	/* 7 and 1000 have no common factor: every one once, well mixed. */
	for (int i = 0; i < MANY; i++)
		so_unit_start(&units[i * 7 % MANY]);
	assert_int_equal(begun_count, 0);
	while (run->ready_count > 0)
	{
		assert_true(so_unit_dispatch(run));
		run->running--;
	}
	assert_int_equal(begun_count, MANY);
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(begun[i], &units[i]);
}

/* The package that was begun first goes first; of two activations the one that was ready first. */
static void
test_equal_places(void **state)
{
	(void) state;
	run->max_concurrent = 10;
	units[0].package_run = &packages[1];
	units[1].executable = &executables[5];
	units[2].executable = &executables[5];
	so_unit_start(&units[0]);
	so_unit_start(&units[2]);
	so_unit_start(&units[1]);
	assert_true(so_unit_dispatch(run));
	assert_int_equal(begun_count, 3);
	assert_ptr_equal(begun[0], &units[2]);
	assert_ptr_equal(begun[1], &units[1]);
	assert_ptr_equal(begun[2], &units[0]);
}

static void
test_limit(void **state)
{
	(void) state;
	run->max_concurrent = 3;
	for (int i = 0; i < 5; i++)
		so_unit_start(&units[i]);
	assert_true(so_unit_dispatch(run));
	assert_int_equal(begun_count, 3);
	assert_int_equal(run->running, 3);
	assert_true(units[2].has_slot);
	assert_false(units[3].has_slot);
	assert_false(so_unit_dispatch(run));
	assert_int_equal(begun_count, 3);
	run->running--;
	assert_true(so_unit_dispatch(run));
	assert_int_equal(begun_count, 4);
	assert_ptr_equal(begun[3], &units[3]);
}

/* Containers, tasks of handlers and Execute Package begin at once, though every slot is taken. */
static void
test_without_slot(void **state)
{
	(void) state;
	run->running = run->max_concurrent;
	executables[0].kind = SO_KIND_SEQUENCE;
	units[1].inside_handler = true;
	executables[2].task_type = &so_task_execute_package;
	for (int i = 0; i < 4; i++)
		so_unit_start(&units[i]);
	assert_int_equal(begun_count, 3);
	for (int i = 0; i < 3; i++)
	{
		assert_ptr_equal(begun[i], &units[i]);
		assert_false(units[i].has_slot);
	}
	assert_int_equal(run->ready_count, 1);
	assert_false(so_unit_dispatch(run));
}

/* A cancel lets all that wait begin, so that they end; they take no slots. */
static void
test_drop_waiting(void **state)
{
	(void) state;
	for (int i = 9; i >= 0; i--)
		so_unit_start(&units[i]);
	so_unit_drop_waiting(run);
	assert_int_equal(begun_count, 10);
	assert_int_equal(run->ready_count, 0);
	assert_int_equal(run->running, 0);
	for (int i = 0; i < 10; i++)
	{
		assert_ptr_equal(begun[i], &units[i]);
		assert_false(units[i].has_slot);
	}
	so_unit_drop_waiting(run);
	assert_int_equal(begun_count, 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_document_order, begin, end),
		cmocka_unit_test_setup_teardown(test_equal_places, begin, end),
		cmocka_unit_test_setup_teardown(test_limit, begin, end),
		cmocka_unit_test_setup_teardown(test_without_slot, begin, end),
		cmocka_unit_test_setup_teardown(test_drop_waiting, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
