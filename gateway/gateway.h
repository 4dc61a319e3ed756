/*
 * gateway/gateway.h
 *
 * What the gateway does: it obeys the master's frames and forwards what clients
 * ask.  The parts are link.h (frames), door.h (HTTPS), trust.h, request.h.
 *
 * Process: gateway; one thread, no locking.
 */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include <event2/event.h>
#include <stdbool.h>

#include "common/error.h"

typedef struct SoGateway SoGateway;

/*
 * Say HELLO on the descriptor and wait for CONFIGURE.  descriptors is the limit of
 * open files in force.  NULL with *error when that fails.
 */
extern SoGateway *
so_gateway_open(struct event_base *base, int link_fd, uint64_t descriptors, SoError *error);

/* Serve until the process ends; only a broken event loop returns. */
extern void so_gateway_run(SoGateway *gateway);

#endif /* GATEWAY_GATEWAY_H */
