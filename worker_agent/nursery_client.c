/*
 * worker_agent/nursery_client.c
 *
 * Talks to the nursery; see nursery_client.h.
 *
 * Process: agent, event loop thread.  When the agent dies, the nursery sees the
 * end of the socket and kills every runner.  When the nursery dies, the kernel
 * kills the runners, and what they had started becomes a child of the agent,
 * which is a subreaper, and is killed here.
 */
#include "worker_agent/nursery_client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/byte_buffer.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/nursery_protocol.h"
#include "common/orphan.h"
#include "common/protocol.h"
#include "worker_agent/backoff.h"
#include "worker_agent/nursery_output.h"

#define FIRST_RESTART_MS 100
#define MAX_RESTART_MS   10000
#define STOP_LIMIT_MS    2000
#define ORPHAN_LIMIT_MS  1000

extern char **environ;

/* A packet that the socket did not take yet. */
typedef struct Packet
{
	TAILQ_ENTRY(Packet) link;
	int fds[2];
	int fd_count;
	size_t length;
	uint8_t bytes[16];
} Packet;

struct SoNurseryClient
{
	struct event_base *base;
	char *program;
	SoNurseryEvents events;
	int fd;    /* -1 while it is not running */
	pid_t pid; /* 0 when it has been reaped */
	bool ready;
	bool ever_ready;
	bool stopping;
	char *task_types;
	struct event *readable;
	struct event *writable;
	struct event *restart;
	SoNurseryOutput output;
	SoBackoff backoff;
	TAILQ_HEAD(, Packet) queue;
};

static bool start(SoNurseryClient *nursery, SoError *error);

/* ---- sending ------------------------------------------------------------------ */

static void
free_packet(Packet *packet)
{
	for (int i = 0; i < packet->fd_count; i++)
		close(packet->fds[i]);
	free(packet);
}

/* Returns false when the socket is full. */
static bool
send_packet(SoNurseryClient *nursery, const Packet *packet)
{
	union
	{
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	uint8_t bytes[sizeof(packet->bytes)];
	struct iovec part = {.iov_base = bytes, .iov_len = packet->length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	memcpy(bytes, packet->bytes, packet->length);
	if (packet->fd_count > 0)
	{
		size_t size = (size_t) packet->fd_count * sizeof(int);

		memset(&control, 0, sizeof(control));
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(size);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(&control.header), packet->fds, size);
	}
	/* Any other failure means that it has died; the end of the socket tells us. */
	return sendmsg(nursery->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
		   (errno != EAGAIN && errno != EWOULDBLOCK);
}

static void
send_queue(evutil_socket_t fd, short what, void *argument)
{
	SoNurseryClient *nursery = argument;
	Packet *packet;

	(void) fd;
	(void) what;
	while ((packet = TAILQ_FIRST(&nursery->queue)) != NULL)
	{
		if (!send_packet(nursery, packet))
		{
			event_add(nursery->writable, NULL);
			return;
		}
		TAILQ_REMOVE(&nursery->queue, packet, link);
		free_packet(packet);
	}
}

static void
enqueue(SoNurseryClient *nursery, SoNurseryMessage type, uint64_t token, const int *fds,
		int fd_count)
{
	Packet *packet = calloc(1, sizeof(*packet));

	if (packet == NULL)
		abort();
	packet->bytes[0] = (uint8_t) type;
	for (int i = 0; i < 8; i++)
		packet->bytes[1 + i] = (uint8_t) (token >> (56 - 8 * i));
	packet->length = 9;
	packet->fd_count = fd_count;
	for (int i = 0; i < fd_count; i++)
		packet->fds[i] = fds[i];
	TAILQ_INSERT_TAIL(&nursery->queue, packet, link);
	if (nursery->fd < 0)
		return;
	if (!event_pending(nursery->writable, EV_WRITE, NULL))
		send_queue(nursery->fd, EV_WRITE, nursery);
}

void
so_nursery_spawn(SoNurseryClient *nursery, uint64_t token, int socket_fd, int output_fd)
{
	int fds[2] = {socket_fd, output_fd};

	enqueue(nursery, SO_NURSERY_SPAWN, token, fds, 2);
}

void
so_nursery_kill(SoNurseryClient *nursery, uint64_t token)
{
	if (nursery->fd >= 0)
		enqueue(nursery, SO_NURSERY_KILL, token, NULL, 0);
}

/* ---- death ---------------------------------------------------------------------- */

static bool
is_nursery(pid_t pid, void *context)
{
	const SoNurseryClient *nursery = context;

	return pid == nursery->pid;
}

/* What the runners of a dead nursery had started came to us. */
static void
kill_orphans(SoNurseryClient *nursery)
{
	int64_t deadline = so_clock_monotonic_ms() + ORPHAN_LIMIT_MS;

	while (so_orphan_kill(is_nursery, nursery) > 0 && so_clock_monotonic_ms() < deadline)
		poll(NULL, 0, 1);
}

static void
close_socket(SoNurseryClient *nursery)
{
	Packet *packet;

	if (nursery->fd < 0)
		return;
	event_free(nursery->readable);
	event_free(nursery->writable);
	close(nursery->fd);
	nursery->fd = -1;
	nursery->ready = false;
	while ((packet = TAILQ_FIRST(&nursery->queue)) != NULL)
	{
		TAILQ_REMOVE(&nursery->queue, packet, link);
		free_packet(packet);
	}
}

static void
set_lost_error(SoNurseryClient *nursery, SoErrorCode code, SoError *error)
{
	so_error_set(error, code, nursery->program, "%s", so_error_summary(code));
}

static void
nursery_lost(SoNurseryClient *nursery)
{
	SoError error;
	int64_t delay;
	struct timeval wait;

	close_socket(nursery);
	/* It may still be alive when only its socket has ended. */
	if (nursery->pid > 0)
	{
		kill(nursery->pid, SIGKILL);
		waitpid(nursery->pid, NULL, 0);
		nursery->pid = 0;
	}
	kill_orphans(nursery);
	so_nursery_output_close(&nursery->output);
	if (nursery->stopping)
		return;
	if (!nursery->ever_ready)
	{
		set_lost_error(nursery, SO_ERR_AGENT_RUNNER_PROGRAM, &error);
		so_error_detail(&error, "It ended before it was ready.");
		nursery->events.impossible(nursery->events.context, &error);
		return;
	}
	set_lost_error(nursery, SO_ERR_AGENT_NURSERY_LOST, &error);
	so_log_error(SO_LOG_ERROR, &error);
	delay = so_backoff_next(&nursery->backoff, MAX_RESTART_MS, (uint32_t) random());
	wait.tv_sec = delay / 1000;
	wait.tv_usec = delay % 1000 * 1000;
	event_add(nursery->restart, &wait);
	nursery->events.lost(nursery->events.context);
}

void
so_nursery_reap(SoNurseryClient *nursery)
{
	int status;

	if (nursery->pid > 0 && waitpid(nursery->pid, &status, WNOHANG) == nursery->pid)
	{
		nursery->pid = 0;
		if (WIFSIGNALED(status))
			so_log(SO_LOG_ERROR, "the nursery was ended by signal %d", WTERMSIG(status));
		nursery_lost(nursery);
	}
}

/* ---- receiving -------------------------------------------------------------------- */

static bool
take_ready(SoNurseryClient *nursery, SoFieldReader *reader)
{
	size_t version_size;
	size_t types_size;
	const char *version = so_get_block(reader, &version_size);
	const char *types;
	SoError error;

	so_get_u32(reader);
	types = so_get_block(reader, &types_size);
	if (reader->failed)
		return false;
	if (version_size != strlen(SO_VERSION) || memcmp(version, SO_VERSION, version_size) != 0)
	{
		so_error_set(&error, SO_ERR_VERSION_MISMATCH, nursery->program,
					 "the runner program is of version %.*s, this worker of " SO_VERSION,
					 (int) version_size, version);
		nursery->events.impossible(nursery->events.context, &error);
		return true;
	}
	talloc_free(nursery->task_types);
	nursery->task_types = talloc_strndup(nursery, types, types_size);
	nursery->ready = true;
	nursery->ever_ready = true;
	nursery->events.ready(nursery->events.context);
	return true;
}

/* Returns false on a message that is not understood. */
static bool
take_message(SoNurseryClient *nursery, SoFieldReader *reader)
{
	uint8_t type = so_get_u8(reader);
	uint64_t token;
	uint32_t value;

	if (type == SO_NURSERY_READY)
		return take_ready(nursery, reader);
	token = so_get_u64(reader);
	value = so_get_u32(reader);
	if (reader->failed)
		return false;
	switch ((SoNurseryMessage) type)
	{
		case SO_NURSERY_SPAWNED:
			so_backoff_reset(&nursery->backoff);
			nursery->events.spawned(nursery->events.context, token, (pid_t) value);
			return true;
		case SO_NURSERY_EXITED:
			nursery->events.exited(nursery->events.context, token, (int) value);
			return true;
		case SO_NURSERY_FAILED:
			nursery->events.failed(nursery->events.context, token, (int) value);
			return true;
		default:
			return false;
	}
}

static void
nursery_readable(evutil_socket_t fd, short what, void *argument)
{
	SoNurseryClient *nursery = argument;
	uint8_t packet[SO_NURSERY_PACKET_SIZE];
	SoFieldReader reader;
	ssize_t got;

	(void) what;
	while ((got = recv(fd, packet, sizeof(packet), MSG_DONTWAIT)) > 0)
	{
		so_field_reader_init(&reader, packet, (size_t) got);
		while (reader.position < reader.end)
		{
			if (!take_message(nursery, &reader))
			{
				so_log_code(NULL, SO_LOG_ERROR, SO_ERR_FRAME_MALFORMED,
							"a message of the nursery is malformed");
				got = 0;
				break;
			}
		}
		if (got == 0)
			break;
	}
	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
		nursery_lost(nursery);
}

/* ---- starting ------------------------------------------------------------------------ */

static int
spawn_nursery(SoNurseryClient *nursery, int fd, int output_fd)
{
	char mode[] = "--nursery";
	char *arguments[] = {nursery->program, mode, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigset_t all;
	int result;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, output_fd, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, output_fd, STDERR_FILENO);
	posix_spawn_file_actions_adddup2(&actions, fd, SO_NURSERY_FD);
	posix_spawn_file_actions_addclosefrom_np(&actions, SO_NURSERY_FD + 1);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes,
							 POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	/* Symbols resolved once, here, need not be resolved in every runner; the nursery takes it back. */
	setenv("LD_BIND_NOW", "1", 1);
	result =
		posix_spawn(&nursery->pid, nursery->program, &actions, &attributes, arguments, environ);
	unsetenv("LD_BIND_NOW");
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return result;
}

static bool
start(SoNurseryClient *nursery, SoError *error)
{
	int pair[2];
	int output_fd;
	int result;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
	{
		so_error_set(error, SO_ERR_SYSTEM_CALL, "socketpair", "the nursery cannot be started");
		return so_error_detail(error, "socketpair: %s.", strerror(errno));
	}
	output_fd = so_nursery_output_open(&nursery->output, nursery->base);
	result = output_fd < 0 ? errno : spawn_nursery(nursery, pair[1], output_fd);
	close(pair[1]);
	if (output_fd >= 0)
		close(output_fd);
	if (result != 0)
	{
		so_nursery_output_close(&nursery->output);
		close(pair[0]);
		nursery->pid = 0;
		set_lost_error(nursery, SO_ERR_AGENT_RUNNER_PROGRAM, error);
		return so_error_detail(error, "%s.", strerror(result));
	}
	nursery->fd = pair[0];
	nursery->readable =
		event_new(nursery->base, nursery->fd, EV_READ | EV_PERSIST, nursery_readable, nursery);
	nursery->writable = event_new(nursery->base, nursery->fd, EV_WRITE, send_queue, nursery);
	event_add(nursery->readable, NULL);
	return true;
}

static void
restart_due(evutil_socket_t fd, short what, void *argument)
{
	SoNurseryClient *nursery = argument;
	SoError error;

	(void) fd;
	(void) what;
	if (!start(nursery, &error))
		nursery->events.impossible(nursery->events.context, &error);
}

SoNurseryClient *
so_nursery_start(TALLOC_CTX *context, struct event_base *base, const char *program,
				 const SoNurseryEvents *events, SoError *error)
{
	SoNurseryClient *nursery = talloc_zero(context, SoNurseryClient);

	nursery->base = base;
	nursery->program = talloc_strdup(nursery, program);
	nursery->events = *events;
	nursery->fd = -1;
	so_nursery_output_init(&nursery->output);
	nursery->task_types = talloc_strdup(nursery, "");
	nursery->backoff.initial_ms = FIRST_RESTART_MS;
	nursery->restart = evtimer_new(base, restart_due, nursery);
	TAILQ_INIT(&nursery->queue);
	if (!so_orphan_adopt())
		so_log(SO_LOG_WARNING, "the kernel does not let this process adopt orphans: %s",
			   strerror(errno));
	if (start(nursery, error))
		return nursery;
	event_free(nursery->restart);
	talloc_free(nursery);
	return NULL;
}

bool
so_nursery_is_ready(const SoNurseryClient *nursery)
{
	return nursery->ready;
}

const char *
so_nursery_task_types(const SoNurseryClient *nursery)
{
	return nursery->task_types;
}

void
so_nursery_stop(SoNurseryClient *nursery)
{
	int64_t deadline = so_clock_monotonic_ms() + STOP_LIMIT_MS;

	nursery->stopping = true;
	event_free(nursery->restart);
	close_socket(nursery);
	while (nursery->pid > 0 && so_clock_monotonic_ms() < deadline)
	{
		if (waitpid(nursery->pid, NULL, WNOHANG) == nursery->pid)
			nursery->pid = 0;
		else
			poll(NULL, 0, 2);
	}
	if (nursery->pid > 0)
		nursery_lost(nursery);
	else
		kill_orphans(nursery);
	so_nursery_output_close(&nursery->output);
	talloc_free(nursery);
}
