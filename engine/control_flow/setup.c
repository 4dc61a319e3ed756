/*
 * engine/control_flow/setup.c
 *
 * Builds the run-time state of a package and applies parameters.
 *
 * Process: runner and client, control thread only.  The model itself is never
 * changed: what an execution overrides is copied first.
 */
#include "engine/control_flow/setup.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "engine/control_flow/lookup.h"
#include "engine/control_flow/property_expression.h"
#include "engine/control_flow/secret.h"

static int
free_values(SoPackageRun *package_run)
{
	for (int i = 0; i < package_run->package->executable_count; i++)
	{
		const SoExecutable *executable = package_run->package->executables[i];

		for (int j = 0; j < executable->variable_count; j++)
			TALLOC_FREE(package_run->states[i].variables[j].holder);
	}
	return 0;
}

static void
setup_variables(SoPackageRun *package_run, const SoExecutable *executable)
{
	SoExecutableState *state = &package_run->states[executable->index];

	state->variables =
		talloc_zero_array(package_run->states, SoVariableState, executable->variable_count + 1);
	for (int i = 0; i < executable->variable_count; i++)
	{
		SoVariableState *variable = &state->variables[i];

		variable->variable = executable->variables[i];
		variable->holder = talloc_new(NULL);
		variable->value = so_value_copy(variable->holder, &variable->variable->value);
		variable->full_name = talloc_asprintf(
			state->variables, "%s::%s", variable->variable->name_space, variable->variable->name);
	}
}

static SoParameterState *
setup_parameters(TALLOC_CTX *context, SoRun *run, SoParameter *const *parameters, int count,
				 const char *prefix)
{
	SoParameterState *states = talloc_zero_array(context, SoParameterState, count + 1);

	for (int i = 0; i < count; i++)
	{
		states[i].parameter = parameters[i];
		states[i].value = parameters[i]->has_default
							  ? so_value_copy(states, &parameters[i]->value)
							  : so_value_default(states, parameters[i]->type);
		states[i].full_name = talloc_asprintf(states, "%s::%s", prefix, parameters[i]->name);
		if (parameters[i]->sensitive && parameters[i]->has_default)
			so_secret_add(run, &states[i].value);
	}
	return states;
}

void
so_setup_project(SoRun *run)
{
	run->project_parameters = setup_parameters(run, run, run->project->parameters,
											   run->project->parameter_count, "$Project");
}

static void
setup_connections(SoPackageRun *package_run)
{
	const SoPackage *package = package_run->package;
	const SoProject *project = package_run->run->project;
	int count = package->connection_count + project->connection_count;

	package_run->connections = talloc_zero_array(package_run, SoTaskConnection, count + 1);
	package_run->connection_count = count;
	for (int i = 0; i < count; i++)
	{
		SoTaskConnection *connection = &package_run->connections[i];

		connection->manager = i < package->connection_count
								  ? package->connections[i]
								  : project->connections[i - package->connection_count];
		connection->object = connection->manager->object;
	}
}

SoPackageRun *
so_setup_package(TALLOC_CTX *owner, SoRun *run, const SoPackage *package, SoUnit *caller)
{
	SoPackageRun *package_run = talloc_zero(owner, SoPackageRun);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	package_run->run = run;
	package_run->package = package;
	package_run->caller = caller;
	package_run->ordinal = run->package_count++;
	package_run->depth = caller != NULL ? caller->package_run->depth + 1 : 0;
	package_run->start_us = (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
	package_run->states =
		talloc_zero_array(package_run, SoExecutableState, package->executable_count);
	for (int i = 0; i < package->executable_count; i++)
	{
		const SoExecutable *executable = package->executables[i];

		package_run->states[i].object = executable->object;
		setup_variables(package_run, executable);
		for (int j = 0; j < executable->child_count; j++)
			package_run->states[executable->children[j]->index].position = j;
	}
	talloc_set_destructor(package_run, free_values);
	package_run->parameters = setup_parameters(package_run, run, package->parameters,
											   package->parameter_count, "$Package");
	setup_connections(package_run);
	return package_run;
}

/* ---- parameters ---- */

SoParameterState *
so_setup_parameter(SoPackageRun *package_run, const char *name)
{
	SoRun *run = package_run->run;

	for (int i = 0; i < package_run->package->parameter_count; i++)
	{
		SoParameterState *state = &package_run->parameters[i];

		if (strcmp(state->full_name, name) == 0 || strcmp(state->parameter->name, name) == 0)
			return state;
	}
	for (int i = 0; i < run->project->parameter_count; i++)
	{
		if (strcmp(run->project_parameters[i].full_name, name) == 0)
			return &run->project_parameters[i];
	}
	return NULL;
}

bool
so_setup_set_parameter(SoPackageRun *package_run, SoParameterState *parameter, const SoValue *value,
					   SoError *error)
{
	SoError cause = {0};
	SoValue converted;

	if (value->is_null)
		return so_error_set(error, SO_ERR_RUN_PARAMETER_VALUE, parameter->full_name,
							"parameter \"%s\" cannot be NULL", parameter->full_name);
	if (!so_value_convert(package_run->run, value, parameter->parameter->type, &converted, &cause))
	{
		so_error_set(error, SO_ERR_RUN_PARAMETER_VALUE, parameter->full_name,
					 "the value does not fit parameter \"%s\": %s", parameter->full_name,
					 cause.message);
		return so_error_detail(error, "%s", cause.detail);
	}
	if (parameter->parameter->sensitive)
		so_secret_add(package_run->run, &converted);
	parameter->value = converted;
	parameter->value_set = true;
	return true;
}

static bool
set_parameter_text(SoPackageRun *package_run, const SoAssignment *assignment, SoError *error)
{
	SoParameterState *parameter = so_setup_parameter(package_run, assignment->name);
	SoError cause = {0};
	SoValue value;

	if (parameter == NULL)
		return so_error_set(error, SO_ERR_RUN_PARAMETER_UNKNOWN, assignment->name,
							"package \"%s\" has no parameter \"%s\"", package_run->package->name,
							assignment->name);
	/* The text of a sensitive value must not come up in a message. */
	if (!so_value_from_text(package_run->run, parameter->parameter->type, assignment->text, &value,
							&cause))
		return so_error_set(error, SO_ERR_RUN_PARAMETER_VALUE, assignment->name,
							"the value of parameter \"%s\" is not of type %s", assignment->name,
							so_data_type_variable_name(parameter->parameter->type));
	return so_setup_set_parameter(package_run, parameter, &value, error);
}

bool
so_setup_check_required(const SoPackageRun *package_run, SoError *error)
{
	for (int i = 0; i < package_run->package->parameter_count; i++)
	{
		const SoParameterState *state = &package_run->parameters[i];

		if (state->parameter->required && !state->value_set && !state->parameter->has_default)
			return so_error_set(error, SO_ERR_RUN_PARAMETER_REQUIRED, state->full_name,
								"required parameter \"%s\" of package \"%s\" has no value",
								state->full_name, package_run->package->name);
	}
	for (int i = 0; i < package_run->run->project->parameter_count; i++)
	{
		const SoParameterState *state = &package_run->run->project_parameters[i];

		if (state->parameter->required && !state->value_set && !state->parameter->has_default)
			return so_error_set(error, SO_ERR_RUN_PARAMETER_REQUIRED, state->full_name,
								"required parameter \"%s\" of the project has no value",
								state->full_name);
	}
	return true;
}

/* ---- options ---- */

static bool
set_connection_string(SoPackageRun *package_run, const SoAssignment *assignment, SoError *error)
{
	bool found = false;

	for (int i = 0; i < package_run->connection_count; i++)
	{
		SoTaskConnection *connection = &package_run->connections[i];
		SoObject *copy;
		SoValue value;

		if (strcmp(connection->manager->name, assignment->name) != 0 &&
			strcasecmp(connection->manager->id, assignment->name) != 0)
			continue;
		copy = so_object_copy(package_run, connection->object);
		value = so_value_string(copy, assignment->text);
		if (!so_object_set(copy, "connection_string", &value, error))
			return false;
		connection->object = copy;
		found = true;
	}
	/* Of a child package only the managers that it shares with the project are meant. */
	if (!found && package_run->caller == NULL)
		return so_error_set(error, SO_ERR_RUN_CONNECTION_UNKNOWN, assignment->name,
							"package \"%s\" has no connection manager \"%s\"",
							package_run->package->name, assignment->name);
	return true;
}

bool
so_setup_options(SoPackageRun *package_run, SoError *error)
{
	const SoRunOptions *options = package_run->run->options;

	for (int i = 0; i < options->connection_string_count; i++)
	{
		if (!set_connection_string(package_run, &options->connection_strings[i], error))
			return false;
	}
	if (package_run->caller != NULL)
		return true;
	for (int i = 0; i < options->parameter_count; i++)
	{
		if (!set_parameter_text(package_run, &options->parameters[i], error))
			return false;
	}
	for (int i = 0; i < options->property_override_count; i++)
	{
		if (!so_setup_override(package_run, options->property_overrides[i].name,
							   options->property_overrides[i].text, error))
			return false;
	}
	return so_setup_check_required(package_run, error);
}

/* ---- expressions ---- */

static bool
compile_variables(SoUnit *root, const SoExecutable *executable, SoError *error)
{
	SoPackageRun *package_run = root->package_run;
	SoExecutableState *state = &package_run->states[executable->index];
	char place[768];

	for (int i = 0; i < executable->variable_count; i++)
	{
		SoVariableState *variable = &state->variables[i];

		if (!variable->variable->evaluate_as_expression || variable->variable->expression == NULL)
			continue;
		snprintf(place, sizeof(place), "%s.Variables[%s]", executable->path, variable->full_name);
		variable->expression = so_lookup_compile_at(package_run, root, executable,
													variable->variable->expression, place, error);
		if (variable->expression == NULL)
			return false;
	}
	return true;
}

bool
so_setup_compile(SoUnit *root, SoError *error)
{
	SoPackageRun *package_run = root->package_run;
	const SoPackage *package = package_run->package;
	char place[768];

	for (int i = 0; i < package->executable_count; i++)
	{
		if (package->executables[i]->variable_count > 0 &&
			!compile_variables(root, package->executables[i], error))
			return false;
	}
	for (int i = 0; i < package_run->connection_count; i++)
	{
		SoTaskConnection *connection = &package_run->connections[i];
		const SoConnectionManager *manager = connection->manager;

		if (manager->expression_count == 0)
			continue;
		snprintf(place, sizeof(place), "\\Package.Connections[%s]", manager->name);
		connection->expressions = so_property_compile(package_run, root, manager->expressions,
													  manager->expression_count, place, error);
		if (connection->expressions == NULL)
			return false;
	}
	return true;
}
