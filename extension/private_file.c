/*
 * extension/private_file.c
 *
 * Reads and writes small private files.
 *
 * Process: backends and the master.  A file is replaced by rename, so a crash
 * leaves the old or the new one, and at most a temporary file beside it.
 */
#include "postgres.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extension/private_file.h"
#include "miscadmin.h"

static bool
check_private(const char *path, const struct stat *status, SoError *error)
{
	if (!S_ISREG(status->st_mode))
		so_error_set(error, SO_ERR_SECURITY_FILE, path, "\"%s\" is not a regular file", path);
	else if (status->st_uid != geteuid())
		so_error_set(error, SO_ERR_SECURITY_FILE, path, "\"%s\" belongs to another account", path);
	else if ((status->st_mode & 077) != 0)
		so_error_set(error, SO_ERR_SECURITY_FILE, path, "\"%s\" is open to group or others", path);
	else
		return true;
	return so_error_detail(error, "Its mode is %04o.", status->st_mode & 07777);
}

/* Until size - 1 bytes or the end; -1 with errno. */
static ssize_t
read_all(int fd, char *buffer, size_t size)
{
	size_t length = 0;

	while (length < size)
	{
		ssize_t n = read(fd, buffer + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		length += (size_t) n;
	}
	return (ssize_t) length;
}

bool
so_private_file_read(const char *path, char *buffer, size_t size, SoError *error)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat status;
	ssize_t length;
	bool ok = false;

	if (fd < 0)
	{
		so_error_set(error, SO_ERR_SECURITY_FILE, path, "cannot open \"%s\"", path);
		return so_error_detail(error, "%s.", strerror(errno));
	}
	if (fstat(fd, &status) != 0)
	{
		so_error_set(error, SO_ERR_SECURITY_FILE, path, "cannot look at \"%s\"", path);
		so_error_detail(error, "%s.", strerror(errno));
	}
	else if (check_private(path, &status, error))
	{
		length = read_all(fd, buffer, size);
		if (length < 0)
			so_error_set(error, SO_ERR_SECURITY_FILE, path, "cannot read \"%s\"", path);
		else if ((size_t) length >= size)
			so_error_set(error, SO_ERR_SECURITY_FILE, path, "\"%s\" is too large", path);
		else
		{
			buffer[length] = '\0';
			ok = true;
		}
	}
	close(fd);
	return ok;
}

static bool
write_all(int fd, const char *content, size_t length)
{
	while (length > 0)
	{
		ssize_t n = write(fd, content, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		content += n;
		length -= (size_t) n;
	}
	return fsync(fd) == 0;
}

/* Make the rename durable. */
static bool
sync_directory_of(const char *path)
{
	char directory[PATH_MAX];
	char *slash;
	int fd;
	bool ok;

	snprintf(directory, sizeof(directory), "%s", path);
	slash = strrchr(directory, '/');
	if (slash == NULL || slash == directory)
		return true;
	*slash = '\0';
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = fsync(fd) == 0;
	close(fd);
	return ok;
}

bool
so_private_file_write(const char *path, const char *content, size_t length, SoError *error)
{
	char temporary[PATH_MAX];
	int fd;
	bool ok;

	snprintf(temporary, sizeof(temporary), "%s.%d.new", path, (int) getpid());
	(void) unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
	{
		so_error_set(error, SO_ERR_FILE_UNWRITABLE, path, "cannot create \"%s\"", temporary);
		return so_error_detail(error, "%s.", strerror(errno));
	}
	ok = write_all(fd, content, length);
	if (close(fd) != 0)
		ok = false;
	if (ok && rename(temporary, path) == 0 && sync_directory_of(path))
		return true;
	so_error_set(error, SO_ERR_FILE_UNWRITABLE, path, "cannot write \"%s\"", path);
	so_error_detail(error, "%s.", strerror(errno));
	(void) unlink(temporary);
	return false;
}

/* Both paths resolved: is one the other or below it? */
static bool
is_inside(const char *path, const char *directory)
{
	char resolved_path[PATH_MAX];
	char resolved_directory[PATH_MAX];
	size_t length;

	if (realpath(path, resolved_path) == NULL || realpath(directory, resolved_directory) == NULL)
		return false;
	length = strlen(resolved_directory);
	return strncmp(resolved_path, resolved_directory, length) == 0 &&
		   (resolved_path[length] == '\0' || resolved_path[length] == '/');
}

bool
so_private_file_prepare_directory(const char *path, const char *data_directory, bool *created,
								  SoError *error)
{
	struct stat status;

	*created = false;
	if (mkdir(path, 0700) == 0)
		*created = true;
	else if (errno != EEXIST)
	{
		so_error_set(error, SO_ERR_SECURITY_DIRECTORY, path, "cannot create the directory \"%s\"",
					 path);
		return so_error_detail(error, "%s.", strerror(errno));
	}
	if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
		return so_error_set(error, SO_ERR_SECURITY_DIRECTORY, path, "\"%s\" is not a directory",
							path);
	if (status.st_uid != geteuid() || (status.st_mode & 077) != 0)
	{
		so_error_set(error, SO_ERR_SECURITY_DIRECTORY, path,
					 "\"%s\" belongs to another account or is open to others", path);
		if (status.st_uid == geteuid())
			so_error_hint(error, "Run chmod 700 %s", path);
		else
			so_error_hint(error,
						  "As root give the directory and what is in it to the account of the "
						  "server (chown), and run chmod 700 %s",
						  path);
		return so_error_detail(error, "Its mode is %04o.", status.st_mode & 07777);
	}
	if (is_inside(path, data_directory))
	{
		if (*created)
			(void) rmdir(path);
		*created = false;
		so_error_set(error, SO_ERR_SECURITY_DIRECTORY, path, "\"%s\" is inside the data directory",
					 path);
		return so_error_detail(error, "A base backup would contain the keys.");
	}
	return true;
}
