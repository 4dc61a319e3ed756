/*
 * engine/control_flow/child_package.c
 *
 * Starts child packages and binds their parameters.
 *
 * Process: runner and client, control thread only.
 */
#include "engine/control_flow/child_package.h"

#include <string.h>

#include "engine/control_flow/event.h"
#include "engine/control_flow/lookup.h"
#include "engine/control_flow/property_expression.h"
#include "engine/control_flow/setup.h"
#include "engine/control_flow/unit_checkpoint.h"

#define DEPTH_LIMIT 32

static void
child_ended(SoUnit *root)
{
	SoUnit *unit = root->package_run->caller;
	SoExecutionResult result = root->result;

	talloc_free(root->package_run);
	unit->task_ran = true;
	so_unit_executed(unit, result);
}

/* A sensitive value may only go to a sensitive parameter; name is what the binding reads. */
static bool
is_sensitive(SoUnit *unit, const char *name)
{
	const SoParameterState *parameter =
		name[0] == '$' ? so_setup_parameter(unit->package_run, name) : NULL;

	return parameter != NULL && parameter->parameter->sensitive;
}

static bool
bind_parameter(SoUnit *unit, SoPackageRun *child, const SoObject *binding, SoError *error)
{
	const char *name = so_property_text(binding, "parameter");
	const char *source = so_property_text(binding, "variable");
	SoParameterState *parameter = so_setup_parameter(child, name);
	SoLookup lookup;
	const SoValue *value;
	bool good;

	if (parameter == NULL)
		return so_error_set(error, SO_ERR_RUN_CHILD_PACKAGE, unit->executable->path,
							"child package \"%s\" has no parameter \"%s\"", child->package->name,
							name);
	if (is_sensitive(unit, source) && !parameter->parameter->sensitive)
		return so_error_set(
			error, SO_ERR_RUN_CHILD_PACKAGE, unit->executable->path,
			"sensitive parameter \"%s\" cannot be bound to parameter \"%s\" of \"%s\", "
			"which is not sensitive",
			source, name, child->package->name);
	so_lookup_init(&lookup, unit, talloc_new(unit));
	value = so_lookup_value(&lookup, source, error);
	good = value != NULL && so_setup_set_parameter(child, parameter, value, error);
	if (good && !parameter->parameter->sensitive)
	{
		char *text = so_value_to_text(lookup.scratch, value);

		so_event_message(unit, SO_MESSAGE_DIAGNOSTIC_EX,
						 "<ExecutePackageParameter package=\"%s\" name=\"%s\" value=\"%s\"/>",
						 child->package->name, name, text);
	}
	talloc_free(lookup.scratch);
	return good;
}

static bool
prepare_child(SoUnit *unit, SoPackageRun **result, SoError *error)
{
	const char *name = so_property_text(unit->properties, "package_name");
	const SoPackage *package = so_project_package(unit->run->project, name != NULL ? name : "");
	const SoField *bindings = so_object_field(unit->properties, "parameter_bindings");
	SoPackageRun *child;

	if (package == NULL)
		return so_error_set(error, SO_ERR_RUN_CHILD_PACKAGE, unit->executable->path,
							"the project has no package \"%s\"", name != NULL ? name : "");
	if (unit->package_run->depth + 1 >= DEPTH_LIMIT)
		return so_error_set(error, SO_ERR_RUN_CHILD_DEPTH, unit->executable->path,
							"package \"%s\" would be nested %d levels deep", name, DEPTH_LIMIT);
	child = so_setup_package(unit, unit->run, package, unit);
	*result = child;
	if (!so_setup_options(child, error))
		return false;
	for (int i = 0; bindings != NULL && i < bindings->count; i++)
	{
		if (!bind_parameter(unit, child, bindings->objects[i], error))
			return false;
	}
	if (!so_setup_check_required(child, error))
		return false;
	child->root = so_unit_new(child, child, package->root, NULL, 0, child_ended);
	return so_setup_compile(child->root, error) && so_checkpoint_session_open(child->root, error) &&
		   so_checkpoint_restore_state(child, error);
}

void
so_child_package_start(SoUnit *unit)
{
	SoPackageRun *child = NULL;
	SoError error = {0};

	if (prepare_child(unit, &child, &error))
	{
		so_unit_start(child->root);
		return;
	}
	talloc_free(child);
	so_event_error(unit, &error);
	so_unit_executed(unit, SO_RESULT_FAILURE);
}
