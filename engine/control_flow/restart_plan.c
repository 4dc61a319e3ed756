/*
 * engine/control_flow/restart_plan.c
 *
 * Evaluates the package's checkpoint properties and plans from its checkpoint.
 *
 * Process: runner and client, control thread only.  No thread, no connection
 * and no file is made.
 */
#include "engine/control_flow/restart_plan.h"

#include "engine/control_flow/property_expression.h"
#include "engine/control_flow/setup.h"
#include "engine/model/object_types.h"

static const SoPackage *
find_package(const SoProject *project, const char *name, SoError *error)
{
	const SoPackage *package = name != NULL
								   ? so_project_package(project, name)
								   : (project->package_count == 1 ? project->packages[0] : NULL);

	if (package == NULL)
		so_error_set(error, SO_ERR_RUN_PACKAGE_UNKNOWN, project->name,
					 name != NULL ? "the project has no package \"%s\""
								  : "the project has several packages: say which one is meant%s",
					 name != NULL ? name : "");
	return package;
}

static SoRestartPlan *
plan_of(TALLOC_CTX *context, const SoUnit *root, SoError *error)
{
	const SoPackage *package = root->executable->package;
	SoCheckpointStore *store = root->run->options->checkpoint_store;
	const char *name = so_property_text(root->properties, "checkpoint_file_name");
	bool save = so_unit_boolean(root, "save_checkpoints", false);
	int usage = (int) so_unit_integer(root, "checkpoint_usage", SO_CHECKPOINT_NEVER);
	SoCheckpointIdentity identity = {.package_id = package->id,
									 .package_name = package->name,
									 .name = name != NULL ? name : "",
									 .content_hash = so_checkpoint_content_hash(context, package),
									 .look_only = true};
	SoCheckpoint *checkpoint = NULL;
	SoCheckpointState *state = NULL;

	if (store != NULL && (save || usage != SO_CHECKPOINT_NEVER))
	{
		if (!store->type->open(store, &identity, context, &checkpoint, &state, error))
			return NULL;
		store->type->close(checkpoint);
	}
	if (state != NULL)
		so_checkpoint_state_index(state);
	return so_checkpoint_plan(context, package, state, save, usage);
}

SoRestartPlan *
so_run_restart_plan(TALLOC_CTX *context, const SoProject *project, const char *package_name,
					const SoRunOptions *options, SoError *error)
{
	const SoPackage *package = find_package(project, package_name, error);
	SoRestartPlan *plan = NULL;
	SoPackageRun *package_run;
	SoRunOutcome outcome = {0};
	SoRun *run;

	if (package == NULL)
		return NULL;
	run = talloc_zero(NULL, SoRun);
	run->project = project;
	run->options = options;
	run->outcome = &outcome;
	so_setup_project(run);
	package_run = so_setup_package(run, run, package, NULL);
	if (so_setup_options(package_run, error))
	{
		package_run->root = so_unit_new(package_run, package_run, package->root, NULL, 0, NULL);
		if (so_setup_compile(package_run->root, error) &&
			so_property_evaluate(package_run->root, error))
			plan = plan_of(context, package_run->root, error);
	}
	talloc_free(run);
	return plan;
}
