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
#include <inttypes.h>
#include <limits.h>
#include <netdb.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "common/protocol.h"
#include "common/certificate_host.h"
#include "common/succession.h"
#include "common/uuid.h"
#include "worker_agent/doctor_connect.h"
#include "worker_agent/doctor_private.h"
#include "worker_agent/identity.h"

/* The diagnosis judges by the same one (sql/75_clocks.sql). */
#define CLOCK_LIMIT_S 60
#define CURE_SIZE     (PATH_MAX + 1500)

/* ---- name and port -------------------------------------------------------------- */

/* The cure for an endpoint that is not the master's, between what is said before and after. */
static void
set_endpoint(const SoDoctor *doctor, char *cure, size_t size, const char *before, const char *after)
{
	snprintf(cure, size,
			 "%sSet MasterEndpoint in %s to what SELECT property_value FROM "
			 "catalog.master_properties WHERE property_name = 'MASTER_ADDRESS'; shows on the "
			 "server, then " SO_DOCTOR_RESTART "%s",
			 before, doctor->settings->file, after);
}

static void
say_unreachable(SoDoctor *doctor, const SoEndpoint *endpoint, int reason)
{
	char before[800];
	char cure[CURE_SIZE];

	if (reason == ECONNREFUSED)
		set_endpoint(doctor, cure, sizeof(cure), "Nobody listens there. ",
					 "; if it is that already, the row \"port open\" of SELECT * FROM "
					 "catalog.diagnose_scaleout(); says why nobody listens.");
	else
	{
		if (reason == ETIMEDOUT)
			snprintf(before, sizeof(before),
					 "Something on the way drops the packets: open port %d to %s in the firewalls. "
					 "If the address is wrong: ",
					 endpoint->port, endpoint->host);
		else
			snprintf(before, sizeof(before),
					 "No way leads there: correct the network (ip route get %s). If the address is "
					 "wrong: ",
					 endpoint->host);
		set_endpoint(doctor, cure, sizeof(cure), before, "");
	}
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
	char cure[CURE_SIZE];
	char answer[64] = "";

	set_endpoint(doctor, cure, sizeof(cure), "",
				 "; or end the other service and let the master have the port.");
	so_doctor_connect_ask(addresses, question, answer, sizeof(answer));
	/* An alert or a handshake of TLS is no greeting of another service. */
	if (answer[0] == 0x15 || answer[0] == 0x16)
		answer[0] = '\0';
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

/* ---- its certificate ------------------------------------------------------------------ */

static void
check_pin(SoDoctor *doctor, const SoEndpoint *endpoint, X509 *certificate,
		  const STACK_OF(X509) * sent, const SoThumbprint *pins, int pin_count)
{
	time_t now = time(NULL);
	SoSuccessionTime known;
	SoThumbprint served;
	SoError error;
	char text[SO_THUMBPRINT_TEXT_SIZE];
	char cure[CURE_SIZE];

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
	if (so_succession_leads(sent, pins, pin_count, &served, now, &known))
	{
		so_doctor_sayf(doctor, "thumbprint of the master", "ok", NULL,
					   "%s serves %s, the successor of one that this worker knows.", endpoint->url,
					   text);
		return;
	}
	snprintf(cure, sizeof(cure),
			 "On the server SELECT property_value FROM catalog.master_properties WHERE "
			 "property_name = 'SSLCERT_THUMBPRINT'; must show %s: then set "
			 "MasterHttpsCertThumbprint = %s in %s, then " SO_DOCTOR_RESTART
			 "; otherwise somebody else answers at this address.",
			 text, text, doctor->settings->file);
	so_error_clear(&error);
	/* It would be known with the right time: that is the cure. */
	if (so_succession_explain(&known, now, &served, &error) && known.begins != 0)
		snprintf(cure, sizeof(cure), "%s", error.hint);
	so_doctor_sayf(doctor, "thumbprint of the master", "failed", cure,
				   "SO314: %s serves the certificate with thumbprint %s; "
				   "MasterHttpsCertThumbprint is %s. %s",
				   endpoint->url, text, doctor->settings->master_thumbprint, error.detail);
}

/* The facts of the certificate that is served. */
static bool
read_served(X509 *certificate, SoCertificateFacts *facts)
{
	BIO *memory = BIO_new(BIO_s_mem());
	SoError ignored;
	bool good = false;
	char *pem;
	long length;

	if (memory != NULL && PEM_write_bio_X509(memory, certificate) == 1)
	{
		length = BIO_get_mem_data(memory, &pem);
		good = so_certificate_read(pem, (size_t) length, facts, &ignored);
	}
	BIO_free(memory);
	return good;
}

/* Both ends of the connection have the same address. */
static bool
is_this_machine(int fd)
{
	struct sockaddr_storage own = {0};
	struct sockaddr_storage other = {0};
	socklen_t own_size = sizeof(own);
	socklen_t other_size = sizeof(other);

	if (getsockname(fd, (struct sockaddr *) &own, &own_size) != 0 ||
		getpeername(fd, (struct sockaddr *) &other, &other_size) != 0 ||
		own.ss_family != other.ss_family)
		return false;
	if (own.ss_family == AF_INET)
		return ((struct sockaddr_in *) &own)->sin_addr.s_addr ==
			   ((struct sockaddr_in *) &other)->sin_addr.s_addr;
	return memcmp(&((struct sockaddr_in6 *) &own)->sin6_addr,
				  &((struct sockaddr_in6 *) &other)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

/* A name of the certificate that this machine may use in its endpoint; NULL when there is none. */
static const char *
usable_name(const SoCertificateFacts *facts, bool this_machine)
{
	for (size_t i = 0; i < facts->name_count; i++)
	{
		const char *name = facts->names[i];
		bool loopback = strcmp(name, "localhost") == 0 || strncmp(name, "127.", 4) == 0 ||
						strcmp(name, "::1") == 0;

		if (name[0] != '*' && (this_machine || !loopback))
			return name;
	}
	return NULL;
}

static void
check_host(SoDoctor *doctor, const SoEndpoint *endpoint, X509 *certificate, int fd)
{
	SoCertificateFacts facts;
	SoError error;
	const char *usable;
	char names[1500];
	bool readable = read_served(certificate, &facts);

	if (so_certificate_matches_host(certificate, endpoint->host, &error))
	{
		so_doctor_sayf(doctor, "host name in the certificate", "ok", NULL,
					   "%s is one of its names%s%s.", endpoint->host, readable ? ": " : "",
					   readable ? so_doctor_names(&facts, names, sizeof(names)) : "");
		return;
	}
	so_error_hint(
		&error,
		"Have the master's certificate made with the name %s: on the server set "
		"scaleout.host_name = '%s', or call catalog.update_master_address(), reload, and run "
		"SELECT catalog.rotate_master_certificate();",
		endpoint->host, endpoint->host);
	if (readable)
	{
		if (facts.name_count == 0)
			so_error_detail(&error, "It has no subject alternative name.");
		else if (error.detail[0] == '\0')
			so_error_detail(&error, "Its names are %s.",
							so_doctor_names(&facts, names, sizeof(names)));
		usable = usable_name(&facts, is_this_machine(fd));
		if (usable != NULL)
			so_error_hint(&error,
						  "Set MasterEndpoint = https://%s%s%s:%d in %s, then " SO_DOCTOR_RESTART
						  "; or have the master's certificate made with the name %s.",
						  strchr(usable, ':') != NULL ? "[" : "", usable,
						  strchr(usable, ':') != NULL ? "]" : "", endpoint->port,
						  doctor->settings->file, endpoint->host);
	}
	so_doctor_error(doctor, "host name in the certificate", "failed", &error);
}

static void
check_master_time(SoDoctor *doctor, X509 *certificate)
{
	static const char cure[] =
		"If the clocks are right, do on the server what the row of the same name in SELECT * FROM "
		"catalog.diagnose_scaleout(); says: it makes a new certificate.";
	SoCertificateFacts facts;

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
	else if (read_served(certificate, &facts))
		so_doctor_valid(doctor, "master's certificate valid", &facts);
	else
		so_doctor_say(doctor, "master's certificate valid", "ok", "Valid now.", NULL);
}

/* ---- what the master says --------------------------------------------------------------- */

/* The answer of a poll without capacity; empty when there is none. */
static void
ask(const SoDoctor *doctor, const SoEndpoint *endpoint, const SoDoctorConnection *connection,
	char *answer, size_t size)
{
	char body[512];
	char request[1200];
	SoUuid nobody;
	char nobody_text[SO_UUID_TEXT_SIZE];
	SoError error;
	int length;

	answer[0] = '\0';
	if (!so_uuid_generate(&nobody, &error))
		return;
	length = snprintf(body, sizeof(body),
					  "{\"agent_id\":\"%s\",\"instance_id\":\"%s\",\"epoch\":%" PRIu64
					  ",\"capacity\":0,\"wait_ms\":0,\"held\":[]}",
					  doctor->settings->agent_id, so_uuid_format(&nobody, nobody_text),
					  so_identity_read_epoch(doctor->settings));
	snprintf(request, sizeof(request),
			 "POST " SO_ROUTE_LEASE " HTTP/1.1\r\nHost: %s\r\nContent-Type: "
			 "application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
			 endpoint->host, length, body);
	so_doctor_connection_ask(connection, request, answer, size);
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
	if (labs(difference) <= CLOCK_LIMIT_S)
	{
		so_doctor_sayf(doctor, "clock", "ok", NULL,
					   "The clocks of this machine and of the server differ by %ld s.",
					   labs(difference));
		return;
	}
	so_doctor_sayf(doctor, "clock", "warning",
				   "As root run timedatectl set-ntp true, or chronyc makestep; if the time here is "
				   "right, do it on the server.",
				   "The clock of this machine is %ld s %s the clock of the server. Nothing is "
				   "decided by it, but times in logs and certificates are judged by it.",
				   labs(difference), difference < 0 ? "behind" : "ahead of");
}

static void
say_trusted(SoDoctor *doctor)
{
	SoThumbprint own;
	SoError ignored;
	char text[SO_THUMBPRINT_TEXT_SIZE] = "of this worker";

	if (so_thumbprint_of_x509(doctor->pair->certificate, &own, &ignored))
		so_thumbprint_format(&own, text);
	so_doctor_sayf(doctor, "certificate trusted by the master", "ok", NULL,
				   "The master trusts the certificate %s.", text);
}

/*
 * The certificate is trusted, but the master knows this worker by another one.  A
 * worker that runs would have registered with it; if it could not, it is another's.
 */
static void
say_other_certificate(SoDoctor *doctor, const char *message)
{
	char cure[2 * CURE_SIZE];
	char host[256] = "localhost";

	if (so_identity_running_pid(doctor->settings) == 0)
	{
		say_trusted(doctor);
		so_doctor_say(doctor, "worker registered", "warning",
					  "The master knows this worker by another certificate still.",
					  "Run systemctl start scaleout-worker: it registers with this one.");
		return;
	}
	if (gethostname(host, sizeof(host) - 1) != 0)
		snprintf(host, sizeof(host), "localhost");
	snprintf(cure, sizeof(cure),
			 "Every worker needs a certificate of its own: run scaleout cert create --force --name "
			 "%s %s %s, then " SO_DOCTOR_RESTART
			 " and have the new one trusted, as this row then says.",
			 host, doctor->settings->certificate_file, doctor->settings->key_file);
	so_doctor_sayf(doctor, "certificate trusted by the master", "failed", cure,
				   "HTTP 403, SO303: %s.", message);
}

/*
 * The worker that runs here is refused, because another process registers under its
 * AgentId and certificate: a folder that was copied, a machine that was cloned.
 */
static void
say_other_instance(SoDoctor *doctor, const char *message, const char *detail)
{
	char cure[2 * CURE_SIZE];

	snprintf(
		cure, sizeof(cure),
		"If this machine or its folder is a copy: stop this worker (systemctl stop "
		"scaleout-worker), empty %s, and run scaleout-worker join TOKEN --directory %s with the "
		"result of SELECT catalog.create_enrollment_token(); otherwise do so where the other one "
		"runs.",
		doctor->settings->security_directory, doctor->settings->security_directory);
	so_doctor_sayf(doctor, "worker registered", "failed", cure, "SO211: %s. %s", message, detail);
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
	if (strcmp(code, "SO303") == 0)
	{
		say_other_certificate(doctor, message);
		return;
	}
	if (strcmp(code, "SO301") == 0 || strcmp(code, "SO302") == 0)
	{
		char cure[2 * CURE_SIZE];

		snprintf(cure, sizeof(cure),
				 "Copy %s to the server and run there: scaleout workers trust --enable %s",
				 doctor->settings->certificate_file, doctor->settings->certificate_file);
		so_doctor_sayf(doctor, "certificate trusted by the master", "failed", cure,
					   "HTTP 403, %s: %s. %s", code, message, detail);
		return;
	}
	if (strcmp(code, "SO210") != 0 && strcmp(code, "SO211") != 0)
	{
		so_doctor_sayf(doctor, "answer of the master", "failed", hint, "%s: %s. %s", code, message,
					   detail);
		return;
	}
	say_trusted(doctor);
	if (strcmp(code, "SO210") == 0)
	{
		so_doctor_say(doctor, "worker registered", "warning",
					  "The master of this epoch does not know this worker.",
					  so_identity_running_pid(doctor->settings) != 0
						  ? "It registers by itself within seconds; its log says what keeps it."
						  : "Run systemctl start scaleout-worker: it registers by itself.");
		return;
	}
	/* The doctor is always another one; it matters whether the worker itself was refused. */
	if (so_identity_running_complaint(doctor->settings) == SO_ERR_AGENT_INSTANCE)
	{
		say_other_instance(doctor, message, detail);
		return;
	}
	so_doctor_sayf(doctor, "worker registered", "ok", NULL, "The master knows it as agent %s.",
				   doctor->settings->agent_id);
	if (strstr(detail, "disabled") != NULL)
	{
		char cure[200];

		snprintf(cure, sizeof(cure), "On the server run SELECT catalog.enable_worker_agent('%s');",
				 doctor->settings->agent_id);
		so_doctor_say(doctor, "worker enabled", "failed",
					  "SO424: this worker is registered and disabled: it gets no tasks.", cure);
	}
	else
		so_doctor_say(doctor, "worker enabled", "ok", "The master gives it tasks.", NULL);
}

static void
check_answer(SoDoctor *doctor, const SoEndpoint *endpoint, const SoDoctorConnection *connection)
{
	char answer[16384];
	char cure[CURE_SIZE];
	const char *body;
	json_t *root;

	if (doctor->pair == NULL)
		return;
	ask(doctor, endpoint, connection, answer, sizeof(answer));
	body = strstr(answer, "\r\n\r\n");
	root = body != NULL ? json_loads(body + 4, JSON_DISABLE_EOF_CHECK, NULL) : NULL;
	set_endpoint(
		doctor, cure, sizeof(cure), "",
		"; if it is that already, SELECT * FROM catalog.diagnose_scaleout(); there says what "
		"holds up the master, and both sides must have the same version.");
	if (answer[0] == '\0')
		so_doctor_sayf(doctor, "answer of the master", "failed", cure,
					   "SO420: %s takes the connection, but does not answer in time.",
					   endpoint->url);
	else if (root == NULL || json_object_get(root, "error") == NULL)
	{
		answer[strcspn(answer, "\r\n")] = '\0';
		so_doctor_sayf(doctor, "answer of the master", "failed", cure,
					   "SO421: the answer is not that of a master: \"%.60s\".", answer);
	}
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
	SoDoctorConnection connection;
	X509 *certificate;
	char problem[256];
	int reason;

	if (!so_doctor_connect(addresses, &connection, &reason))
	{
		say_unreachable(doctor, endpoint, reason);
		return;
	}
	so_doctor_sayf(doctor, "port answers", "ok", NULL, "%s takes connections.", endpoint->url);
	if (!so_doctor_connection_tls(&connection, doctor->pair, problem, sizeof(problem)))
		say_not_tls(doctor, endpoint, addresses, problem);
	else
	{
		so_doctor_sayf(doctor, "TLS", "ok", NULL, "%s.", SSL_get_version(connection.ssl));
		certificate = SSL_get1_peer_certificate(connection.ssl);
		if (certificate != NULL)
		{
			check_pin(doctor, endpoint, certificate, SSL_get_peer_cert_chain(connection.ssl), pins,
					  pin_count);
			check_host(doctor, endpoint, certificate, connection.fd);
			check_master_time(doctor, certificate);
			X509_free(certificate);
		}
		check_answer(doctor, endpoint, &connection);
	}
	so_doctor_connection_close(&connection);
}

static void
say_addresses(SoDoctor *doctor, const SoEndpoint *endpoint, const struct addrinfo *addresses)
{
	char text[500] = "";
	char one[NI_MAXHOST];
	size_t used = 0;

	for (const struct addrinfo *a = addresses; a != NULL && used < sizeof(text); a = a->ai_next)
	{
		if (getnameinfo(a->ai_addr, a->ai_addrlen, one, sizeof(one), NULL, 0, NI_NUMERICHOST) == 0)
			used += (size_t) snprintf(text + used, sizeof(text) - used, "%s%s",
									  used > 0 ? ", " : "", one);
	}
	so_doctor_sayf(doctor, "endpoint resolves", "ok", NULL, "%s has the address %s.",
				   endpoint->host, text);
}

void
so_doctor_master(SoDoctor *doctor, const SoEndpoint *endpoint, const SoThumbprint *pins,
				 int pin_count)
{
	struct addrinfo wanted = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *addresses;
	char port[16];
	char cure[CURE_SIZE];
	int failed;

	/* A dead name server must not hold up the rest; what the administrator has set stays. */
	setenv("RES_OPTIONS", "timeout:2 attempts:1", 0);
	snprintf(port, sizeof(port), "%d", endpoint->port);
	failed = getaddrinfo(endpoint->host, port, &wanted, &addresses);
	if (failed == EAI_AGAIN)
	{
		/* Not "there is no such name": nobody has answered. */
		set_endpoint(
			doctor, cure, sizeof(cure),
			"See that the name service works on this machine (/etc/resolv.conf, the way to "
			"the servers that it names), or add the name to /etc/hosts. If the name is "
			"wrong: ",
			"");
		so_doctor_sayf(doctor, "endpoint resolves", "failed", cure,
					   "SO420: no name server tells the address of \"%s\" (%s): %s.",
					   endpoint->host, endpoint->url, gai_strerror(failed));
		return;
	}
	if (failed != 0)
	{
		set_endpoint(doctor, cure, sizeof(cure), "", "; or add the name to DNS or /etc/hosts.");
		so_doctor_sayf(doctor, "endpoint resolves", "failed", cure,
					   "SO420: the name \"%s\" of %s is not known here: %s.", endpoint->host,
					   endpoint->url, gai_strerror(failed));
		return;
	}
	say_addresses(doctor, endpoint, addresses);
	check_connection(doctor, endpoint, addresses, pins, pin_count);
	freeaddrinfo(addresses);
}
