/*
 * gateway/door.c
 *
 * Connections and requests over libevent's evhttp and bufferevent_openssl; see
 * door_connection.h for the states.
 *
 * Three properties of evhttp 2.1 shape this file.  It creates a connection
 * before its TLS handshake and would parse whatever arrives, so its callbacks
 * are taken away until the client is known.  While a request waits it ends the
 * process when it is called with pipelined bytes, and does not notice that the
 * peer has gone, so its callbacks are taken away then, too.  And it answers
 * malformed requests by itself in HTML, which door_refuse.c replaces.
 *
 * Process: gateway; one thread.  Connections end with the process; agents
 * repeat what was not answered.
 */
#include "gateway/door.h"

#include <event2/buffer.h>
#include <event2/http.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/log.h"
#include "gateway/door_connection.h"
#include "gateway/error_body.h"

/* Answers up to this size are written as one TLS record and one packet train. */
#define PULLUP_BYTES (64 * 1024)
/* Larger ones in pieces of this size. */
#define PIECE_BYTES (32 * 1024)

#define ALL_METHODS                                                                                \
	(EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |     \
	 EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE | EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH)

/* ---- small things ------------------------------------------------------------- */

void
so_door_set_timer(SoDoorConnection *connection, int64_t milliseconds)
{
	const struct timeval when = {.tv_sec = milliseconds / 1000,
								 .tv_usec = milliseconds % 1000 * 1000};

	event_add(&connection->timer, &when);
}

void
so_door_answer_progress(SoDoorConnection *connection)
{
	int64_t left = connection->answer_until_ms - so_clock_monotonic_ms();
	int64_t limit = connection->door->limits->request_timeout_ms;

	so_door_set_timer(connection, left < 0 ? 0 : left < limit ? left : limit);
}

bool
so_door_may_log(SoDoor *door)
{
	uint32_t suppressed;
	bool may = so_limits_may_log(&door->budget, so_clock_monotonic_ms(), &suppressed);

	if (suppressed > 0)
		so_log(SO_LOG_WARNING, "%" PRIu32 " more lines about clients were not written", suppressed);
	return may;
}

const char *
so_door_date(SoDoor *door)
{
	time_t now = time(NULL);
	struct tm parts;

	if (now != door->date_second && gmtime_r(&now, &parts) != NULL)
	{
		strftime(door->date, sizeof(door->date), "%a, %d %b %Y %H:%M:%S GMT", &parts);
		door->date_second = now;
	}
	return door->date;
}

void
so_door_stop_receiving(SoDoorConnection *connection)
{
	connection->door->receiving -= connection->received;
	connection->received = 0;
}

void
so_door_start_receiving(SoDoorConnection *connection, size_t bytes)
{
	connection->state = DOOR_RECEIVING;
	connection->received = bytes;
	connection->door->receiving += bytes;
	so_door_set_timer(connection, connection->door->limits->request_timeout_ms);
}

void
so_door_become_idle(SoDoorConnection *connection)
{
	size_t waiting = evbuffer_get_length(bufferevent_get_input(connection->bev));

	connection->state = DOOR_IDLE;
	so_door_set_timer(connection, connection->stranger ? SO_LIMIT_STRANGER_IDLE_MS
													   : connection->door->limits->idle_timeout_ms);
	/* The next request of a client that pipelines is here already. */
	if (waiting > 0)
		so_door_start_receiving(connection, waiting);
}

/* ---- the end of a connection ---------------------------------------------------- */

/* evhttp is about to free the connection; the bufferevent is still there. */
void
so_door_closed_cb(struct evhttp_connection *http, void *argument)
{
	SoDoorConnection *connection = argument;
	SoDoor *door = connection->door;
	bool undelivered = connection->state == DOOR_WAITING || connection->state == DOOR_ANSWERING;

	(void) http;
	so_door_stop_receiving(connection);
	event_del(&connection->timer);
	event_del(&connection->soon);
	evbuffer_remove_cb_entry(bufferevent_get_input(connection->bev), connection->input_watch);
	evbuffer_remove_cb_entry(bufferevent_get_output(connection->bev), connection->output_watch);
	SSL_set_app_data(connection->ssl, NULL);
	TAILQ_REMOVE(connection->accepted ? &door->known : &door->strangers, connection, link);
	door->count--;
	if (door->count < door->limits->max_connections)
		so_listener_resume(door->listener);
	if (connection->accepted)
		door->callbacks.closed(door->callbacks.context, connection, undelivered);
	/* evhttp has let go of a request whose peer went away before it was answered. */
	if (connection->request != NULL && evhttp_request_get_connection(connection->request) == NULL)
		evhttp_request_free(connection->request);
	free(connection->refusal);
	free(connection);
}

void
so_door_close(SoDoorConnection *connection)
{
	evhttp_connection_free(connection->http);
}

void
so_door_timer_cb(evutil_socket_t fd, short what, void *argument)
{
	SoDoorConnection *connection = argument;
	SoError error;

	(void) fd;
	(void) what;
	switch (connection->state)
	{
		case DOOR_RECEIVING:
			so_error_set(&error, SO_ERR_REQUEST_TIMEOUT, NULL,
						 "the request did not arrive within %" PRIu32 " ms",
						 connection->door->limits->request_timeout_ms);
			so_door_refuse(connection, &error, false);
			break;
		case DOOR_WAITING:
			connection->door->callbacks.overdue(connection->door->callbacks.context, connection);
			break;
		case DOOR_HANDSHAKE:
			if (so_door_may_log(connection->door))
				so_log(SO_LOG_INFORMATION, "%s did not complete a TLS handshake in time",
					   connection->peer);
			so_error_set(&error, SO_ERR_TLS_HANDSHAKE, NULL, "no TLS handshake in time");
			connection->door->callbacks.refused(connection->door->callbacks.context, connection,
												&error);
			so_door_close(connection);
			break;
		case DOOR_NEW:
		case DOOR_IDLE:
		case DOOR_ANSWERING:
		case DOOR_REFUSING:
		case DOOR_REFUSED:
			so_door_close(connection);
			break;
	}
}

/* ---- requests and answers --------------------------------------------------------- */

/* The peer of a waiting request has gone, or sent what TLS does not allow. */
static void
waiting_event_cb(struct bufferevent *bev, short what, void *argument)
{
	(void) bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
		so_door_close(argument);
}

/*
 * Take the connection from evhttp while the request waits: the socket is still
 * read, so that the end of the peer is seen; pipelined bytes stay in the input.
 */
static void
start_waiting(SoDoorConnection *connection, struct evhttp_request *request)
{
	so_door_stop_receiving(connection);
	connection->state = DOOR_WAITING;
	connection->request = request;
	so_door_set_timer(connection, SO_LIMIT_ANSWER_MS);
	bufferevent_setcb(connection->bev, NULL, NULL, waiting_event_cb, connection);
	bufferevent_setwatermark(connection->bev, EV_READ, 0, SO_LIMIT_PARKED_INPUT);
	bufferevent_enable(connection->bev, EV_READ);
}

static void
request_cb(struct evhttp_request *request, void *argument)
{
	SoDoor *door = argument;
	struct evhttp_connection *http = evhttp_request_get_connection(request);
	struct bufferevent *bev = evhttp_connection_get_bufferevent(http);
	SoDoorConnection *connection = SSL_get_app_data(bufferevent_openssl_get_ssl(bev));
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
	struct evbuffer *body;
	SoDoorRequest in;
	SoError error;

	start_waiting(connection, request);
	if (!so_door_framing_is_clear(evhttp_request_get_input_headers(request), &error))
	{
		so_door_refuse(connection, &error, false);
		return;
	}
	body = evbuffer_new();
	/* Taken from the request, which may wait long and needs its body no more. */
	if (body == NULL || evbuffer_add_buffer(body, evhttp_request_get_input_buffer(request)) != 0)
	{
		if (body != NULL)
			evbuffer_free(body);
		so_door_close(connection);
		return;
	}
	in.path = uri ? evhttp_uri_get_path(uri) : NULL;
	in.is_post = evhttp_request_get_command(request) == EVHTTP_REQ_POST;
	in.size = evbuffer_get_length(body);
	in.body = in.size > 0 ? (const char *) evbuffer_pullup(body, -1) : "";
	if (in.body == NULL)
		so_door_close(connection);
	else
		door->callbacks.request(door->callbacks.context, connection, &in);
	evbuffer_free(body);
}

/* evhttp has written the answer and will read the next request, or close. */
static void
answered_cb(struct evhttp_request *request, void *argument)
{
	SoDoorConnection *connection = argument;

	(void) request;
	connection->request = NULL;
	bufferevent_setwatermark(connection->bev, EV_READ, 0, 0);
	so_door_become_idle(connection);
	/*
	 * A client that does not wait for "100 Continue" can make evhttp take the end
	 * of that line for the end of the answer, and stop writing.
	 */
	if (evbuffer_get_length(bufferevent_get_output(connection->bev)) > 0)
	{
		connection->unwritten = true;
		event_active(&connection->soon, EV_TIMEOUT, 0);
	}
}

/*
 * In pieces: libevent hands each to TLS as a whole, and the progress of an
 * answer is seen from piece to piece (output_cb).
 */
static bool
add_pieces(struct evbuffer *content, const char *body, size_t size)
{
	while (size > 0)
	{
		size_t piece = size < PIECE_BYTES ? size : PIECE_BYTES;

		if (evbuffer_add(content, body, piece) != 0)
			return false;
		body += piece;
		size -= piece;
	}
	return true;
}

void
so_door_answer(SoDoorConnection *connection, int status, const char *body, size_t size)
{
	struct evhttp_request *request = connection->request;
	struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
	struct evbuffer *content = evbuffer_new();
	struct evbuffer *output = bufferevent_get_output(connection->bev);

	if (content == NULL || !add_pieces(content, body, size))
	{
		if (content != NULL)
			evbuffer_free(content);
		so_door_close(connection);
		return;
	}
	connection->state = DOOR_ANSWERING;
	connection->answer_until_ms =
		so_clock_monotonic_ms() + so_limits_answer_ms(connection->door->limits, size);
	so_door_answer_progress(connection);
	evhttp_add_header(headers, "Content-Type", "application/json");
	evhttp_add_header(headers, "Date", so_door_date(connection->door));
	if (connection->stranger)
		evhttp_add_header(headers, "Connection", "close");
	if (status == 429 || status == 503)
		evhttp_add_header(headers, "Retry-After", "1");
	else if (status == 405)
		evhttp_add_header(headers, "Allow", "POST");
	evhttp_request_set_on_complete_cb(request, answered_cb, connection);
	evhttp_send_reply(request, status, NULL, content);
	evbuffer_free(content);
	if (evbuffer_get_length(output) <= PULLUP_BYTES)
		evbuffer_pullup(output, -1);
}

void
so_door_answer_error(SoDoorConnection *connection, const SoError *error)
{
	size_t size;
	char *body = so_error_body(error, &size);

	if (body == NULL)
	{
		so_door_close(connection);
		return;
	}
	so_door_answer(connection, so_error_http_status(error->code), body, size);
	free(body);
}

/* ---- the door -------------------------------------------------------------------------- */

SoDoor *
so_door_open(struct event_base *base, SoListener *listener, const SoTls *tls,
			 const SoLimits *limits, const SoDoorCallbacks *callbacks, SoError *error)
{
	SoDoor *door = calloc(1, sizeof(*door));
	bool ok;

	if (door == NULL || (door->http = evhttp_new(base)) == NULL)
	{
		free(door);
		so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
		return NULL;
	}
	door->base = base;
	door->listener = listener;
	door->tls = tls;
	door->limits = limits;
	door->callbacks = *callbacks;
	evtimer_assign(&door->pressure, base, so_door_pressure_cb, door);
	TAILQ_INIT(&door->strangers);
	TAILQ_INIT(&door->known);
	evhttp_set_max_headers_size(door->http, SO_LIMIT_HEADERS);
	evhttp_set_max_body_size(door->http, SO_LIMIT_BODY);
	evhttp_set_allowed_methods(door->http, ALL_METHODS);
	evhttp_set_gencb(door->http, request_cb, door);
	evhttp_set_bevcb(door->http, so_door_accept_cb, door);
	ok = true;
	for (int i = 0; ok && i < listener->count; i++)
		ok = evhttp_bind_listener(door->http, listener->sockets[i]) != NULL;
	if (ok)
		return door;
	so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	return NULL;
}

void
so_door_each(SoDoor *door, void (*visit)(void *context, SoDoorConnection *connection),
			 void *context)
{
	SoDoorConnection *next;

	for (SoDoorConnection *connection = TAILQ_FIRST(&door->known); connection != NULL;
		 connection = next)
	{
		next = TAILQ_NEXT(connection, link);
		visit(context, connection);
	}
}

void
so_door_set_stranger(SoDoorConnection *connection)
{
	connection->stranger = true;
	connection->born_ms = so_clock_monotonic_ms();
	evhttp_connection_set_max_body_size(connection->http, SO_LIMIT_STRANGER_BODY);
}

bool
so_door_is_stranger(const SoDoorConnection *connection)
{
	return connection->stranger;
}

bool
so_door_stranger_lingers(const SoDoorConnection *connection)
{
	return (connection->state == DOOR_IDLE || connection->state == DOOR_RECEIVING) &&
		   connection->born_ms <= so_clock_monotonic_ms() - SO_LIMIT_EVICT_MS;
}

bool
so_door_certificate(const SoDoorConnection *connection, SoCertificateFacts *facts, SoError *error)
{
	return so_tls_peer_facts(connection->ssl, facts, error);
}

const SoThumbprint *
so_door_thumbprint(const SoDoorConnection *connection)
{
	return &connection->thumbprint;
}

const char *
so_door_peer(const SoDoorConnection *connection)
{
	return connection->peer;
}

uint64_t
so_door_tag(const SoDoorConnection *connection)
{
	return connection->tag;
}

void
so_door_set_tag(SoDoorConnection *connection, uint64_t tag)
{
	connection->tag = tag;
}
