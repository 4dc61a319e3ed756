/*
 * gateway/routes.h
 *
 * Which request a method and a path stand for.
 *
 * Process: gateway; pure functions.
 */
#ifndef GATEWAY_ROUTES_H
#define GATEWAY_ROUTES_H

#include <stdbool.h>

#include "common/error.h"
#include "common/protocol.h"

/*
 * The kind of a request; path is without query, NULL when there was none.  false
 * with SO205 (protocol version), SO332 (unknown route) or SO333 (not POST); a path
 * is judged before the method.
 */
extern bool
so_routes_find(const char *path, bool is_post, SoRequestKind *kind, SoError *error) SO_WARN_UNUSED;

#endif /* GATEWAY_ROUTES_H */
