/*
 * engine/control_flow/checkpoint_barrier.c
 *
 * Units that wait until their record is durable, and when records are written.
 *
 * Process: runner and client, control thread only.  A unit that waits has given
 * its slot back; what is lost with the process is run again.
 */
#include "engine/control_flow/unit_checkpoint.h"

#include "common/clock.h"
#include "common/fault.h"
#include "engine/control_flow/event.h"

void
so_unit_checkpoint_wait(SoUnit *unit, SoCheckpointSession *session, uint64_t ticket,
						SoUnitStep next)
{
	SoRun *run = unit->run;
	SoUnit **last = &run->waiting;

	if (session->lost || !session->wait || run->canceled ||
		session->type->durable(session->checkpoint) >= ticket)
	{
		so_unit_next(unit, next);
		return;
	}
	/* The work is done: others may use the slot meanwhile. */
	if (unit->has_slot)
		run->running--;
	unit->has_slot = false;
	unit->ticket = ticket;
	unit->ticket_session = session;
	unit->after_ticket = next;
	unit->waiting_next = NULL;
	while (*last != NULL)
		last = &(*last)->waiting_next;
	*last = unit;
}

bool
so_unit_checkpoint_release(SoRun *run)
{
	SoUnit **place = &run->waiting;
	bool any = false;

	while (*place != NULL)
	{
		SoUnit *unit = *place;
		SoCheckpointSession *session = unit->ticket_session;

		if (!session->lost && !run->canceled &&
			session->type->durable(session->checkpoint) < unit->ticket)
		{
			place = &unit->waiting_next;
			continue;
		}
		*place = unit->waiting_next;
		any = true;
		SO_FAULT("engine.task.after_completion");
		so_unit_next(unit, unit->after_ticket);
	}
	return any;
}

void
so_unit_checkpoint_lost(SoCheckpointSession *session, const SoError *error)
{
	SoUnit *root = session->package_run->root;

	if (session->lost)
		return;
	session->lost = true;
	root->stopping = true;
	root->failed = true;
	session->package_run->failing = true;
	so_event_error(root, error);
}

int
so_unit_checkpoint_due(const SoRun *run)
{
	int64_t due = -1;

	for (const SoCheckpointSession *session = run->sessions; session != NULL;
		 session = session->next)
	{
		int64_t left = session->flush_at - so_clock_monotonic_ms();

		if (!session->unflushed || session->lost || session->wait)
			continue;
		left = left < 0 ? 0 : left;
		if (due < 0 || left < due)
			due = left;
	}
	return (int) due;
}

bool
so_unit_checkpoint_flush(SoRun *run)
{
	SoError error = {0};

	for (SoCheckpointSession *session = run->sessions; session != NULL; session = session->next)
	{
		if (!session->unflushed || session->lost)
			continue;
		if (!session->wait && so_clock_monotonic_ms() < session->flush_at)
			continue;
		session->unflushed = false;
		if (!session->type->flush(session->checkpoint, &error))
			so_unit_checkpoint_lost(session, &error);
	}
	return so_unit_checkpoint_release(run);
}

void
so_unit_checkpoint_receive(SoRun *run)
{
	SoCheckpointStore *store = run->options->checkpoint_store;
	SoError error = {0};

	if (!store->type->receive(store, &error))
	{
		for (SoCheckpointSession *session = run->sessions; session != NULL; session = session->next)
			so_unit_checkpoint_lost(session, &error);
	}
	(void) so_unit_checkpoint_release(run);
}
