/*
 * engine/control_flow/schedule.c
 *
 * Starts the children of a container as their constraints come true.
 *
 * Process: runner and client, control thread only.  A settled child is put on
 * a list and its constraints are decided from a loop, so a chain of a thousand
 * skipped children needs no stack.
 */
#include "engine/control_flow/schedule.h"

#include "engine/control_flow/event.h"
#include "engine/control_flow/graph.h"
#include "engine/control_flow/unit_checkpoint.h"

typedef struct Child
{
	bool started;
	bool settled;
	bool ran;             /* in this attempt */
	bool any_alternative; /* a constraint without logical_and holds */
	bool impossible;      /* a constraint with logical_and does not hold */
	int open_required;
	int open_alternatives;
	int alternatives;
} Child;

struct SoSchedule
{
	SoUnit *container;
	SoUnitStep done;
	int iteration;
	Child *children;
	int open;     /* children that are not settled */
	int *settled; /* positions whose constraints are still to be decided */
	SoExecutionResult *results;
	int settled_count;
	bool deciding;
	bool canceled;
};

static void child_ended(SoUnit *unit);

static void
settle(SoSchedule *schedule, int position, SoExecutionResult result)
{
	Child *child = &schedule->children[position];

	if (child->settled)
		return;
	child->settled = true;
	schedule->open--;
	schedule->results[position] = result;
	schedule->settled[schedule->settled_count++] = position;
}

/* Its constraints hold: start it, unless the container or the child says no. */
static void
start_child(SoSchedule *schedule, int position)
{
	SoUnit *container = schedule->container;
	const SoExecutable *executable = container->executable->children[position];
	SoExecutableState *state = &container->package_run->states[executable->index];

	schedule->children[position].started = true;
	if (so_unit_canceled(container))
	{
		schedule->canceled = true;
		settle(schedule, position, SO_RESULT_NONE);
	}
	else if (container->stopping)
		settle(schedule, position, SO_RESULT_NONE);
	else if (so_object_boolean(state->object, "disable") && executable->expression_count == 0)
		settle(schedule, position, SO_RESULT_SUCCESS);
	else
		so_unit_start(so_unit_new(schedule, container->package_run, executable, container,
								  schedule->iteration, child_ended));
}

static void
decide_child(SoSchedule *schedule, int position)
{
	Child *child = &schedule->children[position];

	if (child->started || child->settled)
		return;
	if (child->impossible ||
		(child->alternatives > 0 && child->open_alternatives == 0 && !child->any_alternative))
		settle(schedule, position, SO_RESULT_NONE);
	else if (child->open_required == 0 && (child->alternatives == 0 || child->any_alternative))
		start_child(schedule, position);
}

/*
 * What an expression gave when its predecessor ended counts at a restart too:
 * the variables may have changed since.
 */
static bool
constraint_holds(SoSchedule *schedule, int i, int position)
{
	SoUnit *container = schedule->container;
	SoExecutionResult result = schedule->results[position];
	bool by_expression = container->executable->constraints[i]->operation != SO_EVALUATE_CONSTRAINT;
	int decision = -1;
	bool holds;

	if (by_expression && result != SO_RESULT_NONE && !schedule->children[position].ran)
		decision = so_unit_checkpoint_decision(container, i);
	if (decision >= 0)
		return decision != 0;
	holds = so_graph_constraint_holds(container, i, result);
	if (by_expression && result != SO_RESULT_NONE)
		so_unit_checkpoint_decided(container, i, holds);
	return holds;
}

static void
decide_successors(SoSchedule *schedule, int position)
{
	SoUnit *container = schedule->container;
	const SoGraph *graph = so_graph_of(container);

	for (int i = graph->outgoing_start[position]; i < graph->outgoing_start[position + 1]; i++)
	{
		int constraint = graph->outgoing[i];
		int target = graph->target[constraint];
		Child *child = &schedule->children[target];
		bool holds;

		if (child->started || child->settled)
			continue;
		holds = constraint_holds(schedule, constraint, position);
		if (container->executable->constraints[constraint]->logical_and)
		{
			child->open_required--;
			child->impossible |= !holds;
		}
		else
		{
			child->open_alternatives--;
			child->any_alternative |= holds;
		}
		decide_child(schedule, target);
	}
}

/* Decide what follows from everything that was settled; then perhaps it is over. */
static void
decide(SoSchedule *schedule)
{
	SoUnit *container = schedule->container;

	if (schedule->deciding)
		return;
	schedule->deciding = true;
	for (int i = 0; i < schedule->settled_count; i++)
		decide_successors(schedule, schedule->settled[i]);
	schedule->settled_count = 0;
	schedule->deciding = false;
	if (schedule->open == 0)
		so_unit_next(container, schedule->done);
}

static void
child_ended(SoUnit *unit)
{
	SoSchedule *schedule = unit->parent->schedule;

	if (unit->result == SO_RESULT_CANCELED)
		schedule->canceled = true;
	schedule->children[unit->state->position].ran = !unit->restored;
	settle(schedule, unit->state->position, unit->result);
	talloc_free(unit);
	decide(schedule);
}

void
so_schedule_start(SoUnit *container, int iteration, SoUnitStep done)
{
	const SoExecutable *executable = container->executable;
	const SoGraph *graph = so_graph_of(container);
	SoSchedule *schedule = talloc_zero(container, SoSchedule);
	int count = executable->child_count;

	container->schedule = schedule;
	schedule->container = container;
	schedule->done = done;
	schedule->iteration = iteration;
	schedule->open = count;
	schedule->children = talloc_zero_array(schedule, Child, count + 1);
	schedule->settled = talloc_zero_array(schedule, int, count + 1);
	schedule->results = talloc_zero_array(schedule, SoExecutionResult, count + 1);
	for (int i = 0; i < count; i++)
	{
		Child *child = &schedule->children[i];

		for (int j = graph->incoming_start[i]; j < graph->incoming_start[i + 1]; j++)
		{
			if (executable->constraints[graph->incoming[j]]->logical_and)
				child->open_required++;
			else
				child->alternatives++;
		}
		child->open_alternatives = child->alternatives;
	}
	schedule->deciding = true;
	for (int i = 0; i < count; i++)
	{
		if (graph->incoming_start[i] == graph->incoming_start[i + 1])
			start_child(schedule, i);
	}
	schedule->deciding = false;
	decide(schedule);
}

bool
so_schedule_canceled(const SoUnit *container)
{
	return container->schedule != NULL && container->schedule->canceled;
}

void
so_schedule_free(SoUnit *container)
{
	TALLOC_FREE(container->schedule);
}
