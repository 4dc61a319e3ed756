/*
 * test/unit/test_control_flow_graph.c
 *
 * Constraints by child, and when one holds: every operation with every result,
 * and expressions that cannot be computed.
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

#include "engine/control_flow/event.h"
#include "engine/control_flow/graph.h"

#define CHILDREN 4

static TALLOC_CTX *context;
static SoExecutable container;
static SoExecutable children[CHILDREN];
static SoExecutable *child_list[CHILDREN];
static SoPrecedenceConstraint constraints[16];
static SoPrecedenceConstraint *constraint_list[16];
static SoPackage package;
static SoRun *run;
static SoPackageRun *package_run;
static SoUnit *unit;
static int errors;
static SoError last_error;

/* In place of the one in event.c. */
void
so_event_error(SoUnit *source, const SoError *error)
{
	assert_ptr_equal(source, unit);
	last_error = *error;
	errors++;
}

static int
begin(void **state)
{
	static const char *const names[CHILDREN] = {"a", "b", "c", "d"};

	(void) state;
	context = talloc_new(NULL);
	memset(&container, 0, sizeof(container));
	memset(children, 0, sizeof(children));
	memset(constraints, 0, sizeof(constraints));
	memset(&package, 0, sizeof(package));
	errors = 0;
	package.name = talloc_strdup(context, "p");
	container.kind = SO_KIND_SEQUENCE;
	container.name = talloc_strdup(context, "s");
	container.path = talloc_strdup(context, "\\Package\\s");
	container.package = &package;
	container.children = child_list;
	container.child_count = CHILDREN;
	container.constraints = constraint_list;
	run = talloc_zero(context, SoRun);
	package_run = talloc_zero(run, SoPackageRun);
	package_run->run = run;
	package_run->package = &package;
	package_run->states = talloc_zero_array(package_run, SoExecutableState, CHILDREN + 1);
	for (int i = 0; i < CHILDREN; i++)
	{
		/* The index is that of the document, the position that among its siblings. */
		children[i].index = CHILDREN - i;
		children[i].name = talloc_strdup(context, names[i]);
		children[i].kind = SO_KIND_TASK;
		children[i].package = &package;
		child_list[i] = &children[i];
		package_run->states[children[i].index].position = i;
	}
	for (size_t i = 0; i < sizeof(constraints) / sizeof(constraints[0]); i++)
		constraint_list[i] = &constraints[i];
	unit = talloc_zero(package_run, SoUnit);
	unit->run = run;
	unit->package_run = package_run;
	unit->executable = &container;
	unit->state = &package_run->states[0];
	return 0;
}

static int
end(void **state)
{
	(void) state;
	talloc_free(context);
	return 0;
}

static void
constrain(int from, int to)
{
	SoPrecedenceConstraint *constraint = &constraints[container.constraint_count++];

	constraint->from = &children[from];
	constraint->to = &children[to];
	constraint->value = SO_RESULT_SUCCESS;
	constraint->operation = SO_EVALUATE_CONSTRAINT;
}

static void
check_list(const int *start, const int *list, int child, int count, const int *wanted)
{
	assert_int_equal(start[child + 1] - start[child], count);
	for (int i = 0; i < count; i++)
		assert_int_equal(list[start[child] + i], wanted[i]);
}

static void
test_index(void **state)
{
	const SoGraph *graph;

	(void) state;
	constrain(2, 3);
	constrain(0, 3);
	constrain(0, 1);
	constrain(1, 3);
	graph = so_graph_of(unit);
	check_list(graph->incoming_start, graph->incoming, 0, 0, NULL);
	check_list(graph->incoming_start, graph->incoming, 1, 1, (int[]){2});
	check_list(graph->incoming_start, graph->incoming, 2, 0, NULL);
	check_list(graph->incoming_start, graph->incoming, 3, 3, (int[]){0, 1, 3});
	check_list(graph->outgoing_start, graph->outgoing, 0, 2, (int[]){1, 2});
	check_list(graph->outgoing_start, graph->outgoing, 1, 1, (int[]){3});
	check_list(graph->outgoing_start, graph->outgoing, 2, 1, (int[]){0});
	check_list(graph->outgoing_start, graph->outgoing, 3, 0, NULL);
	assert_int_equal(graph->target[0], 3);
	assert_int_equal(graph->target[2], 1);
	assert_ptr_equal(so_graph_of(unit), graph);
}

static void
test_nothing(void **state)
{
	const SoGraph *graph = so_graph_of(unit);

	(void) state;
	for (int i = 0; i < CHILDREN; i++)
	{
		check_list(graph->incoming_start, graph->incoming, i, 0, NULL);
		check_list(graph->outgoing_start, graph->outgoing, i, 0, NULL);
	}
}

/* Success, failure, completion; a predecessor that was skipped satisfies nothing. */
static void
test_values(void **state)
{
	static const struct
	{
		SoExecutionResult value;
		SoExecutionResult result;
		bool holds;
	} rows[] = {
		{SO_RESULT_SUCCESS, SO_RESULT_SUCCESS, true},
		{SO_RESULT_SUCCESS, SO_RESULT_FAILURE, false},
		{SO_RESULT_SUCCESS, SO_RESULT_NONE, false},
		{SO_RESULT_FAILURE, SO_RESULT_SUCCESS, false},
		{SO_RESULT_FAILURE, SO_RESULT_FAILURE, true},
		{SO_RESULT_FAILURE, SO_RESULT_CANCELED, false},
		{SO_RESULT_COMPLETION, SO_RESULT_SUCCESS, true},
		{SO_RESULT_COMPLETION, SO_RESULT_FAILURE, true},
		{SO_RESULT_COMPLETION, SO_RESULT_NONE, false},
	};

	(void) state;
	constrain(0, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		constraints[0].value = rows[i].value;
		assert_int_equal(so_graph_constraint_holds(unit, 0, rows[i].result), rows[i].holds);
	}
	assert_int_equal(errors, 0);
}

static void
test_operations(void **state)
{
	static const struct
	{
		SoConstraintOperation operation;
		const char *expression;
		SoExecutionResult result;
		bool holds;
	} rows[] = {
		{SO_EVALUATE_EXPRESSION, "1 == 1", SO_RESULT_FAILURE, true},
		{SO_EVALUATE_EXPRESSION, "1 == 2", SO_RESULT_SUCCESS, false},
		{SO_EVALUATE_EXPRESSION, "1 == 1", SO_RESULT_NONE, false},
		{SO_EVALUATE_EXPRESSION_AND_CONSTRAINT, "1 == 1", SO_RESULT_SUCCESS, true},
		{SO_EVALUATE_EXPRESSION_AND_CONSTRAINT, "1 == 1", SO_RESULT_FAILURE, false},
		{SO_EVALUATE_EXPRESSION_AND_CONSTRAINT, "1 == 2", SO_RESULT_SUCCESS, false},
		{SO_EVALUATE_EXPRESSION_OR_CONSTRAINT, "1 == 2", SO_RESULT_SUCCESS, true},
		{SO_EVALUATE_EXPRESSION_OR_CONSTRAINT, "1 == 1", SO_RESULT_FAILURE, true},
		{SO_EVALUATE_EXPRESSION_OR_CONSTRAINT, "1 == 2", SO_RESULT_FAILURE, false},
		{SO_EVALUATE_EXPRESSION_OR_CONSTRAINT, "1 == 1", SO_RESULT_NONE, false},
	};

	(void) state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		constrain(0, 1);
		constraints[i].operation = rows[i].operation;
		constraints[i].expression = talloc_strdup(context, rows[i].expression);
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
	{
		/* Twice: the second time it is compiled already. */
		for (int again = 0; again < 2; again++)
		{
			if (so_graph_constraint_holds(unit, (int) i, rows[i].result) != rows[i].holds)
				fail_msg("row %zu", i);
		}
	}
	assert_int_equal(errors, 0);
}

/* It does not hold, and somebody learns why; what need not be computed raises nothing. */
static void
test_failing_expressions(void **state)
{
	static const char *const expressions[] = {"1 / 0 == 1", "@[User::none] == 1", "1 +",
											  "\"text\""};

	(void) state;
	for (int i = 0; i < 4; i++)
	{
		constrain(0, 1);
		constraints[i].operation = SO_EVALUATE_EXPRESSION_AND_CONSTRAINT;
		constraints[i].expression = talloc_strdup(context, expressions[i]);
	}
	for (int i = 0; i < 4; i++)
	{
		assert_false(so_graph_constraint_holds(unit, i, SO_RESULT_FAILURE));
		assert_int_equal(errors, i);
		assert_false(so_graph_constraint_holds(unit, i, SO_RESULT_SUCCESS));
		assert_int_equal(errors, i + 1);
		assert_int_equal(last_error.code, SO_ERR_RUN_CONSTRAINT_EXPRESSION);
		assert_non_null(strstr(last_error.message, "from \"a\" to \"b\" failed: "));
		assert_string_equal(last_error.place, "\\Package\\s (constraint from \"a\" to \"b\")");
		assert_true(last_error.detail[0] != '\0');
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_index, begin, end),
		cmocka_unit_test_setup_teardown(test_nothing, begin, end),
		cmocka_unit_test_setup_teardown(test_values, begin, end),
		cmocka_unit_test_setup_teardown(test_operations, begin, end),
		cmocka_unit_test_setup_teardown(test_failing_expressions, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
