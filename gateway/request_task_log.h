/*
 * gateway/request_task_log.h
 *
 * A piece of a task's log, or why there is none (docs/protocol.md, 2.9).
 *
 * Process: gateway; pure functions.
 */
#ifndef GATEWAY_REQUEST_TASK_LOG_H
#define GATEWAY_REQUEST_TASK_LOG_H

#include <jansson.h>

#include "gateway/request.h"

/*
 * Check the object root and append the payload of its REQUEST frame to out.  false
 * as so_request_encode; out then holds a part of the payload.
 */
extern bool so_request_put_task_log(const SoRequestOrigin *origin, const json_t *root,
									SoByteBuffer *out, SoError *error) SO_WARN_UNUSED;

#endif /* GATEWAY_REQUEST_TASK_LOG_H */
