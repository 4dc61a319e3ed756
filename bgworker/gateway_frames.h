/*
 * bgworker/gateway_frames.h
 *
 * The frames between master and gateway (docs/protocol.md, chapter 3): what
 * comes in is decoded with bounds checks, what goes out is encoded here.
 */
#ifndef BGWORKER_GATEWAY_FRAMES_H
#define BGWORKER_GATEWAY_FRAMES_H

#include "common/byte_buffer.h"
#include "common/error.h"
#include "common/frame.h"
#include "common/protocol.h"
#include "lib/stringinfo.h"
#include "utils/uuid.h"

/* An attempt that an agent says it holds. */
typedef struct SoHeld
{
	pg_uuid_t task;
	uint32 attempt;
	uint8 state; /* SoHeldState */
} SoHeld;

/* A REQUEST frame. */
typedef struct SoRequest
{
	uint64 request;
	uint8 kind; /* SoRequestKind */
	uint8 thumbprint[SO_THUMBPRINT_SIZE];
	char *peer;
	pg_uuid_t agent_id;
	pg_uuid_t instance_id;
	uint64 epoch;
	uint32 capacity;
	uint32 wait_ms;
	uint32 n_held;
	SoHeld *held;
	char *body; /* JSON, terminated */
	size_t body_size;
	StringInfo commands; /* JSON objects for the answer, comma separated; NULL: none */
} SoRequest;

/*
 * Decode a REQUEST frame.  Everything is copied into the current memory
 * context.  Returns NULL with *error when the frame is malformed; the
 * connection to the gateway must then be given up.
 */
extern SoRequest *so_gateway_frames_request(const SoFrame *frame, SoError *error);

/* The request id of an ABANDONED frame; false when malformed. */
extern bool so_gateway_frames_abandoned(const SoFrame *frame, uint64 *request);

/* n strings at the start of a payload, after skip bytes; copied; false when malformed. */
extern bool so_gateway_frames_strings(const SoFrame *frame, size_t skip, char **strings, int n);

/* ANSWER: the body is not terminated. */
extern void so_gateway_frames_answer(SoByteBuffer *out, uint64 request, int status,
									 const char *body, size_t size);

/*
 * ANSWER with the error of the table: message and detail may be NULL for the
 * table's summary and none.
 */
extern void so_gateway_frames_refuse(SoByteBuffer *out, uint64 request, SoErrorCode code,
									 const char *message, const char *detail);

/*
 * CONFIGURE from the present settings.  When scaleout.port_number is 0 the
 * gateway is asked for kept_port (0: any).
 */
extern void so_gateway_frames_configure(SoByteBuffer *out, int kept_port);

/* TRUST: n thumbprints, one after the other; may workers join that are not among them? */
extern void so_gateway_frames_trust(SoByteBuffer *out, const uint8 *thumbprints, uint32 n,
									bool enrollment_open);

#endif /* BGWORKER_GATEWAY_FRAMES_H */
