/*
 * worker_agent/log_reader.c
 *
 * Reads pieces of task logs; see log_reader.h.
 *
 * Process: agent, in the thread of log_sender.c, because a disk may take its
 * time.  Shared data: none.  Files that grow or vanish meanwhile are read as far
 * as they are there.
 */
#include "worker_agent/log_reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/protocol.h"
#include "common/utf8.h"

/* More segments than a log of a year with one an hour has. */
#define MAX_SEGMENTS 10000

typedef struct Segment
{
	int number;
	int64_t size;
} Segment;

typedef struct Folder
{
	int fd;
	uint32_t attempt;
	char path[4096];
	Segment *segments;
	int count;
	int64_t size; /* of all segments */
} Folder;

int
so_log_reader_segment(const char *name, uint32_t attempt)
{
	char wanted[40];
	int length = snprintf(wanted, sizeof(wanted), "attempt-%u.", attempt);
	const char *rest = name + length;
	char *end;
	long number;

	if (strncmp(name, wanted, (size_t) length) != 0)
		return 0;
	if (strcmp(rest, "log") == 0)
		return 1;
	/* Only as it is written: no sign, no blank, no leading zero. */
	if (rest[0] < '1' || rest[0] > '9')
		return 0;
	errno = 0;
	number = strtol(rest, &end, 10);
	return errno == 0 && number >= 2 && number < INT32_MAX && strcmp(end, ".log") == 0
			   ? (int) number
			   : 0;
}

static void
segment_name(uint32_t attempt, int number, char name[60])
{
	if (number == 1)
		snprintf(name, 60, "attempt-%u.log", attempt);
	else
		snprintf(name, 60, "attempt-%u.%d.log", attempt, number);
}

static int
compare_segments(const void *left, const void *right)
{
	return ((const Segment *) left)->number - ((const Segment *) right)->number;
}

static bool
unreadable(const char *path, int reason, SoError *error)
{
	so_error_set(error, SO_ERR_AGENT_TASK_LOG_UNREADABLE, path, "the log of a task cannot be read");
	return so_error_detail(error, "%s.", strerror(reason));
}

static bool
missing(const Folder *folder, SoError *error)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/attempt-%u.log", folder->path, folder->attempt);
	return so_error_set(error, SO_ERR_AGENT_TASK_LOG_MISSING, path,
						"this worker has no log of attempt %u", folder->attempt);
}

/* The ordinary files among the entries that are named like segments. */
static bool
list_segments(Folder *folder, DIR *entries, SoError *error)
{
	struct dirent *entry;

	while ((entry = readdir(entries)) != NULL && folder->count < MAX_SEGMENTS)
	{
		int number = so_log_reader_segment(entry->d_name, folder->attempt);
		struct stat facts;
		Segment *more;

		if (number == 0 || fstatat(folder->fd, entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) != 0 ||
			!S_ISREG(facts.st_mode))
			continue;
		more = realloc(folder->segments, sizeof(Segment) * (size_t) (folder->count + 1));
		if (more == NULL)
			return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
		folder->segments = more;
		folder->segments[folder->count].number = number;
		folder->segments[folder->count++].size = facts.st_size;
		folder->size += facts.st_size;
	}
	if (folder->count == 0)
		return missing(folder, error);
	qsort(folder->segments, (size_t) folder->count, sizeof(Segment), compare_segments);
	return true;
}

static bool
open_folder(const SoLogWanted *wanted, Folder *folder, SoError *error)
{
	char task[SO_UUID_TEXT_SIZE];
	DIR *entries;
	int copy;
	bool good;

	memset(folder, 0, sizeof(*folder));
	folder->attempt = wanted->attempt;
	snprintf(folder->path, sizeof(folder->path), "%s/%s", wanted->root,
			 so_uuid_format(&wanted->task, task));
	folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder->fd < 0)
		return errno == ENOENT ? missing(folder, error) : unreadable(folder->path, errno, error);
	copy = fcntl(folder->fd, F_DUPFD_CLOEXEC, 0);
	entries = copy >= 0 ? fdopendir(copy) : NULL;
	if (entries == NULL)
	{
		unreadable(folder->path, errno, error);
		if (copy >= 0)
			close(copy);
		return false;
	}
	good = list_segments(folder, entries, error);
	closedir(entries);
	return good;
}

/* Read up to size bytes of one segment; what is missing was cut off meanwhile. */
static bool
read_segment(const Folder *folder, const Segment *segment, int64_t from, uint8_t *bytes,
			 size_t size, size_t *got, SoError *error)
{
	char name[60];
	struct stat facts;
	int fd;

	*got = 0;
	segment_name(folder->attempt, segment->number, name);
	/* A pipe would block at open, and a link lead elsewhere. */
	fd = openat(folder->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || unreadable(folder->path, errno, error);
	if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode))
	{
		close(fd);
		return unreadable(folder->path, EINVAL, error);
	}
	while (*got < size)
	{
		ssize_t count = pread(fd, bytes + *got, size - *got, (off_t) (from + (int64_t) *got));

		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
		{
			unreadable(folder->path, errno, error);
			close(fd);
			return false;
		}
		if (count == 0)
			break;
		*got += (size_t) count;
	}
	close(fd);
	return true;
}

/* Read size bytes from the position in all segments on; *got may be less. */
static bool
read_bytes(const Folder *folder, int64_t from, uint8_t *bytes, size_t size, size_t *got,
		   SoError *error)
{
	int64_t begin = 0;

	*got = 0;
	for (int i = 0; i < folder->count && *got < size; i++)
	{
		const Segment *segment = &folder->segments[i];
		int64_t at = from + (int64_t) *got - begin;
		size_t count;

		if (at < segment->size)
		{
			size_t want = size - *got;

			if ((int64_t) want > segment->size - at)
				want = (size_t) (segment->size - at);
			if (!read_segment(folder, segment, at, bytes + *got, want, &count, error))
				return false;
			*got += count;
			if (count < want)
				return true;
		}
		begin += segment->size;
	}
	return true;
}

/* The end of the last complete line; 0 when there is none. */
static size_t
whole_lines(const uint8_t *bytes, size_t size)
{
	while (size > 0 && bytes[size - 1] != '\n')
		size--;
	return size;
}

/* How much of what was read is sent now. */
static size_t
cut(const SoLogWanted *wanted, const SoLogPiece *piece, const uint8_t *bytes, size_t size)
{
	bool at_end = piece->offset + (int64_t) size >= piece->size;
	size_t lines = whole_lines(bytes, size);

	if (at_end && !wanted->growing)
		return size;
	if (lines > 0 || (at_end && size < SO_LIMIT_TASK_LOG_PIECE))
		return lines;
	/* A line that is longer than a piece. */
	return so_utf8_whole(bytes, size);
}

static bool
read_piece(const SoLogWanted *wanted, const Folder *folder, uint8_t *bytes, SoLogPiece *piece,
		   SoError *error)
{
	size_t size = SO_LIMIT_TASK_LOG_PIECE;
	size_t skip = 0;
	size_t got;
	size_t take;

	piece->size = folder->size;
	piece->offset = wanted->from;
	if (wanted->from == SO_LOG_FROM_END)
		piece->offset = folder->size > wanted->limit ? folder->size - wanted->limit : 0;
	else if (wanted->from > folder->size)
		piece->offset = folder->size;
	if ((int64_t) size > wanted->limit)
		size = (size_t) wanted->limit;
	if (!read_bytes(folder, piece->offset, bytes, size, &got, error))
		return false;
	if (wanted->from == SO_LOG_FROM_END && piece->offset > 0)
	{
		const uint8_t *newline = memchr(bytes, '\n', got);

		/* Nothing but one long line: better its end than nothing. */
		if (newline != NULL && newline + 1 < bytes + got)
			skip = (size_t) (newline + 1 - bytes);
	}
	piece->offset += (int64_t) skip;
	take = cut(wanted, piece, bytes + skip, got - skip);
	piece->bytes = (int64_t) take;
	/* The last piece within the limit ends with a line, and nothing is added to it. */
	piece->end = got < size || (int64_t) size == wanted->limit ||
				 piece->offset + (int64_t) (got - skip) >= piece->size;
	so_utf8_put_clean(&piece->text, bytes + skip, take);
	if (piece->text.failed)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	return true;
}

bool
so_log_reader_read(const SoLogWanted *wanted, SoLogPiece *piece, SoError *error)
{
	Folder folder;
	uint8_t *bytes = malloc(SO_LIMIT_TASK_LOG_PIECE);
	bool good;

	memset(piece, 0, sizeof(*piece));
	so_byte_buffer_init(&piece->text);
	if (bytes == NULL)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	good = open_folder(wanted, &folder, error) && read_piece(wanted, &folder, bytes, piece, error);
	if (folder.fd >= 0)
		close(folder.fd);
	free(folder.segments);
	free(bytes);
	return good;
}
