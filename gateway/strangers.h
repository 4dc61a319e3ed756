/*
 * gateway/strangers.h
 *
 * Places for clients with a certificate that is not trusted, while workers may
 * join.  Whoever keeps a place without asking loses it to the next one, so that
 * nobody can keep all of them from the workers.
 *
 * Process: gateway; one thread, no locking.
 */
#ifndef GATEWAY_STRANGERS_H
#define GATEWAY_STRANGERS_H

#include "gateway/door.h"

/*
 * In the connected callback of the door: give the connection a place, closing an
 * older one of its network, or of all, when there are too many.  false with SO316
 * when none of them can be closed.
 */
extern bool
so_strangers_admit(SoDoor *door, SoDoorConnection *connection, SoError *error) SO_WARN_UNUSED;

#endif /* GATEWAY_STRANGERS_H */
