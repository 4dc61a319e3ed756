/*
 * gateway/gateway.c
 *
 * Puts the parts together: CONFIGURE, TRUST and ANSWER frames from the master;
 * connections, requests and their ends from the door.  It decides who may ask
 * and whether a request is well-formed; about tasks it knows nothing.
 *
 * Process: gateway; one thread.  It keeps nothing that matters: when it dies the
 * master starts another, and agents repeat what was not answered.
 */
#include "gateway/gateway.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/protocol.h"
#include "gateway/door.h"
#include "gateway/limits.h"
#include "gateway/link.h"
#include "gateway/listener.h"
#include "gateway/pending.h"
#include "gateway/request.h"
#include "gateway/routes.h"
#include "gateway/tls.h"
#include "gateway/trust.h"

/* How long the master may take to read the gateway's last words. */
#define LAST_WORDS_MS 1000

/* The contents of a CONFIGURE frame. */
typedef struct Settings
{
	char addresses[1024];
	uint16_t port;
	char certificate_file[1024];
	char key_file[1024];
	SoLimits limits;
} Settings;

struct SoGateway
{
	struct event_base *base;
	uint64_t descriptors;
	SoLink link;
	SoListener listener;
	SoTls tls;
	SoTrust trust;
	SoLimits limits;
	SoPending pending;
	SoDoor *door;      /* NULL until configured */
	Settings settings; /* of the first CONFIGURE */
};

/* ---- to the master ------------------------------------------------------------- */

static void
send_hello(SoGateway *gateway)
{
	size_t frame = so_frame_begin(&gateway->link.out, SO_GATEWAY_HELLO, 0);

	so_put_string(&gateway->link.out, SO_VERSION);
	so_put_u32(&gateway->link.out, (uint32_t) getpid());
	so_frame_end(&gateway->link.out, frame);
}

static void
send_listening(SoGateway *gateway)
{
	char thumbprint[SO_THUMBPRINT_TEXT_SIZE];
	size_t frame = so_frame_begin(&gateway->link.out, SO_GATEWAY_LISTENING, 0);

	so_put_string(&gateway->link.out, gateway->listener.addresses);
	so_put_u16(&gateway->link.out, gateway->listener.port);
	so_put_string(&gateway->link.out, so_thumbprint_format(&gateway->tls.thumbprint, thumbprint));
	so_frame_end(&gateway->link.out, frame);
}

/* error NULL: the new settings are in use. */
static void
send_reloaded(SoGateway *gateway, const SoError *error)
{
	char thumbprint[SO_THUMBPRINT_TEXT_SIZE];
	char text[sizeof(error->message) + sizeof(error->place) + sizeof(error->detail) + 8] = "";
	size_t frame = so_frame_begin(&gateway->link.out, SO_GATEWAY_RELOADED, 0);

	if (error != NULL)
		snprintf(text, sizeof(text), "%s%s%s%s%s%s", error->message, error->place[0] ? " (" : "",
				 error->place, error->place[0] ? ")" : "", error->detail[0] ? ". " : "",
				 error->detail);
	so_put_u8(&gateway->link.out, error == NULL);
	so_put_string(&gateway->link.out, so_thumbprint_format(&gateway->tls.thumbprint, thumbprint));
	so_put_string(&gateway->link.out, error ? so_error_state(error->code) : "");
	so_put_string(&gateway->link.out, text);
	so_frame_end(&gateway->link.out, frame);
}

/* Say why the gateway cannot serve, and end. */
static void
fail(SoGateway *gateway, const SoError *error)
{
	char message[sizeof(error->message) + sizeof(error->place) + 4];
	size_t frame = so_frame_begin(&gateway->link.out, SO_GATEWAY_FAILED, 0);

	snprintf(message, sizeof(message), "%s%s%s%s", error->message, error->place[0] ? " (" : "",
			 error->place, error->place[0] ? ")" : "");
	so_put_string(&gateway->link.out, so_error_state(error->code));
	so_put_string(&gateway->link.out, message);
	so_put_string(&gateway->link.out, error->detail);
	so_put_string(&gateway->link.out, error->hint);
	so_frame_end(&gateway->link.out, frame);
	so_link_flush_all(&gateway->link, LAST_WORDS_MS);
	_exit(1);
}

static void
send_abandoned(SoGateway *gateway, uint64_t request)
{
	size_t frame = so_frame_begin(&gateway->link.out, SO_GATEWAY_ABANDONED, 0);

	so_put_u64(&gateway->link.out, request);
	so_frame_end(&gateway->link.out, frame);
}

/* The log goes to the master; time, program and pid are added where it is written. */
static void
log_sink(SoLogLevel level, const char *line, void *context)
{
	SoGateway *gateway = context;
	const char *text = strstr(line, "] ");

	so_link_log(&gateway->link, level, text ? text + 2 : line);
}

/* ---- from the door ---------------------------------------------------------------- */

static bool
connected(void *context, SoDoorConnection *connection, const SoThumbprint *thumbprint,
		  SoError *error)
{
	const SoGateway *gateway = context;
	SoTrustEntry *entry;
	char text[SO_THUMBPRINT_TEXT_SIZE];

	(void) connection;
	if (!gateway->trust.received)
		return so_error_set(error, SO_ERR_MASTER_AWAY, NULL, "the master is starting");
	if (thumbprint == NULL)
		return so_error_set(error, SO_ERR_CERTIFICATE_REQUIRED, NULL,
							"the client sent no certificate");
	entry = so_trust_find(&gateway->trust, thumbprint);
	if (entry == NULL)
	{
		so_error_set(error, SO_ERR_CERTIFICATE_UNTRUSTED, NULL,
					 "the worker certificate is not trusted");
		return so_error_detail(error, "Its thumbprint is %s.",
							   so_thumbprint_format(thumbprint, text));
	}
	if (entry->connections >= SO_LIMIT_AGENT_CONNECTIONS)
		return so_error_set(error, SO_ERR_AGENT_BUSY, NULL,
							"this worker agent has %d connections open",
							SO_LIMIT_AGENT_CONNECTIONS);
	entry->connections++;
	return true;
}

/* What of a kind the agent has with the master; NULL when it is no longer trusted. */
static uint32_t *
open_requests(SoGateway *gateway, const SoDoorConnection *connection, SoRequestKind kind)
{
	SoTrustEntry *entry = so_trust_find(&gateway->trust, so_door_thumbprint(connection));

	if (entry == NULL)
		return NULL;
	return kind == SO_REQUEST_LEASE ? &entry->leases : &entry->others;
}

/* Is there room for one more request? */
static bool
admit(SoGateway *gateway, const SoDoorConnection *connection, SoRequestKind kind, size_t bytes,
	  SoError *error)
{
	const uint32_t *open = open_requests(gateway, connection, kind);
	uint32_t limit = kind == SO_REQUEST_LEASE ? SO_LIMIT_AGENT_LEASES : SO_LIMIT_AGENT_OTHERS;

	if (open != NULL && *open >= limit)
		return so_error_set(error, SO_ERR_AGENT_BUSY, NULL,
							"this worker agent has %" PRIu32 " such requests open", *open);
	if (so_link_waiting(&gateway->link) > SO_LIMIT_LINK_BYTES ||
		gateway->pending.bytes + bytes > SO_LIMIT_PENDING_BYTES)
		return so_error_set(error, SO_ERR_MASTER_BUSY, NULL, "the master is busy");
	return true;
}

static void
release(SoGateway *gateway, const SoPendingSlot *slot)
{
	uint32_t *open = open_requests(gateway, slot->connection, slot->kind);

	if (open != NULL && *open > 0)
		(*open)--;
}

static void
request(void *context, SoDoorConnection *connection, const SoDoorRequest *in)
{
	SoGateway *gateway = context;
	SoRequestOrigin origin;
	SoRequestKind kind;
	uint32_t *open;
	SoPendingSlot slot;
	SoError error;

	so_door_set_tag(connection, 0);
	if (!so_routes_find(in->path, in->is_post, &kind, &error) ||
		!admit(gateway, connection, kind, in->size, &error))
	{
		so_door_answer_error(connection, &error);
		return;
	}
	origin.request = so_pending_add(&gateway->pending, connection, kind, in->size);
	origin.thumbprint = *so_door_thumbprint(connection);
	origin.peer = so_door_peer(connection);
	if (origin.request == 0)
	{
		so_error_set(&error, SO_ERR_MASTER_BUSY, NULL, "too many requests are open");
		so_door_answer_error(connection, &error);
		return;
	}
	if (!so_request_encode(kind, &origin, in->body, in->size, &gateway->link.out, &error))
	{
		so_pending_take(&gateway->pending, origin.request, &slot);
		so_door_answer_error(connection, &error);
		return;
	}
	open = open_requests(gateway, connection, kind);
	if (open != NULL)
		(*open)++;
	so_door_set_tag(connection, origin.request);
}

static void
overdue(void *context, SoDoorConnection *connection)
{
	SoGateway *gateway = context;
	SoPendingSlot slot;
	SoError error;

	if (so_pending_take(&gateway->pending, so_door_tag(connection), &slot))
	{
		release(gateway, &slot);
		send_abandoned(gateway, slot.request);
	}
	so_error_set(&error, SO_ERR_MASTER_AWAY, NULL, "the master did not answer in time");
	so_door_set_tag(connection, 0);
	so_door_answer_error(connection, &error);
}

static void
closed(void *context, SoDoorConnection *connection, bool undelivered)
{
	SoGateway *gateway = context;
	uint64_t number = so_door_tag(connection);
	SoTrustEntry *entry = so_trust_find(&gateway->trust, so_door_thumbprint(connection));
	SoPendingSlot slot;

	if (so_pending_take(&gateway->pending, number, &slot))
		release(gateway, &slot);
	if (undelivered && number != 0)
		send_abandoned(gateway, number);
	if (entry != NULL && entry->connections > 0)
		entry->connections--;
}

/* ---- from the master ---------------------------------------------------------------- */

static bool
get_text(SoFieldReader *reader, char *buffer, size_t size)
{
	size_t length;
	const char *text = so_get_block(reader, &length);

	if (length >= size || memchr(text, '\0', length) != NULL)
		return false;
	memcpy(buffer, text, length);
	buffer[length] = '\0';
	return true;
}

static bool
read_settings(const SoFrame *frame, Settings *settings)
{
	SoFieldReader reader;

	memset(settings, 0, sizeof(*settings));
	so_field_reader_init(&reader, frame->payload, frame->length);
	if (!get_text(&reader, settings->addresses, sizeof(settings->addresses)))
		return false;
	settings->port = so_get_u16(&reader);
	if (!get_text(&reader, settings->certificate_file, sizeof(settings->certificate_file)) ||
		!get_text(&reader, settings->key_file, sizeof(settings->key_file)))
		return false;
	settings->limits.max_connections = so_get_u32(&reader);
	settings->limits.idle_timeout_ms = so_get_u32(&reader);
	settings->limits.request_timeout_ms = so_get_u32(&reader);
	return so_field_reader_done(&reader);
}

/* The first CONFIGURE: open everything, or say why not and end. */
static void
start(SoGateway *gateway, const Settings *settings)
{
	const SoDoorCallbacks callbacks = {
		.connected = connected,
		.request = request,
		.overdue = overdue,
		.closed = closed,
		.context = gateway,
	};
	SoError error;

	gateway->settings = *settings;
	gateway->limits = settings->limits;
	so_limits_adjust(&gateway->limits, gateway->descriptors);
	if (gateway->limits.max_connections < settings->limits.max_connections)
		so_log(SO_LOG_WARNING,
			   "at most %" PRIu32 " connections, because this process may have "
			   "%" PRIu64 " open files",
			   gateway->limits.max_connections, gateway->descriptors);
	if (!so_tls_load(&gateway->tls, settings->certificate_file, settings->key_file, &error) ||
		!so_listener_open(&gateway->listener, gateway->base, settings->addresses, settings->port,
						  &error) ||
		(gateway->door = so_door_open(gateway->base, &gateway->listener, &gateway->tls,
									  &gateway->limits, &callbacks, &error)) == NULL)
		fail(gateway, &error);
	send_listening(gateway);
}

/* A later CONFIGURE: certificate and limits; sockets stay as they are. */
static void
reload(SoGateway *gateway, const Settings *settings)
{
	SoError error;

	if (strcmp(settings->addresses, gateway->settings.addresses) != 0 ||
		settings->port != gateway->settings.port)
	{
		so_error_set(&error, SO_ERR_GATEWAY_ADDRESS_INVALID, NULL,
					 "other listen addresses need a new gateway process");
		send_reloaded(gateway, &error);
		return;
	}
	if (!so_tls_load(&gateway->tls, settings->certificate_file, settings->key_file, &error))
	{
		send_reloaded(gateway, &error);
		return;
	}
	gateway->limits = settings->limits;
	so_limits_adjust(&gateway->limits, gateway->descriptors);
	send_reloaded(gateway, NULL);
}

/* Close a connection whose thumbprint has left the set. */
static void
close_untrusted(void *context, SoDoorConnection *connection)
{
	const SoGateway *gateway = context;
	char text[SO_THUMBPRINT_TEXT_SIZE];

	if (so_trust_find(&gateway->trust, so_door_thumbprint(connection)) != NULL)
		return;
	so_log(SO_LOG_WARNING, "closing the connection of %s: its certificate %s is no longer trusted",
		   so_door_peer(connection), so_thumbprint_format(so_door_thumbprint(connection), text));
	so_door_close(connection);
}

static bool
take_trust(SoGateway *gateway, const SoFrame *frame)
{
	SoFieldReader reader;
	uint32_t count;
	const uint8_t *thumbprints;

	so_field_reader_init(&reader, frame->payload, frame->length);
	count = so_get_u32(&reader);
	thumbprints = so_get_bytes(&reader, (size_t) count * SO_THUMBPRINT_SIZE);
	if (!so_field_reader_done(&reader))
		return false;
	if (!so_trust_replace(&gateway->trust, thumbprints, count))
	{
		/* Without the new set somebody might stay trusted who must not be. */
		so_log(SO_LOG_CRITICAL, "out of memory for the trust set");
		so_link_flush_all(&gateway->link, LAST_WORDS_MS);
		_exit(1);
	}
	if (gateway->door != NULL)
		so_door_each(gateway->door, close_untrusted, gateway);
	return true;
}

static bool
take_answer(SoGateway *gateway, const SoFrame *frame)
{
	SoFieldReader reader;
	uint64_t number;
	uint16_t status;
	size_t size;
	const char *body;
	SoPendingSlot slot;

	so_field_reader_init(&reader, frame->payload, frame->length);
	number = so_get_u64(&reader);
	status = so_get_u16(&reader);
	body = so_get_block(&reader, &size);
	if (!so_field_reader_done(&reader) || status < 200 || status > 599)
		return false;
	/* Unknown: the peer has gone, and ABANDONED is on its way to the master. */
	if (!so_pending_take(&gateway->pending, number, &slot))
		return true;
	release(gateway, &slot);
	so_door_answer(slot.connection, status, body, size);
	return true;
}

static bool
take_configure(SoGateway *gateway, const SoFrame *frame)
{
	Settings settings;

	if (!read_settings(frame, &settings))
		return false;
	if (gateway->door == NULL)
		start(gateway, &settings);
	else
		reload(gateway, &settings);
	return true;
}

static void
on_frame(void *context, const SoFrame *frame)
{
	SoGateway *gateway = context;
	SoError error;
	bool ok = false;

	if (frame->type == SO_GATEWAY_CONFIGURE)
		ok = take_configure(gateway, frame);
	else if (frame->type == SO_GATEWAY_TRUST)
		ok = take_trust(gateway, frame);
	else if (frame->type == SO_GATEWAY_ANSWER)
		ok = take_answer(gateway, frame);
	if (ok)
		return;
	so_error_set(&error, SO_ERR_FRAME_MALFORMED, "link to the master",
				 "a frame of type %u is malformed or unknown", (unsigned int) frame->type);
	fail(gateway, &error);
}

static void
on_gone(void *context, const SoError *error)
{
	/* Without its master the gateway has nobody to serve. */
	if (error == NULL)
		_exit(0);
	fail(context, error);
}

/* ---- the process ------------------------------------------------------------------------ */

SoGateway *
so_gateway_open(struct event_base *base, int link_fd, uint64_t descriptors, SoError *error)
{
	SoGateway *gateway = calloc(1, sizeof(*gateway));

	if (gateway == NULL)
	{
		so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
		return NULL;
	}
	gateway->base = base;
	gateway->descriptors = descriptors;
	gateway->link.on_frame = on_frame;
	gateway->link.on_gone = on_gone;
	gateway->link.context = gateway;
	so_trust_init(&gateway->trust);
	so_pending_init(&gateway->pending);
	if (!so_link_open(&gateway->link, base, link_fd, error))
	{
		free(gateway);
		return NULL;
	}
	so_log_set_sink(log_sink, gateway);
	send_hello(gateway);
	so_link_flush(&gateway->link);
	return gateway;
}

void
so_gateway_run(SoGateway *gateway)
{
	while (event_base_loop(gateway->base, EVLOOP_ONCE) == 0)
		so_link_flush(&gateway->link);
}
