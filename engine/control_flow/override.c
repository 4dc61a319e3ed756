/*
 * engine/control_flow/override.c
 *
 * Property paths as dtexec's /Set and set_execution_property_override_value
 * have them:
 *
 *   \Package\container\task.Properties[name]     also task.Name
 *   \Package.Variables[User::x].Value            also .Properties[Value]
 *   \Package.Connections[c].Properties[name]
 *
 * Property names are accepted in SSIS's spelling, too.
 *
 * Process: runner and client, control thread only, before anything runs.
 */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "engine/control_flow/secret.h"
#include "engine/control_flow/setup.h"

static bool
bad_path(const char *path, const char *why, SoError *error)
{
	return so_error_set(error, SO_ERR_RUN_PROPERTY_PATH, path, "%s: \"%s\"", why, path);
}

/* "MaximumErrorCount" is maximum_error_count here. */
static char *
snake_case(TALLOC_CTX *context, const char *name)
{
	char *text = talloc_zero_array(context, char, 2 * strlen(name) + 1);
	size_t used = 0;

	for (size_t i = 0; name[i] != '\0'; i++)
	{
		bool begins =
			isupper((unsigned char) name[i]) && i > 0 &&
			(!isupper((unsigned char) name[i - 1]) || islower((unsigned char) name[i + 1]));

		if (begins && name[i - 1] != '_')
			text[used++] = '_';
		text[used++] = (char) tolower((unsigned char) name[i]);
	}
	return text;
}

/* Set a property of *object in a copy, which replaces it. */
static bool
set_in_copy(SoPackageRun *package_run, const SoObject **object, const char *name, const char *text,
			const char *path, SoError *error)
{
	SoObject *copy = so_object_copy(package_run, *object);
	const char *known = so_object_field(copy, name) != NULL ? name : snake_case(copy, name);
	SoValue value = so_value_string(copy, text);
	SoError cause = {0};

	if (so_object_field(copy, known) == NULL)
		return bad_path(path, "there is no such property", error);
	if (!so_object_set(copy, known, &value, &cause))
	{
		so_error_set(error, SO_ERR_RUN_PROPERTY_PATH, path, "the value does not fit \"%s\": %s",
					 path, cause.message);
		so_error_detail(error, "%s", cause.detail);
		return so_error_hint(error, "%s", cause.hint);
	}
	if ((so_object_field(copy, known)->property->flags & SO_PROPERTY_SECRET) != 0)
		so_secret_add_text(package_run->run, text);
	*object = copy;
	return true;
}

static bool
set_variable(SoPackageRun *package_run, const SoExecutable *executable, const char *name,
			 const char *text, const char *path, SoError *error)
{
	SoExecutableState *state = &package_run->states[executable->index];

	for (int i = 0; i < executable->variable_count; i++)
	{
		SoVariableState *variable = &state->variables[i];
		TALLOC_CTX *holder;
		SoValue value;
		SoError cause = {0};

		if (strcmp(variable->full_name, name) != 0 && strcmp(variable->variable->name, name) != 0)
			continue;
		if (variable->variable->evaluate_as_expression)
			return bad_path(path, "the variable is computed by an expression", error);
		holder = talloc_new(NULL);
		if (!so_value_from_text(holder, variable->variable->type, text, &value, &cause))
		{
			talloc_free(holder);
			so_error_set(error, SO_ERR_RUN_PROPERTY_PATH, path,
						 "the value does not fit variable \"%s\": %s", variable->full_name,
						 cause.message);
			return so_error_detail(error, "%s", cause.detail);
		}
		talloc_free(variable->holder);
		variable->holder = holder;
		variable->value = value;
		return true;
	}
	return bad_path(path, "there is no such variable", error);
}

static bool
set_connection(SoPackageRun *package_run, const char *name, const char *property, const char *text,
			   const char *path, SoError *error)
{
	for (int i = 0; i < package_run->connection_count; i++)
	{
		SoTaskConnection *connection = &package_run->connections[i];

		if (strcmp(connection->manager->name, name) == 0 ||
			strcmp(connection->manager->id, name) == 0)
			return set_in_copy(package_run, &connection->object, property, text, path, error);
	}
	return bad_path(path, "there is no such connection manager", error);
}

/* The text between brackets at *rest ("[name]..."); moves *rest behind it.  NULL when malformed. */
static char *
bracketed(TALLOC_CTX *context, const char **rest)
{
	const char *end;
	char *name;

	if (**rest != '[' || (end = strchr(*rest, ']')) == NULL)
		return NULL;
	name = talloc_strndup(context, *rest + 1, (size_t) (end - *rest - 1));
	*rest = end + 1;
	return name;
}

/* ".Properties[name]" or ".name", to the end of the path; NULL when it is neither. */
static char *
property_name(TALLOC_CTX *context, const char *rest)
{
	const char *position = rest + strlen(".Properties");
	char *name;

	if (strncmp(rest, ".Properties[", strlen(".Properties[")) == 0)
	{
		name = bracketed(context, &position);
		return name != NULL && *position == '\0' ? name : NULL;
	}
	if (rest[0] == '.' && rest[1] != '\0' && strpbrk(rest + 1, ".[]\\") == NULL)
		return talloc_strdup(context, rest + 1);
	return NULL;
}

/* The longest executable whose path begins the text and is followed by a dot. */
static const SoExecutable *
find_executable(const SoPackage *package, const char *path, const char **rest)
{
	const SoExecutable *found = NULL;
	size_t longest = 0;

	for (int i = 0; i < package->executable_count; i++)
	{
		const SoExecutable *executable = package->executables[i];
		size_t length = strlen(executable->path);

		if (length > longest && strncmp(executable->path, path, length) == 0 && path[length] == '.')
		{
			found = executable;
			longest = length;
		}
	}
	*rest = path + longest;
	return found;
}

bool
so_setup_override(SoPackageRun *package_run, const char *path, const char *text, SoError *error)
{
	TALLOC_CTX *scratch = talloc_new(NULL);
	const char *rest;
	const SoExecutable *executable = find_executable(package_run->package, path, &rest);
	char *object = NULL;
	char *property;
	bool is_variable = false;
	bool good;

	if (executable == NULL)
	{
		talloc_free(scratch);
		return bad_path(path, "there is no such executable", error);
	}
	if (strncmp(rest, ".Variables[", 11) == 0 || strncmp(rest, ".Connections[", 13) == 0)
	{
		is_variable = rest[1] == 'V';
		rest = strchr(rest, '[');
		object = bracketed(scratch, &rest);
	}
	property = property_name(scratch, rest);
	if (property == NULL)
		good = bad_path(path, "not a property path", error);
	else if (object == NULL)
	{
		SoExecutableState *state = &package_run->states[executable->index];
		const SoObject *changed = state->object;

		good = set_in_copy(package_run, &changed, property, text, path, error);
		state->object = (SoObject *) (uintptr_t) changed;
	}
	else if (!is_variable)
		good = set_connection(package_run, object, property, text, path, error);
	else if (strcasecmp(property, "value") == 0)
		good = set_variable(package_run, executable, object, text, path, error);
	else
		good = bad_path(path, "only the value of a variable can be set", error);
	talloc_free(scratch);
	return good;
}
