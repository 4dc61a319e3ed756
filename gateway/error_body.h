/*
 * gateway/error_body.h
 *
 * The JSON body of a failure (docs/protocol.md 2.2).
 *
 * Process: gateway; no state.
 */
#ifndef GATEWAY_ERROR_BODY_H
#define GATEWAY_ERROR_BODY_H

#include <stddef.h>

#include "common/error.h"

/*
 * {"error": {"code", "message", "detail", "hint", "retryable"}} as malloc'ed text
 * that the caller frees; NULL without memory.  In a text that is not
 * UTF-8 every byte outside ASCII becomes a question mark.
 */
extern char *so_error_body(const SoError *error, size_t *length);

#endif /* GATEWAY_ERROR_BODY_H */
