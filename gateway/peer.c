/*
 * gateway/peer.c
 *
 * Takes the address out of "address:port"; see peer.h.
 *
 * Process: gateway; one thread, no state.
 */
#include "gateway/peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void
so_peer_network(const char *peer, char network[SO_PEER_NETWORK_SIZE])
{
	char text[SO_PEER_NETWORK_SIZE];
	struct in6_addr address;
	char *end;

	if (peer[0] != '[')
	{
		snprintf(network, SO_PEER_NETWORK_SIZE, "%s", peer);
		end = strrchr(network, ':');
		if (end != NULL)
			*end = '\0';
		return;
	}
	snprintf(text, sizeof(text), "%s", peer + 1);
	/* A zone ("%eth0") says where the address is, not whose. */
	text[strcspn(text, "]%")] = '\0';
	snprintf(network, SO_PEER_NETWORK_SIZE, "%s", text);
	if (inet_pton(AF_INET6, text, &address) != 1)
		return;
	if (IN6_IS_ADDR_V4MAPPED(&address))
	{
		inet_ntop(AF_INET, &address.s6_addr[12], network, SO_PEER_NETWORK_SIZE);
		return;
	}
	memset(&address.s6_addr[8], 0, 8);
	inet_ntop(AF_INET6, &address, network, SO_PEER_NETWORK_SIZE);
}
