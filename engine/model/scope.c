/*
 * engine/model/scope.c
 *
 * Resolves names as an executable sees them.
 *
 * Process: runner, client, loader.  The model is immutable by then.
 */
#include "engine/model/scope.h"

#include <string.h>

#include "common/nearest.h"
#include "engine/model/diagnostics.h"
#include "engine/model/system_variables.h"

/* The part behind prefix, or NULL. */
static const char *
behind(const char *name, const char *prefix)
{
	size_t length = strlen(prefix);

	return strncmp(name, prefix, length) == 0 ? name + length : NULL;
}

static SoDataType
declare_parameter(const SoScope *scope, const char *name, bool *handled)
{
	const char *bare = behind(name, "$Package::");
	const SoParameter *parameter = NULL;

	*handled = true;
	if (bare != NULL)
		parameter = scope->package != NULL ? so_package_parameter(scope->package, bare) : NULL;
	else if ((bare = behind(name, "$Project::")) != NULL)
		parameter = scope->project != NULL ? so_project_parameter(scope->project, bare) : NULL;
	else
		*handled = false;
	return parameter != NULL ? parameter->type : SO_TYPE_NONE;
}

SoDataType
so_scope_declare(const SoScope *scope, const char *name)
{
	bool handled;
	SoDataType type = declare_parameter(scope, name, &handled);
	const char *bare = behind(name, "System::");
	const SoVariable *variable;
	const SoSystemVariable *system;

	if (handled)
		return type;
	if (bare == NULL)
	{
		variable = so_executable_variable(scope->executable, name);
		if (variable != NULL)
			return variable->type;
		bare = strstr(name, "::") == NULL ? name : "";
	}
	system = so_system_variable_find(bare, scope->executable);
	return system != NULL ? system->type : SO_TYPE_NONE;
}

char *
so_scope_qualify(TALLOC_CTX *context, const SoScope *scope, const char *name)
{
	const SoVariable *variable;

	if (strstr(name, "::") != NULL)
		return so_scope_declare(scope, name) != SO_TYPE_NONE ||
					   so_executable_variable(scope->executable, name) != NULL
				   ? talloc_strdup(context, name)
				   : NULL;
	variable = so_executable_variable(scope->executable, name);
	if (variable != NULL)
		return talloc_asprintf(context, "%s::%s", variable->name_space, variable->name);
	if (so_system_variable_find(name, scope->executable) != NULL)
		return talloc_asprintf(context, "System::%s", name);
	return NULL;
}

/* Offers prefix::candidate, or the bare candidate when the wanted name is bare. */
static void
offer(SoNearest *nearest, char **best, TALLOC_CTX *context, const char *prefix,
	  const char *candidate)
{
	char *whole = talloc_asprintf(context, "%s::%s", prefix, candidate);
	const char *before = nearest->name;
	bool bare = strstr(nearest->wanted, "::") == NULL;

	so_nearest_offer(nearest, bare ? candidate : whole);
	if (nearest->name != before)
		*best = whole;
	/* the right name in the wrong namespace is near as well */
	else if (!bare && *best == NULL && strcmp(strstr(nearest->wanted, "::") + 2, candidate) == 0)
		*best = whole;
}

char *
so_scope_suggest(TALLOC_CTX *context, const SoScope *scope, const char *name)
{
	TALLOC_CTX *scratch = talloc_new(context);
	SoNearest nearest;
	char *best = NULL;

	so_nearest_begin(&nearest, name);
	for (const SoExecutable *at = scope->executable; at != NULL; at = at->parent)
	{
		for (int i = 0; i < at->variable_count; i++)
			offer(&nearest, &best, scratch, at->variables[i]->name_space, at->variables[i]->name);
	}
	for (int i = 0; scope->package != NULL && i < scope->package->parameter_count; i++)
		offer(&nearest, &best, scratch, "$Package", scope->package->parameters[i]->name);
	for (int i = 0; scope->project != NULL && i < scope->project->parameter_count; i++)
		offer(&nearest, &best, scratch, "$Project", scope->project->parameters[i]->name);
	for (const SoSystemVariable *system = so_system_variables(); system->name != NULL; system++)
	{
		if (so_system_variable_find(system->name, scope->executable) != NULL)
			offer(&nearest, &best, scratch, "System", system->name);
	}
	best = best != NULL ? talloc_strdup(context, best) : NULL;
	talloc_free(scratch);
	return best;
}
