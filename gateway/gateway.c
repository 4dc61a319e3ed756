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
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/protocol.h"
#include "gateway/door.h"
#include "gateway/join_limit.h"
#include "gateway/limits.h"
#include "gateway/link.h"
#include "gateway/listener.h"
#include "gateway/outgoing.h"
#include "gateway/pending.h"
#include "gateway/refusals.h"
#include "gateway/request.h"
#include "gateway/routes.h"
#include "gateway/settings.h"
#include "gateway/strangers.h"
#include "gateway/tls.h"
#include "gateway/trust.h"

/* How long the master may take to read the gateway's last words. */
#define LAST_WORDS_MS 1000

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
	SoJoinLimit joins;
	SoRefusals refusals;
	SoDoor *door;        /* NULL until configured */
	SoSettings settings; /* of the first CONFIGURE */
};

/* ---- to the master ------------------------------------------------------------- */

/* Say why the gateway cannot serve, and end. */
static void
fail(SoGateway *gateway, const SoError *error)
{
	so_outgoing_failed(&gateway->link, error);
	so_link_flush_all(&gateway->link, LAST_WORDS_MS);
	_exit(1);
}

/* The log goes to the master; time, program and pid are added where it is written. */
static void
log_sink(const SoLogRecord *record, void *context)
{
	SoGateway *gateway = context;

	so_link_log(&gateway->link, record->level, record->message);
}

/* ---- from the door ---------------------------------------------------------------- */

static bool
refuse_untrusted(const SoThumbprint *thumbprint, SoError *error)
{
	char text[SO_THUMBPRINT_TEXT_SIZE];

	so_error_set(error, SO_ERR_CERTIFICATE_UNTRUSTED, NULL,
				 "the worker certificate is not trusted");
	return so_error_detail(error, "Its thumbprint is %s.", so_thumbprint_format(thumbprint, text));
}

/* For the master's eyes, unless it is the master or the agent itself that is busy. */
static void
refused(void *context, const SoDoorConnection *connection, const SoError *error)
{
	SoGateway *gateway = context;
	SoCertificateFacts facts;
	SoError ignored;

	if (error->code == SO_ERR_MASTER_AWAY || error->code == SO_ERR_AGENT_BUSY)
		return;
	so_refusals_note(&gateway->refusals, gateway->base, so_door_peer(connection),
					 so_door_certificate(connection, &facts, &ignored) ? &facts : NULL, error);
}

static bool
connected(void *context, SoDoorConnection *connection, const SoThumbprint *thumbprint,
		  SoError *error)
{
	SoGateway *gateway = context;
	SoTrustEntry *entry;

	if (!gateway->trust.received)
		return so_error_set(error, SO_ERR_MASTER_AWAY, NULL, "the master is starting");
	if (thumbprint == NULL)
		return so_error_set(error, SO_ERR_CERTIFICATE_REQUIRED, NULL,
							"the client sent no certificate");
	entry = so_trust_find(&gateway->trust, thumbprint);
	if (entry == NULL)
		/* A certificate that is not trusted may come in to join, while there is a token for that. */
		return gateway->trust.open ? so_strangers_admit(gateway->door, connection, error)
								   : refuse_untrusted(thumbprint, error);
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

/* What is asked of a join besides: its certificate, and not too often. */
static bool
prepare_join(SoGateway *gateway, const SoDoorConnection *connection, SoCertificateFacts *facts,
			 SoRequestOrigin *origin, SoError *error)
{
	if (!so_join_limit_allow(&gateway->joins, so_door_peer(connection), so_clock_monotonic_ms()))
	{
		if (so_door_may_log(gateway->door))
			so_log(SO_LOG_WARNING, "%s tries to join too often", so_door_peer(connection));
		return so_error_set(error, SO_ERR_ENROLLMENT_LIMIT, NULL, "too many attempts to join");
	}
	origin->certificate = facts;
	return so_door_certificate(connection, facts, error);
}

static void
request(void *context, SoDoorConnection *connection, const SoDoorRequest *in)
{
	SoGateway *gateway = context;
	SoRequestOrigin origin = {.certificate = NULL};
	SoCertificateFacts facts;
	SoRequestKind kind;
	uint32_t *open;
	SoPendingSlot slot;
	SoError error;

	so_door_set_tag(connection, 0);
	if (!so_routes_find(in->path, in->is_post, &kind, &error) ||
		(kind != SO_REQUEST_JOIN && so_door_is_stranger(connection) &&
		 !refuse_untrusted(so_door_thumbprint(connection), &error)) ||
		(kind == SO_REQUEST_JOIN && !prepare_join(gateway, connection, &facts, &origin, &error)) ||
		!admit(gateway, connection, kind, in->size, &error))
	{
		if (error.code == SO_ERR_CERTIFICATE_UNTRUSTED)
			refused(gateway, connection, &error);
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
		so_outgoing_abandoned(&gateway->link, slot.request);
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
		so_outgoing_abandoned(&gateway->link, number);
	if (entry != NULL && entry->connections > 0 && !so_door_is_stranger(connection))
		entry->connections--;
}

/* ---- from the master ---------------------------------------------------------------- */

/* The first CONFIGURE: open everything, or say why not and end. */
static void
start(SoGateway *gateway, const SoSettings *settings)
{
	const SoDoorCallbacks callbacks = {
		.connected = connected,
		.refused = refused,
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
	so_outgoing_listening(&gateway->link, gateway->listener.addresses, gateway->listener.port,
						  &gateway->tls.thumbprint);
}

/* A later CONFIGURE: certificate and limits; sockets stay as they are. */
static void
reload(SoGateway *gateway, const SoSettings *settings)
{
	SoError error;

	if (strcmp(settings->addresses, gateway->settings.addresses) != 0 ||
		settings->port != gateway->settings.port)
	{
		so_error_set(&error, SO_ERR_GATEWAY_ADDRESS_INVALID, NULL,
					 "other listen addresses need a new gateway process");
		so_outgoing_reloaded(&gateway->link, &gateway->tls.thumbprint, &error);
		return;
	}
	if (!so_tls_load(&gateway->tls, settings->certificate_file, settings->key_file, &error))
	{
		so_outgoing_reloaded(&gateway->link, &gateway->tls.thumbprint, &error);
		return;
	}
	gateway->limits = settings->limits;
	so_limits_adjust(&gateway->limits, gateway->descriptors);
	so_outgoing_reloaded(&gateway->link, &gateway->tls.thumbprint, NULL);
}

/* Close a connection whose thumbprint has left the set. */
static void
close_untrusted(void *context, SoDoorConnection *connection)
{
	const SoGateway *gateway = context;
	char text[SO_THUMBPRINT_TEXT_SIZE];

	if (so_trust_find(&gateway->trust, so_door_thumbprint(connection)) != NULL ||
		so_door_is_stranger(connection))
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
	gateway->trust.open = (frame->flags & SO_TRUST_ENROLLMENT_OPEN) != 0;
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
	SoSettings settings;

	if (!so_settings_read(frame, &settings))
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
	so_refusals_init(&gateway->refusals, &gateway->link);
	if (!so_link_open(&gateway->link, base, link_fd, error))
	{
		free(gateway);
		return NULL;
	}
	so_log_set_sink(log_sink, gateway);
	so_outgoing_hello(&gateway->link);
	so_link_flush(&gateway->link);
	return gateway;
}

void
so_gateway_run(SoGateway *gateway)
{
	while (event_base_loop(gateway->base, EVLOOP_ONCE) == 0)
		so_link_flush(&gateway->link);
}
