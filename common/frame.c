/*
 * common/frame.c
 *
 * Writes and reads frames; see frame.h for the format.
 *
 * Process: all of them; buffers are private memory of their owner.
 */
#include "common/frame.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define READ_CHUNK (64 * 1024)

size_t
so_frame_begin(SoByteBuffer *out, uint8_t type, uint8_t flags)
{
	size_t position = so_byte_buffer_length(out);

	so_put_u32(out, 0);
	so_put_u8(out, type);
	so_put_u8(out, flags);
	so_put_u16(out, 0);
	return position;
}

void
so_frame_end(SoByteBuffer *out, size_t position)
{
	size_t length;
	uint8_t *header;

	if (out->failed)
		return;
	length = so_byte_buffer_length(out) - position - SO_FRAME_HEADER_SIZE;
	header = out->data + out->start + position;
	for (int i = 0; i < 4; i++)
		header[i] = (uint8_t) (length >> (24 - 8 * i));
}

void
so_frame_put(SoByteBuffer *out, uint8_t type, uint8_t flags, const void *payload, size_t length)
{
	size_t position = so_frame_begin(out, type, flags);

	so_put_bytes(out, payload, length);
	so_frame_end(out, position);
}

ssize_t
so_frame_read(SoByteBuffer *in, int fd)
{
	uint8_t *to = so_byte_buffer_reserve(in, READ_CHUNK);
	ssize_t got;

	if (to == NULL)
	{
		errno = ENOMEM;
		return -1;
	}
	do
		got = read(fd, to, READ_CHUNK);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		in->end += (size_t) got;
	return got;
}

int
so_frame_next(SoByteBuffer *in, size_t max_payload, SoFrame *frame, SoError *error)
{
	SoFieldReader reader;
	uint32_t length;
	uint16_t zero;

	if (so_byte_buffer_length(in) < SO_FRAME_HEADER_SIZE)
		return 0;
	so_field_reader_init(&reader, in->data + in->start, SO_FRAME_HEADER_SIZE);
	length = so_get_u32(&reader);
	frame->type = so_get_u8(&reader);
	frame->flags = so_get_u8(&reader);
	zero = so_get_u16(&reader);
	if (zero != 0 || frame->type == 0)
	{
		so_error_set(error, SO_ERR_FRAME_MALFORMED, NULL, "a frame header is malformed");
		return -1;
	}
	if (length > max_payload)
	{
		so_error_set(error, SO_ERR_FRAME_TOO_LARGE, NULL,
					 "a frame of %u bytes exceeds the limit of %zu", length, max_payload);
		return -1;
	}
	if (so_byte_buffer_length(in) - SO_FRAME_HEADER_SIZE < length)
		return 0;
	frame->payload = in->data + in->start + SO_FRAME_HEADER_SIZE;
	frame->length = length;
	/* The bytes stay in place until the next so_frame_read reserves room. */
	in->start += SO_FRAME_HEADER_SIZE + length;
	if (in->start == in->end)
		in->start = in->end = 0;
	return 1;
}
