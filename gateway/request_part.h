/*
 * gateway/request_part.h
 *
 * The parts that the REQUEST frames of several kinds have in common: the head
 * (docs/protocol.md, 3), and bodies of JSON with a limit.
 *
 * Process: gateway; pure functions.  When one fails, what it has appended to out
 * is left there: so_request_encode takes the whole frame back.
 */
#ifndef GATEWAY_REQUEST_PART_H
#define GATEWAY_REQUEST_PART_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/uuid.h"
#include "gateway/request.h"

/* The most that an agent may ask for, or say that it runs at once. */
#define SO_REQUEST_MAX_CAPACITY 100000
/* Names, versions and the like, in bytes. */
#define SO_REQUEST_MAX_TEXT 1024
/* Paths, and the texts of errors, in bytes. */
#define SO_REQUEST_MAX_PATH 4096

/* The members of the head; what a kind of request does not have is 0. */
typedef struct SoRequestFields
{
	SoUuid agent_id;
	SoUuid instance_id;
	int64_t epoch;
	int64_t capacity;
	int64_t wait_ms;
} SoRequestFields;

/* Read agent_id and instance_id of root into fields; false with SO334. */
extern bool so_request_read_identity(const json_t *root, SoRequestFields *fields,
									 SoError *error) SO_WARN_UNUSED;

/*
 * Append the frame up to the body: fields, and the attempts that root/held lists
 * (root NULL: the kind of request has none).  false with SO334 or SO335 when that
 * list is wrong.
 */
extern bool so_request_put_head(SoByteBuffer *out, SoRequestKind kind,
								const SoRequestOrigin *origin, const SoRequestFields *fields,
								const json_t *root, SoError *error) SO_WARN_UNUSED;

/* Set the member of known to that of root, which has it; SO002 when known is NULL. */
extern bool so_request_copy_member(json_t *known, const json_t *root, const char *name,
								   SoError *error) SO_WARN_UNUSED;

/* Append value as compact text of at most limit bytes; SO335 at pointer beyond. */
extern bool so_request_put_json(SoByteBuffer *out, const json_t *value, size_t limit,
								const char *pointer, SoError *error) SO_WARN_UNUSED;

/*
 * Start and end a block of bytes whose length is not known yet; the start is
 * returned for the end.
 */
extern size_t so_request_begin_block(SoByteBuffer *out);
extern void so_request_end_block(SoByteBuffer *out, size_t begin);

/* The body as one block: object as so_request_put_json writes it; SO002 when it is NULL. */
extern bool so_request_put_body(SoByteBuffer *out, const json_t *object, size_t limit,
								const char *pointer, SoError *error) SO_WARN_UNUSED;

#endif /* GATEWAY_REQUEST_PART_H */
