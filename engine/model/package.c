/*
 * engine/model/package.c
 *
 * Lookups in a loaded package.
 *
 * Process: runner, client, loader.  The model is immutable after loading, so
 * any thread may read it without a lock.
 */
#include "engine/model/package.h"

#include <string.h>

SoPackage *
so_project_package(const SoProject *project, const char *name)
{
	for (int i = 0; i < project->package_count; i++)
	{
		if (strcmp(project->packages[i]->name, name) == 0)
			return project->packages[i];
	}
	return NULL;
}

static SoConnectionManager *
find_connection(SoConnectionManager *const *connections, int count, const char *name_or_id)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(connections[i]->name, name_or_id) == 0 ||
			strcmp(connections[i]->id, name_or_id) == 0)
			return connections[i];
	}
	return NULL;
}

SoConnectionManager *
so_package_connection(const SoPackage *package, const char *name_or_id)
{
	SoConnectionManager *found =
		find_connection(package->connections, package->connection_count, name_or_id);

	if (found == NULL && package->project != NULL)
		found = find_connection(package->project->connections, package->project->connection_count,
								name_or_id);
	return found;
}

SoExecutable *
so_package_executable(const SoPackage *package, const char *path)
{
	for (int i = 0; i < package->executable_count; i++)
	{
		if (strcmp(package->executables[i]->path, path) == 0)
			return package->executables[i];
	}
	return NULL;
}

SoParameter *
so_package_parameter(const SoPackage *package, const char *name)
{
	for (int i = 0; i < package->parameter_count; i++)
	{
		if (strcmp(package->parameters[i]->name, name) == 0)
			return package->parameters[i];
	}
	return NULL;
}

SoParameter *
so_project_parameter(const SoProject *project, const char *name)
{
	for (int i = 0; i < project->parameter_count; i++)
	{
		if (strcmp(project->parameters[i]->name, name) == 0)
			return project->parameters[i];
	}
	return NULL;
}

SoVariable *
so_executable_variable(const SoExecutable *executable, const char *name)
{
	const char *separator = strstr(name, "::");
	size_t length = separator != NULL ? (size_t) (separator - name) : 0;
	const char *bare = separator != NULL ? separator + 2 : name;

	for (; executable != NULL; executable = executable->parent)
	{
		for (int i = 0; i < executable->variable_count; i++)
		{
			SoVariable *variable = executable->variables[i];

			if (strcmp(variable->name, bare) != 0)
				continue;
			if (separator == NULL || (strlen(variable->name_space) == length &&
									  strncmp(variable->name_space, name, length) == 0))
				return variable;
		}
	}
	return NULL;
}

bool
so_executable_boolean(const SoExecutable *executable, const char *name)
{
	return so_object_boolean(executable->object, name);
}

int64_t
so_executable_integer(const SoExecutable *executable, const char *name)
{
	return so_object_integer(executable->object, name);
}
