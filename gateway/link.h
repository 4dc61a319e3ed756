/*
 * gateway/link.h
 *
 * The gateway's end of the socket pair to the master.  Frames that arrive are
 * handed to a callback; frames that go out are appended to a buffer, which is
 * written once per turn of the event loop.
 *
 * Process: gateway; one thread, no locking.
 */
#ifndef GATEWAY_LINK_H
#define GATEWAY_LINK_H

#include <event2/event.h>

#include "common/byte_buffer.h"
#include "common/error.h"
#include "common/frame.h"
#include "common/log.h"

typedef struct SoLink
{
	int fd;
	struct event *read_event;
	struct event *write_event;
	SoByteBuffer in;
	SoByteBuffer out;
	uint64_t lost_lines; /* log lines dropped because the master does not read */
	void (*on_frame)(void *context, const SoFrame *frame);
	void (*on_gone)(void *context, const SoError *error);
	void *context;
} SoLink;

/*
 * Take over the descriptor (made non-blocking).  on_frame gets each frame, valid
 * during the call; on_gone is called once, when the master has closed its end
 * (error NULL) or the stream is broken.
 */
extern bool
so_link_open(SoLink *link, struct event_base *base, int fd, SoError *error) SO_WARN_UNUSED;

/* Write what is waiting; to be called after each turn of the loop. */
extern void so_link_flush(SoLink *link);

/* The same, waiting up to timeout_ms for the master to read; for last words. */
extern void so_link_flush_all(SoLink *link, int timeout_ms);

/* Bytes that wait to be written. */
extern size_t so_link_waiting(const SoLink *link);

/* Append a LOG frame; lines are dropped, and counted, when the master does not read. */
extern void so_link_log(SoLink *link, SoLogLevel level, const char *line);

#endif /* GATEWAY_LINK_H */
