/*
 * gateway/join_limit.c
 *
 * Counts attempts to join in fixed windows; see join_limit.h.
 *
 * Process: gateway; one thread.  A new gateway starts counting anew; the catalog
 * locks a token after five wrong secrets all the same.
 */
#include "gateway/join_limit.h"

#include <stdio.h>
#include <string.h>

#include "gateway/peer.h"

static bool
count(SoJoinCounter *counter, uint32_t most, int64_t now_ms)
{
	if (counter->attempts == 0 || now_ms - counter->window_start_ms >= SO_JOIN_WINDOW_MS)
	{
		counter->window_start_ms = now_ms;
		counter->attempts = 0;
	}
	if (counter->attempts >= most)
		return false;
	counter->attempts++;
	return true;
}

/* The counter of the address, or one that is free or whose window is over; NULL when all are in use. */
static SoJoinCounter *
find(SoJoinLimit *limit, const char *address, int64_t now_ms)
{
	SoJoinCounter *unused = NULL;

	for (size_t i = 0; i < SO_JOIN_ADDRESSES; i++)
	{
		SoJoinCounter *counter = &limit->addresses[i];

		if (strcmp(counter->address, address) == 0)
			return counter;
		if (unused == NULL &&
			(counter->address[0] == '\0' || now_ms - counter->window_start_ms >= SO_JOIN_WINDOW_MS))
			unused = counter;
	}
	if (unused != NULL)
	{
		memset(unused, 0, sizeof(*unused));
		snprintf(unused->address, sizeof(unused->address), "%s", address);
	}
	return unused;
}

bool
so_join_limit_allow(SoJoinLimit *limit, const char *peer, int64_t now_ms)
{
	char address[SO_PEER_NETWORK_SIZE];
	SoJoinCounter *counter;

	so_peer_network(peer, address);
	counter = find(limit, address, now_ms);
	/* The address first: one that is over its limit must not use up the others' share. */
	if (counter != NULL && !count(counter, SO_JOIN_PER_ADDRESS, now_ms))
		return false;
	if (count(&limit->all, SO_JOIN_ALTOGETHER, now_ms))
		return true;
	/* Whoever has not tried yet is not to wait for the others who try too often. */
	return counter != NULL && counter->attempts == 1 && count(&limit->first, SO_JOIN_FIRST, now_ms);
}
