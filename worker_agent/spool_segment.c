/*
 * worker_agent/spool_segment.c
 *
 * The files of the spool: records, writing, removal.
 *
 * Process: agent, event loop thread.  A crash while a record is being written
 * leaves a torn tail, which the next start ignores; a new start always begins a
 * new segment, so nothing is ever written behind a torn record.
 */
#include "worker_agent/spool_private.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/fault.h"
#include "common/log.h"

/* CRC-32C (Castagnoli), one byte at a time; the records are small. */
uint32_t
so_spool_crc(const uint8_t *bytes, size_t size)
{
	static uint32_t table[256];
	uint32_t crc = 0xFFFFFFFF;

	if (table[1] == 0)
	{
		for (uint32_t i = 0; i < 256; i++)
		{
			uint32_t value = i;

			for (int bit = 0; bit < 8; bit++)
				value = value & 1 ? value >> 1 ^ 0x82F63B78 : value >> 1;
			table[i] = value;
		}
	}
	for (size_t i = 0; i < size; i++)
		crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xFF];
	return crc ^ 0xFFFFFFFF;
}

bool
so_spool_segment_begin(SoSpool *spool, uint64_t number, SoError *error)
{
	SpoolSegment *segment = calloc(1, sizeof(*segment));

	if (segment == NULL)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, "spool", "no memory for a segment");
	segment->number = number;
	snprintf(segment->path, sizeof(segment->path), "%s/%016" PRIx64 ".spool", spool->folder,
			 number);
	segment->fd = open(segment->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (segment->fd < 0)
	{
		so_error_set(error, SO_ERR_AGENT_SPOOL_WRITE, segment->path,
					 "a segment of the spool cannot be created");
		so_error_detail(error, "%s.", strerror(errno));
		free(segment);
		return false;
	}
	TAILQ_INSERT_TAIL(&spool->segments, segment, link);
	return true;
}

void
so_spool_segment_remove(SoSpool *spool, SpoolSegment *segment)
{
	if (unlink(segment->path) != 0 && errno != ENOENT)
		so_log(SO_LOG_WARNING, "%s cannot be removed: %s", segment->path, strerror(errno));
	close(segment->fd);
	TAILQ_REMOVE(&spool->segments, segment, link);
	free(segment);
}

size_t
so_spool_record_put(SoSpool *spool, SpoolRecordKind kind, const SoUuid *task, uint32_t attempt,
					uint64_t sequence, SoItemKind item_kind, const char *text, size_t length)
{
	SpoolSegment *segment = TAILQ_LAST(&spool->segments, SpoolSegmentHead);
	SoByteBuffer *out = &spool->unwritten;
	size_t payload = SPOOL_PAYLOAD_HEADER + (kind == SPOOL_RECORD_ITEM ? 1 + length : 0);
	size_t begin;
	uint8_t *header;
	uint32_t crc;

	so_put_u32(out, (uint32_t) payload);
	so_put_u32(out, 0);
	begin = so_byte_buffer_length(out);
	so_put_u8(out, (uint8_t) kind);
	so_put_bytes(out, task->bytes, SO_UUID_SIZE);
	so_put_u32(out, attempt);
	so_put_u64(out, sequence);
	if (kind == SPOOL_RECORD_ITEM)
	{
		so_put_u8(out, (uint8_t) item_kind);
		so_put_bytes(out, text, length);
	}
	if (out->failed)
		abort(); /* out of memory with a promise to keep: the spool on disk is intact */
	crc = so_spool_crc(out->data + out->start + begin, payload);
	header = out->data + out->start + begin - 4;
	for (int i = 0; i < 4; i++)
		header[i] = (uint8_t) (crc >> (24 - 8 * i));
	return segment->size + begin + SPOOL_PAYLOAD_HEADER + 1;
}

bool
so_spool_segment_rotate(SoSpool *spool, SoError *error)
{
	SpoolSegment *last = TAILQ_LAST(&spool->segments, SpoolSegmentHead);
	SpoolSegment *segment = TAILQ_FIRST(&spool->segments);

	if (last->size >= spool->segment_size)
	{
		if (!so_spool_segment_begin(spool, last->number + 1, error))
			return false;
		last = TAILQ_LAST(&spool->segments, SpoolSegmentHead);
	}
	while (segment != NULL)
	{
		SpoolSegment *next = TAILQ_NEXT(segment, link);

		if (segment != last && segment->live == 0)
			so_spool_segment_remove(spool, segment);
		segment = next;
	}
	return true;
}

bool
so_spool_flush(SoSpool *spool, SoError *error)
{
	SpoolSegment *segment = TAILQ_LAST(&spool->segments, SpoolSegmentHead);
	size_t length = so_byte_buffer_length(&spool->unwritten);
	size_t done = 0;

	if (length == 0)
		return true;
	SO_FAULT("agent.before_spool_write");
	while (done < length)
	{
		ssize_t written = pwrite(segment->fd, spool->unwritten.data + spool->unwritten.start + done,
								 length - done, (off_t) (segment->size + done));

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
		{
			int reason = written < 0 ? errno : ENOSPC;

			/* What was written is a torn tail until the next try overwrites it. */
			so_error_set(error, SO_ERR_AGENT_SPOOL_WRITE, segment->path,
						 "%zu bytes of the execution log cannot be written", length);
			return so_error_detail(error, "%s.", strerror(reason));
		}
		done += (size_t) written;
	}
	segment->size += length;
	so_byte_buffer_clear(&spool->unwritten);
	SO_FAULT("agent.after_spool_write");
	/* A full disk may refuse the next segment; this one serves until then. */
	if (!so_spool_segment_rotate(spool, error))
		so_log_error(SO_LOG_WARNING, error);
	return true;
}
