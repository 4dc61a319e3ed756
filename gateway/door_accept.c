/*
 * gateway/door_accept.c
 *
 * The beginning of a connection: evhttp accepts and wants a bufferevent, the
 * door takes the connection over until the TLS handshake has shown who it is,
 * and gives it back to evhttp when the client is known.  Also what is done when
 * all places are taken.
 *
 * Process: gateway; one thread.
 */
#include <event2/buffer.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "gateway/door_connection.h"

/* The handshake is complete: who is it? */
static void
handshake_done(SoDoorConnection *connection)
{
	SoDoor *door = connection->door;
	SoError error;
	int known = so_tls_peer_thumbprint(connection->ssl, &connection->thumbprint, &error);

	if (known >= 0 &&
		door->callbacks.connected(door->callbacks.context, connection,
								  known == 1 ? &connection->thumbprint : NULL, &error))
	{
		TAILQ_REMOVE(&door->strangers, connection, link);
		TAILQ_INSERT_TAIL(&door->known, connection, link);
		connection->accepted = true;
		bufferevent_setcb(connection->bev, connection->http_read, connection->http_write,
						  connection->http_event, connection->http);
		so_door_become_idle(connection);
		return;
	}
	if (so_door_may_log(door))
		so_log(SO_LOG_WARNING, "refused %s: %s %s. %s", connection->peer,
			   so_error_state(error.code), error.message, error.detail);
	door->callbacks.refused(door->callbacks.context, connection, &error);
	so_door_refuse(connection, &error, true);
}

/* What the reason of OpenSSL means to people who look for a worker. */
static SoErrorCode
handshake_code(unsigned long reason)
{
	switch (ERR_GET_REASON(reason))
	{
		case SSL_R_HTTP_REQUEST:
		case SSL_R_HTTPS_PROXY_REQUEST:
			return SO_ERR_TLS_PLAIN_HTTP;
		case SSL_R_UNSUPPORTED_PROTOCOL:
		case SSL_R_VERSION_TOO_LOW:
		case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
			return SO_ERR_TLS_TOO_OLD;
		/* Alerts of the client. */
		case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
		case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
		case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
		case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
			return SO_ERR_TLS_MASTER_REFUSED;
		default:
			return SO_ERR_TLS_HANDSHAKE;
	}
}

/* Say who failed and why; one that only hangs up was not refused. */
static void
handshake_failed(SoDoorConnection *connection, short what)
{
	SoDoor *door = connection->door;
	unsigned long reason = bufferevent_get_openssl_error(connection->bev);
	const char *text = reason ? ERR_reason_error_string(reason) : NULL;
	bool left = reason == 0 || ERR_GET_REASON(reason) == SSL_R_UNEXPECTED_EOF_WHILE_READING ||
				(text == NULL && (what & BEV_EVENT_EOF) != 0);
	SoErrorCode code = left ? SO_ERR_TLS_HANDSHAKE : handshake_code(reason);
	SoError error;

	if (left)
		text = "the client closed the connection";
	else if (code != SO_ERR_TLS_HANDSHAKE)
		text = so_error_summary(code);
	else if (text == NULL)
		text = "unknown reason";
	if (so_door_may_log(door))
		so_log(SO_LOG_INFORMATION, "%s: TLS handshake with %s failed: %s", so_error_state(code),
			   connection->peer, text);
	if (left)
		return;
	so_error_set(&error, code, NULL, "%s", text);
	door->callbacks.refused(door->callbacks.context, connection, &error);
}

static void
handshake_event_cb(struct bufferevent *bev, short what, void *argument)
{
	SoDoorConnection *connection = argument;

	(void) bev;
	if (what & BEV_EVENT_CONNECTED)
		handshake_done(connection);
	else
	{
		handshake_failed(connection, what);
		so_door_close(connection);
	}
}

/* The agent's requests that are arriving and are large. */
static int
count_large(const SoDoorConnection *connection)
{
	const SoDoorConnection *other;
	int count = 0;

	TAILQ_FOREACH(other, &connection->door->known, link)
	{
		count += other->received > SO_LIMIT_LARGE_BYTES &&
				 so_thumbprint_equal(&other->thumbprint, &connection->thumbprint);
	}
	return count;
}

/* Bytes of clients arrive: notice when a request begins and how much memory it takes. */
static void
input_cb(struct evbuffer *input, const struct evbuffer_cb_info *info, void *argument)
{
	SoDoorConnection *connection = argument;

	(void) input;
	if (info->n_added == 0)
		return;
	if (connection->state == DOOR_IDLE)
		so_door_start_receiving(connection, info->n_added);
	else if (connection->state == DOOR_RECEIVING)
	{
		bool was_large = connection->received > SO_LIMIT_LARGE_BYTES;

		connection->received += info->n_added;
		connection->door->receiving += info->n_added;
		if (!was_large && connection->received > SO_LIMIT_LARGE_BYTES &&
			count_large(connection) > SO_LIMIT_AGENT_LARGE)
		{
			connection->too_many_large = true;
			event_active(&connection->soon, EV_TIMEOUT, 0);
		}
		if (connection->door->receiving > SO_LIMIT_RECEIVING_BYTES)
		{
			connection->too_much = true;
			event_active(&connection->soon, EV_TIMEOUT, 0);
		}
	}
}

/*
 * evhttp answers by itself when it cannot read a request.  An answer may be
 * large and the way to a worker slow: the limit is for the time without progress,
 * and for the rate over all, so that drips do not hold it for hours.
 */
static void
output_cb(struct evbuffer *output, const struct evbuffer_cb_info *info, void *argument)
{
	SoDoorConnection *connection = argument;

	(void) output;
	if (info->n_added > 0 &&
		(connection->state == DOOR_RECEIVING || connection->state == DOOR_IDLE))
	{
		connection->foreign_answer = true;
		event_active(&connection->soon, EV_TIMEOUT, 0);
	}
	else if (info->n_deleted > 0 && connection->state == DOOR_ANSWERING && !connection->stranger)
		so_door_answer_progress(connection);
}

static void
set_peer(SoDoorConnection *connection)
{
	char *address = NULL;
	ev_uint16_t port = 0;

	evhttp_connection_get_peer(connection->http, &address, &port);
	snprintf(connection->peer, sizeof(connection->peer),
			 address && strchr(address, ':') ? "[%.50s]:%u" : "%.50s:%u", address ? address : "?",
			 (unsigned int) port);
}

/* evhttp has set the connection up: take it over until the client is known. */
static void
take_over(SoDoorConnection *connection)
{
	struct bufferevent *bev = connection->bev;
	void *http;

	bufferevent_getcb(bev, &connection->http_read, &connection->http_write, &connection->http_event,
					  &http);
	if (connection->http_event == NULL)
	{
		/* evhttp had no memory for it and has freed the bufferevent. */
		TAILQ_REMOVE(&connection->door->strangers, connection, link);
		connection->door->count--;
		free(connection);
		bufferevent_decref(bev);
		return;
	}
	connection->http = http;
	connection->state = DOOR_HANDSHAKE;
	set_peer(connection);
	evhttp_connection_set_closecb(connection->http, so_door_closed_cb, connection);
	bufferevent_setcb(bev, NULL, NULL, handshake_event_cb, connection);
	connection->input_watch = evbuffer_add_cb(bufferevent_get_input(bev), input_cb, connection);
	connection->output_watch = evbuffer_add_cb(bufferevent_get_output(bev), output_cb, connection);
	so_door_set_timer(connection, SO_LIMIT_HANDSHAKE_MS);
	bufferevent_decref(bev);
}

static void
soon_cb(evutil_socket_t fd, short what, void *argument)
{
	SoDoorConnection *connection = argument;
	SoError error;

	(void) fd;
	(void) what;
	if (connection->state == DOOR_NEW)
		take_over(connection);
	else if (connection->state != DOOR_RECEIVING && connection->state != DOOR_IDLE)
		return;
	else if (connection->unwritten)
	{
		connection->unwritten = false;
		bufferevent_enable(connection->bev, EV_WRITE);
	}
	else if (connection->foreign_answer)
	{
		connection->foreign_answer = false;
		so_door_refuse_instead(connection);
	}
	else if (connection->too_many_large)
	{
		so_error_set(&error, SO_ERR_AGENT_BUSY, NULL,
					 "this worker agent is sending %d large requests", SO_LIMIT_AGENT_LARGE);
		so_door_refuse(connection, &error, false);
	}
	else if (connection->too_much)
	{
		so_error_set(&error, SO_ERR_MASTER_BUSY, NULL, "too many large requests are arriving");
		so_door_refuse(connection, &error, false);
	}
}

/* Close connections that have had time for their handshake and did not use it. */
static void
evict_strangers(SoDoor *door)
{
	int64_t limit = so_clock_monotonic_ms() - SO_LIMIT_EVICT_MS;
	SoDoorConnection *next;

	for (SoDoorConnection *stranger = TAILQ_FIRST(&door->strangers);
		 stranger != NULL && stranger->born_ms <= limit; stranger = next)
	{
		next = TAILQ_NEXT(stranger, link);
		if (stranger->state != DOOR_NEW)
			so_door_close(stranger);
	}
}

/*
 * The door is full: stop accepting, and let no stranger keep a place for longer
 * than a handshake needs.  A connection that closes resumes accepting.
 */
static void
make_room(SoDoor *door)
{
	const struct timeval later = {.tv_sec = SO_LIMIT_EVICT_MS / 1000,
								  .tv_usec = SO_LIMIT_EVICT_MS % 1000 * 1000};

	so_listener_pause(door->listener);
	if (!evtimer_pending(&door->pressure, NULL))
		evtimer_add(&door->pressure, &later);
}

void
so_door_pressure_cb(evutil_socket_t fd, short what, void *argument)
{
	SoDoor *door = argument;

	(void) fd;
	(void) what;
	evict_strangers(door);
	if (door->count >= door->limits->max_connections && !TAILQ_EMPTY(&door->strangers))
		make_room(door);
}

/*
 * evhttp wants a bufferevent for a connection that it has accepted.  There is no
 * way to say no, and NULL would mean plain HTTP: without memory the process ends.
 */
struct bufferevent *
so_door_accept_cb(struct event_base *base, void *argument)
{
	SoDoor *door = argument;
	SoDoorConnection *connection = calloc(1, sizeof(*connection));
	SSL *ssl = SSL_new(door->tls->context);
	struct bufferevent *bev = NULL;

	if (connection != NULL && ssl != NULL)
		bev = bufferevent_openssl_socket_new(base, -1, ssl, BUFFEREVENT_SSL_ACCEPTING,
											 BEV_OPT_CLOSE_ON_FREE);
	if (bev == NULL)
	{
		so_log(SO_LOG_CRITICAL, "out of memory for a connection");
		abort();
	}
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	SSL_set_app_data(ssl, connection);
	connection->door = door;
	connection->ssl = ssl;
	connection->bev = bev;
	connection->born_ms = so_clock_monotonic_ms();
	evtimer_assign(&connection->timer, base, so_door_timer_cb, connection);
	evtimer_assign(&connection->soon, base, soon_cb, connection);
	if (++door->count >= door->limits->max_connections)
		make_room(door);
	TAILQ_INSERT_TAIL(&door->strangers, connection, link);
	bufferevent_incref(bev);
	event_active(&connection->soon, EV_TIMEOUT, 0);
	return bev;
}
