/*
 * gateway/door.h
 *
 * The door between the HTTP library and the rest of the gateway: connection up
 * (with its thumbprint), request in, answer out, connection closed.  Whoever
 * replaces the library replaces door*.c and nothing else.
 *
 * Process: gateway; one thread, no locking.
 */
#ifndef GATEWAY_DOOR_H
#define GATEWAY_DOOR_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/certificate.h"
#include "common/error.h"
#include "common/thumbprint.h"
#include "gateway/limits.h"
#include "gateway/listener.h"
#include "gateway/tls.h"

typedef struct SoDoor SoDoor;
typedef struct SoDoorConnection SoDoorConnection;

/* A whole request, valid during the call. */
typedef struct SoDoorRequest
{
	const char *path; /* without query; NULL when there was none */
	bool is_post;
	const char *body; /* not terminated */
	size_t size;
} SoDoorRequest;

typedef struct SoDoorCallbacks
{
	/*
	 * A TLS connection is up.  thumbprint is NULL when the client sent no
	 * certificate.  false with *error: the client gets the error as answer to
	 * whatever it asks, nothing that it sends is parsed, and closed is not called.
	 * Another connection may be closed in the call.
	 */
	bool (*connected)(void *context, SoDoorConnection *connection, const SoThumbprint *thumbprint,
					  SoError *error);

	/*
	 * A client does not get in: its handshake failed, or connected has said so.
	 * Not called for one that only hangs up.  For the user's statistics.
	 */
	void (*refused)(void *context, const SoDoorConnection *connection, const SoError *error);

	/* Each request is answered once, in the call or later; or its connection closes. */
	void (*request)(void *context, SoDoorConnection *connection, const SoDoorRequest *request);

	/* A request was not answered for SO_LIMIT_ANSWER_MS: to be answered in the call. */
	void (*overdue)(void *context, SoDoorConnection *connection);

	/* Gone; undelivered: a request was not answered, or its answer did not get out. */
	void (*closed)(void *context, SoDoorConnection *connection, bool undelivered);
	void *context;
} SoDoorCallbacks;

/* Serve the sockets of the listener.  *tls and *limits may change while the door is open. */
extern SoDoor *
so_door_open(struct event_base *base, SoListener *listener, const SoTls *tls,
			 const SoLimits *limits, const SoDoorCallbacks *callbacks, SoError *error);

/* Answer the request that the connection waits with; body is JSON, copied. */
extern void so_door_answer(SoDoorConnection *connection, int status, const char *body, size_t size);

/* The same with an error. */
extern void so_door_answer_error(SoDoorConnection *connection, const SoError *error);

/* Close at once, without an answer; calls closed. */
extern void so_door_close(SoDoorConnection *connection);

/*
 * Call visit for every connection that was accepted by connected, the oldest first; it
 * may close the connection that it is given.
 */
extern void so_door_each(SoDoor *door, void (*visit)(void *context, SoDoorConnection *connection),
						 void *context);

/*
 * In connected: accept the connection for one small request only; its answer
 * ends it.
 */
extern void so_door_set_stranger(SoDoorConnection *connection);
extern bool so_door_is_stranger(const SoDoorConnection *connection);

/* Has it had time for its request, and not sent it? */
extern bool so_door_stranger_lingers(const SoDoorConnection *connection);

/* What the certificate of the client says; false with *error. */
extern bool so_door_certificate(const SoDoorConnection *connection, SoCertificateFacts *facts,
								SoError *error) SO_WARN_UNUSED;

/* May a line about a client be logged now?  Clients must not fill the log. */
extern bool so_door_may_log(SoDoor *door);

/* Facts of a connection. */
extern const SoThumbprint *so_door_thumbprint(const SoDoorConnection *connection);
extern const char *so_door_peer(const SoDoorConnection *connection);

/* A number that the user of the door keeps with a connection; 0 at first. */
extern uint64_t so_door_tag(const SoDoorConnection *connection);
extern void so_door_set_tag(SoDoorConnection *connection, uint64_t tag);

#endif /* GATEWAY_DOOR_H */
