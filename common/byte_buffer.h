/*
 * common/byte_buffer.h
 *
 * A growing byte buffer (malloc) and bounds-checked field coding on top of it:
 * big-endian integers, length-prefixed strings.  Used for frames between
 * processes; the reader never trusts a length that it was sent.
 *
 * Process: all of them, one owner per buffer, no locking.
 */
#ifndef COMMON_BYTE_BUFFER_H
#define COMMON_BYTE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct SoByteBuffer
{
	uint8_t *data;
	size_t start; /* first byte not yet consumed */
	size_t end;   /* one past the last byte */
	size_t capacity;
	bool failed; /* an allocation failed; contents are void */
} SoByteBuffer;

extern void so_byte_buffer_init(SoByteBuffer *buffer);
extern void so_byte_buffer_free(SoByteBuffer *buffer);
extern void so_byte_buffer_clear(SoByteBuffer *buffer);
extern size_t so_byte_buffer_length(const SoByteBuffer *buffer);

/* Make room for size more bytes and return where they go; NULL (and failed) without memory. */
extern uint8_t *so_byte_buffer_reserve(SoByteBuffer *buffer, size_t size);

/* Drop size bytes at the front. */
extern void so_byte_buffer_consume(SoByteBuffer *buffer, size_t size);

extern void so_put_bytes(SoByteBuffer *buffer, const void *bytes, size_t size);
extern void so_put_u8(SoByteBuffer *buffer, uint8_t value);
extern void so_put_u16(SoByteBuffer *buffer, uint16_t value);
extern void so_put_u32(SoByteBuffer *buffer, uint32_t value);
extern void so_put_u64(SoByteBuffer *buffer, uint64_t value);
/* u32 length, then the bytes; NULL is written as an empty string. */
extern void so_put_string(SoByteBuffer *buffer, const char *text);
extern void so_put_block(SoByteBuffer *buffer, const void *bytes, size_t size);

/*
 * Write as much as the descriptor takes (EINTR is retried) and consume it.
 * Returns the bytes written, 0 when it would block, -1 with errno otherwise.
 */
extern ssize_t so_byte_buffer_write(SoByteBuffer *buffer, int fd);

/* Reads fields in order; after the first that does not fit, failed stays set. */
typedef struct SoFieldReader
{
	const uint8_t *position;
	const uint8_t *end;
	bool failed;
} SoFieldReader;

extern void so_field_reader_init(SoFieldReader *reader, const void *bytes, size_t size);
extern uint8_t so_get_u8(SoFieldReader *reader);
extern uint16_t so_get_u16(SoFieldReader *reader);
extern uint32_t so_get_u32(SoFieldReader *reader);
extern uint64_t so_get_u64(SoFieldReader *reader);
/* A pointer to size bytes inside the payload, or NULL. */
extern const uint8_t *so_get_bytes(SoFieldReader *reader, size_t size);
/* A block written by so_put_string or so_put_block: not terminated, length in *size. */
extern const char *so_get_block(SoFieldReader *reader, size_t *size);
/* true when every field fitted and nothing is left over */
extern bool so_field_reader_done(const SoFieldReader *reader);

#endif /* COMMON_BYTE_BUFFER_H */
