/*
 * engine/control_flow/system_value.h
 *
 * The values of the System:: variables at a unit; they are computed when they
 * are read.  Names, types and visibility: engine/model/system_variables.h.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_SYSTEM_VALUE_H
#define ENGINE_CONTROL_FLOW_SYSTEM_VALUE_H

#include "engine/control_flow/unit.h"

/*
 * The value of the variable name (without "System::"), which must be visible
 * at unit; owned by context.  false when there is none.
 */
extern bool
so_system_value(const SoUnit *unit, const char *name, TALLOC_CTX *context, SoValue *value);

/* Set Propagate or Cancel of the event handler around unit; false for any other. */
extern bool so_system_value_assign(SoUnit *unit, const char *name, bool value);

/* The innermost event handler around unit (or unit itself), NULL when there is none. */
extern SoUnit *so_system_value_handler(const SoUnit *unit);

#endif /* ENGINE_CONTROL_FLOW_SYSTEM_VALUE_H */
