/*
 * common/frame.h
 *
 * Messages between two processes of one machine over a stream socket pair:
 * master and gateway, agent and runner, backend and loader.  A frame is a
 * header of 8 bytes (u32 payload length, u8 type, u8 flags, u16 zero, all
 * big-endian) and its payload.  docs/protocol.md lists the types.
 *
 * Process: all of them; one owner per reader, no locking.  A peer that dies in
 * the middle of a frame leaves an incomplete frame, which is dropped.
 */
#ifndef COMMON_FRAME_H
#define COMMON_FRAME_H

#include "common/byte_buffer.h"
#include "common/error.h"

#define SO_FRAME_HEADER_SIZE 8
/* No frame of ours is larger; a bigger length is a violation. */
#define SO_FRAME_MAX_PAYLOAD (64u * 1024 * 1024)

typedef struct SoFrame
{
	uint8_t type;
	uint8_t flags;
	const uint8_t *payload; /* inside the input buffer; valid until the next read */
	size_t length;
} SoFrame;

/* Append a whole frame to out. */
extern void
so_frame_put(SoByteBuffer *out, uint8_t type, uint8_t flags, const void *payload, size_t length);

/*
 * Append a header whose length is not known yet and return the position for
 * so_frame_end, which fills it in after the fields have been put.
 */
extern size_t so_frame_begin(SoByteBuffer *out, uint8_t type, uint8_t flags);
extern void so_frame_end(SoByteBuffer *out, size_t position);

/*
 * Read what the descriptor has into the buffer.  Returns bytes read, 0 at end
 * of file, -1 with errno (EAGAIN when there is nothing now).
 */
extern ssize_t so_frame_read(SoByteBuffer *in, int fd);

/*
 * Take the next complete frame out of the buffer.  Returns 1 with *frame
 * filled, 0 when more bytes are needed, -1 with *error on a violation (the
 * connection must then be closed).  max_payload in bytes.
 */
extern int so_frame_next(SoByteBuffer *in, size_t max_payload, SoFrame *frame, SoError *error);

#endif /* COMMON_FRAME_H */
