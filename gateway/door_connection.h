/*
 * gateway/door_connection.h
 *
 * A connection as the files of the door see it; private to door*.c.
 *
 * A connection belongs to libevent's evhttp from the start, but evhttp gets to
 * see bytes of it only while the state is IDLE or RECEIVING: before the client
 * is known to be trusted, while a request waits, and once the door itself has
 * refused something, the bufferevent's callbacks are the door's.
 *
 *	NEW -> HANDSHAKE -> IDLE -> RECEIVING -> WAITING -> ANSWERING -> IDLE ...
 *					 \-> REFUSING -> REFUSED	(also from RECEIVING)
 *
 * Process: gateway; one thread, no locking.
 */
#ifndef GATEWAY_DOOR_CONNECTION_H
#define GATEWAY_DOOR_CONNECTION_H

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <openssl/ssl.h>
#include <sys/queue.h>

#include "gateway/door.h"

typedef enum DoorState
{
	DOOR_NEW,       /* evhttp is still setting it up */
	DOOR_HANDSHAKE, /* TLS handshake */
	DOOR_IDLE,      /* no byte of a request has come */
	DOOR_RECEIVING, /* a request is arriving */
	DOOR_WAITING,   /* the request is with the user of the door */
	DOOR_ANSWERING, /* evhttp writes the answer */
	DOOR_REFUSING,  /* the error is known, the client has not asked yet */
	DOOR_REFUSED    /* the door's own answer is written, the rest is drained */
} DoorState;

typedef TAILQ_HEAD(DoorList, SoDoorConnection) DoorList;

struct SoDoor
{
	struct event_base *base;
	struct evhttp *http;
	SoListener *listener;
	const SoTls *tls;
	const SoLimits *limits;
	SoDoorCallbacks callbacks;
	DoorList strangers; /* not accepted by the connected callback; oldest first */
	DoorList known;
	uint32_t count;        /* connections of both lists */
	size_t receiving;      /* bytes of half-received requests */
	struct event pressure; /* runs while the door is full */
	SoLogBudget budget;
	char date[64]; /* the Date header of date_second */
	int64_t date_second;
};

struct SoDoorConnection
{
	TAILQ_ENTRY(SoDoorConnection) link;
	SoDoor *door;
	DoorState state;
	SSL *ssl;                /* owned by bev */
	struct bufferevent *bev; /* owned by http */
	struct evhttp_connection *http;
	bufferevent_data_cb http_read; /* evhttp's callbacks while ours are in place */
	bufferevent_data_cb http_write;
	bufferevent_event_cb http_event;
	struct evhttp_request *request; /* WAITING, ANSWERING; owned by http */
	struct event timer;             /* what ends the state */
	struct event soon; /* work that must not be done inside a callback of the library */
	struct evbuffer_cb_entry *input_watch;
	struct evbuffer_cb_entry *output_watch;
	bool accepted;       /* in the list of the known */
	bool stranger;       /* one small request, then the end */
	bool foreign_answer; /* evhttp answered by itself */
	bool unwritten;      /* part of an answer is still in the output */
	bool too_much;       /* half-received requests take too much memory */
	bool too_many_large; /* its agent is sending too many large requests */
	size_t received;     /* bytes of the request that is arriving */
	size_t drained;
	char *refusal; /* REFUSING: status line, headers and body, malloc'ed */
	size_t refusal_size;
	int64_t born_ms;         /* of a stranger: accepted */
	int64_t answer_until_ms; /* ANSWERING: it ends then, however it goes on */
	uint64_t tag;
	SoThumbprint thumbprint;
	char peer[72]; /* "192.0.2.7:41822" */
};

/* door.c: let the state end after so many milliseconds. */
extern void so_door_set_timer(SoDoorConnection *connection, int64_t milliseconds);

/* door.c: the answer goes on; the state lasts for another request timeout, at most to its end. */
extern void so_door_answer_progress(SoDoorConnection *connection);

/* door.c: the value of the Date header now. */
extern const char *so_door_date(SoDoor *door);

/* door.c: a request has begun with so many bytes; one has ended. */
extern void so_door_start_receiving(SoDoorConnection *connection, size_t bytes);
extern void so_door_become_idle(SoDoorConnection *connection);

/* door.c: evhttp is about to free the connection; the timer has run out. */
extern void so_door_closed_cb(struct evhttp_connection *http, void *argument);
extern void so_door_timer_cb(evutil_socket_t fd, short what, void *argument);

/* door_accept.c: for evhttp, which has accepted a connection; for the timer of a full door. */
extern struct bufferevent *so_door_accept_cb(struct event_base *base, void *argument);
extern void so_door_pressure_cb(evutil_socket_t fd, short what, void *argument);

/* door.c: the connection is no longer receiving; forget its share of the memory. */
extern void so_door_stop_receiving(SoDoorConnection *connection);

/*
 * door_refuse.c: answer with the error, without evhttp, and end the connection.
 * With wait the answer is kept until the client has sent something.
 */
extern void so_door_refuse(SoDoorConnection *connection, const SoError *error, bool wait);

/* door_refuse.c: evhttp has put an answer of its own into the output; replace it by ours. */
extern void so_door_refuse_instead(SoDoorConnection *connection);

/*
 * door_framing.c: do the headers say once, and in one way, where the request
 * ends?  false with *error (SO334).
 */
extern bool so_door_framing_is_clear(const struct evkeyvalq *headers, SoError *error);

#endif /* GATEWAY_DOOR_CONNECTION_H */
