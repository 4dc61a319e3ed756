/*
 * gateway/outgoing.c
 *
 * Writes frames for the master (docs/protocol.md, chapter 3).
 *
 * Process: gateway; one thread.
 */
#include "gateway/outgoing.h"

#include <stdio.h>
#include <unistd.h>

#include "common/protocol.h"

void
so_outgoing_hello(SoLink *link)
{
	size_t frame = so_frame_begin(&link->out, SO_GATEWAY_HELLO, 0);

	so_put_string(&link->out, SO_VERSION);
	so_put_u32(&link->out, (uint32_t) getpid());
	so_frame_end(&link->out, frame);
}

void
so_outgoing_listening(SoLink *link, const char *addresses, uint16_t port,
					  const SoThumbprint *thumbprint)
{
	char text[SO_THUMBPRINT_TEXT_SIZE];
	size_t frame = so_frame_begin(&link->out, SO_GATEWAY_LISTENING, 0);

	so_put_string(&link->out, addresses);
	so_put_u16(&link->out, port);
	so_put_string(&link->out, so_thumbprint_format(thumbprint, text));
	so_frame_end(&link->out, frame);
}

void
so_outgoing_reloaded(SoLink *link, const SoThumbprint *thumbprint, const SoError *error)
{
	char digits[SO_THUMBPRINT_TEXT_SIZE];
	char text[sizeof(error->message) + sizeof(error->place) + sizeof(error->detail) + 8] = "";
	size_t frame = so_frame_begin(&link->out, SO_GATEWAY_RELOADED, 0);

	if (error != NULL)
		snprintf(text, sizeof(text), "%s%s%s%s%s%s", error->message, error->place[0] ? " (" : "",
				 error->place, error->place[0] ? ")" : "", error->detail[0] ? ". " : "",
				 error->detail);
	so_put_u8(&link->out, error == NULL);
	so_put_string(&link->out, so_thumbprint_format(thumbprint, digits));
	so_put_string(&link->out, error ? so_error_state(error->code) : "");
	so_put_string(&link->out, text);
	so_frame_end(&link->out, frame);
}

void
so_outgoing_failed(SoLink *link, const SoError *error)
{
	char message[sizeof(error->message) + sizeof(error->place) + 4];
	size_t frame = so_frame_begin(&link->out, SO_GATEWAY_FAILED, 0);

	snprintf(message, sizeof(message), "%s%s%s%s", error->message, error->place[0] ? " (" : "",
			 error->place, error->place[0] ? ")" : "");
	so_put_string(&link->out, so_error_state(error->code));
	so_put_string(&link->out, message);
	so_put_string(&link->out, error->detail);
	so_put_string(&link->out, error->hint);
	so_frame_end(&link->out, frame);
}

void
so_outgoing_abandoned(SoLink *link, uint64_t request)
{
	size_t frame = so_frame_begin(&link->out, SO_GATEWAY_ABANDONED, 0);

	so_put_u64(&link->out, request);
	so_frame_end(&link->out, frame);
}

void
so_outgoing_refused(SoLink *link, const SoRefusalList *refusals)
{
	size_t frame = so_frame_begin(&link->out, SO_GATEWAY_REFUSED, 0);

	so_put_u32(&link->out, refusals->count);
	for (uint32_t i = 0; i < refusals->count; i++)
	{
		const SoRefusal *refusal = &refusals->entries[i];

		so_put_string(&link->out, refusal->state);
		so_put_string(&link->out, refusal->address);
		so_put_string(&link->out, refusal->network);
		so_put_string(&link->out, refusal->thumbprint);
		so_put_string(&link->out, refusal->reason);
		so_put_string(&link->out, refusal->subject);
		so_put_u64(&link->out, (uint64_t) refusal->not_before);
		so_put_u64(&link->out, (uint64_t) refusal->not_after);
		so_put_u64(&link->out, (uint64_t) refusal->first_ms);
		so_put_u64(&link->out, (uint64_t) refusal->last_ms);
		so_put_u64(&link->out, refusal->count);
	}
	so_frame_end(&link->out, frame);
}
