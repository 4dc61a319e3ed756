/*
 * engine/control_flow/execute.h
 *
 * What executing a unit means, by kind.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_EXECUTE_H
#define ENGINE_CONTROL_FLOW_EXECUTE_H

#include "engine/control_flow/unit.h"

/* Execute; ends in so_unit_executed, now or later. */
extern void so_execute_unit(SoUnit *unit);

/* First step of a package's root: validate the whole package, then go on. */
extern void so_execute_package_begin(SoUnit *unit);

#endif /* ENGINE_CONTROL_FLOW_EXECUTE_H */
