/*
 * gateway/limits.h
 *
 * What one client, and all of them together, may use of the gateway.  Sizes of
 * requests are in common/protocol.h; the master sets what is configurable.
 *
 * Process: gateway; one thread, no locking.
 */
#ifndef GATEWAY_LIMITS_H
#define GATEWAY_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From TCP accept to the end of the TLS handshake, and to the first byte of a refused client. */
#define SO_LIMIT_HANDSHAKE_MS 10000
/* While all places are taken: what a client has for its handshake. */
#define SO_LIMIT_EVICT_MS 1000
/* After an own answer that ends a connection: what is still read, and how long. */
#define SO_LIMIT_DRAIN_BYTES (1024 * 1024)
#define SO_LIMIT_DRAIN_MS    2000
/* The master answers within the long poll; after this it counts as away. */
#define SO_LIMIT_ANSWER_MS 120000
/* What must get out of an answer, on the whole, in each time limit of a request. */
#define SO_LIMIT_ANSWER_BYTES (256 * 1024)
/* What one agent may have open. An old lease is answered when a newer one arrives. */
#define SO_LIMIT_AGENT_CONNECTIONS 32
#define SO_LIMIT_AGENT_LEASES      2
#define SO_LIMIT_AGENT_OTHERS      3
/* Clients with a certificate that is not trusted, while workers may join. */
#define SO_LIMIT_STRANGERS        64
#define SO_LIMIT_STRANGERS_NEAR   8 /* of one network */
#define SO_LIMIT_STRANGER_BODY    (16 * 1024)
#define SO_LIMIT_STRANGER_IDLE_MS 10000
/* Requests of more bytes that one agent may be sending at a time: each is read in one go. */
#define SO_LIMIT_LARGE_BYTES (256 * 1024)
#define SO_LIMIT_AGENT_LARGE 3
/* Bytes of half-received requests of all clients. */
#define SO_LIMIT_RECEIVING_BYTES (256u * 1024 * 1024)
/* Bytes of requests that the master has not answered; then 503. */
#define SO_LIMIT_PENDING_BYTES (96u * 1024 * 1024)
/* Bytes that wait to be written to the master; then 503, and log lines are dropped. */
#define SO_LIMIT_LINK_BYTES     (64u * 1024 * 1024)
#define SO_LIMIT_LINK_LOG_BYTES (1024 * 1024)
/* Pipelined bytes that are read while a request waits. */
#define SO_LIMIT_PARKED_INPUT (64 * 1024)
/* Refused connections are told to the master together, at most this often. */
#define SO_LIMIT_REFUSAL_REPORT_MS 3000
/* Accepting is tried again this long after the system ran out of descriptors. */
#define SO_LIMIT_ACCEPT_RETRY_MS 1000

/* Settings from the master's CONFIGURE frame. */
typedef struct SoLimits
{
	uint32_t max_connections;
	uint32_t idle_timeout_ms;
	uint32_t request_timeout_ms;
} SoLimits;

/* Raise the soft limit of descriptors to the hard one; returns the limit in force. */
extern uint64_t so_limits_raise_descriptors(void);

/* Bring settings into their ranges; connections are bounded by the descriptors. */
extern void so_limits_adjust(SoLimits *limits, uint64_t descriptors);

/*
 * How long the writing of an answer of so many bytes may take in all, in
 * milliseconds: request_timeout_ms, which is also the limit without progress,
 * and once more for each SO_LIMIT_ANSWER_BYTES of it.
 */
extern int64_t so_limits_answer_ms(const SoLimits *limits, size_t size);

/* A budget of log lines that clients can cause: so many per window, the rest is counted. */
typedef struct SoLogBudget
{
	int64_t window_start_ms;
	uint32_t used;
	uint32_t suppressed;
} SoLogBudget;

/*
 * May one more line be written now (monotonic milliseconds)?  When a new window
 * begins *suppressed is how many lines the last ones lost, otherwise 0.
 */
extern bool so_limits_may_log(SoLogBudget *budget, int64_t now_ms, uint32_t *suppressed);

#endif /* GATEWAY_LIMITS_H */
