/*
 * engine/control_flow/loop.h
 *
 * For and Foreach loops.  A loop ends early when it has failed: its error count
 * has reached maximum_error_count, or a child with fail_parent_on_failure or
 * fail_package_on_failure has failed.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_LOOP_H
#define ENGINE_CONTROL_FLOW_LOOP_H

#include "engine/control_flow/unit.h"

extern void so_loop_for_start(SoUnit *unit);
extern void so_loop_foreach_start(SoUnit *unit);

/* Shall the loop stop before its next iteration?  Then *result says how it ended. */
extern bool so_loop_is_over(const SoUnit *unit, SoExecutionResult *result);

#endif /* ENGINE_CONTROL_FLOW_LOOP_H */
