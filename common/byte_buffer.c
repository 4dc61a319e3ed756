/*
 * common/byte_buffer.c
 *
 * Growing byte buffers and the field coding of frames.
 *
 * Process: all of them; a buffer has one owner and is private memory, so a
 * crash leaves nothing behind.
 */
#include "common/byte_buffer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
so_byte_buffer_init(SoByteBuffer *buffer)
{
	memset(buffer, 0, sizeof(*buffer));
}

void
so_byte_buffer_free(SoByteBuffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

void
so_byte_buffer_clear(SoByteBuffer *buffer)
{
	buffer->start = buffer->end = 0;
	buffer->failed = false;
}

size_t
so_byte_buffer_length(const SoByteBuffer *buffer)
{
	return buffer->end - buffer->start;
}

uint8_t *
so_byte_buffer_reserve(SoByteBuffer *buffer, size_t size)
{
	size_t used = buffer->end - buffer->start;
	size_t wanted;
	uint8_t *grown;

	if (buffer->failed || size > SIZE_MAX / 4 - used)
	{
		buffer->failed = true;
		return NULL;
	}
	if (buffer->capacity - buffer->end >= size)
		return buffer->data + buffer->end;
	if (buffer->start > 0 && buffer->capacity - used >= size && buffer->start >= used)
	{
		memcpy(buffer->data, buffer->data + buffer->start, used);
		buffer->start = 0;
		buffer->end = used;
		return buffer->data + buffer->end;
	}
	wanted = (used + size) * 2;
	if (wanted < 1024)
		wanted = 1024;
	grown = malloc(wanted);
	if (grown == NULL)
	{
		buffer->failed = true;
		return NULL;
	}
	if (used > 0)
		memcpy(grown, buffer->data + buffer->start, used);
	free(buffer->data);
	buffer->data = grown;
	buffer->capacity = wanted;
	buffer->start = 0;
	buffer->end = used;
	return buffer->data + buffer->end;
}

void
so_byte_buffer_consume(SoByteBuffer *buffer, size_t size)
{
	buffer->start += size;
	if (buffer->start >= buffer->end)
		buffer->start = buffer->end = 0;
}

void
so_put_bytes(SoByteBuffer *buffer, const void *bytes, size_t size)
{
	uint8_t *to;

	if (size == 0)
		return;
	to = so_byte_buffer_reserve(buffer, size);
	if (to == NULL)
		return;
	memcpy(to, bytes, size);
	buffer->end += size;
}

void
so_put_u8(SoByteBuffer *buffer, uint8_t value)
{
	so_put_bytes(buffer, &value, 1);
}

void
so_put_u16(SoByteBuffer *buffer, uint16_t value)
{
	uint8_t bytes[2] = {(uint8_t) (value >> 8), (uint8_t) value};

	so_put_bytes(buffer, bytes, sizeof(bytes));
}

void
so_put_u32(SoByteBuffer *buffer, uint32_t value)
{
	uint8_t bytes[4];

	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t) (value >> (24 - 8 * i));
	so_put_bytes(buffer, bytes, sizeof(bytes));
}

void
so_put_u64(SoByteBuffer *buffer, uint64_t value)
{
	so_put_u32(buffer, (uint32_t) (value >> 32));
	so_put_u32(buffer, (uint32_t) value);
}

void
so_put_block(SoByteBuffer *buffer, const void *bytes, size_t size)
{
	if (size > UINT32_MAX)
	{
		buffer->failed = true;
		return;
	}
	so_put_u32(buffer, (uint32_t) size);
	so_put_bytes(buffer, bytes, size);
}

void
so_put_string(SoByteBuffer *buffer, const char *text)
{
	so_put_block(buffer, text, text ? strlen(text) : 0);
}

ssize_t
so_byte_buffer_write(SoByteBuffer *buffer, int fd)
{
	size_t total = 0;

	while (so_byte_buffer_length(buffer) > 0)
	{
		ssize_t written = write(fd, buffer->data + buffer->start, so_byte_buffer_length(buffer));

		if (written < 0)
		{
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN || errno == EWOULDBLOCK)
				break;
			return -1;
		}
		so_byte_buffer_consume(buffer, (size_t) written);
		total += (size_t) written;
	}
	return (ssize_t) total;
}

void
so_field_reader_init(SoFieldReader *reader, const void *bytes, size_t size)
{
	reader->position = bytes;
	reader->end = reader->position + size;
	reader->failed = false;
}

const uint8_t *
so_get_bytes(SoFieldReader *reader, size_t size)
{
	const uint8_t *bytes = reader->position;

	if (reader->failed || (size_t) (reader->end - reader->position) < size)
	{
		reader->failed = true;
		return NULL;
	}
	reader->position += size;
	return bytes;
}

static uint64_t
get_integer(SoFieldReader *reader, int size)
{
	const uint8_t *bytes = so_get_bytes(reader, (size_t) size);
	uint64_t value = 0;

	if (bytes == NULL)
		return 0;
	for (int i = 0; i < size; i++)
		value = value << 8 | bytes[i];
	return value;
}

uint8_t
so_get_u8(SoFieldReader *reader)
{
	return (uint8_t) get_integer(reader, 1);
}

uint16_t
so_get_u16(SoFieldReader *reader)
{
	return (uint16_t) get_integer(reader, 2);
}

uint32_t
so_get_u32(SoFieldReader *reader)
{
	return (uint32_t) get_integer(reader, 4);
}

uint64_t
so_get_u64(SoFieldReader *reader)
{
	return get_integer(reader, 8);
}

const char *
so_get_block(SoFieldReader *reader, size_t *size)
{
	uint32_t length = so_get_u32(reader);
	const uint8_t *bytes = so_get_bytes(reader, length);

	*size = bytes ? length : 0;
	return bytes ? (const char *) bytes : "";
}

bool
so_field_reader_done(const SoFieldReader *reader)
{
	return !reader->failed && reader->position == reader->end;
}
