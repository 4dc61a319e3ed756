/*
 * engine/checkpoint/file_disk.c
 *
 * Reads, replaces, removes and locks checkpoint files.
 *
 * Process: runner and client, control thread only.  A crash at any point
 * leaves the old file or the new one; a temporary file that is left over is
 * replaced by the next write, and a lock file that is left over is not locked.
 */
#include "engine/checkpoint/file_store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fault.h"

/* Larger than any checkpoint: a million records. */
#define FILE_LIMIT ((off_t) 1024 * 1024 * 1024)

static bool
failed(SoErrorCode code, const char *path, const char *what, const char *dts, SoError *error)
{
	int saved = errno;

	so_error_set(error, code, path, "the checkpoint \"%s\" cannot be %s%s", path, what, dts);
	return so_error_detail(error, "%s.", strerror(saved));
}

char *
so_checkpoint_file_read(TALLOC_CTX *context, const char *path, size_t *length, bool *missing,
						SoError *error)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	char *bytes = NULL;
	ssize_t got = 1;

	*length = 0;
	*missing = fd < 0 && errno == ENOENT;
	if (*missing)
		return NULL;
	if (fd >= 0 && fstat(fd, &status) == 0 && !S_ISREG(status.st_mode))
		errno = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
	else if (fd >= 0 && status.st_size > FILE_LIMIT)
		errno = EFBIG;
	else if (fd >= 0)
	{
		bytes = talloc_size(context, (size_t) status.st_size + 1);
		while (bytes != NULL && got > 0 && *length < (size_t) status.st_size)
		{
			got = read(fd, bytes + *length, (size_t) status.st_size - *length);
			if (got < 0 && errno == EINTR)
				got = 1;
			else if (got > 0)
				*length += (size_t) got;
		}
		if (got < 0)
			TALLOC_FREE(bytes);
	}
	if (bytes == NULL)
		failed(SO_ERR_CHECKPOINT_OPEN, path, "opened", " (DTS 0xC001604C)", error);
	if (fd >= 0)
		close(fd);
	return bytes;
}

static bool
sync_folder(const char *path)
{
	char *copy = talloc_strdup(NULL, path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool good = fd >= 0 && fsync(fd) == 0;

	talloc_free(copy);
	if (fd >= 0)
		close(fd);
	return good;
}

static bool
write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0)
	{
		ssize_t written = write(fd, bytes, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		bytes += written;
		length -= (size_t) written;
	}
	return true;
}

bool
so_checkpoint_file_replace(const char *path, const char *bytes, size_t length, SoError *error)
{
	char *temporary = talloc_asprintf(NULL, "%s.new", path);
	int fd;
	bool good;

	SO_FAULT("engine.checkpoint.before_write");
	/* Ours alone, because the lock is; a left-over may have any mode. */
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
	good = fd >= 0 && write_all(fd, bytes, length) && fsync(fd) == 0;
	SO_FAULT("engine.checkpoint.during_write");
	good = good && rename(temporary, path) == 0 && sync_folder(path);
	if (!good)
	{
		failed(SO_ERR_CHECKPOINT_WRITE, path, "written", "", error);
		if (fd >= 0)
			unlink(temporary);
	}
	if (fd >= 0)
		close(fd);
	talloc_free(temporary);
	SO_FAULT("engine.checkpoint.after_write");
	return good;
}

bool
so_checkpoint_file_remove(const char *path, SoError *error)
{
	if (unlink(path) == 0)
		return sync_folder(path) ||
			   failed(SO_ERR_CHECKPOINT_WRITE, path, "removed for good", "", error);
	return errno == ENOENT || failed(SO_ERR_CHECKPOINT_WRITE, path, "removed", "", error);
}

/* ---- the lock ---- */

static char *
lock_path(const char *path)
{
	return talloc_asprintf(NULL, "%s.lock", path);
}

int
so_checkpoint_file_lock(const char *path, SoError *error)
{
	char *name = lock_path(path);
	int fd;

	for (;;)
	{
		struct stat ours;
		struct stat now;

		fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
		if (fd < 0)
		{
			failed(SO_ERR_CHECKPOINT_CREATE, path, "created", " (DTS 0xC001604D)", error);
			break;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		{
			close(fd);
			fd = -1;
			so_error_set(error, SO_ERR_CHECKPOINT_LOCKED, path,
						 "the checkpoint \"%s\" is in use by another process (DTS 0xC001604B)",
						 path);
			break;
		}
		/* Its owner may have removed it between our two calls. */
		if (fstat(fd, &ours) == 0 && stat(name, &now) == 0 && ours.st_ino == now.st_ino &&
			ours.st_dev == now.st_dev)
			break;
		close(fd);
	}
	talloc_free(name);
	return fd;
}

void
so_checkpoint_file_unlock(const char *path, int fd)
{
	char *name;

	if (fd < 0)
		return;
	name = lock_path(path);
	unlink(name);
	close(fd);
	talloc_free(name);
}

bool
so_checkpoint_file_is_locked(const char *path)
{
	char *name = lock_path(path);
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool locked = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) != 0;

	if (fd >= 0)
		close(fd);
	talloc_free(name);
	return locked;
}
