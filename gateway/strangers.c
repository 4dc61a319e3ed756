/*
 * gateway/strangers.c
 *
 * Counts the strangers by walking over the connections: they are few, and each
 * comes with a TLS handshake, which costs a thousand times more.
 *
 * Process: gateway; one thread.  A client whose connection was closed asks again.
 */
#include "gateway/strangers.h"

#include <string.h>

#include "gateway/limits.h"
#include "gateway/peer.h"

typedef struct Census
{
	const char *network; /* of the newcomer */
	int all;
	int near; /* in that network */
	/* The oldest that may be closed, or NULL. */
	SoDoorConnection *oldest;
	SoDoorConnection *oldest_near;
} Census;

static void
count(void *context, SoDoorConnection *connection)
{
	Census *census = context;
	char network[SO_PEER_NETWORK_SIZE];
	bool near;

	if (!so_door_is_stranger(connection))
		return;
	so_peer_network(so_door_peer(connection), network);
	near = strcmp(network, census->network) == 0;
	census->all++;
	census->near += near;
	if (!so_door_stranger_lingers(connection))
		return;
	/* They come in the order of their age. */
	if (census->oldest == NULL)
		census->oldest = connection;
	if (near && census->oldest_near == NULL)
		census->oldest_near = connection;
}

bool
so_strangers_admit(SoDoor *door, SoDoorConnection *connection, SoError *error)
{
	char network[SO_PEER_NETWORK_SIZE];
	Census census = {.network = network};
	SoDoorConnection *leaves = NULL;

	so_peer_network(so_door_peer(connection), network);
	so_door_each(door, count, &census);
	if (census.near >= SO_LIMIT_STRANGERS_NEAR)
		leaves = census.oldest_near;
	else if (census.all >= SO_LIMIT_STRANGERS)
		leaves = census.oldest;
	else
	{
		so_door_set_stranger(connection);
		return true;
	}
	if (leaves == NULL)
		return so_error_set(error, SO_ERR_ENROLLMENT_LIMIT, NULL,
							"too many workers want to join at this moment");
	so_door_close(leaves);
	so_door_set_stranger(connection);
	return true;
}
