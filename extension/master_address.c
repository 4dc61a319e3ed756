/*
 * extension/master_address.c
 *
 * What the server can tell about an address at which workers are to reach the
 * master: whether its certificate is for that name, and whether the name
 * resolves and the port answers from here.  Nothing is read from the
 * connection: bytes of the network belong into the gateway.
 *
 * Process: client backends of administrators; changes nothing.
 */
#include "postgres.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/certificate_host.h"
#include "extension/compat.h"
#include "extension/error.h"
#include "extension/settings.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

/* For all addresses of the host together. */
#define PROBE_MS      3000
#define PROBE_TICK_MS 100

SO_SQL_FUNCTION(so_certificate_has_name);
SO_SQL_FUNCTION(so_probe_address);

/* internal.certificate_has_name(host text): of the master's certificate file. */
Datum
so_certificate_has_name(PG_FUNCTION_ARGS)
{
	char *host = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *file = so_setting_resolved_certificate_file();
	SoError error = {0};
	bool named;

	so_error_require_preload();
	named = so_certificate_file_matches_host(file, host, &error);
	if (!named && error.code != SO_ERR_HOST_NAME_MISMATCH)
		so_error_raise(&error);
	PG_RETURN_BOOL(named);
}

/* Wait for a connection that is being made; 0, or why there is none. */
static int
wait_connected(int fd, int *left_ms)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	int reason = ETIMEDOUT;
	socklen_t size = sizeof(reason);

	for (; *left_ms > 0; *left_ms -= PROBE_TICK_MS)
	{
		/* A cancel is obeyed by the caller, which closes the socket first. */
		if (InterruptPending)
			return EINTR;
		if (poll(&wait, 1, PROBE_TICK_MS) > 0)
			return getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &size) == 0 ? reason : errno;
	}
	return reason;
}

static int
probe_one(const struct addrinfo *address, int *left_ms)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int reason = 0;

	if (fd < 0)
		return errno;
	if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
		reason = errno == EINPROGRESS ? wait_connected(fd, left_ms) : errno;
	close(fd);
	CHECK_FOR_INTERRUPTS();
	return reason;
}

/* internal.probe_address(host text, port integer, OUT ok boolean, OUT cause text). */
Datum
so_probe_address(PG_FUNCTION_ARGS)
{
	char *host = text_to_cstring(PG_GETARG_TEXT_PP(0));
	char *port = psprintf("%d", PG_GETARG_INT32(1));
	const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *addresses = NULL;
	TupleDesc description;
	Datum values[2];
	bool nulls[2] = {false};
	int left_ms = PROBE_MS;
	int reason = 0;
	int failed;

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE)
		ereport(ERROR, (so_errcode(SO_ERR_INTERNAL), errmsg("probe_address must return a row")));
	failed = getaddrinfo(host, port, &wanted, &addresses);
	if (failed == 0)
	{
		PG_TRY();
		{
			reason = EHOSTUNREACH;
			for (struct addrinfo *at = addresses; at != NULL && reason != 0; at = at->ai_next)
				reason = probe_one(at, &left_ms);
		}
		PG_FINALLY();
		{
			freeaddrinfo(addresses);
		}
		PG_END_TRY();
	}
	values[0] = BoolGetDatum(failed == 0 && reason == 0);
	if (failed != 0)
		values[1] = CStringGetTextDatum(
			psprintf("the name \"%s\" is not known: %s.", host, gai_strerror(failed)));
	else if (reason != 0)
		values[1] = CStringGetTextDatum(
			psprintf("port %s of \"%s\" does not answer: %s.", port, host, strerror(reason)));
	else
		values[1] =
			CStringGetTextDatum(psprintf("\"%s\" resolves and its port %s answers.", host, port));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}
