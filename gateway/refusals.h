/*
 * gateway/refusals.h
 *
 * Tells the master whom the gateway has turned away, so that it can be seen in
 * the database: without that a worker that is not trusted only looks offline.
 *
 * Process: gateway; one thread, no locking.
 */
#ifndef GATEWAY_REFUSALS_H
#define GATEWAY_REFUSALS_H

#include <event2/event.h>

#include "common/certificate.h"
#include "common/refusal_list.h"
#include "gateway/link.h"

typedef struct SoRefusals
{
	SoLink *link;
	struct event *timer;    /* NULL until the first one */
	int64_t last_report_ms; /* 0: none yet */
	SoRefusalList list;     /* since the last report */
} SoRefusals;

/* Nothing was refused yet; link must outlive it. */
extern void so_refusals_init(SoRefusals *refusals, SoLink *link);

/*
 * A client ("192.0.2.7:41822") was refused with this error; facts of the
 * certificate that it showed, or NULL.  The first one is reported at once, later
 * ones together, at most every SO_LIMIT_REFUSAL_REPORT_MS.
 */
extern void so_refusals_note(SoRefusals *refusals, struct event_base *base, const char *peer,
							 const SoCertificateFacts *facts, const SoError *error);

#endif /* GATEWAY_REFUSALS_H */
