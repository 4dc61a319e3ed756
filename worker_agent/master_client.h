/*
 * worker_agent/master_client.h
 *
 * HTTPS requests to the master: libcurl's multi interface driven by libevent,
 * one kept-alive connection per channel, our certificate, and the master's
 * certificate compared with the pinned thumbprints and the endpoint's host name.
 *
 * Process: agent, event loop thread.  A request that has no answer leaves
 * nothing behind; whoever sent it sends it again.
 */
#ifndef WORKER_AGENT_MASTER_CLIENT_H
#define WORKER_AGENT_MASTER_CLIENT_H

#include <event2/event.h>
#include <jansson.h>
#include <talloc.h>

#include "common/byte_buffer.h"
#include "common/certificate.h"
#include "common/error.h"
#include "worker_agent/endpoint.h"

/* One request at a time each; a second lease poll replaces a parked one. */
typedef enum SoChannel
{
	SO_CHANNEL_LEASE_A,
	SO_CHANNEL_LEASE_B,
	SO_CHANNEL_REPORT,
	SO_CHANNEL_TASK_LOG,
	SO_CHANNEL_COUNT
} SoChannel;

#define SO_PINS_MAX 16

/* Whom to talk to; the client keeps a copy. */
typedef struct SoMasterAddress
{
	SoEndpointList endpoints;
	int current; /* index of the endpoint in use */
	int pin_count;
	SoThumbprint pins[SO_PINS_MAX];
} SoMasterAddress;

typedef struct SoAnswer
{
	int status;    /* HTTP status; 0 when there was no answer */
	json_t *body;  /* borrowed; NULL unless status is 200 */
	SoError error; /* code SO_OK when status is 200 and the body is JSON */
	char code[8];  /* of an error body ("SO210"); empty otherwise */
	bool retryable;
	int64_t retry_after_ms; /* 0: not said */
	int64_t sent_ms;        /* monotonic */
	int64_t arrived_ms;     /* monotonic: when its end was here, before it was read */
	int endpoint;           /* index of the endpoint that was asked */
} SoAnswer;

typedef void (*SoAnswerCallback)(void *context, const SoAnswer *answer);

typedef struct SoMasterClient SoMasterClient;

/* pair is used, not kept; it must outlive the client.  NULL with *error. */
extern SoMasterClient *so_master_client_create(TALLOC_CTX *context, struct event_base *base,
											   const SoCertificatePair *pair, SoError *error);

/* Use these endpoints and pins from the next request on; open connections are given up. */
extern void so_master_client_set_address(SoMasterClient *client, const SoMasterAddress *address);
extern const SoMasterAddress *so_master_client_address(const SoMasterClient *client);

/* Turn to the next endpoint of the list. */
extern void so_master_client_next_endpoint(SoMasterClient *client);
extern const char *so_master_client_url(const SoMasterClient *client);

/*
 * POST body (consumed) to route.  The callback runs exactly once, from the event
 * loop.  It fails when no byte went either way for timeout_ms, or after ten
 * minutes.  The channel must be free.
 */
extern void so_master_client_post(SoMasterClient *client, SoChannel channel, const char *route,
								  SoByteBuffer *body, int64_t timeout_ms, SoAnswerCallback callback,
								  void *callback_context);

extern bool so_master_client_busy(const SoMasterClient *client, SoChannel channel);

/* Give a request up; its callback does not run. */
extern void so_master_client_abort(SoMasterClient *client, SoChannel channel);

extern void so_master_client_free(SoMasterClient *client);

#endif /* WORKER_AGENT_MASTER_CLIENT_H */
