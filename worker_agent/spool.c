/*
 * worker_agent/spool.c
 *
 * The items that wait for the master, by attempt; see spool.h.
 *
 * Process: agent, event loop thread, no locking.  After a crash the segments
 * tell what waits; an acknowledgement that was not written costs a repetition,
 * which the master recognises by its sequence.
 */
#include "worker_agent/spool_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

/* Items of one attempt in one turn, so that a talkative one does not delay the results of others. */
#define TURN_ITEMS 100

/*
 * In the place of a checkpoint, which may hold secrets and is of no use to
 * another life of the agent: the attempt dies with this one.
 */
static const char checkpoint_stub[] = "{\"type\":\"checkpoint\"}";

static unsigned
bucket_of(const SoUuid *task)
{
	return (unsigned) (task->bytes[0] << 8 | task->bytes[1]) % SPOOL_BUCKETS;
}

static SpoolStream *
find_stream(const SoSpool *spool, const SoUuid *task, uint32_t attempt)
{
	SpoolStream *stream = spool->buckets[bucket_of(task)];

	while (stream != NULL && (stream->attempt != attempt || !so_uuid_equal(&stream->task, task)))
		stream = stream->next_in_bucket;
	return stream;
}

static void *
allocate(size_t size)
{
	void *memory = calloc(1, size);

	/* The spool on disk is intact; dying keeps every promise, going on would not. */
	if (memory == NULL)
		abort();
	return memory;
}

SpoolStream *
so_spool_stream(SoSpool *spool, const SoUuid *task, uint32_t attempt, bool create)
{
	SpoolStream *stream = find_stream(spool, task, attempt);

	if (stream != NULL || !create)
		return stream;
	stream = allocate(sizeof(*stream));
	stream->task = *task;
	stream->attempt = attempt;
	TAILQ_INIT(&stream->items);
	stream->next_in_bucket = spool->buckets[bucket_of(task)];
	spool->buckets[bucket_of(task)] = stream;
	TAILQ_INSERT_TAIL(&spool->streams, stream, link);
	return stream;
}

static void
remove_stream(SoSpool *spool, SpoolStream *stream)
{
	SpoolStream **at = &spool->buckets[bucket_of(&stream->task)];

	while (*at != stream)
		at = &(*at)->next_in_bucket;
	*at = stream->next_in_bucket;
	TAILQ_REMOVE(&spool->streams, stream, link);
	free(stream);
}

void
so_spool_stream_add(SoSpool *spool, SpoolStream *stream, SpoolSegment *segment, uint64_t sequence,
					SoItemKind kind, size_t offset, uint32_t length, const char *text)
{
	SpoolItem *item = allocate(sizeof(*item));

	item->segment = segment;
	item->sequence = sequence;
	item->kind = kind;
	item->offset = offset;
	item->length = length;
	item->stored = length;
	if (text != NULL && (kind == SO_ITEM_CHECKPOINT || spool->memory + length <= SPOOL_MEMORY))
	{
		item->text = allocate(length + 1);
		memcpy(item->text, text, length);
		spool->memory += length;
	}
	TAILQ_INSERT_TAIL(&stream->items, item, link);
	if (kind == SO_ITEM_CHECKPOINT && text != NULL)
		item->stored = sizeof(checkpoint_stub) - 1;
	if (kind == SO_ITEM_RESULT)
		stream->has_result = true;
	segment->live++;
	spool->waiting++;
}

void
so_spool_item_remove(SoSpool *spool, SpoolStream *stream, SpoolItem *item)
{
	TAILQ_REMOVE(&stream->items, item, link);
	item->segment->live--;
	spool->waiting--;
	if (item->text != NULL)
	{
		spool->memory -= item->length;
		explicit_bzero(item->text, item->length);
	}
	if (item->kind == SO_ITEM_RESULT)
		stream->has_result = false;
	free(item->text);
	free(item);
	if (TAILQ_EMPTY(&stream->items))
		remove_stream(spool, stream);
}

static bool
is_settled(const SpoolItem *item, SpoolRecordKind kind, uint64_t sequence)
{
	switch (kind)
	{
		case SPOOL_RECORD_ACKNOWLEDGED:
			return item->sequence <= sequence;
		case SPOOL_RECORD_REJECTED:
			return item->sequence == sequence;
		case SPOOL_RECORD_NO_RESULT:
			return item->kind == SO_ITEM_RESULT;
		case SPOOL_RECORD_ITEM:
			break;
	}
	return false;
}

void
so_spool_settle(SoSpool *spool, SpoolRecordKind kind, const SoUuid *task, uint32_t attempt,
				uint64_t sequence)
{
	SpoolStream *stream = find_stream(spool, task, attempt);
	SpoolItem *item = stream != NULL ? TAILQ_FIRST(&stream->items) : NULL;

	while (item != NULL)
	{
		SpoolItem *next = TAILQ_NEXT(item, link);

		if (kind == SPOOL_RECORD_ACKNOWLEDGED && item->sequence > sequence)
			break;
		if (is_settled(item, kind, sequence))
			so_spool_item_remove(spool, stream, item);
		item = next;
	}
}

/* Settle now and write it down for the next start. */
static void
settle(SoSpool *spool, SpoolRecordKind kind, const SoUuid *task, uint32_t attempt,
	   uint64_t sequence)
{
	if (find_stream(spool, task, attempt) == NULL)
		return;
	so_spool_settle(spool, kind, task, attempt, sequence);
	so_spool_record_put(spool, kind, task, attempt, sequence, SO_ITEM_EVENT, NULL, 0);
}

uint64_t
so_spool_acknowledge(SoSpool *spool, const SoUuid *task, uint32_t attempt, uint64_t sequence)
{
	const SpoolStream *stream = find_stream(spool, task, attempt);
	const SpoolItem *item;

	if (stream == NULL)
		return sequence;
	TAILQ_FOREACH(item, &stream->items, link)
	{
		if (!item->sent)
			break;
	}
	if (item != NULL && item->sequence <= sequence)
		sequence = item->sequence - 1;
	settle(spool, SPOOL_RECORD_ACKNOWLEDGED, task, attempt, sequence);
	return sequence;
}

void
so_spool_reject(SoSpool *spool, const SoUuid *task, uint32_t attempt, uint64_t sequence)
{
	settle(spool, SPOOL_RECORD_REJECTED, task, attempt, sequence);
}

void
so_spool_discard_result(SoSpool *spool, const SoUuid *task, uint32_t attempt)
{
	settle(spool, SPOOL_RECORD_NO_RESULT, task, attempt, 0);
}

SoSpool *
so_spool_open(TALLOC_CTX *context, const char *folder, size_t segment_size, SoError *error)
{
	SoSpool *spool;
	uint64_t last_number;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
	{
		so_error_set(error, SO_ERR_FILE_UNWRITABLE, folder, "the spool folder cannot be made");
		so_error_detail(error, "%s.", strerror(errno));
		return NULL;
	}
	spool = talloc_zero(context, SoSpool);
	spool->folder = talloc_strdup(spool, folder);
	spool->segment_size = segment_size;
	TAILQ_INIT(&spool->segments);
	TAILQ_INIT(&spool->streams);
	so_byte_buffer_init(&spool->unwritten);
	if (!so_spool_load(spool, &last_number, error) ||
		!so_spool_segment_begin(spool, last_number + 1, error) ||
		!so_spool_segment_rotate(spool, error))
	{
		so_spool_close(spool);
		return NULL;
	}
	return spool;
}

void
so_spool_append(SoSpool *spool, const SoUuid *task, uint32_t attempt, uint64_t sequence,
				SoItemKind kind, const char *text, size_t length)
{
	SpoolSegment *segment = TAILQ_LAST(&spool->segments, SpoolSegmentHead);
	SpoolStream *stream = so_spool_stream(spool, task, attempt, true);
	bool stub = kind == SO_ITEM_CHECKPOINT;
	size_t offset = so_spool_record_put(spool, SPOOL_RECORD_ITEM, task, attempt, sequence, kind,
										stub ? checkpoint_stub : text,
										stub ? sizeof(checkpoint_stub) - 1 : length);

	so_spool_stream_add(spool, stream, segment, sequence, kind, offset, (uint32_t) length, text);
}

/* Append one item to out as the master reads it; false when it cannot be read back. */
static bool
put_item(SoByteBuffer *out, const SpoolStream *stream, const SpoolItem *item, bool first)
{
	char head[160];
	char task[SO_UUID_TEXT_SIZE];
	int length;
	uint8_t *to;

	length = snprintf(
		head, sizeof(head), "%s{\"task\":\"%s\",\"attempt\":%u,\"sequence\":%" PRIu64 ",",
		first ? "" : ",", so_uuid_format(&stream->task, task), stream->attempt, item->sequence);
	so_put_bytes(out, head, (size_t) length);
	/* The text is an object with at least one member; its brace is replaced by the head. */
	if (item->text != NULL)
	{
		so_put_bytes(out, item->text + 1, item->length - 1);
		return !out->failed;
	}
	to = so_byte_buffer_reserve(out, item->length - 1);
	if (to == NULL || pread(item->segment->fd, to, item->length - 1, (off_t) item->offset + 1) !=
						  (ssize_t) item->length - 1)
	{
		so_log_code(NULL, SO_LOG_ERROR, SO_ERR_AGENT_SPOOL_DAMAGED,
					"a record of %s cannot be read back: %s", item->segment->path, strerror(errno));
		out->end -= (size_t) length;
		return false;
	}
	out->end += item->length - 1;
	return true;
}

/* Not yet written by a flush: must not be sent. */
static bool
is_unwritten(const SpoolItem *item)
{
	return item->offset + item->stored > item->segment->size;
}

int
so_spool_collect(SoSpool *spool, SoByteBuffer *out, int max_items, size_t max_bytes)
{
	SpoolStream *stream = TAILQ_FIRST(&spool->streams);
	SpoolStream *last = TAILQ_LAST(&spool->streams, SpoolStreamHead);
	size_t begin = so_byte_buffer_length(out);
	int count = 0;

	while (stream != NULL && count < max_items)
	{
		SpoolStream *next = stream == last ? NULL : TAILQ_NEXT(stream, link);
		SpoolItem *item;
		int taken = 0;

		TAILQ_FOREACH(item, &stream->items, link)
		{
			size_t used = so_byte_buffer_length(out) - begin;

			if (count == max_items || taken == TURN_ITEMS || is_unwritten(item) ||
				(count > 0 && used + item->length > max_bytes) ||
				!put_item(out, stream, item, count == 0))
				break;
			if (count == 0)
			{
				spool->first_task = stream->task;
				spool->first_attempt = stream->attempt;
				spool->first_sequence = item->sequence;
			}
			item->sent = true;
			count++;
			taken++;
		}
		/* Whoever had a turn goes to the end of the queue. */
		if (taken > 0 && next != NULL)
		{
			TAILQ_REMOVE(&spool->streams, stream, link);
			TAILQ_INSERT_TAIL(&spool->streams, stream, link);
		}
		if (so_byte_buffer_length(out) - begin >= max_bytes)
			break;
		stream = next;
	}
	return count;
}

bool
so_spool_replace_first(SoSpool *spool, const char *text, SoUuid *task, uint32_t *attempt,
					   uint64_t *sequence, SoItemKind *kind)
{
	SpoolStream *stream = find_stream(spool, &spool->first_task, spool->first_attempt);
	SpoolItem *item = stream != NULL ? TAILQ_FIRST(&stream->items) : NULL;

	if (item == NULL || item->sequence != spool->first_sequence)
		return false;
	*task = stream->task;
	*attempt = stream->attempt;
	*sequence = item->sequence;
	*kind = item->kind;
	if (item->text != NULL)
		spool->memory -= item->length;
	free(item->text);
	item->offset = 0;
	item->stored = 0;
	item->length = (uint32_t) strlen(text);
	item->text = allocate(item->length + 1);
	memcpy(item->text, text, item->length);
	spool->memory += item->length;
	return true;
}

size_t
so_spool_waiting(const SoSpool *spool)
{
	return spool->waiting;
}

bool
so_spool_has_result(const SoSpool *spool, const SoUuid *task, uint32_t attempt)
{
	const SpoolStream *stream = find_stream(spool, task, attempt);

	return stream != NULL && stream->has_result;
}

size_t
so_spool_unwritten(const SoSpool *spool)
{
	return so_byte_buffer_length(&spool->unwritten);
}

void
so_spool_each_result(const SoSpool *spool,
					 void (*each)(void *context, const SoUuid *task, uint32_t attempt),
					 void *context)
{
	const SpoolStream *stream;

	TAILQ_FOREACH(stream, &spool->streams, link)
	{
		if (stream->has_result)
			each(context, &stream->task, stream->attempt);
	}
}

int
so_spool_segment_count(const SoSpool *spool)
{
	const SpoolSegment *segment;
	int count = 0;

	TAILQ_FOREACH(segment, &spool->segments, link)
	count++;
	return count;
}

void
so_spool_close(SoSpool *spool)
{
	SoError error;
	SpoolSegment *segment;

	if (!TAILQ_EMPTY(&spool->segments) && !so_spool_flush(spool, &error))
		so_log_error(SO_LOG_ERROR, &error);
	while (!TAILQ_EMPTY(&spool->streams))
	{
		SpoolStream *stream = TAILQ_FIRST(&spool->streams);
		SpoolItem *item = TAILQ_FIRST(&stream->items);

		/* The last item takes the stream with it. */
		so_spool_item_remove(spool, stream, item);
	}
	while ((segment = TAILQ_FIRST(&spool->segments)) != NULL)
	{
		TAILQ_REMOVE(&spool->segments, segment, link);
		if (segment->fd >= 0)
			close(segment->fd);
		free(segment);
	}
	so_byte_buffer_free(&spool->unwritten);
	talloc_free(spool);
}
