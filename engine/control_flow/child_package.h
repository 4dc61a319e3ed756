/*
 * engine/control_flow/child_package.h
 *
 * Execute Package: a package of the same project runs inside the run, as if
 * its root were a child of the task: it shares the slots, the pool, the
 * transaction, and its events go on to the handlers of the calling package.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_CHILD_PACKAGE_H
#define ENGINE_CONTROL_FLOW_CHILD_PACKAGE_H

#include "engine/control_flow/unit.h"

/* Start the child of unit, an Execute Package task; ends in so_unit_executed. */
extern void so_child_package_start(SoUnit *unit);

#endif /* ENGINE_CONTROL_FLOW_CHILD_PACKAGE_H */
