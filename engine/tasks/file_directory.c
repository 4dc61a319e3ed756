/*
 * engine/tasks/file_directory.c
 *
 * Whole folders: create, copy, move, delete.
 *
 * Process: runner and client, in a task's thread.  Works entry by entry; a
 * crash half-way leaves what was done so far, and doing it again goes on.
 */
#include "engine/tasks/file_operation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Called with each entry of a folder. */
typedef bool (*EntryFunction)(SoFileOperation *operation, const char *path, const char *name,
							  const struct stat *status, const char *destination, SoError *error);

static bool
for_each_entry(SoFileOperation *operation, const char *path, EntryFunction function,
			   const char *destination, SoError *error)
{
	DIR *folder = opendir(path);
	bool good = true;

	if (folder == NULL)
		return so_file_error(error, "read the folder", path, errno);
	while (good)
	{
		struct pollfd cancel = {.fd = operation->cancel_fd, .events = POLLIN};
		struct stat status;
		struct dirent *entry;
		char *entry_path;

		errno = 0;
		entry = readdir(folder);
		if (entry == NULL)
		{
			good = errno == 0 || so_file_error(error, "read the folder", path, errno);
			break;
		}
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (operation->cancel_fd >= 0 && poll(&cancel, 1, 0) > 0)
		{
			good = so_error_set(error, SO_ERR_TASK_CANCELLED, NULL, "the task was cancelled");
			break;
		}
		entry_path = talloc_asprintf(operation->context, "%s/%s", path, entry->d_name);
		if (lstat(entry_path, &status) != 0)
			good = so_file_error(error, "look at", entry_path, errno);
		else
			good = function(operation, entry_path, entry->d_name, &status, destination, error);
		talloc_free(entry_path);
	}
	closedir(folder);
	return good;
}

static bool
delete_entry(SoFileOperation *operation, const char *path, const char *name,
			 const struct stat *status, const char *destination, SoError *error)
{
	(void) name;
	(void) destination;
	if (S_ISDIR(status->st_mode))
		return so_file_delete_directory(operation, path, false, error);
	if (unlink(path) != 0)
		return so_file_error(error, "delete", path, errno);
	operation->files++;
	return true;
}

/* "/", "//", "/." and the like: nobody means that. */
static bool
is_root(const char *path)
{
	struct stat root;
	struct stat status;

	return stat("/", &root) == 0 && stat(path, &status) == 0 && root.st_ino == status.st_ino &&
		   root.st_dev == status.st_dev;
}

bool
so_file_delete_directory(SoFileOperation *operation, const char *path, bool content_only,
						 SoError *error)
{
	struct stat status;

	if (lstat(path, &status) != 0)
		return so_file_error(error, "delete", path, errno);
	if (!S_ISDIR(status.st_mode) && !(content_only && so_file_is_directory(path)))
		return so_error_set(error, SO_ERR_TASK_FILE, path, "\"%s\" is not a folder", path);
	if (is_root(path))
		return so_error_set(error, SO_ERR_TASK_FILE, path, "the root folder is not deleted");
	if (!for_each_entry(operation, path, delete_entry, NULL, error))
		return false;
	if (content_only)
		return true;
	if (rmdir(path) != 0)
		return so_file_error(error, "delete", path, errno);
	operation->files++;
	return true;
}

bool
so_file_create_directory(SoFileOperation *operation, const char *path, bool exist_ok,
						 SoError *error)
{
	char *copy = talloc_strdup(operation->context, path);
	size_t length = strlen(copy);
	bool good = true;

	while (length > 1 && copy[length - 1] == '/')
		copy[--length] = '\0';
	if (so_file_exists(copy))
	{
		if (!so_file_is_directory(copy))
			good = so_error_set(error, SO_ERR_TASK_EXISTS, path,
								"\"%s\" exists and is not a folder", path);
		else if (!exist_ok)
			good = so_error_set(error, SO_ERR_TASK_EXISTS, path, "the folder \"%s\" exists already",
								path);
		talloc_free(copy);
		return good;
	}
	for (char *slash = strchr(copy + 1, '/'); good && slash != NULL; slash = strchr(slash + 1, '/'))
	{
		*slash = '\0';
		if (mkdir(copy, 0777) != 0 && errno != EEXIST)
			good = so_file_error(error, "create the folder", copy, errno);
		*slash = '/';
	}
	if (good && mkdir(copy, 0777) != 0 && !(errno == EEXIST && exist_ok))
		good = so_file_error(error, "create the folder", copy, errno);
	operation->files += good;
	talloc_free(copy);
	return good;
}

static bool
copy_link(SoFileOperation *operation, const char *path, const char *target, SoError *error)
{
	char *temporary = talloc_asprintf(operation->context, "%s.%d.scaleout-part", target, gettid());
	char text[4096];
	ssize_t length = readlink(path, text, sizeof(text) - 1);
	bool good = true;

	if (length < 0)
		good = so_file_error(error, "read the link", path, errno);
	else if (!operation->overwrite && so_file_exists(target))
		good = so_error_set(error, SO_ERR_TASK_EXISTS, target, "\"%s\" exists already", target);
	else
	{
		text[length] = '\0';
		/* Renamed into place, because symlink(2) never replaces anything. */
		unlink(temporary);
		if (symlink(text, temporary) != 0)
			good = so_file_error(error, "create the link", target, errno);
		else if (rename(temporary, target) != 0)
		{
			good = so_file_error(error, "create the link", target, errno);
			unlink(temporary);
		}
	}
	operation->files += good;
	talloc_free(temporary);
	return good;
}

static bool
copy_entry(SoFileOperation *operation, const char *path, const char *name,
		   const struct stat *status, const char *destination, SoError *error)
{
	char *target = talloc_asprintf(operation->context, "%s/%s", destination, name);
	bool good;

	if (S_ISDIR(status->st_mode))
		good = so_file_copy_directory(operation, path, target, error);
	else if (S_ISLNK(status->st_mode))
		good = copy_link(operation, path, target, error);
	else
		good = so_file_copy(operation, path, target, error);
	talloc_free(target);
	return good;
}

/* Is path inside folder (or folder itself)?  A copy into itself would not end. */
static bool
is_inside(TALLOC_CTX *context, const char *path, const char *folder)
{
	char *real_folder = realpath(folder, NULL);
	char *known = talloc_strdup(context, path);
	char *real_path = NULL;
	size_t length;
	bool inside;

	/* The destination may not exist yet: look at its nearest parent that does. */
	while ((real_path = realpath(known[0] != '\0' ? known : ".", NULL)) == NULL && known[0] != '\0')
	{
		char *slash = strrchr(known, '/');

		if (slash == known)
			slash[1] = '\0';
		else if (slash != NULL)
			*slash = '\0';
		else
			known[0] = '\0';
	}
	/* Everything is inside "/", the only folder whose name ends in a slash. */
	length = real_folder == NULL || strcmp(real_folder, "/") == 0 ? 0 : strlen(real_folder);
	inside = real_folder != NULL && real_path != NULL &&
			 strncmp(real_path, real_folder, length) == 0 &&
			 (real_path[length] == '/' || real_path[length] == '\0');
	free(real_folder);
	free(real_path);
	talloc_free(known);
	return inside;
}

bool
so_file_copy_directory(SoFileOperation *operation, const char *source, const char *destination,
					   SoError *error)
{
	struct stat status;

	if (stat(source, &status) != 0)
		return so_file_error(error, "copy", source, errno);
	if (!S_ISDIR(status.st_mode))
		return so_error_set(error, SO_ERR_TASK_FILE, source, "\"%s\" is not a folder", source);
	if (is_inside(operation->context, destination, source))
		return so_error_set(error, SO_ERR_TASK_FILE, destination,
							"\"%s\" lies inside the folder that is copied", destination);
	if (!so_file_create_directory(operation, destination, true, error) ||
		!for_each_entry(operation, source, copy_entry, destination, error))
		return false;
	if (chmod(destination, status.st_mode & 07777) != 0)
		return so_file_error(error, "set the permissions of", destination, errno);
	return true;
}

bool
so_file_move_directory(SoFileOperation *operation, const char *source, const char *destination,
					   SoError *error)
{
	if (!so_file_is_directory(source))
		return so_file_exists(source)
				   ? so_error_set(error, SO_ERR_TASK_FILE, source, "\"%s\" is not a folder", source)
				   : so_file_error(error, "move", source, ENOENT);
	if (so_file_exists(destination) && !operation->overwrite)
		return so_error_set(error, SO_ERR_TASK_EXISTS, destination, "\"%s\" exists already",
							destination);
	if (rename(source, destination) == 0)
	{
		operation->files++;
		return true;
	}
	if (errno != EXDEV && errno != ENOTEMPTY && errno != EEXIST)
		return so_file_error(error, "move", source, errno);
	/* What is copied to the place of source itself would be deleted with source. */
	if (is_inside(operation->context, source, destination))
		return so_error_set(error, SO_ERR_TASK_FILE, destination,
							"\"%s\" contains the folder that is moved", destination);
	return so_file_copy_directory(operation, source, destination, error) &&
		   so_file_delete_directory(operation, source, false, error);
}
