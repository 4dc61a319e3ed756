/*
 * worker_agent/doctor_master.c
 *
 * The checks of a master from the worker's machine: does its name resolve, does
 * its port answer, with TLS or with something else, with which certificate, and
 * what does it say to this worker.  See doctor.h.
 *
 * Process: a short-lived command.  The question to the master is a poll under an
 * instance id that nobody has: it is answered from memory and changes nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/protocol.h"
#include "common/uuid.h"
#include "worker_agent/doctor.h"
#include "worker_agent/identity.h"

#define CONNECT_MS     5000
#define ANSWER_SECONDS 10
#define CLOCK_LIMIT_S  60

/* ---- TCP -------------------------------------------------------------------------- */

/* A connected socket; -1 with the reason. */
static int
connect_one(const struct addrinfo *address, int *reason)
{
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct timeval limit = {ANSWER_SECONDS, 0};
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
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
			if (poll(&wait, 1, CONNECT_MS) <= 0)
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
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return fd;
}

static int
connect_any(const struct addrinfo *addresses, int *reason)
{
	int fd = -1;

	for (const struct addrinfo *address = addresses; address != NULL && fd < 0;
		 address = address->ai_next)
		fd = connect_one(address, reason);
	return fd;
}

static void
say_unreachable(SoDoctor *doctor, const SoEndpoint *endpoint, int reason)
{
	const char *cure;

	if (reason == ECONNREFUSED)
		cure = "Nobody listens there. On the server run SELECT * FROM catalog.diagnose_scaleout(): "
			   "its row \"port open\" says where the master listens or why it cannot; correct "
			   "MasterEndpoint or scaleout.port_number and scaleout.listen_addresses.";
	else if (reason == ETIMEDOUT)
		cure = "Something on the way drops the packets: open the port in the firewalls, and check "
			   "the address.";
	else
		cure = "Check the network and the address in MasterEndpoint.";
	so_doctor_sayf(doctor, "port answers", "failed", cure, "SO420: %s: %s.", endpoint->url,
				   strerror(reason));
}

/* ---- what is there, when it is not TLS ---------------------------------------------- */

/* Ask in plain HTTP, and show what comes. */
static void
say_not_tls(SoDoctor *doctor, const SoEndpoint *endpoint, const struct addrinfo *addresses,
			const char *problem)
{
	static const char question[] = "GET / HTTP/1.0\r\n\r\n";
	static const char cure[] =
		"Correct the port in MasterEndpoint: SELECT * FROM catalog.master_properties shows "
		"MASTER_ADDRESS; or end the other service and let the master have the port.";
	char answer[64] = "";
	ssize_t got = 0;
	int reason;
	int fd = connect_any(addresses, &reason);

	if (fd >= 0)
	{
		if (send(fd, question, strlen(question), MSG_NOSIGNAL) > 0)
			got = recv(fd, answer, sizeof(answer) - 1, 0);
		close(fd);
	}
	answer[got > 0 ? got : 0] = '\0';
	answer[strcspn(answer, "\r\n")] = '\0';
	for (char *c = answer; *c != '\0'; c++)
	{
		if (*c < ' ' || *c > '~')
			*c = '?';
	}
	if (strncmp(answer, "HTTP/", 5) == 0)
		so_doctor_sayf(doctor, "TLS", "failed", cure,
					   "%s speaks plain HTTP without TLS (\"%s\"): it is not the master.",
					   endpoint->url, answer);
	else if (answer[0] != '\0')
		so_doctor_sayf(doctor, "TLS", "failed", cure,
					   "%s is another service, it says \"%s\": it is not the master.",
					   endpoint->url, answer);
	else
		so_doctor_sayf(doctor, "TLS", "failed", cure, "%s does not speak TLS 1.2 or newer: %s.",
					   endpoint->url, problem);
}

/* ---- TLS ----------------------------------------------------------------------------- */

static SSL *
open_tls(const SoDoctor *doctor, int fd, char *problem, size_t size)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = NULL;

	ERR_clear_error();
	if (context != NULL)
	{
		SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
		/* Thumbprint and name are checked below, each for itself. */
		SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
		if (doctor->pair != NULL)
		{
			SSL_CTX_use_certificate(context, doctor->pair->certificate);
			SSL_CTX_use_PrivateKey(context, doctor->pair->key);
		}
		ssl = SSL_new(context);
		SSL_CTX_free(context);
	}
	if (ssl != NULL && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1)
		return ssl;
	snprintf(problem, size, "%s",
			 ERR_peek_error() != 0 ? ERR_reason_error_string(ERR_peek_error())
								   : "it closes the connection or does not answer");
	ERR_clear_error();
	SSL_free(ssl);
	return NULL;
}

static void
check_pin(SoDoctor *doctor, const SoEndpoint *endpoint, X509 *certificate, const SoThumbprint *pins,
		  int pin_count)
{
	SoThumbprint served;
	SoError error;
	char text[SO_THUMBPRINT_TEXT_SIZE];
	char cure[512];

	if (!so_thumbprint_of_x509(certificate, &served, &error))
	{
		so_doctor_error(doctor, "thumbprint of the master", "failed", &error);
		return;
	}
	so_thumbprint_format(&served, text);
	for (int i = 0; i < pin_count; i++)
	{
		if (so_thumbprint_equal(&served, &pins[i]))
		{
			so_doctor_sayf(doctor, "thumbprint of the master", "ok", NULL, "%s serves %s.",
						   endpoint->url, text);
			return;
		}
	}
	snprintf(cure, sizeof(cure),
			 "Compare with SSLCERT_THUMBPRINT in catalog.master_properties on the server. If it is "
			 "%s, set MasterHttpsCertThumbprint = %s; otherwise somebody else "
			 "answers at this address.",
			 text, text);
	so_doctor_sayf(doctor, "thumbprint of the master", "failed", cure,
				   "SO314: %s serves the certificate with thumbprint %s; "
				   "MasterHttpsCertThumbprint is %s.",
				   endpoint->url, text, doctor->settings->master_thumbprint);
}

/* "Its names are a, b." */
static void
add_names(X509 *certificate, SoError *error)
{
	SoCertificateFacts facts;
	SoError ignored;
	char names[1500] = "";
	size_t used = 0;
	char *pem;
	BIO *memory = BIO_new(BIO_s_mem());
	long length;

	if (memory == NULL || PEM_write_bio_X509(memory, certificate) != 1)
	{
		BIO_free(memory);
		return;
	}
	length = BIO_get_mem_data(memory, &pem);
	if (so_certificate_read(pem, (size_t) length, &facts, &ignored))
	{
		for (size_t i = 0; i < facts.name_count && used < sizeof(names); i++)
			used += (size_t) snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? ", " : "",
									  facts.names[i]);
		so_error_detail(error, "Its names are %s.", names);
	}
	BIO_free(memory);
}

static void
check_host(SoDoctor *doctor, const SoEndpoint *endpoint, X509 *certificate)
{
	SoError error;

	if (so_certificate_matches_host(certificate, endpoint->host, &error))
	{
		so_doctor_sayf(doctor, "host name in the certificate", "ok", NULL,
					   "%s is one of its names.", endpoint->host);
		return;
	}
	if (error.detail[0] == '\0')
		add_names(certificate, &error);
	so_error_hint(&error, "Use one of the names of the certificate in MasterEndpoint, or have the "
						  "master's certificate made with the name that is used here.");
	so_doctor_error(doctor, "host name in the certificate", "failed", &error);
}

static void
check_master_time(SoDoctor *doctor, X509 *certificate)
{
	static const char cure[] = "Set the clock of the machine that is wrong; or make a new "
							   "certificate on the server and give its thumbprint to the workers.";

	if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
		so_doctor_say(doctor, "master's certificate valid", "warning",
					  "SO306: the master's certificate has expired. Workers go by its thumbprint "
					  "and accept it still.",
					  cure);
	else if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
		so_doctor_say(doctor, "master's certificate valid", "warning",
					  "SO306: the master's certificate is not valid yet. Workers go by its "
					  "thumbprint and accept it still.",
					  cure);
	else
		so_doctor_say(doctor, "master's certificate valid", "ok", NULL, NULL);
}

/* ---- what the master says --------------------------------------------------------------- */

/* The answer of a poll without capacity; empty when there is none. */
static void
ask(const SoDoctor *doctor, const SoEndpoint *endpoint, SSL *ssl, char *answer, size_t size)
{
	char body[512];
	char request[1200];
	SoUuid nobody;
	char nobody_text[SO_UUID_TEXT_SIZE];
	SoError error;
	size_t used = 0;
	int length;
	int got;

	answer[0] = '\0';
	if (!so_uuid_generate(&nobody, &error))
		return;
	length = snprintf(body, sizeof(body),
					  "{\"agent_id\":\"%s\",\"instance_id\":\"%s\",\"epoch\":%" PRIu64
					  ",\"capacity\":0,\"wait_ms\":0,\"held\":[]}",
					  doctor->settings->agent_id, so_uuid_format(&nobody, nobody_text),
					  so_identity_read_epoch(doctor->settings));
	length = snprintf(request, sizeof(request),
					  "POST " SO_ROUTE_LEASE " HTTP/1.1\r\nHost: %s\r\nContent-Type: "
					  "application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
					  endpoint->host, length, body);
	if (SSL_write(ssl, request, length) != length)
		return;
	while (used < size - 1 && (got = SSL_read(ssl, answer + used, (int) (size - 1 - used))) > 0)
		used += (size_t) got;
	answer[used] = '\0';
	ERR_clear_error();
}

static void
check_clock(SoDoctor *doctor, const char *answer)
{
	const char *line = strcasestr(answer, "\r\nDate: ");
	struct tm parts;
	long difference;

	memset(&parts, 0, sizeof(parts));
	if (line == NULL || strptime(line + 8, "%a, %d %b %Y %H:%M:%S", &parts) == NULL)
		return;
	difference = (long) (time(NULL) - timegm(&parts));
	so_doctor_sayf(doctor, "clock", labs(difference) > CLOCK_LIMIT_S ? "warning" : "ok",
				   "Nothing is decided by it, but times in the logs and certificates are judged by "
				   "it: run a time service on both machines.",
				   "The clocks of this machine and of the server differ by %ld s.", difference);
}

/* SO210: not known in this epoch.  SO211: known, under the instance that registered. */
static void
judge_refusal(SoDoctor *doctor, const json_t *refusal)
{
	const char *code = json_string_value(json_object_get(refusal, "code"));
	const char *message = json_string_value(json_object_get(refusal, "message"));
	const char *detail = json_string_value(json_object_get(refusal, "detail"));
	const char *hint = json_string_value(json_object_get(refusal, "hint"));

	code = code != NULL ? code : "";
	detail = detail != NULL ? detail : "";
	if (strcmp(code, "SO301") == 0 || strcmp(code, "SO302") == 0 || strcmp(code, "SO303") == 0)
	{
		char cure[1024];

		snprintf(cure, sizeof(cure),
				 "Take %s to the server and run there: scaleout workers trust --enable worker.crt",
				 doctor->settings->certificate_file);
		so_doctor_sayf(doctor, "trusted by the master", "failed",
					   strcmp(code, "SO303") == 0 ? hint : cure, "HTTP 403, %s: %s. %s", code,
					   message, detail);
		return;
	}
	if (strcmp(code, "SO210") != 0 && strcmp(code, "SO211") != 0)
	{
		so_doctor_sayf(doctor, "answer of the master", "failed", hint, "%s: %s. %s", code, message,
					   detail);
		return;
	}
	so_doctor_say(doctor, "trusted by the master", "ok", NULL, NULL);
	if (strcmp(code, "SO210") == 0)
	{
		so_doctor_say(
			doctor, "registered", "warning", "The master of this epoch does not know this worker.",
			"Start the worker (systemctl start scaleout-worker): it registers by itself.");
		return;
	}
	so_doctor_say(doctor, "registered", "ok", NULL, NULL);
	if (strstr(detail, "disabled") != NULL)
	{
		char cure[200];

		snprintf(cure, sizeof(cure), "On the server run SELECT catalog.enable_worker_agent('%s');",
				 doctor->settings->agent_id);
		so_doctor_say(doctor, "enabled", "failed",
					  "SO424: this worker is registered and disabled: it gets no tasks.", cure);
	}
	else
		so_doctor_say(doctor, "enabled", "ok", NULL, NULL);
}

static void
check_answer(SoDoctor *doctor, const SoEndpoint *endpoint, SSL *ssl)
{
	char answer[16384];
	const char *body;
	json_t *root;

	if (doctor->pair == NULL)
		return;
	ask(doctor, endpoint, ssl, answer, sizeof(answer));
	body = strstr(answer, "\r\n\r\n");
	root = body != NULL ? json_loads(body + 4, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	if (root == NULL || json_object_get(root, "error") == NULL)
		so_doctor_sayf(doctor, "answer of the master", "failed",
					   so_error_default_hint(SO_ERR_AGENT_MASTER_ANSWER),
					   "SO421: the answer is not that of a master: \"%.60s\".", answer);
	else
	{
		check_clock(doctor, answer);
		judge_refusal(doctor, json_object_get(root, "error"));
	}
	json_decref(root);
}

static void
check_connection(SoDoctor *doctor, const SoEndpoint *endpoint, const struct addrinfo *addresses,
				 const SoThumbprint *pins, int pin_count)
{
	char problem[256];
	X509 *certificate;
	SSL *ssl;
	int reason;
	int fd = connect_any(addresses, &reason);

	if (fd < 0)
	{
		say_unreachable(doctor, endpoint, reason);
		return;
	}
	so_doctor_sayf(doctor, "port answers", "ok", NULL, "%s.", endpoint->url);
	ssl = open_tls(doctor, fd, problem, sizeof(problem));
	if (ssl == NULL)
		say_not_tls(doctor, endpoint, addresses, problem);
	else
	{
		so_doctor_sayf(doctor, "TLS", "ok", NULL, "%s.", SSL_get_version(ssl));
		certificate = SSL_get1_peer_certificate(ssl);
		if (certificate != NULL)
		{
			check_pin(doctor, endpoint, certificate, pins, pin_count);
			check_host(doctor, endpoint, certificate);
			check_master_time(doctor, certificate);
			X509_free(certificate);
		}
		check_answer(doctor, endpoint, ssl);
		SSL_free(ssl);
	}
	close(fd);
}

void
so_doctor_master(SoDoctor *doctor, const SoEndpoint *endpoint, const SoThumbprint *pins,
				 int pin_count)
{
	struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *addresses;
	char port[16];
	int failed;

	snprintf(port, sizeof(port), "%d", endpoint->port);
	failed = getaddrinfo(endpoint->host, port, &wanted, &addresses);
	if (failed != 0)
	{
		so_doctor_sayf(doctor, "endpoint resolves", "failed",
					   "Correct the host in MasterEndpoint, or add the name to DNS or /etc/hosts.",
					   "SO420: the name \"%s\" of %s is not known here: %s.", endpoint->host,
					   endpoint->url, gai_strerror(failed));
		return;
	}
	so_doctor_sayf(doctor, "endpoint resolves", "ok", NULL, "%s.", endpoint->host);
	check_connection(doctor, endpoint, addresses, pins, pin_count);
	freeaddrinfo(addresses);
}
