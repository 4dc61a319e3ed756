/*
 * engine/control_flow/restart_plan.h
 *
 * The restart plan of a package with the options of a run: what so_run_package
 * would skip, run again and run.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_RESTART_PLAN_H
#define ENGINE_CONTROL_FLOW_RESTART_PLAN_H

#include "engine/checkpoint/checkpoint.h"

/*
 * Set the package up as so_run_package would, look at its checkpoint without
 * claiming it, and plan.  Runs nothing and changes nothing.  NULL with *error
 * when the package or its checkpoint could not be used.  Owned by context; refers
 * to project.
 */
extern SoRestartPlan *
so_run_restart_plan(TALLOC_CTX *context, const SoProject *project, const char *package_name,
					const SoRunOptions *options, SoError *error);

#endif /* ENGINE_CONTROL_FLOW_RESTART_PLAN_H */
