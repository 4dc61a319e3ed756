/*
 * worker_agent/doctor_connect.c
 *
 * Connections with a deadline for every step; see doctor_connect.h.
 *
 * Process: a short-lived command.
 */
#include "worker_agent/doctor_connect.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"

static bool
wait_until(int fd, short events, int64_t deadline_ms)
{
	struct pollfd wait = {.fd = fd, .events = events};
	int64_t left = deadline_ms - so_clock_monotonic_ms();

	return left > 0 && poll(&wait, 1, (int) left) > 0;
}

/* ---- TCP -------------------------------------------------------------------------- */

/* A connected socket, which does not block; -1 with the reason. */
static int
connect_one(const struct addrinfo *address, int64_t deadline_ms, int *reason)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof(*reason);

	*reason = 0;
	if (fd < 0)
	{
		*reason = errno;
		return -1;
	}
	if (connect(fd, address->ai_addr, address->ai_addrlen) != 0)
	{
		*reason = errno;
		if (*reason == EINPROGRESS)
		{
			if (!wait_until(fd, POLLOUT, deadline_ms))
				*reason = ETIMEDOUT;
			else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, reason, &size) != 0)
				*reason = errno;
		}
	}
	if (*reason != 0)
	{
		close(fd);
		return -1;
	}
	return fd;
}

bool
so_doctor_connect(const struct addrinfo *addresses, SoDoctorConnection *connection, int *reason)
{
	int64_t now_ms = so_clock_monotonic_ms();
	int64_t end_ms = now_ms + SO_DOCTOR_STEP_MS;
	int left = 0;

	connection->fd = -1;
	connection->ssl = NULL;
	*reason = ETIMEDOUT;
	for (const struct addrinfo *address = addresses; address != NULL; address = address->ai_next)
		left++;
	/* A dead address must not take the time of those behind it. */
	for (const struct addrinfo *address = addresses; address != NULL && connection->fd < 0;
		 address = address->ai_next, left--)
	{
		now_ms = so_clock_monotonic_ms();
		connection->fd = connect_one(address, now_ms + (end_ms - now_ms) / left, reason);
	}
	return connection->fd >= 0;
}

/* ---- TLS ---------------------------------------------------------------------------- */

/* After a call that could not go on: may it be repeated? */
static bool
may_go_on(const SoDoctorConnection *connection, int result, int64_t deadline_ms)
{
	switch (SSL_get_error(connection->ssl, result))
	{
		case SSL_ERROR_WANT_READ:
			return wait_until(connection->fd, POLLIN, deadline_ms);
		case SSL_ERROR_WANT_WRITE:
			return wait_until(connection->fd, POLLOUT, deadline_ms);
		default:
			return false;
	}
}

bool
so_doctor_connection_tls(SoDoctorConnection *connection, const SoCertificatePair *pair,
						 char *problem, size_t size)
{
	int64_t deadline_ms = so_clock_monotonic_ms() + SO_DOCTOR_STEP_MS;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	int result = -1;

	ERR_clear_error();
	if (context != NULL)
	{
		SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
		/* Thumbprint and name are checked by the caller, each for itself. */
		SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
		if (pair != NULL)
		{
			SSL_CTX_use_certificate(context, pair->certificate);
			SSL_CTX_use_PrivateKey(context, pair->key);
		}
		connection->ssl = SSL_new(context);
		SSL_CTX_free(context);
	}
	if (connection->ssl != NULL && SSL_set_fd(connection->ssl, connection->fd) == 1)
	{
		while ((result = SSL_connect(connection->ssl)) != 1 &&
			   may_go_on(connection, result, deadline_ms))
			;
	}
	if (result == 1)
		return true;
	if (ERR_peek_error() != 0)
		snprintf(problem, size, "%s", ERR_reason_error_string(ERR_peek_error()));
	else if (so_clock_monotonic_ms() >= deadline_ms)
		snprintf(problem, size, "it does not answer within %d s", SO_DOCTOR_STEP_MS / 1000);
	else
		snprintf(problem, size, "it closes the connection");
	ERR_clear_error();
	return false;
}

void
so_doctor_connection_ask(const SoDoctorConnection *connection, const char *request, char *answer,
						 size_t size)
{
	int64_t deadline_ms = so_clock_monotonic_ms() + SO_DOCTOR_STEP_MS;
	int length = (int) strlen(request);
	size_t used = 0;
	int got;

	answer[0] = '\0';
	while ((got = SSL_write(connection->ssl, request, length)) != length)
	{
		if (!may_go_on(connection, got, deadline_ms))
		{
			ERR_clear_error();
			return;
		}
	}
	while (used < size - 1 && so_clock_monotonic_ms() < deadline_ms)
	{
		got = SSL_read(connection->ssl, answer + used, (int) (size - 1 - used));
		if (got > 0)
			used += (size_t) got;
		else if (!may_go_on(connection, got, deadline_ms))
			break;
	}
	answer[used] = '\0';
	ERR_clear_error();
}

void
so_doctor_connect_ask(const struct addrinfo *addresses, const char *question, char *answer,
					  size_t size)
{
	int64_t deadline_ms = so_clock_monotonic_ms() + SO_DOCTOR_STEP_MS;
	SoDoctorConnection connection;
	ssize_t got = 0;
	int reason;

	answer[0] = '\0';
	if (!so_doctor_connect(addresses, &connection, &reason))
		return;
	if (send(connection.fd, question, strlen(question), MSG_NOSIGNAL) > 0 &&
		wait_until(connection.fd, POLLIN, deadline_ms))
		got = recv(connection.fd, answer, size - 1, 0);
	answer[got > 0 ? got : 0] = '\0';
	so_doctor_connection_close(&connection);
}

void
so_doctor_connection_close(SoDoctorConnection *connection)
{
	SSL_free(connection->ssl);
	if (connection->fd >= 0)
		close(connection->fd);
	connection->ssl = NULL;
	connection->fd = -1;
}
