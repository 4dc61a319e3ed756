/*
 * engine/control_flow/schedule.h
 *
 * The order of a container's children: precedence constraints, decided live
 * as predecessors end.
 *
 * Rules.  A child starts when all its logical_and constraints hold and, if it
 * has others, at least one of those.  A child whose constraints can no longer
 * hold is skipped, and everything that waits for it is decided without it.  A
 * disabled child counts as ended with success when its turn comes.  A skipped
 * child satisfies no constraint, not even completion.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_SCHEDULE_H
#define ENGINE_CONTROL_FLOW_SCHEDULE_H

#include "engine/control_flow/unit.h"

/*
 * Start the children of container; done is called once, from the agenda, when
 * nothing of it runs any more.  iteration (from 1) for loops, else 0.
 */
extern void so_schedule_start(SoUnit *container, int iteration, SoUnitStep done);

/* Was something left out because of a cancel? */
extern bool so_schedule_canceled(const SoUnit *container);

/* Free the children's state of this activation. */
extern void so_schedule_free(SoUnit *container);

#endif /* ENGINE_CONTROL_FLOW_SCHEDULE_H */
