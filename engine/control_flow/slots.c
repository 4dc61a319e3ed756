/*
 * engine/control_flow/slots.c
 *
 * max_concurrent_executables: tasks wait for a slot in a heap ordered by
 * document position, so the order among equally ready tasks is always the same.
 * Containers need no slot, nor do tasks of event handlers: they run in the
 * place of the executable that raised the event, so nothing waits for itself.
 *
 * Process: runner and client, control thread only.
 */
#include "engine/control_flow/unit.h"

#include "engine/tasks/task.h"

static bool
comes_first(const SoUnit *left, const SoUnit *right)
{
	if (left->package_run->ordinal != right->package_run->ordinal)
		return left->package_run->ordinal < right->package_run->ordinal;
	if (left->executable->index != right->executable->index)
		return left->executable->index < right->executable->index;
	return left->ready_sequence < right->ready_sequence;
}

static void
heap_push(SoRun *run, SoUnit *unit)
{
	int i;

	if (run->ready_count == run->ready_capacity)
	{
		run->ready_capacity = run->ready_capacity == 0 ? 64 : run->ready_capacity * 2;
		run->ready = talloc_realloc(run, run->ready, SoUnit *, run->ready_capacity);
	}
	i = run->ready_count++;
	while (i > 0 && comes_first(unit, run->ready[(i - 1) / 2]))
	{
		run->ready[i] = run->ready[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	run->ready[i] = unit;
}

static SoUnit *
heap_pop(SoRun *run)
{
	SoUnit *first = run->ready[0];
	SoUnit *last = run->ready[--run->ready_count];
	int i = 0;

	for (;;)
	{
		int child = 2 * i + 1;

		if (child >= run->ready_count)
			break;
		if (child + 1 < run->ready_count && comes_first(run->ready[child + 1], run->ready[child]))
			child++;
		if (!comes_first(run->ready[child], last))
			break;
		run->ready[i] = run->ready[child];
		i = child;
	}
	run->ready[i] = last;
	return first;
}

/* Execute Package only waits for its child, whose tasks need the slots. */
static bool
needs_slot(const SoUnit *unit)
{
	return unit->executable->kind == SO_KIND_TASK && !unit->inside_handler &&
		   unit->executable->task_type != &so_task_execute_package;
}

void
so_unit_start(SoUnit *unit)
{
	if (!needs_slot(unit))
	{
		so_unit_begin(unit);
		return;
	}
	unit->ready_sequence = unit->run->sequence++;
	heap_push(unit->run, unit);
}

bool
so_unit_dispatch(SoRun *run)
{
	bool any = false;

	while (run->ready_count > 0 && run->running < run->max_concurrent)
	{
		SoUnit *unit = heap_pop(run);

		unit->has_slot = true;
		run->running++;
		so_unit_begin(unit);
		any = true;
	}
	return any;
}

void
so_unit_drop_waiting(SoRun *run)
{
	while (run->ready_count > 0)
		so_unit_begin(heap_pop(run));
}
