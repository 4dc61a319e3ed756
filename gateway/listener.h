/*
 * gateway/listener.h
 *
 * The listening sockets: from a list of addresses to bound sockets, and what
 * happens when the system has no descriptors left.
 *
 * Process: gateway; one thread, no locking.
 */
#ifndef GATEWAY_LISTENER_H
#define GATEWAY_LISTENER_H

#include <event2/event.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define SO_LISTENER_MAX 32

typedef struct SoListener
{
	struct event_base *base;
	struct evconnlistener *sockets[SO_LISTENER_MAX];
	int count;
	uint16_t port;        /* the real one when 0 was asked for */
	char addresses[1024]; /* "127.0.0.1:8391, [::1]:8391" */
	struct event *retry_event;
	bool full;      /* stopped by so_listener_pause */
	bool exhausted; /* stopped because accept failed */
} SoListener;

/*
 * Bind and listen on every address of the list (comma separated host names and IP
 * addresses; "*" for all IPv4 and IPv6 addresses).  With port 0 the system chooses
 * one for the first socket, and the others take the same.  An address family that
 * this machine does not have is skipped as long as one socket remains.  SO330 when
 * an address cannot be bound (the detail names the process that has it, when it
 * can be seen), SO331 when the list is wrong.  On failure nothing is left open.
 */
extern bool so_listener_open(SoListener *listener, struct event_base *base, const char *addresses,
							 uint16_t port, SoError *error) SO_WARN_UNUSED;
extern void so_listener_close(SoListener *listener);

/* Stop and resume accepting; the kernel's backlog holds who comes meanwhile. */
extern void so_listener_pause(SoListener *listener);
extern void so_listener_resume(SoListener *listener);

#endif /* GATEWAY_LISTENER_H */
