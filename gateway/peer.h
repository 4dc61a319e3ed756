/*
 * gateway/peer.h
 *
 * Whose connections are counted together.
 *
 * Process: gateway; one thread, no state.
 */
#ifndef GATEWAY_PEER_H
#define GATEWAY_PEER_H

#define SO_PEER_NETWORK_SIZE 72

/*
 * The network of a peer ("192.0.2.7:41822", "[2001:db8::1]:41822"): its address, of
 * IPv6 the first 64 bits, because whoever has one such address has all of them.
 */
extern void so_peer_network(const char *peer, char network[SO_PEER_NETWORK_SIZE]);

#endif /* GATEWAY_PEER_H */
