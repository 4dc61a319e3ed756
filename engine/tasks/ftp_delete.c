/*
 * engine/tasks/ftp_delete.c
 *
 * Deleting files of an FTP task, one or many by a pattern, here or on the server.
 *
 * Process: runner and client, in a task's thread.  What was deleted before a
 * crash stays deleted.
 */
#include "engine/tasks/ftp.h"

#include <errno.h>
#include <unistd.h>

#include "engine/tasks/file_operation.h"

static bool
delete_local(SoFtpRun *ftp, const char *path, const char *name, SoError *error)
{
	(void) name;
	if (unlink(path) != 0)
		return so_file_error(error, "delete", path, errno);
	so_ftp_done(ftp, path, 0);
	return true;
}

bool
so_ftp_delete_local(SoFtpRun *ftp, SoError *error)
{
	return so_ftp_each_local(ftp, delete_local, error);
}

static bool
delete_one(SoFtpRun *ftp, const char *path, const SoRemoteEntry *entry, SoError *error)
{
	(void) entry;
	if (!so_ftp_command(ftp, "DELE", "rm", path, error))
		return false;
	so_ftp_done(ftp, path, 0);
	return true;
}

bool
so_ftp_delete_remote(SoFtpRun *ftp, SoError *error)
{
	char *folder;
	char *pattern;

	if (!so_ftp_split_pattern(so_task_context(ftp->run), ftp->remote, &folder, &pattern))
		return delete_one(ftp, ftp->remote, NULL, error);
	return so_ftp_each_remote(ftp, folder, pattern, delete_one, error);
}
