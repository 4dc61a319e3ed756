/*
 * bench/gateway_load.c
 *
 * Measures the gateway alone: a master that answers every request at once, and
 * agents that ask again as soon as they are answered, each with a certificate
 * and a TLS 1.3 connection of its own.
 *
 * usage: gateway_load GATEWAY-PROGRAM SECONDS CONNECTIONS...
 *
 * Process: three: this one (the agents), a forked master, and the gateway.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/certificate.h"
#include "common/certificate_create.h"
#include "common/frame.h"
#include "common/protocol.h"

#define MAX_SAMPLES 4000000
#define ANSWER      "{\"epoch\":7,\"enabled\":true,\"tasks\":[],\"projects\":{},\"commands\":[]}"
#define BODY                                                                                       \
	"{\"agent_id\":\"0f1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a11\","                                      \
	"\"instance_id\":\"11111111-2222-3333-4444-555555555555\",\"epoch\":7,\"capacity\":4,"         \
	"\"wait_ms\":25000,\"held\":[{\"task\":\"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee\","              \
	"\"attempt\":1,\"state\":\"running\"}]}"

typedef struct Agent
{
	int fd;
	SSL *ssl;
	double asked;
	char input[2048];
	size_t used;
} Agent;

typedef struct Gateway
{
	pid_t pid;
	pid_t master;
	int control; /* to the master: 'p' park, 'a' answer; it writes port and counts */
} Gateway;

static char request_text[1024];
static size_t request_length;
static float *samples;
static size_t sample_count;

static void
die(const char *what)
{
	perror(what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

/* ---- the master ------------------------------------------------------------------ */

static void
put_configuration(SoByteBuffer *out, const char *folder, const SoThumbprint *trusted, int count)
{
	char file[300];
	size_t frame = so_frame_begin(out, SO_GATEWAY_CONFIGURE, 0);

	so_put_string(out, "127.0.0.1");
	so_put_u16(out, 0);
	snprintf(file, sizeof(file), "%s/master.crt", folder);
	so_put_string(out, file);
	snprintf(file, sizeof(file), "%s/master.key", folder);
	so_put_string(out, file);
	so_put_u32(out, (uint32_t) count + 100);
	so_put_u32(out, 75000);
	so_put_u32(out, 20000);
	so_frame_end(out, frame);
	frame = so_frame_begin(out, SO_GATEWAY_TRUST, 0);
	so_put_u32(out, (uint32_t) count);
	for (int i = 0; i < count; i++)
		so_put_bytes(out, trusted[i].bytes, sizeof(trusted[i].bytes));
	so_frame_end(out, frame);
}

static void
put_answer(SoByteBuffer *out, uint64_t number)
{
	size_t frame = so_frame_begin(out, SO_GATEWAY_ANSWER, 0);

	so_put_u64(out, number);
	so_put_u16(out, 200);
	so_put_block(out, ANSWER, sizeof(ANSWER) - 1);
	so_frame_end(out, frame);
}

/* Answer what comes until the gateway or the agents have gone. */
static void
run_master(int link, int control, SoByteBuffer *out)
{
	SoByteBuffer in;
	uint64_t counts[2] = {0, 0}; /* requests, reads that brought some */
	bool park = false;

	so_byte_buffer_init(&in);
	for (;;)
	{
		struct pollfd wanted[2] = {{.fd = link, .events = POLLIN},
								   {.fd = control, .events = POLLIN}};
		SoFrame frame;
		SoError error;
		uint64_t before = counts[0];
		char command;

		if (so_byte_buffer_write(out, link) < 0)
			_exit(0);
		if (so_byte_buffer_length(out) > 0)
			wanted[0].events |= POLLOUT;
		if (poll(wanted, 2, -1) < 0)
			_exit(1);
		if (wanted[1].revents)
		{
			if (read(control, &command, 1) <= 0)
				_exit(0);
			if (command == 'c' && write(control, counts, sizeof(counts)) < 0)
				_exit(1);
			park = command == 'p' || (park && command == 'c');
		}
		if (!(wanted[0].revents & (POLLIN | POLLHUP)))
			continue;
		if (so_frame_read(&in, link) <= 0)
			_exit(0);
		while (so_frame_next(&in, SO_FRAME_MAX_PAYLOAD, &frame, &error) == 1)
		{
			SoFieldReader reader;
			size_t size;
			uint16_t port;

			so_field_reader_init(&reader, frame.payload, frame.length);
			if (frame.type == SO_GATEWAY_REQUEST)
			{
				counts[0]++;
				if (!park)
					put_answer(out, so_get_u64(&reader));
			}
			else if (frame.type == SO_GATEWAY_LISTENING)
			{
				so_get_block(&reader, &size);
				port = so_get_u16(&reader);
				if (write(control, &port, sizeof(port)) < 0)
					_exit(1);
			}
			else if (frame.type == SO_GATEWAY_FAILED || frame.type == SO_GATEWAY_LOG)
				fprintf(stderr, "gateway: %.*s\n", (int) frame.length,
						(const char *) frame.payload);
		}
		counts[1] += counts[0] > before;
	}
}

/* Fork the master, which forks the gateway; returns the port. */
static uint16_t
start_gateway(Gateway *gateway, const char *program, const char *folder,
			  const SoThumbprint *trusted, int count)
{
	int control[2];
	uint16_t port = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) != 0)
		die("socketpair");
	gateway->control = control[0];
	gateway->master = fork();
	if (gateway->master == 0)
	{
		int ends[2];
		char parent[16];
		SoByteBuffer out;

		snprintf(parent, sizeof(parent), "%d", (int) getpid());
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
			die("socketpair");
		gateway->pid = fork();
		if (gateway->pid == 0)
		{
			dup2(ends[1], 3);
			fcntl(3, F_SETFD, 0);
			execl(program, "scaleout-gateway", parent, (char *) NULL);
			die(program);
		}
		close(ends[1]);
		close(control[0]);
		if (write(control[1], &gateway->pid, sizeof(gateway->pid)) < 0)
			die("write");
		fcntl(ends[0], F_SETFL, O_NONBLOCK);
		so_byte_buffer_init(&out);
		put_configuration(&out, folder, trusted, count);
		run_master(ends[0], control[1], &out);
	}
	close(control[1]);
	if (read(control[0], &gateway->pid, sizeof(gateway->pid)) != sizeof(gateway->pid) ||
		read(control[0], &port, sizeof(port)) != sizeof(port))
	{
		fputs("the gateway does not start\n", stderr);
		exit(1);
	}
	return port;
}

/* ---- what the gateway uses ---------------------------------------------------------- */

/* CPU seconds and resident kilobytes of a process. */
static void
usage_of(pid_t pid, double *cpu, long *resident_kb)
{
	char path[64];
	char line[1024];
	unsigned long user = 0;
	unsigned long kernel = 0;
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
	stream = fopen(path, "re");
	if (stream == NULL || fgets(line, sizeof(line), stream) == NULL)
		die(path);
	fclose(stream);
	*resident_kb = 0;
	sscanf(
		strrchr(line, ')') + 1,
		" %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u %*u %ld",
		&user, &kernel, resident_kb);
	*resident_kb *= sysconf(_SC_PAGESIZE) / 1024;
	*cpu = (double) (user + kernel) / (double) sysconf(_SC_CLK_TCK);
}

static void
counts_of(const Gateway *gateway, uint64_t counts[2])
{
	if (write(gateway->control, "c", 1) != 1 ||
		read(gateway->control, counts, 2 * sizeof(*counts)) != 2 * sizeof(*counts))
		die("master");
}

/* ---- the agents ---------------------------------------------------------------------- */

static void
make_certificate(const char *folder, const char *name, SoThumbprint *thumbprint)
{
	const char *const names[] = {"127.0.0.1"};
	const SoCertificateRequest request = {
		.common_name = name, .names = names, .name_count = 1, .days = 30};
	SoCertificateFacts facts;
	SoError error;
	char certificate[300];
	char key[300];

	snprintf(certificate, sizeof(certificate), "%s/%s.crt", folder, name);
	snprintf(key, sizeof(key), "%s/%s.key", folder, name);
	if (!so_certificate_create(&request, certificate, key, &error) ||
		!so_certificate_check_files(certificate, key, &facts, &error))
	{
		fprintf(stderr, "%s\n", error.message);
		exit(1);
	}
	*thumbprint = facts.thumbprint;
}

static void
connect_agent(Agent *agent, const char *folder, int number, uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	const int on = 1;
	char file[300];

	snprintf(file, sizeof(file), "%s/agent%d.crt", folder, number);
	if (SSL_CTX_use_certificate_file(context, file, SSL_FILETYPE_PEM) != 1)
		die(file);
	snprintf(file, sizeof(file), "%s/agent%d.key", folder, number);
	if (SSL_CTX_use_PrivateKey_file(context, file, SSL_FILETYPE_PEM) != 1)
		die(file);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	agent->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (agent->fd < 0 ||
		connect(agent->fd, (const struct sockaddr *) &address, sizeof(address)) != 0)
		die("connect");
	setsockopt(agent->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	agent->ssl = SSL_new(context);
	SSL_CTX_free(context);
	SSL_set_fd(agent->ssl, agent->fd);
	if (SSL_connect(agent->ssl) != 1)
		die("handshake");
	fcntl(agent->fd, F_SETFL, O_NONBLOCK);
	agent->used = 0;
}

static void
ask(Agent *agent)
{
	agent->asked = now();
	agent->used = 0;
	if (SSL_write(agent->ssl, request_text, (int) request_length) != (int) request_length)
		die("request");
}

/* Read; true when the answer is complete. */
static bool
answered(Agent *agent)
{
	const char *end;
	int got;

	ERR_clear_error();
	while ((got = SSL_read(agent->ssl, agent->input + agent->used,
						   (int) (sizeof(agent->input) - 1 - agent->used))) > 0)
		agent->used += (size_t) got;
	if (SSL_get_error(agent->ssl, got) != SSL_ERROR_WANT_READ)
		die("the gateway closed a connection");
	agent->input[agent->used] = '\0';
	end = strstr(agent->input, "\r\n\r\n");
	if (end == NULL || strlen(end + 4) < sizeof(ANSWER) - 1)
		return false;
	if (strncmp(agent->input, "HTTP/1.1 200", 12) != 0)
	{
		fprintf(stderr, "%s\n", agent->input);
		exit(1);
	}
	return true;
}

static int
compare_floats(const void *a, const void *b)
{
	float x = *(const float *) a;
	float y = *(const float *) b;

	return x < y ? -1 : x > y;
}

/* Ask and be answered for so many seconds. */
static uint64_t
run_agents(int events, double seconds, bool sample)
{
	double end = now() + seconds;
	uint64_t count = 0;

	while (now() < end)
	{
		struct epoll_event ready[256];
		int n = epoll_wait(events, ready, 256, 100);

		for (int i = 0; i < n; i++)
		{
			Agent *agent = ready[i].data.ptr;

			if (!answered(agent))
				continue;
			if (sample && sample_count < MAX_SAMPLES)
				samples[sample_count++] = (float) (now() - agent->asked);
			count++;
			ask(agent);
		}
	}
	return count;
}

static void
measure(const char *program, const char *folder, const SoThumbprint *trusted, int count,
		double seconds)
{
	Gateway gateway;
	uint16_t port = start_gateway(&gateway, program, folder, trusted, count);
	Agent *agents = calloc((size_t) count, sizeof(*agents));
	int events = epoll_create1(EPOLL_CLOEXEC);
	double cpu[2];
	double connected;
	long memory[2];
	uint64_t counts[2][2];
	uint64_t requests;

	usage_of(gateway.pid, &cpu[0], &memory[0]);
	connected = now();
	for (int i = 0; i < count; i++)
	{
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &agents[i]};

		connect_agent(&agents[i], folder, i, port);
		epoll_ctl(events, EPOLL_CTL_ADD, agents[i].fd, &event);
		ask(&agents[i]);
	}
	connected = now() - connected;
	run_agents(events, 0.5, false);
	sample_count = 0;
	counts_of(&gateway, counts[0]);
	usage_of(gateway.pid, &cpu[0], &memory[1]);
	requests = run_agents(events, seconds, true);
	usage_of(gateway.pid, &cpu[1], &memory[1]);
	counts_of(&gateway, counts[1]);
	qsort(samples, sample_count, sizeof(*samples), compare_floats);
	printf("%11d  %10.0f  %8.3f  %8.3f  %14.1f  %13.1f  %13.0f  %13.1f\n", count,
		   (double) requests / seconds, (double) samples[sample_count / 2] * 1e3,
		   (double) samples[sample_count * 99 / 100] * 1e3,
		   (cpu[1] - cpu[0]) / (double) requests * 1e6,
		   (double) (counts[1][0] - counts[0][0]) / (double) (counts[1][1] - counts[0][1]),
		   (double) count / connected, (double) (memory[1] - memory[0]) / count);
	fflush(stdout);

	/* Every agent waits in a long poll: what does the gateway do meanwhile? */
	if (write(gateway.control, "p", 1) != 1)
		die("master");
	run_agents(events, 0.5, false);
	usage_of(gateway.pid, &cpu[0], &memory[0]);
	run_agents(events, 5, false);
	usage_of(gateway.pid, &cpu[1], &memory[1]);
	printf("             idle, %d waiting requests: %.0f ms of CPU in 5 s, %ld kB resident\n",
		   count, (cpu[1] - cpu[0]) * 1e3, memory[1]);
	close(gateway.control);
	waitpid(gateway.master, NULL, 0);
	for (int i = 0; i < count; i++)
	{
		SSL_free(agents[i].ssl);
		close(agents[i].fd);
	}
	close(events);
	free(agents);
}

int
main(int argc, char **argv)
{
	char folder[] = "/tmp/scaleout_bench.XXXXXX";
	char command[64];
	int most = 0;
	SoThumbprint own;
	SoThumbprint *trusted;

	if (argc < 4 || mkdtemp(folder) == NULL)
	{
		fputs("usage: gateway_load GATEWAY-PROGRAM SECONDS CONNECTIONS...\n", stderr);
		return 64;
	}
	signal(SIGPIPE, SIG_IGN);
	for (int i = 3; i < argc; i++)
		most = atoi(argv[i]) > most ? atoi(argv[i]) : most;
	trusted = calloc((size_t) most + 1, sizeof(*trusted));
	samples = calloc(MAX_SAMPLES, sizeof(*samples));
	make_certificate(folder, "master", &own);
	for (int i = 0; i < most; i++)
	{
		char name[32];

		snprintf(name, sizeof(name), "agent%d", i);
		make_certificate(folder, name, &trusted[i]);
	}
	request_length = (size_t) snprintf(
		request_text, sizeof(request_text),
		"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
		"Content-Length: %zu\r\n\r\n%s",
		SO_ROUTE_LEASE, sizeof(BODY) - 1, BODY);
	puts("connections  requests/s    p50 ms    p99 ms  gateway us/req  requests/tick  handshakes/s "
		 " kB/connection");
	for (int i = 3; i < argc; i++)
		measure(argv[1], folder, trusted, atoi(argv[i]), atof(argv[2]));
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command) == 0 ? 0 : 1;
}
