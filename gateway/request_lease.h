/*
 * gateway/request_lease.h
 *
 * The poll for work (docs/protocol.md, 2.5).
 *
 * Process: gateway; pure functions.
 */
#ifndef GATEWAY_REQUEST_LEASE_H
#define GATEWAY_REQUEST_LEASE_H

#include <jansson.h>

#include "gateway/request.h"

/*
 * Check the object root and append the payload of its REQUEST frame to out.  false
 * as so_request_encode; out then holds a part of the payload.
 */
extern bool so_request_put_lease(const SoRequestOrigin *origin, const json_t *root,
								 SoByteBuffer *out, SoError *error) SO_WARN_UNUSED;

#endif /* GATEWAY_REQUEST_LEASE_H */
