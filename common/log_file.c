/*
 * common/log_file.c
 *
 * A log file that rotates itself; see log_file.h.
 *
 * Process: agent, and master, launcher and maintenance in the server.  Shared
 * with other processes: the file.  Whoever wants to rotate it takes a lock on it
 * and looks again whether it still has its name; the others find another file
 * there at their next line.  A process that dies half-way leaves all lines, at
 * worst with a gap in the numbers of old files.
 */
#include "common/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"

/* A file that could not be written is tried again after this time. */
#define RETRY_MS 5000

void
so_log_file_init(SoLogFile *file)
{
	memset(file, 0, sizeof(*file));
	file->fd = -1;
	file->mode = 0600;
}

void
so_log_file_close(SoLogFile *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

void
so_log_file_set(SoLogFile *file, const char *path)
{
	so_log_file_close(file);
	if (strcmp(file->path, path) != 0)
		file->failed = false;
	snprintf(file->path, sizeof(file->path), "%s", path);
}

/* When the file was begun: the time at the start of its first line, else now. */
static int64_t
first_time(const char *path)
{
	char text[32] = "";
	struct tm parts = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;

	if (fd >= 0)
	{
		got = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	if (got > 19 && strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) != NULL)
		return (int64_t) timegm(&parts);
	return (int64_t) time(NULL);
}

bool
so_log_file_open(SoLogFile *file, SoError *error)
{
	struct stat facts;

	/* A pipe that nobody reads must not stop the process, neither now nor when it is full. */
	file->fd = open(file->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
					file->mode);
	if (file->fd < 0 || fstat(file->fd, &facts) != 0)
	{
		so_error_set(error, SO_ERR_FILE_UNWRITABLE, file->path, "the log file cannot be opened");
		so_error_detail(error, "%s.", strerror(errno));
		so_log_file_close(file);
		return false;
	}
	file->device = facts.st_dev;
	file->inode = facts.st_ino;
	file->opened_count++;
	file->begun_s = facts.st_size > 0 ? first_time(file->path) : (int64_t) time(NULL);
	return true;
}

/* Is what we have open still what the name stands for? */
static bool
has_its_name(const SoLogFile *file, struct stat *facts)
{
	return stat(file->path, facts) == 0 && facts->st_dev == file->device &&
		   facts->st_ino == file->inode;
}

static bool
is_due(const SoLogFile *file, const struct stat *facts, size_t size)
{
	if (!S_ISREG(facts->st_mode) || facts->st_size == 0)
		return false;
	return (file->rotate_bytes > 0 &&
			(int64_t) facts->st_size + (int64_t) size > file->rotate_bytes) ||
		   (file->rotate_age_s > 0 && (int64_t) time(NULL) - file->begun_s >= file->rotate_age_s);
}

/* file.3 becomes file.4, ..., file becomes file.1; the oldest goes. */
static void
shift_names(const SoLogFile *file)
{
	char from[sizeof(file->path) + 16];
	char to[sizeof(file->path) + 16];

	snprintf(to, sizeof(to), "%s.%d", file->path, file->keep);
	unlink(to);
	for (int i = file->keep; i > 1; i--)
	{
		snprintf(from, sizeof(from), "%s.%d", file->path, i - 1);
		snprintf(to, sizeof(to), "%s.%d", file->path, i);
		/* There may be fewer than that many. */
		(void) rename(from, to);
	}
	snprintf(to, sizeof(to), "%s.1", file->path);
	if (file->keep > 0)
		(void) rename(file->path, to);
	else
		unlink(file->path);
}

/*
 * Rotate when it is due.  When the names cannot be changed the file goes on: its
 * lines matter more than its size.
 */
static void
rotate(SoLogFile *file, size_t size)
{
	struct stat facts;

	if (!has_its_name(file, &facts))
	{
		so_log_file_close(file);
		return;
	}
	if (!is_due(file, &facts, size) || flock(file->fd, LOCK_EX | LOCK_NB) != 0)
		return;
	/* Another process may have been faster. */
	if (has_its_name(file, &facts) && is_due(file, &facts, size))
		shift_names(file);
	so_log_file_close(file);
}

static bool
write_whole(SoLogFile *file, const char *line, size_t size, SoError *error)
{
	ssize_t wrote;

	if (file->torn && write(file->fd, "\n", 1) == 1)
		file->torn = false;
	do
		wrote = write(file->fd, line, size);
	while (wrote < 0 && errno == EINTR);
	if (wrote == (ssize_t) size)
		return true;
	if (wrote > 0)
	{
		file->torn = true;
		errno = ENOSPC;
	}
	so_error_set(error, SO_ERR_FILE_UNWRITABLE, file->path, "the log file cannot be written");
	return so_error_detail(error, "%s.", strerror(errno));
}

SoLogFileResult
so_log_file_write(SoLogFile *file, const char *line, size_t size, uint64_t *lost, SoError *error)
{
	bool failed = file->failed;

	if (failed && so_clock_monotonic_ms() - file->failed_ms < RETRY_MS)
	{
		file->lost++;
		return SO_LOG_FILE_LOST;
	}
	if (file->fd >= 0)
		rotate(file, size);
	if ((file->fd >= 0 || so_log_file_open(file, error)) && write_whole(file, line, size, error))
	{
		*lost = file->lost;
		file->failed = false;
		file->lost = 0;
		return failed ? SO_LOG_FILE_RECOVERED : SO_LOG_FILE_WRITTEN;
	}
	so_log_file_close(file);
	file->failed = true;
	file->failed_ms = so_clock_monotonic_ms();
	file->lost++;
	return failed ? SO_LOG_FILE_LOST : SO_LOG_FILE_FAILED;
}
