/*
 * engine/tasks/ftp.c
 *
 * The FTP task: transfers and folder operations on FTP, FTPS and SFTP servers.
 *
 * Process: runner and client, in a task's thread, with a connection of its
 * own.  What a crash leaves half-way ends in ".part", on either side.
 */
#include "engine/tasks/ftp.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "engine/model/object_types.h"
#include "engine/tasks/file_operation.h"
#include "engine/tasks/file_system.h"
#include "engine/tasks/outcome.h"

typedef enum Operation /* order and numbers of SSIS, then our own */
{
	SEND,
	RECEIVE,
	DELETE_LOCAL,
	DELETE_REMOTE,
	MAKE_DIR_LOCAL,
	MAKE_DIR_REMOTE,
	REMOVE_DIR_LOCAL,
	REMOVE_DIR_REMOTE,
	LIST
} Operation;

static const char *const operation_names[] = {"send",
											  "receive",
											  "delete_local",
											  "delete_remote",
											  "make_dir_local",
											  "make_dir_remote",
											  "remove_dir_local",
											  "remove_dir_remote",
											  "list",
											  NULL};

static const SoProperty ftp_properties[] = {
	{"connection", SO_PROPERTY_CONNECTION, SO_PROPERTY_REQUIRED, NULL, NULL, NULL,
	 "Connection manager of type ftp; its URL says whether FTP, FTPS or SFTP is spoken.",
	 "connection: drop"},
	{"operation", SO_PROPERTY_ENUM, 0, "send", operation_names, NULL, "What to do.",
	 "operation: receive"},
	{"local_path", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "File or folder on the machine that runs the task. Patterns (* and ?) in the last part for "
	 "send and "
	 "delete_local. receive: an existing folder, or a path that ends in /, keeps the remote name.",
	 "local_path: /srv/in/"},
	{"local_path_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL,
	 "Variable that holds local_path.", "local_path_variable: \"User::path\""},
	{"local_path_connection", SO_PROPERTY_CONNECTION, 0, NULL, NULL, NULL,
	 "File connection manager that names local_path.", "local_path_connection: inbox"},
	{"remote_path", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "File or folder on the server, from its root when it begins with /, else from the folder in "
	 "the "
	 "connection string. Patterns in the last part for receive, delete_remote and list. send: a "
	 "path that ends "
	 "in / keeps the local name.",
	 "remote_path: \"*.csv\""},
	{"remote_path_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL,
	 "Variable that holds remote_path.", "remote_path_variable: \"User::remote\""},
	{"is_transfer_ascii", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "FTP: transfer as text, converting line ends; such a transfer is never resumed.",
	 "is_transfer_ascii: true"},
	{"overwrite_file_at_destination", SO_PROPERTY_BOOLEAN, 0, "false", NULL, NULL,
	 "Replace files that exist at the destination.", "overwrite_file_at_destination: true"},
	{"stop_on_failure", SO_PROPERTY_BOOLEAN, 0, "true", NULL, NULL,
	 "With a pattern: stop at the first file that fails; false goes on with the others, and the "
	 "task fails at "
	 "the end.",
	 "stop_on_failure: false"},
	{"fail_if_no_files", SO_PROPERTY_BOOLEAN, 0, "true", NULL, NULL,
	 "With a pattern: fail when nothing matches.", "fail_if_no_files: false"},
	{"resume", SO_PROPERTY_BOOLEAN, 0, "true", NULL, NULL,
	 "receive: go on with the part that an earlier attempt left (name.part), when size and time of "
	 "the remote "
	 "file are still the same.",
	 "resume: false"},
	{"sha256", SO_PROPERTY_STRING, 0, NULL, NULL, NULL,
	 "receive: the file must have this SHA-256 (64 hex digits), or it is thrown away and the task "
	 "fails. Not "
	 "with a pattern.",
	 "expressions: {sha256: \"@[User::checksum]\"}"},
	{"files_variable", SO_PROPERTY_VARIABLE, 0, NULL, NULL, NULL,
	 "Object variable that takes the list of paths that were made or deleted; for list, objects "
	 "with name, "
	 "size, type and modified. A Foreach loop can go over it.",
	 "files_variable: \"User::files\""},
	{"time_out", SO_PROPERTY_DURATION, 0, "0s", NULL, NULL,
	 "How long the task may take in all; 0 means no limit. The connection's timeout limits "
	 "silence.",
	 "time_out: 1h"},
	{NULL}};

static const SoObjectType ftp_type = {
	"ftp", "FTP task",
	"Transfers files from and to an FTP, FTPS or SFTP server, or works on its folders.",
	ftp_properties, &so_object_type_executable};

static bool
needs_local(int operation)
{
	return operation == SEND || operation == RECEIVE || operation == DELETE_LOCAL ||
		   operation == MAKE_DIR_LOCAL || operation == REMOVE_DIR_LOCAL;
}

static bool
needs_remote(int operation)
{
	return operation == RECEIVE || operation == DELETE_REMOTE || operation == MAKE_DIR_REMOTE ||
		   operation == REMOVE_DIR_REMOTE;
}

static bool
is_given(const SoObject *properties, const char *stem)
{
	char name[64];

	if (so_object_is_set(properties, stem))
		return true;
	snprintf(name, sizeof(name), "%s_variable", stem);
	if (so_object_is_set(properties, name))
		return true;
	snprintf(name, sizeof(name), "%s_connection", stem);
	return so_object_type_find(properties->type, name) != NULL &&
		   so_object_is_set(properties, name);
}

static void
validate(SoTaskValidation *validation)
{
	const SoObject *properties = validation->properties;
	int operation = so_object_enum(properties, "operation");
	const char *sum = so_outcome_property(properties, "sha256");
	const char *remote = so_outcome_property(properties, "remote_path");

	if (needs_local(operation) && !is_given(properties, "local_path"))
		so_outcome_finding(validation, false, "local_path", "local_path is missing", NULL);
	if (needs_remote(operation) && !is_given(properties, "remote_path"))
		so_outcome_finding(validation, false, "remote_path", "remote_path is missing", NULL);
	if (sum != NULL && (strlen(sum) != 64 || strspn(sum, "0123456789abcdefABCDEF") != 64))
		so_outcome_finding(validation, false, "sha256", "sha256 is not 64 hex digits", NULL);
	if (sum != NULL && remote != NULL && strpbrk(remote, "*?") != NULL)
		so_outcome_finding(validation, false, "sha256", "one checksum cannot stand for many files",
						   "Remove sha256, or name one file in remote_path.");
	if (operation == LIST && !so_object_is_set(properties, "files_variable"))
		so_outcome_finding(validation, false, "files_variable",
						   "list needs a variable for its result", NULL);
}

static bool
list_remote(SoFtpRun *ftp, SoError *error)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	char *folder = talloc_strdup(context, ftp->remote);
	char *pattern = talloc_strdup(context, "*");
	SoRemoteList list;

	if (strpbrk(ftp->remote, "*?") != NULL)
		so_ftp_split_pattern(context, ftp->remote, &folder, &pattern);
	if (!so_remote_list(context, ftp->transfer, folder, &list, error))
		return false;
	for (int i = 0; i < list.count; i++)
	{
		const SoRemoteEntry *entry = &list.entries[i];
		json_t *object;

		if (fnmatch(pattern, entry->name, FNM_PERIOD) != 0)
			continue;
		object = json_pack("{s:s, s:s, s:s}", "name", entry->name, "type",
						   entry->is_directory ? "directory" : "file", "modified", entry->modified);
		if (entry->size >= 0)
			json_object_set_new(object, "size", json_integer(entry->size));
		json_array_append_new(ftp->names, object);
		ftp->files++;
	}
	return true;
}

static bool
operate(SoFtpRun *ftp, int operation, SoError *error)
{
	SoFileOperation local = {.context = so_task_context(ftp->run),
							 .cancel_fd = so_task_cancel_fd(ftp->run)};

	switch (operation)
	{
		case SEND:
			return so_ftp_send(ftp, error);
		case RECEIVE:
			return so_ftp_receive(ftp, error);
		case DELETE_LOCAL:
			return so_ftp_delete_local(ftp, error);
		case DELETE_REMOTE:
			return so_ftp_delete_remote(ftp, error);
		case MAKE_DIR_LOCAL:
			return so_file_create_directory(&local, ftp->local, true, error);
		case MAKE_DIR_REMOTE:
			return so_ftp_command(ftp, "MKD", "mkdir", ftp->remote, error);
		case REMOVE_DIR_LOCAL:
			return so_file_delete_directory(&local, ftp->local, false, error);
		case REMOVE_DIR_REMOTE:
			return so_ftp_command(ftp, "RMD", "rmdir", ftp->remote, error);
		case LIST:
			return list_remote(ftp, error);
	}
	return so_error_set(error, SO_ERR_INTERNAL, NULL, "unknown FTP operation %d", operation);
}

static bool
has_pattern(const SoFtpRun *ftp, int operation)
{
	const char *path = operation == SEND || operation == DELETE_LOCAL ? ftp->local : ftp->remote;

	return operation <= DELETE_REMOTE && path != NULL && strpbrk(path, "*?") != NULL;
}

/* What was done becomes values; then the verdict on single failures. */
static bool
finish(SoFtpRun *ftp, int operation, SoError *error)
{
	const SoObject *properties = so_task_properties(ftp->run);
	const char *variable = so_outcome_property(properties, "files_variable");
	SoValue files = so_value_integer(SO_TYPE_I8, ftp->files);

	so_task_set_execution_value(ftp->run, &files);
	if (variable != NULL)
	{
		SoValue list = so_value_object(so_task_context(ftp->run), ftp->names);

		if (!so_task_set_variable(ftp->run, variable, &list, error))
			return false;
	}
	if (ftp->failures > 0)
	{
		*error = ftp->first_failure;
		return so_error_detail(error,
							   "%d files failed, %lld succeeded; this is the first failure. %s",
							   ftp->failures, (long long) ftp->files, ftp->first_failure.detail);
	}
	if (ftp->files == 0 && has_pattern(ftp, operation) &&
		so_object_boolean(properties, "fail_if_no_files"))
		return so_error_set(error, SO_ERR_TASK_NO_FILES, NULL, "no file matches \"%s\"",
							operation == SEND || operation == DELETE_LOCAL ? ftp->local
																		   : ftp->remote);
	return true;
}

static bool
connect_to_server(SoFtpRun *ftp, SoError *error)
{
	const SoObject *properties = so_task_properties(ftp->run);
	int64_t limit = so_object_integer(properties, "time_out");
	const SoObject *manager = so_task_connection_properties(ftp->run, ftp->connection, error);
	SoWait wait = {.cancel_fd = so_task_cancel_fd(ftp->run),
				   .time_out_ms = limit,
				   .deadline_ms = limit > 0 ? so_clock_monotonic_ms() + limit : 0};

	if (manager == NULL)
		return false;
	if (strcmp(manager->type->name, "ftp") != 0)
		return so_error_set(error, SO_ERR_TASK_CONNECTION_KIND, "connection",
							"connection manager \"%s\" is of type %s, not ftp", ftp->connection,
							manager->type->name);
	so_task_custom_event(ftp->run, "FTPConnectingToServer", "using \"%s\"", ftp->connection);
	ftp->transfer =
		so_transfer_new(so_task_context(ftp->run), manager, ftp->connection, &wait, error);
	if (ftp->transfer != NULL)
		ftp->transfer->run = ftp->run;
	return ftp->transfer != NULL;
}

static bool
prepare(SoFtpRun *ftp, int operation, SoError *error)
{
	const SoObject *properties = so_task_properties(ftp->run);

	ftp->connection = so_object_string(properties, "connection");
	ftp->overwrite = so_object_boolean(properties, "overwrite_file_at_destination");
	ftp->stop_on_failure = so_object_boolean(properties, "stop_on_failure");
	ftp->ascii = so_object_boolean(properties, "is_transfer_ascii");
	ftp->remote = "";
	if (needs_local(operation))
	{
		ftp->local = so_file_system_path(ftp->run, "local_path", error);
		if (ftp->local == NULL)
			return false;
	}
	if (needs_remote(operation) || is_given(properties, "remote_path"))
	{
		ftp->remote = so_file_system_path(ftp->run, "remote_path", error);
		if (ftp->remote == NULL)
			return false;
	}
	return connect_to_server(ftp, error);
}

static SoExecutionResult
run_task(SoTaskRun *run)
{
	int operation = so_object_enum(so_task_properties(run), "operation");
	SoFtpRun ftp = {.run = run, .names = json_array()};
	SoError error;
	bool good;

	so_error_clear(&error);
	good = prepare(&ftp, operation, &error);
	if (good)
	{
		so_task_custom_event(run, "FTPOperation", "%s %s %s", operation_names[operation],
							 ftp.local != NULL ? ftp.local : "", ftp.remote);
		good = operate(&ftp, operation, &error) && finish(&ftp, operation, &error);
	}
	so_transfer_free(ftp.transfer);
	json_decref(ftp.names);
	return good ? SO_RESULT_SUCCESS : so_outcome_failed(run, &error);
}

const SoTaskType so_task_ftp = {
	.object_type = &ftp_type,
	.validate = validate,
	.run = run_task,
};
