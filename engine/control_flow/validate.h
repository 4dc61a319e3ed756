/*
 * engine/control_flow/validate.h
 *
 * Validation: of the whole package before anything runs, and of every unit
 * again just before it runs.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_VALIDATE_H
#define ENGINE_CONTROL_FLOW_VALIDATE_H

#include "engine/control_flow/unit.h"

/*
 * Validate root and everything below it, except for what is disabled or has
 * delay_validation.  Every finding is raised, with OnPreValidate and
 * OnPostValidate around each executable.  false when there were errors (or
 * warnings, with warn_as_error).
 */
extern bool so_validate_package(SoUnit *root);

/* Validate unit itself; false when errors were raised. */
extern bool so_validate_unit(SoUnit *unit);

#endif /* ENGINE_CONTROL_FLOW_VALIDATE_H */
