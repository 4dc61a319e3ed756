/*
 * engine/control_flow/lookup.c
 *
 * Looks names up at a unit, assigns variables, copies them for tasks.
 *
 * Process: runner and client, control thread only.  Tasks work on copies
 * (engine/control_flow/task_door.c), so nothing here needs a lock.
 */
#include "engine/control_flow/lookup.h"

#include <stdio.h>
#include <string.h>

#include "engine/control_flow/event.h"
#include "engine/control_flow/system_value.h"
#include "engine/control_flow/unit_checkpoint.h"
#include "engine/model/system_variables.h"

SoVariableState *
so_lookup_next(SoLookupCursor *cursor)
{
	while (cursor->unit != NULL)
	{
		if (cursor->index < cursor->unit->executable->variable_count)
			return &cursor->unit->state->variables[cursor->index++];
		cursor->unit = cursor->unit->parent;
		cursor->index = 0;
	}
	return NULL;
}

static bool
name_matches(const SoVariableState *state, const char *name)
{
	if (strstr(name, "::") != NULL)
		return strcmp(state->full_name, name) == 0;
	return strcmp(state->variable->name, name) == 0;
}

static SoVariableState *
find_variable(const SoUnit *unit, const char *name, const SoUnit **owner)
{
	SoLookupCursor cursor = {unit, 0};
	SoVariableState *state;

	while ((state = so_lookup_next(&cursor)) != NULL)
	{
		if (name_matches(state, name))
		{
			if (owner != NULL)
				*owner = cursor.unit;
			return state;
		}
	}
	return NULL;
}

static SoParameterState *
find_parameter(const SoUnit *unit, const char *name)
{
	SoPackageRun *package_run = unit->package_run;

	if (name[0] != '$')
		return NULL;
	for (int i = 0; i < package_run->package->parameter_count; i++)
	{
		if (strcmp(package_run->parameters[i].full_name, name) == 0)
			return &package_run->parameters[i];
	}
	for (int i = 0; i < unit->run->project->parameter_count; i++)
	{
		if (strcmp(unit->run->project_parameters[i].full_name, name) == 0)
			return &unit->run->project_parameters[i];
	}
	return NULL;
}

static const SoSystemVariable *
find_system(const SoUnit *unit, const char *name)
{
	if (strncmp(name, "System::", strlen("System::")) == 0)
		return so_system_variable_find(name + strlen("System::"), unit->executable);
	if (strstr(name, "::") != NULL)
		return NULL;
	return so_system_variable_find(name, unit->executable);
}

SoDataType
so_lookup_type(const SoUnit *unit, const char *name)
{
	const SoVariableState *variable = find_variable(unit, name, NULL);
	const SoParameterState *parameter;
	const SoSystemVariable *system;

	if (variable != NULL)
		return variable->variable->type;
	parameter = find_parameter(unit, name);
	if (parameter != NULL)
		return parameter->parameter->type;
	system = find_system(unit, name);
	return system != NULL ? system->type : SO_TYPE_NONE;
}

/* A variable with an expression: its value is computed at every reading. */
static const SoValue *
evaluate_variable(SoLookup *scope, SoVariableState *state, SoError *error)
{
	SoValue *result;
	SoValue value;
	SoError cause = {0};
	bool good;

	if (state->evaluating)
	{
		so_error_set(error, SO_ERR_RUN_VARIABLE_EXPRESSION, scope->unit->executable->path,
					 "variable \"%s\" depends on itself", state->full_name);
		return NULL;
	}
	state->evaluating = true;
	good =
		so_expression_evaluate(state->expression, scope->scratch, &scope->resolver, &value, &cause);
	state->evaluating = false;
	result = talloc_zero(scope->scratch, SoValue);
	if (good && so_value_convert(scope->scratch, &value, state->variable->type, result, &cause))
		return result;
	so_error_set(error, SO_ERR_RUN_VARIABLE_EXPRESSION, scope->unit->executable->path,
				 "the expression of variable \"%s\" failed: %s", state->full_name, cause.message);
	so_error_detail(error, "%s", cause.detail);
	return NULL;
}

const SoValue *
so_lookup_value(SoLookup *scope, const char *name, SoError *error)
{
	SoVariableState *variable = find_variable(scope->unit, name, NULL);
	const SoParameterState *parameter;
	const SoSystemVariable *system;
	SoValue *value;

	if (variable != NULL)
		return variable->expression != NULL ? evaluate_variable(scope, variable, error)
											: &variable->value;
	parameter = find_parameter(scope->unit, name);
	if (parameter != NULL)
		return &parameter->value;
	system = find_system(scope->unit, name);
	value = talloc_zero(scope->scratch, SoValue);
	if (system != NULL && so_system_value(scope->unit, system->name, scope->scratch, value))
		return value;
	so_error_set(error, SO_ERR_RUN_VARIABLE_UNKNOWN, scope->unit->executable->path,
				 "there is no variable \"%s\" here", name);
	return NULL;
}

static SoDataType
resolve_type(void *context, const char *name)
{
	const SoLookup *scope = context;

	return so_lookup_type(scope->unit, name);
}

static const SoValue *
resolve_value(void *context, const char *name)
{
	SoLookup *scope = context;

	return so_lookup_value(scope, name, &scope->error);
}

static bool
resolve_assign(void *context, const char *name, const SoValue *value, SoError *error)
{
	SoLookup *scope = context;

	return so_lookup_assign(scope->unit, name, value, error);
}

void
so_lookup_init(SoLookup *scope, SoUnit *unit, TALLOC_CTX *scratch)
{
	memset(scope, 0, sizeof(*scope));
	scope->unit = unit;
	scope->scratch = scratch;
	scope->resolver.context = scope;
	scope->resolver.declare = resolve_type;
	scope->resolver.lookup = resolve_value;
	scope->resolver.assign = resolve_assign;
}

static bool
assign_system(SoUnit *unit, const char *name, const SoValue *value, SoError *error)
{
	const SoSystemVariable *system = find_system(unit, name);
	SoValue converted;

	if (system == NULL)
		return so_error_set(error, SO_ERR_RUN_VARIABLE_UNKNOWN, unit->executable->path,
							"there is no variable \"%s\" here", name);
	if (system->type != SO_TYPE_BOOL || system->scope != SO_SYSTEM_EVENT_HANDLER ||
		!so_value_convert(unit, value, SO_TYPE_BOOL, &converted, error) ||
		!so_system_value_assign(unit, system->name, converted.as.boolean))
		return so_error_set(error, SO_ERR_RUN_VARIABLE_READ_ONLY, unit->executable->path,
							"variable \"System::%s\" cannot be set to this value", system->name);
	return true;
}

/* OnVariableValueChanged is raised by the executable that owns the variable. */
static void
raise_changed(const SoUnit *unit, const SoUnit *owner, const SoVariable *variable)
{
	SoEventData data = {.type = SO_MESSAGE_VARIABLE_VALUE_CHANGED, .variable = variable};
	char *text = talloc_asprintf(NULL, "The value of variable \"%s::%s\" has changed.",
								 variable->name_space, variable->name);

	/* A handler of this event that changes variables does not start itself again. */
	for (const SoUnit *handler = so_system_value_handler(unit); handler != NULL;
		 handler = so_system_value_handler(handler->event != NULL ? handler->event->source : NULL))
		data.without_handlers |= handler->event != NULL &&
								 handler->event->data.type == SO_MESSAGE_VARIABLE_VALUE_CHANGED;
	data.message = text;
	so_event_raise((SoUnit *) (uintptr_t) owner, &data);
	talloc_free(text);
}

bool
so_lookup_assign(SoUnit *unit, const char *name, const SoValue *value, SoError *error)
{
	const SoUnit *owner = NULL;
	SoVariableState *state = find_variable(unit, name, &owner);
	TALLOC_CTX *values;
	SoValue converted;
	SoError cause = {0};

	if (state == NULL && find_parameter(unit, name) != NULL)
		return so_error_set(error, SO_ERR_RUN_VARIABLE_READ_ONLY, unit->executable->path,
							"parameter \"%s\" cannot change while the package runs", name);
	if (state == NULL)
		return assign_system(unit, name, value, error);
	if (state->variable->read_only || state->expression != NULL)
		return so_error_set(error, SO_ERR_RUN_VARIABLE_READ_ONLY, unit->executable->path,
							"variable \"%s\" is read only", state->full_name);
	if (value->is_null)
		return so_error_set(error, SO_ERR_RUN_VARIABLE_VALUE, unit->executable->path,
							"variable \"%s\" cannot be NULL", state->full_name);
	values = talloc_new(unit->package_run);
	if (!so_value_convert(values, value, state->variable->type, &converted, &cause))
	{
		talloc_free(values);
		so_error_set(error, SO_ERR_RUN_VARIABLE_VALUE, unit->executable->path,
					 "the value does not fit variable \"%s\": %s", state->full_name, cause.message);
		return so_error_detail(error, "%s", cause.detail);
	}
	if (so_value_same(&state->value, &converted))
	{
		talloc_free(values);
		return true;
	}
	talloc_free(state->holder);
	state->holder = values;
	state->value = converted;
	so_unit_checkpoint_changed(unit, state);
	if (state->variable->raise_changed_event)
		raise_changed(unit, owner, state->variable);
	return true;
}

SoExpression *
so_lookup_compile(TALLOC_CTX *context, SoUnit *unit, const char *text, bool allow_assignment,
				  const char *place, SoError *error)
{
	SoLookup scope;

	so_lookup_init(&scope, unit, NULL);
	return so_expression_compile(context, text, allow_assignment, place, &scope.resolver, error);
}

/* Units for the way from the root to executable; only their names and types are looked at. */
static SoUnit *
make_way(TALLOC_CTX *context, SoUnit *root, const SoExecutable *executable)
{
	SoUnit *parent;

	if (executable == root->executable || executable->parent == NULL)
		return root;
	parent = make_way(context, root, executable->parent);
	return so_unit_new(context, root->package_run, executable, parent, 0, NULL);
}

SoExpression *
so_lookup_compile_at(TALLOC_CTX *context, SoUnit *root, const SoExecutable *executable,
					 const char *text, const char *place, SoError *error)
{
	TALLOC_CTX *way = talloc_new(NULL);
	SoExpression *expression =
		so_lookup_compile(context, make_way(way, root, executable), text, false, place, error);

	talloc_free(way);
	return expression;
}

bool
so_lookup_evaluate(SoUnit *unit, const SoExpression *expression, TALLOC_CTX *context,
				   SoValue *result, SoError *error)
{
	SoLookup scope;
	bool good;

	so_lookup_init(&scope, unit, talloc_new(context));
	good = so_expression_evaluate(expression, context, &scope.resolver, result, error);
	/* A variable's own failure says more than "no value". */
	if (!good && scope.error.code != SO_OK && error != NULL)
		*error = scope.error;
	talloc_free(scope.scratch);
	return good;
}

/* ---- copies for tasks ---- */

static bool
is_hidden(const SoTaskRun *run, const char *name)
{
	for (int i = 0; i < run->variable_count; i++)
	{
		if (strcmp(run->variables[i].name, name) == 0)
			return true;
	}
	return false;
}

static SoTaskVariable *
add_variable(SoTaskRun *run, const char *name, SoDataType type)
{
	SoTaskVariable *variable = &run->variables[run->variable_count++];

	memset(variable, 0, sizeof(*variable));
	variable->name = talloc_strdup(run->variables, name);
	variable->type = type;
	return variable;
}

static void
snapshot_parameters(SoTaskRun *run, const SoParameterState *parameters, int count)
{
	for (int i = 0; i < count; i++)
	{
		SoTaskVariable *variable =
			add_variable(run, parameters[i].full_name, parameters[i].parameter->type);

		variable->value = so_value_copy(run->variables, &parameters[i].value);
	}
}

static void
snapshot_system(SoUnit *unit, SoTaskRun *run)
{
	for (const SoSystemVariable *system = so_system_variables(); system->name != NULL; system++)
	{
		SoTaskVariable *variable;
		char name[128];

		if (so_system_variable_find(system->name, unit->executable) == NULL)
			continue;
		snprintf(name, sizeof(name), "System::%s", system->name);
		variable = add_variable(run, name, system->type);
		if (!so_system_value(unit, system->name, run->variables, &variable->value))
			variable->value = so_value_default(run->variables, system->type);
		variable->writable =
			strcmp(system->name, "Propagate") == 0 || strcmp(system->name, "Cancel") == 0;
	}
}

void
so_lookup_snapshot(SoUnit *unit, SoTaskRun *run)
{
	SoLookupCursor cursor = {unit, 0};
	SoVariableState *state;
	int capacity =
		unit->package_run->package->parameter_count + unit->run->project->parameter_count;

	for (const SoUnit *level = unit; level != NULL; level = level->parent)
		capacity += level->executable->variable_count;
	for (const SoSystemVariable *system = so_system_variables(); system->name != NULL; system++)
		capacity++;
	run->variables = talloc_array(run->context, SoTaskVariable, capacity);
	while ((state = so_lookup_next(&cursor)) != NULL)
	{
		SoTaskVariable *variable;

		if (is_hidden(run, state->full_name))
			continue;
		variable = add_variable(run, state->full_name, state->variable->type);
		variable->expression = state->expression;
		variable->writable = !state->variable->read_only && state->expression == NULL;
		if (state->expression == NULL)
			variable->value = so_value_copy(run->variables, &state->value);
	}
	snapshot_parameters(run, unit->package_run->parameters,
						unit->package_run->package->parameter_count);
	snapshot_parameters(run, unit->run->project_parameters, unit->run->project->parameter_count);
	snapshot_system(unit, run);
	run->variable_names = talloc_zero_array(run->context, const char *, run->variable_count + 1);
	for (int i = 0; i < run->variable_count; i++)
		run->variable_names[i] = run->variables[i].name;
}
