/*
 * runner/nursery.c
 *
 * Forks runners on request, kills them by token, and reports their ends; see
 * common/nursery_protocol.h for the messages.
 *
 * A runner is the leader of a session and process group of its own and a child
 * subreaper, so whatever it starts stays below it until it dies, and then comes
 * to the nursery, a subreaper too: a child that is not in the table of runners
 * is a leftover and is killed.  The end of a runner is reported when nothing of
 * it is left.
 *
 * Process: nursery.  One thread; all state is private.  When it dies, its
 * runners get SIGKILL by the parent-death signal, and the agent, a subreaper as
 * well, kills what they had started.  When the agent dies, the control socket
 * ends and the nursery kills everything.
 */
#include "runner/nursery.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <libxml/parser.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/byte_buffer.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/nursery_protocol.h"
#include "common/orphan.h"
#include "common/protocol.h"
#include "engine/tasks/task.h"
#include "engine/model/property.h"
#include "runner/serve.h"

/* How long the end of a runner is held back while leftovers are being killed. */
#define LEFTOVER_LIMIT_MS 1000
/* How often leftovers are looked for meanwhile. */
#define LEFTOVER_RETRY_MS 5
/* After the agent has gone: give up on processes that do not die. */
#define SHUTDOWN_LIMIT_MS 5000

typedef struct Runner
{
	uint64_t token;
	pid_t pid;
	int status; /* of wait, once exited */
	bool exited;
} Runner;

typedef struct Nursery
{
	int control_fd;
	int signal_fd;
	pid_t pid;
	Runner *runners;
	size_t runner_count;
	size_t runner_capacity;
	int64_t leftovers_since; /* 0: none known */
	SoByteBuffer out;        /* whole messages that wait for the agent */
} Nursery;

static bool
is_own_runner(pid_t pid, void *context)
{
	Nursery *nursery = context;

	for (size_t i = 0; i < nursery->runner_count; i++)
	{
		if (nursery->runners[i].pid == pid && !nursery->runners[i].exited)
			return true;
	}
	return false;
}

/* Load and initialise what a runner may need, so that a fork has it at once. */
static void
warm_libraries(void)
{
	OPENSSL_init_ssl(OPENSSL_INIT_LOAD_SSL_STRINGS, NULL);
	OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG, NULL);
	curl_global_init(CURL_GLOBAL_ALL);
	xmlInitParser();
	PQconninfoFree(PQconndefaults());
}

static void
put_ready(Nursery *nursery)
{
	const SoTaskType *const *types = so_task_types();
	char names[4096];
	size_t used = 0;

	names[0] = '\0';
	for (int i = 0; types[i] != NULL && used < sizeof(names); i++)
		used += (size_t) snprintf(names + used, sizeof(names) - used, "%s%s", i > 0 ? "," : "",
								  types[i]->object_type->name);
	so_put_u8(&nursery->out, SO_NURSERY_READY);
	so_put_string(&nursery->out, SO_VERSION);
	so_put_u32(&nursery->out, (uint32_t) nursery->pid);
	so_put_string(&nursery->out, names);
}

/* Everything that a runner must have as its own; in the child, does not return. */
static void
become_runner(Nursery *nursery, int socket_fd, int output_fd)
{
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigset_t none;
	int null_fd;
	int status;

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != nursery->pid)
		_exit(1); /* the nursery died before the signal was armed */
	so_orphan_adopt();
	for (int number = 1; number < NSIG; number++)
		sigaction(number, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	/* Both come from the agent by SCM_RIGHTS and may have any number; 3 is the control socket. */
	if (dup2(output_fd, STDOUT_FILENO) < 0 || dup2(output_fd, STDERR_FILENO) < 0 ||
		dup2(socket_fd, SO_RUNNER_FD) < 0)
		_exit(1);
	null_fd = open("/dev/null", O_RDONLY);
	if (null_fd > STDIN_FILENO)
		dup2(null_fd, STDIN_FILENO);
	close_range(SO_RUNNER_FD + 1, ~0U, 0);
	fcntl(SO_RUNNER_FD, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_NAME, "scaleout-runner");

	status = so_runner_serve(SO_RUNNER_FD);
	fflush(NULL);
	/* Exit handlers of warmed libraries would only cost time. */
	_exit(status);
}

static void
put_failed(Nursery *nursery, uint64_t token, int reason)
{
	so_put_u8(&nursery->out, SO_NURSERY_FAILED);
	so_put_u64(&nursery->out, token);
	so_put_u32(&nursery->out, (uint32_t) reason);
}

static void
spawn(Nursery *nursery, uint64_t token, int socket_fd, int output_fd)
{
	Runner *runner;
	pid_t pid;

	if (nursery->runner_count == nursery->runner_capacity)
	{
		size_t capacity = nursery->runner_capacity * 2 + 16;
		Runner *grown = reallocarray(nursery->runners, capacity, sizeof(Runner));

		if (grown == NULL)
		{
			put_failed(nursery, token, ENOMEM);
			return;
		}
		nursery->runners = grown;
		nursery->runner_capacity = capacity;
	}
	pid = fork();
	if (pid == 0)
		become_runner(nursery, socket_fd, output_fd);
	if (pid < 0)
	{
		put_failed(nursery, token, errno);
		return;
	}
	runner = &nursery->runners[nursery->runner_count++];
	runner->token = token;
	runner->pid = pid;
	runner->status = 0;
	runner->exited = false;
	so_put_u8(&nursery->out, SO_NURSERY_SPAWNED);
	so_put_u64(&nursery->out, token);
	so_put_u32(&nursery->out, (uint32_t) pid);
}

static void
kill_runner(const Runner *runner)
{
	if (runner->exited)
		return;
	/* Before its setsid the child is not yet the leader of a group. */
	kill(-runner->pid, SIGKILL);
	kill(runner->pid, SIGKILL);
}

static void
handle_packet(Nursery *nursery, const uint8_t *packet, size_t size, const int *fds, int fd_count)
{
	SoFieldReader reader;

	so_field_reader_init(&reader, packet, size);
	while (!reader.failed && reader.position < reader.end)
	{
		uint8_t type = so_get_u8(&reader);
		uint64_t token = so_get_u64(&reader);

		if (reader.failed)
			break;
		if (type == SO_NURSERY_SPAWN && fd_count == 2)
			spawn(nursery, token, fds[0], fds[1]);
		else if (type == SO_NURSERY_KILL)
		{
			for (size_t i = 0; i < nursery->runner_count; i++)
			{
				if (nursery->runners[i].token == token)
					kill_runner(&nursery->runners[i]);
			}
		}
		else
			so_log(SO_LOG_ERROR, "nursery: unknown message %u from the agent", type);
	}
}

/* One packet of the agent.  Returns false when the agent has gone. */
static bool
receive_packet(Nursery *nursery)
{
	static uint8_t packet[SO_NURSERY_PACKET_SIZE];
	union
	{
		struct cmsghdr header;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec part = {.iov_base = packet, .iov_len = sizeof(packet)};
	struct msghdr message = {.msg_iov = &part,
							 .msg_iovlen = 1,
							 .msg_control = &control,
							 .msg_controllen = sizeof(control)};
	struct cmsghdr *header;
	int fds[2] = {-1, -1};
	int fd_count = 0;
	ssize_t got = recvmsg(nursery->control_fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR;
	if (got == 0)
		return false;
	header = CMSG_FIRSTHDR(&message);
	if (header != NULL && header->cmsg_type == SCM_RIGHTS)
	{
		fd_count = (int) ((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(header), (size_t) fd_count * sizeof(int));
	}
	handle_packet(nursery, packet, (size_t) got, fds, fd_count);
	for (int i = 0; i < fd_count; i++)
		close(fds[i]);
	return true;
}

/* Collect the ends of runners; leftovers that have ended are reaped as well. */
static void
reap(Nursery *nursery)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
	{
		for (size_t i = 0; i < nursery->runner_count; i++)
		{
			Runner *runner = &nursery->runners[i];

			if (runner->pid == pid && !runner->exited)
			{
				runner->exited = true;
				runner->status = status;
				if (nursery->leftovers_since == 0)
					nursery->leftovers_since = so_clock_monotonic_ms();
			}
		}
	}
}

/* Kill what ended runners left, then report those runners.  Returns false while something is left. */
static bool
clear_leftovers(Nursery *nursery)
{
	size_t kept = 0;

	if (nursery->leftovers_since == 0)
		return true;
	if (so_orphan_kill(is_own_runner, nursery) > 0 &&
		so_clock_monotonic_ms() - nursery->leftovers_since < LEFTOVER_LIMIT_MS)
		return false;
	nursery->leftovers_since = 0;
	for (size_t i = 0; i < nursery->runner_count; i++)
	{
		Runner *runner = &nursery->runners[i];

		if (!runner->exited)
		{
			nursery->runners[kept++] = *runner;
			continue;
		}
		so_put_u8(&nursery->out, SO_NURSERY_EXITED);
		so_put_u64(&nursery->out, runner->token);
		so_put_u32(&nursery->out, (uint32_t) runner->status);
	}
	nursery->runner_count = kept;
	return true;
}

/* Messages that end within the packet size.  Walks the message lengths. */
static size_t
whole_messages(const SoByteBuffer *out)
{
	SoFieldReader reader;
	const uint8_t *begin = out->data + out->start;
	size_t fits = 0;

	so_field_reader_init(&reader, begin, so_byte_buffer_length(out));
	while (reader.position < reader.end)
	{
		size_t ignored;

		if (so_get_u8(&reader) == SO_NURSERY_READY)
		{
			so_get_block(&reader, &ignored);
			so_get_u32(&reader);
			so_get_block(&reader, &ignored);
		}
		else
			so_get_bytes(&reader, 12);
		if ((size_t) (reader.position - begin) > SO_NURSERY_PACKET_SIZE)
			break;
		fits = (size_t) (reader.position - begin);
	}
	return fits;
}

/* Send what waits, as far as the socket takes it.  Returns false when the agent has gone. */
static bool
flush_messages(Nursery *nursery)
{
	while (so_byte_buffer_length(&nursery->out) > 0)
	{
		size_t size = whole_messages(&nursery->out);

		if (send(nursery->control_fd, nursery->out.data + nursery->out.start, size,
				 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return errno == EAGAIN || errno == EINTR;
		so_byte_buffer_consume(&nursery->out, size);
	}
	return !nursery->out.failed;
}

/* The agent has gone: nothing that it started may go on. */
static void
kill_everything(Nursery *nursery)
{
	int64_t deadline = so_clock_monotonic_ms() + SHUTDOWN_LIMIT_MS;
	int left = 1;

	for (size_t i = 0; i < nursery->runner_count; i++)
		kill_runner(&nursery->runners[i]);
	nursery->runner_count = 0;
	while (left > 0 && so_clock_monotonic_ms() < deadline)
	{
		left = so_orphan_kill(is_own_runner, nursery);
		if (left > 0)
			poll(NULL, 0, 1);
	}
}

static bool
open_nursery(Nursery *nursery)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t mask;

	/* Was for this process alone (worker_agent/nursery_client.c). */
	unsetenv("LD_BIND_NOW");
	/* The service manager listens to the agent only. */
	unsetenv("NOTIFY_SOCKET");
	/* Signals of a terminal or a service manager are for the agent. */
	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGTERM, &ignore, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	memset(nursery, 0, sizeof(*nursery));
	nursery->control_fd = SO_NURSERY_FD;
	nursery->pid = getpid();
	nursery->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	so_byte_buffer_init(&nursery->out);
	if (fcntl(SO_NURSERY_FD, F_SETFD, FD_CLOEXEC) != 0)
	{
		so_log(SO_LOG_CRITICAL, "--nursery is for scaleout-worker only: descriptor %d is not open",
			   SO_NURSERY_FD);
		return false;
	}
	if (nursery->signal_fd < 0 || !so_orphan_adopt())
	{
		so_log(SO_LOG_CRITICAL, "nursery cannot start: %s", strerror(errno));
		return false;
	}
	return true;
}

int
so_nursery_main(int argc, char **argv)
{
	Nursery nursery;
	bool clean = true;

	(void) argc;
	(void) argv;
	so_log_open("scaleout-nursery", SO_LOG_DEFAULT_MASK);
	if (!open_nursery(&nursery))
		return 1;
	prctl(PR_SET_NAME, "scaleout-nursery");
	warm_libraries();
	put_ready(&nursery);
	while (flush_messages(&nursery))
	{
		struct pollfd fds[2] = {
			{.fd = nursery.control_fd, .events = POLLIN},
			{.fd = nursery.signal_fd, .events = POLLIN},
		};
		struct signalfd_siginfo ignored[16];

		if (so_byte_buffer_length(&nursery.out) > 0)
			fds[0].events |= POLLOUT;
		if (poll(fds, 2, clean ? -1 : LEFTOVER_RETRY_MS) < 0 && errno != EINTR)
			break;
		if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
		{
			if (!receive_packet(&nursery))
				break;
		}
		while (read(nursery.signal_fd, ignored, sizeof(ignored)) > 0)
			;
		reap(&nursery);
		clean = clear_leftovers(&nursery);
	}
	kill_everything(&nursery);
	so_byte_buffer_free(&nursery.out);
	free(nursery.runners);
	return 0;
}
