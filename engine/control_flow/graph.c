/*
 * engine/control_flow/graph.c
 *
 * Indexes constraints by child and evaluates single constraints.
 *
 * Process: runner and client, control thread only.
 */
#include "engine/control_flow/graph.h"

#include <stdio.h>

#include "engine/control_flow/event.h"
#include "engine/control_flow/lookup.h"

static int
position_of(const SoUnit *container, const SoExecutable *child)
{
	return container->package_run->states[child->index].position;
}

/* List the constraints by child: counting sort over one end of each. */
static void
index_by(const SoUnit *container, SoGraph *graph, bool by_target, int **start, int **list)
{
	const SoExecutable *executable = container->executable;
	int count = executable->child_count;

	*start = talloc_zero_array(graph, int, count + 2);
	*list = talloc_zero_array(graph, int, executable->constraint_count + 1);
	for (int i = 0; i < executable->constraint_count; i++)
	{
		const SoPrecedenceConstraint *constraint = executable->constraints[i];

		(*start)[position_of(container, by_target ? constraint->to : constraint->from) + 2]++;
	}
	for (int i = 2; i <= count + 1; i++)
		(*start)[i] += (*start)[i - 1];
	for (int i = 0; i < executable->constraint_count; i++)
	{
		const SoPrecedenceConstraint *constraint = executable->constraints[i];
		int position = position_of(container, by_target ? constraint->to : constraint->from);

		(*list)[(*start)[position + 1]++] = i;
	}
}

const SoGraph *
so_graph_of(SoUnit *container)
{
	const SoExecutable *executable = container->executable;
	SoGraph *graph = container->state->graph;

	if (graph != NULL)
		return graph;
	graph = talloc_zero(container->package_run, SoGraph);
	index_by(container, graph, true, &graph->incoming_start, &graph->incoming);
	index_by(container, graph, false, &graph->outgoing_start, &graph->outgoing);
	graph->target = talloc_zero_array(graph, int, executable->constraint_count + 1);
	graph->expressions = talloc_zero_array(graph, SoExpression *, executable->constraint_count + 1);
	for (int i = 0; i < executable->constraint_count; i++)
		graph->target[i] = position_of(container, executable->constraints[i]->to);
	container->state->graph = graph;
	return graph;
}

static bool
expression_holds(SoUnit *container, int i)
{
	const SoGraph *graph = so_graph_of(container);
	const SoPrecedenceConstraint *constraint = container->executable->constraints[i];
	char place[1200];
	SoError cause = {0};
	SoError error = {0};
	SoLookup scope;
	bool holds = false;
	bool good;

	snprintf(place, sizeof(place), "%s (constraint from \"%s\" to \"%s\")",
			 container->executable->path, constraint->from->name, constraint->to->name);
	if (graph->expressions[i] == NULL)
		graph->expressions[i] = so_lookup_compile(container->package_run, container,
												  constraint->expression, false, place, &cause);
	so_lookup_init(&scope, container, talloc_new(container));
	good = graph->expressions[i] != NULL &&
		   so_expression_evaluate_boolean(graph->expressions[i], scope.scratch, &scope.resolver,
										  &holds, &cause);
	if (!good && scope.error.code != SO_OK)
		cause = scope.error;
	talloc_free(scope.scratch);
	if (good)
		return holds;
	so_error_set(&error, SO_ERR_RUN_CONSTRAINT_EXPRESSION, place,
				 "the expression of the constraint from \"%s\" to \"%s\" failed: %s",
				 constraint->from->name, constraint->to->name, cause.message);
	so_error_detail(&error, "%s", cause.detail[0] ? cause.detail : constraint->expression);
	so_event_error(container, &error);
	return false;
}

bool
so_graph_constraint_holds(SoUnit *container, int i, SoExecutionResult result)
{
	const SoPrecedenceConstraint *constraint = container->executable->constraints[i];
	bool matches = constraint->value == SO_RESULT_COMPLETION || constraint->value == result;

	if (result == SO_RESULT_NONE)
		return false;
	switch (constraint->operation)
	{
		case SO_EVALUATE_EXPRESSION:
			return expression_holds(container, i);
		case SO_EVALUATE_EXPRESSION_AND_CONSTRAINT:
			return matches && expression_holds(container, i);
		case SO_EVALUATE_EXPRESSION_OR_CONSTRAINT:
			return matches || expression_holds(container, i);
		case SO_EVALUATE_CONSTRAINT:
			break;
	}
	return matches;
}
