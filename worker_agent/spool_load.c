/*
 * worker_agent/spool_load.c
 *
 * Reads the segments that an earlier instance left.
 *
 * Process: agent, at the start, before anything is sent.  Reads only; a crash
 * here changes nothing.
 */
#include "worker_agent/spool_private.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

static int
is_segment(const struct dirent *entry)
{
	uint64_t number;
	int used = 0;

	return sscanf(entry->d_name, "%16" SCNx64 ".spool%n", &number, &used) == 1 && used == 22 &&
		   entry->d_name[used] == '\0';
}

/* One record.  Items of an attempt that do not follow their predecessor are dropped. */
static void
apply_record(SoSpool *spool, SpoolSegment *segment, const uint8_t *payload, size_t size,
			 size_t offset)
{
	SoFieldReader reader;
	SpoolRecordKind kind;
	SoUuid task;
	uint32_t attempt;
	uint64_t sequence;
	const uint8_t *bytes;
	SpoolStream *stream;
	SpoolItem *last;
	SoItemKind item_kind;

	so_field_reader_init(&reader, payload, size);
	kind = (SpoolRecordKind) so_get_u8(&reader);
	bytes = so_get_bytes(&reader, SO_UUID_SIZE);
	attempt = so_get_u32(&reader);
	sequence = so_get_u64(&reader);
	if (reader.failed)
		return;
	memcpy(task.bytes, bytes, SO_UUID_SIZE);
	if (kind != SPOOL_RECORD_ITEM)
	{
		so_spool_settle(spool, kind, &task, attempt, sequence);
		return;
	}
	item_kind = (SoItemKind) so_get_u8(&reader);
	if (reader.failed)
		return;
	stream = so_spool_stream(spool, &task, attempt, true);
	last = TAILQ_LAST(&stream->items, SpoolItemHead);
	if (last != NULL && sequence != last->sequence + 1)
	{
		char text[SO_UUID_TEXT_SIZE];

		so_log_code(NULL, SO_LOG_WARNING, SO_ERR_AGENT_SPOOL_DAMAGED,
					"record %" PRIu64 " of task %s, attempt %u, does not follow "
					"record %" PRIu64 " and is dropped",
					sequence, so_uuid_format(&task, text), attempt, last->sequence);
		return;
	}
	so_spool_stream_add(spool, stream, segment, sequence, item_kind,
						offset + SPOOL_PAYLOAD_HEADER + 1,
						(uint32_t) (size - SPOOL_PAYLOAD_HEADER - 1), NULL);
}

/* Returns the length of the undamaged part. */
static size_t
read_records(SoSpool *spool, SpoolSegment *segment, const uint8_t *bytes, size_t size)
{
	size_t at = 0;

	while (size - at >= SPOOL_RECORD_HEADER)
	{
		SoFieldReader reader;
		uint32_t length;
		uint32_t crc;

		so_field_reader_init(&reader, bytes + at, SPOOL_RECORD_HEADER);
		length = so_get_u32(&reader);
		crc = so_get_u32(&reader);
		if (length < SPOOL_PAYLOAD_HEADER || length > size - at - SPOOL_RECORD_HEADER ||
			so_spool_crc(bytes + at + SPOOL_RECORD_HEADER, length) != crc)
			break;
		apply_record(spool, segment, bytes + at + SPOOL_RECORD_HEADER, length,
					 at + SPOOL_RECORD_HEADER);
		at += SPOOL_RECORD_HEADER + length;
	}
	return at;
}

static bool
load_segment(SoSpool *spool, SpoolSegment *segment, SoError *error)
{
	struct stat facts;
	void *bytes;

	segment->fd = open(segment->path, O_RDONLY | O_CLOEXEC);
	if (segment->fd < 0 || fstat(segment->fd, &facts) != 0)
	{
		so_error_set(error, SO_ERR_FILE_UNREADABLE, segment->path,
					 "a segment of the spool cannot be read");
		return so_error_detail(error, "%s.", strerror(errno));
	}
	if (facts.st_size == 0)
		return true;
	bytes = mmap(NULL, (size_t) facts.st_size, PROT_READ, MAP_PRIVATE, segment->fd, 0);
	if (bytes == MAP_FAILED)
	{
		so_error_set(error, SO_ERR_FILE_UNREADABLE, segment->path,
					 "a segment of the spool cannot be read");
		return so_error_detail(error, "mmap: %s.", strerror(errno));
	}
	segment->size = read_records(spool, segment, bytes, (size_t) facts.st_size);
	if (segment->size < (size_t) facts.st_size)
		so_log_code(NULL, SO_LOG_WARNING, SO_ERR_AGENT_SPOOL_DAMAGED,
					"%s is torn or damaged at byte %zu of %zu; the rest is ignored", segment->path,
					segment->size, (size_t) facts.st_size);
	munmap(bytes, (size_t) facts.st_size);
	return true;
}

bool
so_spool_load(SoSpool *spool, uint64_t *last_number, SoError *error)
{
	struct dirent **names;
	int count = scandir(spool->folder, &names, is_segment, alphasort);
	bool good = true;

	*last_number = 0;
	if (count < 0)
	{
		so_error_set(error, SO_ERR_FILE_UNREADABLE, spool->folder, "the spool cannot be read");
		return so_error_detail(error, "%s.", strerror(errno));
	}
	for (int i = 0; i < count; i++)
	{
		SpoolSegment *segment = good ? calloc(1, sizeof(*segment)) : NULL;

		if (segment != NULL)
		{
			segment->fd = -1;
			snprintf(segment->path, sizeof(segment->path), "%s/%s", spool->folder,
					 names[i]->d_name);
			segment->number = strtoull(names[i]->d_name, NULL, 16);
			*last_number = segment->number;
			TAILQ_INSERT_TAIL(&spool->segments, segment, link);
			good = load_segment(spool, segment, error);
		}
		else if (good)
			good = so_error_set(error, SO_ERR_OUT_OF_MEMORY, "spool", "no memory for a segment");
		free(names[i]);
	}
	free(names);
	return good;
}
