/*
 * gateway/outgoing.h
 *
 * The frames from the gateway to the master, except REQUEST (request.h) and LOG
 * (link.h).  They are appended to the link's buffer.
 *
 * Process: gateway; one thread, no locking.
 */
#ifndef GATEWAY_OUTGOING_H
#define GATEWAY_OUTGOING_H

#include <stdint.h>

#include "common/error.h"
#include "common/refusal_list.h"
#include "common/thumbprint.h"
#include "gateway/link.h"

extern void so_outgoing_hello(SoLink *link);

/* addresses as people read them; thumbprint of the served certificate. */
extern void so_outgoing_listening(SoLink *link, const char *addresses, uint16_t port,
								  const SoThumbprint *thumbprint);

/* error NULL: the new settings are in use; otherwise why the old ones still are. */
extern void
so_outgoing_reloaded(SoLink *link, const SoThumbprint *thumbprint, const SoError *error);

/* Why the gateway cannot serve; its last frame. */
extern void so_outgoing_failed(SoLink *link, const SoError *error);

/* Connections that were refused since the last such frame. */
extern void so_outgoing_refused(SoLink *link, const SoRefusalList *refusals);

extern void so_outgoing_abandoned(SoLink *link, uint64_t request);

#endif /* GATEWAY_OUTGOING_H */
