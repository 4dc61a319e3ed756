/*
 * gateway/request_register.h
 *
 * How a worker makes itself known: register and join (docs/protocol.md, 2.4 and
 * 2.8).
 *
 * Process: gateway; pure functions.
 */
#ifndef GATEWAY_REQUEST_REGISTER_H
#define GATEWAY_REQUEST_REGISTER_H

#include <jansson.h>

#include "gateway/request.h"

/*
 * Check the object root and append the payload of its REQUEST frame to out.  false
 * as so_request_encode; out then holds a part of the payload.
 */
extern bool so_request_put_register(const SoRequestOrigin *origin, const json_t *root,
									SoByteBuffer *out, SoError *error) SO_WARN_UNUSED;

/* The same of a join; SO301 when the client sent no certificate. */
extern bool so_request_put_join(const SoRequestOrigin *origin, const json_t *root,
								SoByteBuffer *out, SoError *error) SO_WARN_UNUSED;

#endif /* GATEWAY_REQUEST_REGISTER_H */
