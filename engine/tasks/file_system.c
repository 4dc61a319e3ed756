/*
 * engine/tasks/file_system.c
 *
 * The File System task: one operation on a file or folder of the machine that
 * runs the task.
 *
 * Process: runner and client, in a task's thread.  Files appear whole; folders
 * are worked on entry by entry.
 */
#include "engine/tasks/file_system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/model/object_types.h"
#include "engine/tasks/file_operation.h"
#include "engine/tasks/outcome.h"

typedef enum Operation /* order and numbers of SSIS */
{
	COPY_FILE,
	MOVE_FILE,
	DELETE_FILE,
	RENAME_FILE,
	SET_ATTRIBUTES,
	CREATE_DIRECTORY,
	COPY_DIRECTORY,
	MOVE_DIRECTORY,
	DELETE_DIRECTORY,
	DELETE_DIRECTORY_CONTENT
} Operation;

static const char *const operation_names[] = {"copy_file",
											  "move_file",
											  "delete_file",
											  "rename_file",
											  "set_attributes",
											  "create_directory",
											  "copy_directory",
											  "move_directory",
											  "delete_directory",
											  "delete_directory_content",
											  NULL};

static const SoProperty file_system_properties[] = {
	{"operation", SO_PROPERTY_ENUM, 0, "copy_file", operation_names, NULL, "What to do.",
	 "operation: move_file"},
	{"source", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Path of the file or folder to work on; for create_directory the folder to create.",
	 "source: /srv/in/orders.csv"},
	{"source_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL,
	 "Variable that holds the path, in place of source.", "source_variable: \"User::path\""},
	{"source_connection", SO_PROPERTY_CONNECTION, 0, NULL, NULL, NULL,
	 "File connection manager that names the path, in place of source.",
	 "source_connection: inbox"},
	{"destination", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "Where to copy or move to. For files an existing folder, or a path that ends in /, keeps the "
	 "name; "
	 "rename_file also takes a bare name. A folder's contents become contents of the destination.",
	 "destination: /srv/archive/"},
	{"destination_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL,
	 "Variable that holds the destination.", "destination_variable: \"User::archive\""},
	{"destination_connection", SO_PROPERTY_CONNECTION, 0, NULL, NULL, NULL,
	 "File connection manager that names the destination.", "destination_connection: archive"},
	{"overwrite_destination", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Replace files that exist at the destination.", "overwrite_destination: true"},
	{"use_directory_if_exists", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "create_directory: no error when the folder exists.", "use_directory_if_exists: true"},
	{"read_only", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "set_attributes: true takes the write permission away from everybody, false gives it to the "
	 "owner. "
	 "Hidden, archive and system have no counterpart on Linux.",
	 "read_only: true"},
	{"mode", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "set_attributes: permissions in octal, in place of read_only.", "mode: \"0640\""},
	{NULL}};

static const SoObjectType file_system_type = {
	"file_system", "File System task",
	"Copies, moves, renames, deletes or creates a file or a folder.", file_system_properties,
	&so_object_type_executable};

static bool
needs_destination(int operation)
{
	return operation == COPY_FILE || operation == MOVE_FILE || operation == RENAME_FILE ||
		   operation == COPY_DIRECTORY || operation == MOVE_DIRECTORY;
}

/* stem is given by exactly one of its three properties, or by an expression. */
static void
check_path(SoTaskValidation *validation, const char *stem)
{
	static const char *const endings[] = {"", "_variable", "_connection"};
	char message[120];
	int given = 0;

	for (int i = 0; i < 3; i++)
	{
		char name[64];

		snprintf(name, sizeof(name), "%s%s", stem, endings[i]);
		given += so_object_is_set(validation->properties, name);
	}
	if (given == 1)
		return;
	snprintf(message, sizeof(message),
			 given == 0 ? "%s is missing" : "%s is given in more than one way", stem);
	so_outcome_finding(
		validation, false, stem, message,
		"Give the path itself, a variable that holds it, or a file connection manager.");
}

static void
validate(SoTaskValidation *validation)
{
	int operation = so_object_enum(validation->properties, "operation");
	const char *mode = so_outcome_property(validation->properties, "mode");

	check_path(validation, "source");
	if (needs_destination(operation))
		check_path(validation, "destination");
	if (mode != NULL && (strspn(mode, "01234567") != strlen(mode) || strlen(mode) > 5))
		so_outcome_finding(validation, false, "mode", "mode is not an octal number",
						   "Write it as chmod does, in quotes: \"0640\".");
}

const char *
so_file_system_path(SoTaskRun *run, const char *stem, SoError *error)
{
	const SoObject *properties = so_task_properties(run);
	TALLOC_CTX *context = so_task_context(run);
	const char *path = so_outcome_property(properties, stem);
	const char *variable =
		so_outcome_property(properties, talloc_asprintf(context, "%s_variable", stem));
	const char *connection = NULL;
	const SoObject *manager;

	if (path != NULL)
		return path;
	if (variable != NULL)
		path = so_outcome_variable_text(run, variable, error);
	else
	{
		/* Remote paths have no file connection. */
		const char *name = talloc_asprintf(context, "%s_connection", stem);

		if (so_object_type_find(properties->type, name) != NULL)
			connection = so_outcome_property(properties, name);
		manager = connection != NULL ? so_task_connection_properties(run, connection, error) : NULL;
		if (manager != NULL)
			path = so_outcome_property(manager, "connection_string");
		if (connection == NULL)
			so_error_set(error, SO_ERR_TASK_PROPERTY, stem, "%s is not given", stem);
	}
	if (path != NULL && path[0] == '\0')
	{
		so_error_set(error, SO_ERR_TASK_PROPERTY, stem, "the path in %s is empty",
					 variable != NULL ? variable : stem);
		return NULL;
	}
	return path;
}

/* The file's own name when the destination is a folder; a bare new name stays in its folder. */
static const char *
file_target(TALLOC_CTX *context, int operation, const char *source, const char *destination)
{
	size_t length = strlen(destination);
	const char *slash = strrchr(source, '/');

	if (operation == RENAME_FILE)
	{
		if (strchr(destination, '/') != NULL || slash == NULL)
			return destination;
		return talloc_asprintf(context, "%.*s/%s", (int) (slash - source), source, destination);
	}
	if (destination[length - 1] == '/' || so_file_is_directory(destination))
		return talloc_asprintf(context, "%s%s%s", destination,
							   destination[length - 1] == '/' ? "" : "/",
							   so_file_base_name(context, source));
	return destination;
}

static bool
set_attributes(SoTaskRun *run, const char *path, SoError *error)
{
	const SoObject *properties = so_task_properties(run);
	const char *text = so_outcome_property(properties, "mode");
	struct stat status;
	mode_t mode;

	if (stat(path, &status) != 0)
		return so_file_error(error, "look at", path, errno);
	mode = status.st_mode & 07777;
	if (text != NULL)
		mode = (mode_t) strtoul(text, NULL, 8) & 07777;
	else if (so_object_boolean(properties, "read_only"))
		mode &= ~(mode_t) 0222;
	else
		mode |= 0200;
	if (chmod(path, mode) != 0)
		return so_file_error(error, "set the permissions of", path, errno);
	return true;
}

static bool
delete_file(SoFileOperation *operation, const char *path, SoError *error)
{
	if (unlink(path) != 0)
		return so_file_error(error, "delete", path, errno);
	operation->files++;
	return true;
}

static bool
operate(SoTaskRun *run, SoFileOperation *operation, int what, const char *source,
		const char *destination, SoError *error)
{
	TALLOC_CTX *context = so_task_context(run);

	switch (what)
	{
		case COPY_FILE:
			return so_file_copy(operation, source, file_target(context, what, source, destination),
								error);
		case MOVE_FILE:
		case RENAME_FILE:
			if (so_file_is_directory(source))
				return so_error_set(error, SO_ERR_TASK_FILE, source,
									"\"%s\" is a folder, not a file", source);
			return so_file_move(operation, source, file_target(context, what, source, destination),
								error);
		case DELETE_FILE:
			return delete_file(operation, source, error);
		case SET_ATTRIBUTES:
			return set_attributes(run, source, error);
		case CREATE_DIRECTORY:
			return so_file_create_directory(
				operation, source,
				so_object_boolean(so_task_properties(run), "use_directory_if_exists"), error);
		case COPY_DIRECTORY:
			return so_file_copy_directory(operation, source, destination, error);
		case MOVE_DIRECTORY:
			return so_file_move_directory(operation, source, destination, error);
		case DELETE_DIRECTORY:
			return so_file_delete_directory(operation, source, false, error);
		case DELETE_DIRECTORY_CONTENT:
			return so_file_delete_directory(operation, source, true, error);
	}
	return so_error_set(error, SO_ERR_INTERNAL, NULL, "unknown file operation %d", what);
}

static SoExecutionResult
run_task(SoTaskRun *run)
{
	const SoObject *properties = so_task_properties(run);
	int what = so_object_enum(properties, "operation");
	SoFileOperation operation = {.context = so_task_context(run),
								 .cancel_fd = so_task_cancel_fd(run),
								 .overwrite =
									 so_object_boolean(properties, "overwrite_destination")};
	const char *source;
	const char *destination = NULL;
	SoValue files;
	SoError error;
	bool good;

	so_error_clear(&error);
	source = so_file_system_path(run, "source", &error);
	good = source != NULL;
	if (good && needs_destination(what))
	{
		destination = so_file_system_path(run, "destination", &error);
		good = destination != NULL;
	}
	if (good)
	{
		so_task_custom_event(run, "FileSystemOperation", "%s \"%s\"%s%s%s", operation_names[what],
							 source, destination != NULL ? " to \"" : "",
							 destination != NULL ? destination : "",
							 destination != NULL ? "\"" : "");
		good = operate(run, &operation, what, source, destination, &error);
		files = so_value_integer(SO_TYPE_I8, operation.files);
		so_task_set_execution_value(run, &files);
	}
	return good ? SO_RESULT_SUCCESS : so_outcome_failed(run, &error);
}

const SoTaskType so_task_file_system = {
	.object_type = &file_system_type,
	.validate = validate,
	.run = run_task,
};
