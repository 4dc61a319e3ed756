/*
 * engine/control_flow/setup.h
 *
 * The state of a package that is about to run: variables, parameters with the
 * values of this execution, overrides of properties and connection strings.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_SETUP_H
#define ENGINE_CONTROL_FLOW_SETUP_H

#include "engine/control_flow/unit.h"

/*
 * State for one run of package, owned by owner.  caller is the Execute Package
 * task, or NULL.  Parameters have their design values.
 */
extern SoPackageRun *
so_setup_package(TALLOC_CTX *owner, SoRun *run, const SoPackage *package, SoUnit *caller);

/* Parameter states of the project, owned by run. */
extern void so_setup_project(SoRun *run);

/* Find "$Package::x", "$Project::x" or "x" (of the package); NULL when there is none. */
extern SoParameterState *so_setup_parameter(SoPackageRun *package_run, const char *name);

/* Set a parameter, converted to its type; false with *error. */
extern bool so_setup_set_parameter(SoPackageRun *package_run, SoParameterState *parameter,
								   const SoValue *value, SoError *error) SO_WARN_UNUSED;

/* Every required parameter has a value; false with *error naming the first that has none. */
extern bool so_setup_check_required(const SoPackageRun *package_run, SoError *error) SO_WARN_UNUSED;

/* Apply what the run options say; false with *error. */
extern bool so_setup_options(SoPackageRun *package_run, SoError *error) SO_WARN_UNUSED;

/* One property path (dtexec /Set) = text; false with *error (override.c). */
extern bool so_setup_override(SoPackageRun *package_run, const char *path, const char *text,
							  SoError *error) SO_WARN_UNUSED;

/*
 * Compile what can only be compiled once everything is known: expressions of
 * variables and of connection managers; false with *error.
 */
extern bool so_setup_compile(SoUnit *root, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_CONTROL_FLOW_SETUP_H */
