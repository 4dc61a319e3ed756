/*
 * engine/tasks/file_operation.c
 *
 * Single files: copy, move, checksum, and the questions about paths.
 *
 * Process: runner and client, in a task's thread.  A copy is made under a
 * temporary name in the destination's folder and renamed when it is complete
 * and on disk; a crash leaves a file that ends in ".scaleout-part".
 */
#include "engine/tasks/file_operation.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK ((size_t) 1024 * 1024)

bool
so_file_error(SoError *error, const char *what, const char *path, int reason)
{
	return so_error_set(error, SO_ERR_TASK_FILE, path, "cannot %s \"%s\": %s", what, path,
						strerrordesc_np(reason));
}

bool
so_file_exists(const char *path)
{
	struct stat status;

	return lstat(path, &status) == 0;
}

bool
so_file_is_directory(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

char *
so_file_base_name(TALLOC_CTX *context, const char *path)
{
	size_t length = strlen(path);
	size_t start;

	while (length > 0 && path[length - 1] == '/')
		length--;
	start = length;
	while (start > 0 && path[start - 1] != '/')
		start--;
	return talloc_strndup(context, path + start, length - start);
}

static bool
is_cancelled(const SoFileOperation *operation, SoError *error)
{
	struct pollfd cancel = {.fd = operation->cancel_fd, .events = POLLIN};

	if (operation->cancel_fd < 0 || poll(&cancel, 1, 0) <= 0)
		return false;
	so_error_set(error, SO_ERR_TASK_CANCELLED, NULL, "the task was cancelled");
	return true;
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

static bool
copy_by_hand(SoFileOperation *operation, int from, int to, const char *source,
			 const char *temporary, SoError *error)
{
	char *block = talloc_size(operation->context, BLOCK);
	bool good = true;

	while (good)
	{
		ssize_t got = read(from, block, BLOCK);

		if (got < 0 && errno == EINTR)
			continue;
		if (got == 0)
			break;
		if (got < 0)
			good = so_file_error(error, "read", source, errno);
		else if (!write_all(to, block, (size_t) got))
			good = so_file_error(error, "write", temporary, errno);
		else if (is_cancelled(operation, error))
			good = false;
		else
			operation->bytes += got;
	}
	talloc_free(block);
	return good;
}

/* The kernel copies where it can (reflinks, server-side copies), we where it cannot. */
static bool
copy_bytes(SoFileOperation *operation, int from, int to, const char *source, const char *temporary,
		   SoError *error)
{
	for (;;)
	{
		ssize_t copied = copy_file_range(from, NULL, to, NULL, 64 * BLOCK, 0);

		if (copied < 0 && errno == EINTR)
			continue;
		/* Nothing: the end, or a file without size such as those in /proc. */
		if (copied <= 0)
			return copy_by_hand(operation, from, to, source, temporary, error);
		operation->bytes += copied;
		if (is_cancelled(operation, error))
			return false;
	}
}

static bool
finish_copy(int to, const struct stat *status, const char *temporary, SoError *error)
{
	struct timespec times[2] = {status->st_atim, status->st_mtim};

	if (fchmod(to, status->st_mode & 07777) != 0)
		return so_file_error(error, "set the permissions of", temporary, errno);
	if (futimens(to, times) != 0)
		return so_file_error(error, "set the time of", temporary, errno);
	if (fsync(to) != 0)
		return so_file_error(error, "write", temporary, errno);
	return true;
}

/* From the temporary name to the real one. */
static bool
put_in_place(const SoFileOperation *operation, const char *temporary, const char *destination,
			 SoError *error)
{
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, destination,
				  operation->overwrite ? 0 : RENAME_NOREPLACE) == 0)
		return true;
	if (errno == EINVAL && !operation->overwrite && !so_file_exists(destination) &&
		rename(temporary, destination) == 0)
		return true; /* a file system without RENAME_NOREPLACE */
	if (errno == EEXIST)
		return so_error_set(error, SO_ERR_TASK_EXISTS, destination, "\"%s\" exists already",
							destination);
	return so_file_error(error, "create", destination, errno);
}

bool
so_file_copy(SoFileOperation *operation, const char *source, const char *destination,
			 SoError *error)
{
	char *temporary =
		talloc_asprintf(operation->context, "%s.%d.scaleout-part", destination, gettid());
	/* O_NONBLOCK: opening a pipe would wait for its writer, and no cancel could end that. */
	int from = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int to = -1;
	struct stat status;
	bool good;

	if (from < 0 || fstat(from, &status) != 0)
		good = so_file_error(error, "read", source, errno);
	else if (!S_ISREG(status.st_mode))
		good = so_error_set(error, SO_ERR_TASK_FILE, source, "\"%s\" is not a file", source);
	else if (!operation->overwrite && so_file_exists(destination))
		good = so_error_set(error, SO_ERR_TASK_EXISTS, destination, "\"%s\" exists already",
							destination);
	else
	{
		to = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
		good = to >= 0 || so_file_error(error, "create", temporary, errno);
		good = good && copy_bytes(operation, from, to, source, temporary, error) &&
			   finish_copy(to, &status, temporary, error) &&
			   put_in_place(operation, temporary, destination, error);
		if (!good && to >= 0)
			unlink(temporary);
	}
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	operation->files += good;
	talloc_free(temporary);
	return good;
}

bool
so_file_move(SoFileOperation *operation, const char *source, const char *destination,
			 SoError *error)
{
	if (!so_file_exists(source))
		return so_file_error(error, "move", source, ENOENT);
	if (renameat2(AT_FDCWD, source, AT_FDCWD, destination,
				  operation->overwrite ? 0 : RENAME_NOREPLACE) == 0)
	{
		operation->files++;
		return true;
	}
	if (errno == EEXIST)
		return so_error_set(error, SO_ERR_TASK_EXISTS, destination, "\"%s\" exists already",
							destination);
	if (errno != EXDEV && errno != EINVAL)
		return so_file_error(error, "move", source, errno);
	if (!so_file_copy(operation, source, destination, error))
		return false;
	if (unlink(source) != 0)
		return so_file_error(error, "delete", source, errno);
	return true;
}

bool
so_file_sha256(const char *path, char *hex, SoError *error)
{
	FILE *file = fopen(path, "rbe");
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	unsigned char sum[EVP_MAX_MD_SIZE];
	unsigned int length = 0;
	char block[16384];
	size_t got;
	bool good = file != NULL || so_file_error(error, "read", path, errno);

	if (good && (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1))
		good = so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "no memory for a checksum");
	while (good && (got = fread(block, 1, sizeof(block), file)) > 0)
		good = EVP_DigestUpdate(digest, block, got) == 1;
	if (good && ferror(file))
		good = so_file_error(error, "read", path, errno);
	good = good && EVP_DigestFinal_ex(digest, sum, &length) == 1;
	for (unsigned int i = 0; good && i < length; i++)
		snprintf(hex + 2 * i, 3, "%02x", sum[i]);
	EVP_MD_CTX_free(digest);
	if (file != NULL)
		fclose(file);
	return good;
}
