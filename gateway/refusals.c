/*
 * gateway/refusals.c
 *
 * Collects refused connections in a list of fixed size and sends what has come
 * together in one frame every few seconds; see refusals.h.
 *
 * Process: gateway; one thread.  What a gateway has not reported when it dies is
 * forgotten: whoever is refused knocks again.
 */
#include "gateway/refusals.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "gateway/limits.h"
#include "gateway/outgoing.h"
#include "gateway/peer.h"

void
so_refusals_init(SoRefusals *refusals, SoLink *link)
{
	memset(refusals, 0, sizeof(*refusals));
	refusals->link = link;
}

static void
arm(SoRefusals *refusals, int64_t milliseconds)
{
	const struct timeval when = {.tv_sec = milliseconds / 1000,
								 .tv_usec = milliseconds % 1000 * 1000};

	event_add(refusals->timer, &when);
}

static void
report_cb(evutil_socket_t fd, short what, void *argument)
{
	SoRefusals *refusals = argument;

	(void) fd;
	(void) what;
	/* A master that does not read gets them later; the list does not grow meanwhile. */
	if (so_link_waiting(refusals->link) > SO_LIMIT_LINK_LOG_BYTES)
	{
		arm(refusals, SO_LIMIT_REFUSAL_REPORT_MS);
		return;
	}
	so_outgoing_refused(refusals->link, &refusals->list);
	so_refusal_list_clear(&refusals->list);
	refusals->last_report_ms = so_clock_monotonic_ms();
}

/* Without the port: every connection has another one. */
static void
set_address(SoRefusal *refusal, const char *peer)
{
	char network[SO_PEER_NETWORK_SIZE];
	bool bracket = peer[0] == '[';
	const char *end = bracket ? strchr(peer, ']') : strrchr(peer, ':');
	size_t length = end != NULL ? (size_t) (end - peer) - bracket : strlen(peer);

	snprintf(refusal->address, sizeof(refusal->address), "%.*s", (int) length, peer + bracket);
	so_peer_network(peer, network);
	snprintf(refusal->network, sizeof(refusal->network), "%.*s", (int) sizeof(refusal->network) - 1,
			 network);
}

void
so_refusals_note(SoRefusals *refusals, struct event_base *base, const char *peer,
				 const SoCertificateFacts *facts, const SoError *error)
{
	int64_t now_ms = so_clock_monotonic_ms();
	int64_t due_ms = refusals->last_report_ms + SO_LIMIT_REFUSAL_REPORT_MS;
	SoRefusal refusal = {.first_ms = now_ms, .last_ms = now_ms, .count = 1};

	if (refusals->timer == NULL &&
		(refusals->timer = evtimer_new(base, report_cb, refusals)) == NULL)
		return;
	snprintf(refusal.state, sizeof(refusal.state), "%s", so_error_state(error->code));
	snprintf(refusal.reason, sizeof(refusal.reason), "%.*s", (int) sizeof(refusal.reason) - 1,
			 error->message);
	set_address(&refusal, peer);
	if (facts != NULL)
	{
		memcpy(refusal.thumbprint, facts->thumbprint_text, sizeof(refusal.thumbprint));
		snprintf(refusal.subject, sizeof(refusal.subject), "%.*s",
				 (int) sizeof(refusal.subject) - 1, facts->subject);
		refusal.not_before = facts->not_before;
		refusal.not_after = facts->not_after;
	}
	so_refusal_list_add(&refusals->list, &refusal);
	if (!evtimer_pending(refusals->timer, NULL))
		arm(refusals, refusals->last_report_ms == 0 || due_ms <= now_ms ? 0 : due_ms - now_ms);
}
