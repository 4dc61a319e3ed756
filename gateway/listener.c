/*
 * gateway/listener.c
 *
 * Opens the listening sockets and stops accepting while the system or the
 * gateway has no room for more connections.
 *
 * Process: gateway; one thread.  The kernel closes the sockets of a gateway that
 * dies; SO_REUSEADDR lets the next one bind at once.
 */
#include "gateway/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/log.h"
#include "gateway/limits.h"
#include "gateway/port_owner.h"

#define BACKLOG  1024
#define MAX_HOST 256

/* ---- binding --------------------------------------------------------------- */

static uint16_t
port_of(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *) address)->sin6_port);
	return ntohs(((const struct sockaddr_in *) address)->sin_port);
}

static void
format_address(const struct sockaddr *address, socklen_t length, char *buffer, size_t size)
{
	char host[NI_MAXHOST];
	char port[NI_MAXSERV];

	if (getnameinfo(address, length, host, sizeof(host), port, sizeof(port),
					NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		snprintf(buffer, size, "an unknown address");
	else
		snprintf(buffer, size, address->sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

static bool
bind_failed(const struct addrinfo *info, int reason, SoError *error)
{
	char name[NI_MAXHOST + NI_MAXSERV + 4];
	char owner[160];
	int pid;

	format_address(info->ai_addr, info->ai_addrlen, name, sizeof(name));
	so_error_set(error, SO_ERR_GATEWAY_CANNOT_LISTEN, name, "cannot listen on %s: %s", name,
				 strerror(reason));
	if (reason == EADDRINUSE &&
		so_port_owner_describe(port_of((const struct sockaddr_storage *) info->ai_addr), owner,
							   sizeof(owner)))
	{
		so_error_detail(error, "The port is held by %s.", owner);
		if (sscanf(owner, "process %d", &pid) == 1)
			so_error_hint(
				error,
				"End that process: run kill %d, and this port is taken within seconds; or "
				"set scaleout.port_number to another one and run SELECT pg_reload_conf(); "
				"workers must then have it in MasterEndpoint.",
				pid);
	}
	else if (reason == EADDRNOTAVAIL)
		so_error_hint(error,
					  "This server has no such address. Set scaleout.listen_addresses = '*', "
					  "run SELECT pg_reload_conf(); or set it to an address that hostname -I "
					  "shows.");
	else if (reason == EACCES)
		so_error_detail(error, "Ports below 1024 need the capability CAP_NET_BIND_SERVICE.");
	return false;
}

/*
 * A listening socket for one address.  Accepted sockets inherit TCP_NODELAY,
 * without which an answer may wait for the peer's delayed acknowledgement, and
 * SO_KEEPALIVE, by which a peer that vanished is found.
 */
static int
bind_socket(const struct addrinfo *info)
{
	const int on = 1;
	int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int reason;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0 &&
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
		(info->ai_family != AF_INET6 ||
		 setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
		bind(fd, info->ai_addr, info->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	reason = errno;
	close(fd);
	errno = reason;
	return -1;
}

/* ---- running out of descriptors -------------------------------------------- */

static void
set_accepting(SoListener *listener)
{
	for (int i = 0; i < listener->count; i++)
	{
		if (listener->full || listener->exhausted)
			evconnlistener_disable(listener->sockets[i]);
		else
			evconnlistener_enable(listener->sockets[i]);
	}
}

/*
 * accept() failed, most likely for want of descriptors.  The socket would stay
 * readable and the loop would spin, so stop accepting for a moment.
 */
static void
accept_failed_cb(struct evconnlistener *socket_listener, void *argument)
{
	SoListener *listener = argument;
	const struct timeval later = {.tv_sec = SO_LIMIT_ACCEPT_RETRY_MS / 1000,
								  .tv_usec = SO_LIMIT_ACCEPT_RETRY_MS % 1000 * 1000};

	(void) socket_listener;
	if (!listener->exhausted)
		so_log(SO_LOG_WARNING, "cannot accept connections, trying again in %d ms: %s",
			   SO_LIMIT_ACCEPT_RETRY_MS, strerror(errno));
	listener->exhausted = true;
	set_accepting(listener);
	event_add(listener->retry_event, &later);
}

static void
retry_cb(evutil_socket_t fd, short what, void *argument)
{
	SoListener *listener = argument;

	(void) fd;
	(void) what;
	listener->exhausted = false;
	set_accepting(listener);
}

void
so_listener_pause(SoListener *listener)
{
	listener->full = true;
	set_accepting(listener);
}

void
so_listener_resume(SoListener *listener)
{
	if (!listener->full)
		return;
	listener->full = false;
	set_accepting(listener);
}

/* ---- opening --------------------------------------------------------------- */

/* Take over a bound socket: remember its address and, of the first, its port. */
static bool
add_socket(SoListener *listener, int fd, SoError *error)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	size_t used = strlen(listener->addresses);
	struct evconnlistener *socket_listener;
	char name[NI_MAXHOST + NI_MAXSERV + 4];

	if (getsockname(fd, (struct sockaddr *) &address, &length) != 0)
	{
		so_error_set(error, SO_ERR_SYSTEM_CALL, "getsockname", "%s", strerror(errno));
		close(fd);
		return false;
	}
	/* The door puts its own callback in place. */
	socket_listener = evconnlistener_new(listener->base, NULL, NULL,
										 LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (socket_listener == NULL)
	{
		close(fd);
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	}
	evconnlistener_set_error_cb(socket_listener, accept_failed_cb);
	listener->sockets[listener->count++] = socket_listener;
	listener->port = port_of(&address);
	format_address((struct sockaddr *) &address, length, name, sizeof(name));
	snprintf(listener->addresses + used, sizeof(listener->addresses) - used, "%s%s",
			 used > 0 ? ", " : "", name);
	return true;
}

/* This machine does not have the address family: no reason to refuse the others. */
static bool
family_missing(const struct addrinfo *info, int reason)
{
	return reason == EAFNOSUPPORT || (info->ai_family == AF_INET6 && reason == EADDRNOTAVAIL);
}

/* Bind every address that a host name stands for; *missing remembers one that was skipped. */
static bool
open_host(SoListener *listener, const char *host, int family, uint16_t port, SoError *missing,
		  SoError *error)
{
	const struct addrinfo wanted = {
		.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *found = NULL;
	char service[8];
	int failed;
	bool ok = true;

	snprintf(service, sizeof(service), "%u", listener->count > 0 ? listener->port : port);
	failed = getaddrinfo(host, service, &wanted, &found);
	if (failed != 0)
		return so_error_set(error, SO_ERR_GATEWAY_ADDRESS_INVALID, host,
							"cannot resolve the listen address: %s", gai_strerror(failed));
	for (const struct addrinfo *info = found; ok && info != NULL; info = info->ai_next)
	{
		int fd = -1;

		/* The port that the system chose for the first socket is for the later ones. */
		if (listener->count > 0 && info->ai_family == AF_INET6)
			((struct sockaddr_in6 *) info->ai_addr)->sin6_port = htons(listener->port);
		else if (listener->count > 0)
			((struct sockaddr_in *) info->ai_addr)->sin_port = htons(listener->port);
		if (listener->count == SO_LISTENER_MAX)
			ok = so_error_set(error, SO_ERR_GATEWAY_ADDRESS_INVALID, host,
							  "more than %d listen addresses", SO_LISTENER_MAX);
		else if ((fd = bind_socket(info)) >= 0)
			ok = add_socket(listener, fd, error);
		else if (family_missing(info, errno))
			bind_failed(info, errno, missing);
		else
			ok = bind_failed(info, errno, error);
	}
	freeaddrinfo(found);
	return ok;
}

static bool
open_entry(SoListener *listener, const char *entry, uint16_t port, SoError *missing, SoError *error)
{
	char host[MAX_HOST];
	size_t length = strlen(entry);

	if (strcmp(entry, "*") == 0)
		return open_host(listener, NULL, AF_INET, port, missing, error) &&
			   open_host(listener, NULL, AF_INET6, port, missing, error);
	if (length > 2 && entry[0] == '[' && entry[length - 1] == ']')
	{
		snprintf(host, sizeof(host), "%.*s", (int) length - 2, entry + 1);
		entry = host;
	}
	return open_host(listener, entry, AF_UNSPEC, port, missing, error);
}

/* Open all entries of a comma separated list. */
static bool
open_list(SoListener *listener, const char *addresses, uint16_t port, SoError *missing,
		  SoError *error)
{
	while (*addresses != '\0')
	{
		size_t length = strcspn(addresses, ", \t");
		char entry[MAX_HOST];

		if (length >= sizeof(entry))
			return so_error_set(error, SO_ERR_GATEWAY_ADDRESS_INVALID, NULL,
								"a listen address is longer than %d characters", MAX_HOST - 1);
		memcpy(entry, addresses, length);
		entry[length] = '\0';
		if (length > 0 && !open_entry(listener, entry, port, missing, error))
			return false;
		addresses += length;
		addresses += strspn(addresses, ", \t");
	}
	return true;
}

bool
so_listener_open(SoListener *listener, struct event_base *base, const char *addresses,
				 uint16_t port, SoError *error)
{
	SoError missing;
	bool ok;

	memset(listener, 0, sizeof(*listener));
	so_error_clear(&missing);
	listener->base = base;
	listener->retry_event = evtimer_new(base, retry_cb, listener);
	if (listener->retry_event == NULL)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	ok = open_list(listener, addresses, port, &missing, error);
	if (ok && listener->count == 0)
	{
		ok = so_error_set(error, SO_ERR_GATEWAY_ADDRESS_INVALID, NULL,
						  "the list of listen addresses \"%.200s\" is empty", addresses);
		if (missing.code != SO_OK)
			*error = missing;
	}
	else if (ok && missing.code != SO_OK)
		so_log(SO_LOG_INFORMATION, "%s; skipped", missing.message);
	if (!ok)
		so_listener_close(listener);
	for (int i = 0; ok && i < listener->count; i++)
		evconnlistener_enable(listener->sockets[i]);
	return ok;
}

void
so_listener_close(SoListener *listener)
{
	for (int i = 0; i < listener->count; i++)
		evconnlistener_free(listener->sockets[i]);
	listener->count = 0;
	if (listener->retry_event != NULL)
		event_free(listener->retry_event);
	listener->retry_event = NULL;
}
