/*
 * gateway/join_limit.h
 *
 * How often somebody may try to join with a token: per address and altogether.
 *
 * Process: gateway; one thread, no locking.
 */
#ifndef GATEWAY_JOIN_LIMIT_H
#define GATEWAY_JOIN_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/peer.h"

#define SO_JOIN_WINDOW_MS   60000
#define SO_JOIN_PER_ADDRESS 20
#define SO_JOIN_ALTOGETHER  200
/* First attempts of an address in its window that are allowed beyond that. */
#define SO_JOIN_FIRST 1000
/* Addresses that are remembered; with more of them the common limit remains. */
#define SO_JOIN_ADDRESSES 4096

typedef struct SoJoinCounter
{
	char address[SO_PEER_NETWORK_SIZE]; /* so_peer_network; empty: free */
	int64_t window_start_ms;
	uint32_t attempts;
} SoJoinCounter;

/* Zeroed before its first use. */
typedef struct SoJoinLimit
{
	SoJoinCounter all;
	SoJoinCounter first;
	SoJoinCounter addresses[SO_JOIN_ADDRESSES];
} SoJoinLimit;

/* Count an attempt of a peer ("192.0.2.7:41822") at now_ms (monotonic); false when it is one too many. */
extern bool so_join_limit_allow(SoJoinLimit *limit, const char *peer, int64_t now_ms);

#endif /* GATEWAY_JOIN_LIMIT_H */
