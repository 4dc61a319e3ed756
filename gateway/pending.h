/*
 * gateway/pending.h
 *
 * The requests that are with the master: from the number of a request to the
 * connection that waits for its answer.
 *
 * Process: gateway; one thread, no locking.
 */
#ifndef GATEWAY_PENDING_H
#define GATEWAY_PENDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/protocol.h"
#include "gateway/door.h"

typedef struct SoPendingSlot
{
	uint64_t request; /* 0: free */
	SoDoorConnection *connection;
	SoRequestKind kind;
	size_t bytes; /* of the request, for the limit of all */
	uint32_t next_free;
} SoPendingSlot;

typedef struct SoPending
{
	SoPendingSlot *slots;
	uint32_t capacity;
	uint32_t first_free;
	uint32_t count;
	size_t bytes; /* of all */
	uint64_t sequence;
} SoPending;

extern void so_pending_init(SoPending *pending);
extern void so_pending_free(SoPending *pending);

/* A number for a new request, never 0 and never used before; 0 without memory. */
extern uint64_t
so_pending_add(SoPending *pending, SoDoorConnection *connection, SoRequestKind kind, size_t bytes);

/* Forget a request and return what it was; false when the number is not (any more) known. */
extern bool so_pending_take(SoPending *pending, uint64_t request, SoPendingSlot *slot);

#endif /* GATEWAY_PENDING_H */
