/*
 * engine/tasks/ftp_each.c
 *
 * Does something with one file or with each that a pattern matches, here or on the
 * server.
 *
 * Process: runner and client, in a task's thread; no state.
 */
#include "engine/tasks/ftp.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "engine/tasks/file_operation.h"
#include "engine/tasks/outcome.h"

bool
so_ftp_split_pattern(TALLOC_CTX *context, const char *path, char **folder, char **pattern)
{
	const char *slash = strrchr(path, '/');

	*pattern = talloc_strdup(context, slash != NULL ? slash + 1 : path);
	*folder = slash == NULL
				  ? talloc_strdup(context, "")
				  : talloc_strndup(context, path, slash == path ? 1 : (size_t) (slash - path));
	return strpbrk(*pattern, "*?") != NULL;
}

char *
so_ftp_join(TALLOC_CTX *context, const char *folder, const char *name)
{
	size_t length = strlen(folder);

	if (length == 0)
		return talloc_strdup(context, name);
	return talloc_asprintf(context, "%s%s%s", folder, folder[length - 1] == '/' ? "" : "/", name);
}

void
so_ftp_done(SoFtpRun *ftp, const char *path, int64_t bytes)
{
	ftp->files++;
	ftp->bytes += bytes;
	json_array_append_new(ftp->names, json_string(path));
}

/* A file failed: stop, or remember it and go on; false = stop. */
static bool
failed(SoFtpRun *ftp, const SoError *reason, SoError *error)
{
	if (ftp->stop_on_failure || reason->code == SO_ERR_TASK_CANCELLED ||
		reason->code == SO_ERR_TASK_TIMED_OUT)
	{
		*error = *reason;
		return false;
	}
	if (ftp->failures++ == 0)
		ftp->first_failure = *reason;
	so_task_warning(ftp->run, reason->code, "%s", reason->message);
	return true;
}

/* ---- local files ---- */

static int
compare_names(const void *left, const void *right)
{
	return strcmp(*(char *const *) left, *(char *const *) right);
}

/* Names in folder that match, sorted; NULL with *error. */
static char **
match_local(TALLOC_CTX *context, const char *folder, const char *pattern, int *count,
			SoError *error)
{
	DIR *entries = opendir(folder[0] != '\0' ? folder : ".");
	char **names = talloc_array(context, char *, 1);
	struct dirent *entry;

	*count = 0;
	if (entries == NULL)
	{
		so_file_error(error, "read the folder", folder, errno);
		return NULL;
	}
	while ((entry = readdir(entries)) != NULL)
	{
		if (fnmatch(pattern, entry->d_name, FNM_PERIOD) != 0 ||
			so_file_is_directory(so_ftp_join(context, folder, entry->d_name)))
			continue;
		names = talloc_realloc(context, names, char *, *count + 1);
		names[(*count)++] = talloc_strdup(context, entry->d_name);
	}
	closedir(entries);
	if (*count > 1)
		qsort(names, (size_t) *count, sizeof(char *), compare_names);
	return names;
}

bool
so_ftp_each_local(SoFtpRun *ftp, SoFtpLocalFunction function, SoError *error)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	char *folder;
	char *pattern;
	char **names;
	int count;

	if (!so_ftp_split_pattern(context, ftp->local, &folder, &pattern))
		return function(ftp, ftp->local, pattern, error);
	names = match_local(context, folder, pattern, &count, error);
	if (names == NULL)
		return false;
	for (int i = 0; i < count; i++)
	{
		SoError reason;

		if (!function(ftp, so_ftp_join(context, folder, names[i]), names[i], &reason) &&
			!failed(ftp, &reason, error))
			return false;
	}
	return true;
}

/* ---- files on the server ---- */

bool
so_ftp_each_remote(SoFtpRun *ftp, const char *folder, const char *pattern,
				   SoFtpRemoteFunction function, SoError *error)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	SoRemoteList list;

	if (!so_remote_list(context, ftp->transfer, folder, &list, error))
		return false;
	for (int i = 0; i < list.count; i++)
	{
		const SoRemoteEntry *entry = &list.entries[i];
		SoError reason;

		if (entry->is_directory || fnmatch(pattern, entry->name, FNM_PERIOD) != 0)
			continue;
		if (!function(ftp, so_ftp_join(context, folder, entry->name), entry, &reason) &&
			!failed(ftp, &reason, error))
			return false;
	}
	return true;
}
