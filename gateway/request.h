/*
 * gateway/request.h
 *
 * From the JSON body of a request to the REQUEST frame for the master
 * (docs/protocol.md, 2.4 to 2.6 and 3).
 *
 * Process: gateway; pure functions, tested and fuzzed by themselves.
 */
#ifndef GATEWAY_REQUEST_H
#define GATEWAY_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/byte_buffer.h"
#include "common/certificate.h"
#include "common/error.h"
#include "common/protocol.h"
#include "common/thumbprint.h"

/* Who sends it, and under which number the master answers. */
typedef struct SoRequestOrigin
{
	uint64_t request;
	SoThumbprint thumbprint;
	const char *peer;                      /* "192.0.2.7:41822" */
	const SoCertificateFacts *certificate; /* of a join, otherwise NULL */
} SoRequestOrigin;

/*
 * Check size bytes of body and append a whole REQUEST frame to out.  Unknown
 * members are ignored; of a registration only the known ones are passed on.
 * On failure out is as it was, and *error says which member (place, a JSON
 * pointer) is wrong: SO010 (not JSON), SO205 (protocol), SO334, SO335.
 */
extern bool so_request_encode(SoRequestKind kind, const SoRequestOrigin *origin, const char *body,
							  size_t size, SoByteBuffer *out, SoError *error) SO_WARN_UNUSED;

#endif /* GATEWAY_REQUEST_H */
