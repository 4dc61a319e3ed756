/*
 * gateway/trust.h
 *
 * The set of trusted thumbprints, as the master last sent it, and what each of
 * its members has open.
 *
 * Process: gateway; one thread, no locking.
 */
#ifndef GATEWAY_TRUST_H
#define GATEWAY_TRUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/thumbprint.h"

typedef struct SoTrustEntry
{
	SoThumbprint thumbprint;
	uint32_t connections; /* open, past the handshake */
	uint32_t leases;      /* requests that the master has not answered */
	uint32_t others;
} SoTrustEntry;

typedef struct SoTrust
{
	SoTrustEntry *entries; /* sorted by thumbprint */
	size_t count;
	bool received; /* the master has sent a set */
	bool open;     /* workers that are not in the set may try to join */
} SoTrust;

extern void so_trust_init(SoTrust *trust);
extern void so_trust_free(SoTrust *trust);

/*
 * Replace the set by count thumbprints of SO_THUMBPRINT_SIZE bytes each, in any
 * order, duplicates allowed.  What an entry of both sets has open is kept.
 * false without memory; the old set then stays.
 */
extern bool
so_trust_replace(SoTrust *trust, const uint8_t *thumbprints, size_t count) SO_WARN_UNUSED;

/* The entry, valid until the next replace, or NULL: not trusted. */
extern SoTrustEntry *so_trust_find(const SoTrust *trust, const SoThumbprint *thumbprint);

#endif /* GATEWAY_TRUST_H */
