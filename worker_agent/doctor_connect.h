/*
 * worker_agent/doctor_connect.h
 *
 * Connections of the doctor: every step ends within a few seconds, whatever the
 * other side does or does not do.
 *
 * Process: a short-lived command.
 */
#ifndef WORKER_AGENT_DOCTOR_CONNECT_H
#define WORKER_AGENT_DOCTOR_CONNECT_H

#include <netdb.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/certificate.h"

/* The longest that one step may take: all addresses together, the handshake, an answer. */
#define SO_DOCTOR_STEP_MS 5000

typedef struct SoDoctorConnection
{
	int fd;
	SSL *ssl; /* NULL before TLS */
} SoDoctorConnection;

/* Connect to the first of the addresses that answers; false with the errno. */
extern bool
so_doctor_connect(const struct addrinfo *addresses, SoDoctorConnection *connection, int *reason);

/*
 * TLS 1.2 or newer on the connection, with the certificate of pair when there is
 * one; nothing of the other side is verified.  false with the problem as text.
 */
extern bool so_doctor_connection_tls(SoDoctorConnection *connection, const SoCertificatePair *pair,
									 char *problem, size_t size);

/* Send a request and read until the other side closes; answer is terminated, empty without one. */
extern void so_doctor_connection_ask(const SoDoctorConnection *connection, const char *request,
									 char *answer, size_t size);

/* Ask without TLS on a connection of its own; answer is what came first, or empty. */
extern void so_doctor_connect_ask(const struct addrinfo *addresses, const char *question,
								  char *answer, size_t size);

extern void so_doctor_connection_close(SoDoctorConnection *connection);

#endif /* WORKER_AGENT_DOCTOR_CONNECT_H */
