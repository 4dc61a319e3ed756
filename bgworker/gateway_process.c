/*
 * bgworker/gateway_process.c
 *
 * Starts the gateway with a socket pair as descriptor 3 and watches it.  It
 * gets its own process group, default signals, an empty mask, no descriptor
 * but 0 to 3 and a constructed environment: a child of the server would
 * otherwise inherit open relation files, ignored signals and PGDATA.
 *
 * Process: master.  Shared data: none.  When the master dies its end of the
 * socket pair closes, which the gateway takes as the sign to leave.  When the
 * gateway dies nothing is lost: agents repeat what was not answered.
 */
#include "postgres.h"

#include "bgworker/gateway_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "common/clock.h"
#include "common/frame.h"
#include "extension/master_news.h"
#include "extension/settings.h"
#include "miscadmin.h"

#define BACKOFF_FIRST_MS 50
#define BACKOFF_LAST_MS  30000
/* A gateway that lived this long was a good one. */
#define GOOD_RUN_MS 1000
/* A gateway that has closed its socket must be gone after this time. */
#define LEAVE_MS 1000
/* What is read in one turn before the master works on it, in bytes. */
#define READ_LIMIT (16 * 1024 * 1024)

void
so_gateway_process_init(SoGateway *gateway)
{
	memset(gateway, 0, sizeof(*gateway));
	gateway->fd = PGINVALID_SOCKET;
	gateway->backoff_ms = BACKOFF_FIRST_MS;
	so_byte_buffer_init(&gateway->in);
	so_byte_buffer_init(&gateway->out);
}

/* Attributes and descriptors of the child; returns 0 or an errno. */
static int
spawn(pid_t *pid, const char *program, int child_end)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t empty;
	sigset_t full;
	char parent[16];
	char *arguments[] = {"scaleout-gateway", parent, NULL};
	char *environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", NULL};
	int failed;

	snprintf(parent, sizeof(parent), "%d", MyProcPid);
	sigemptyset(&empty);
	sigfillset(&full);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	failed = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (failed == 0)
		failed = posix_spawn_file_actions_adddup2(&actions, 2, 1);
	if (failed == 0)
		failed = posix_spawn_file_actions_adddup2(&actions, child_end, 3);
	if (failed == 0)
		failed = posix_spawn_file_actions_addclosefrom_np(&actions, 4);
	if (failed == 0)
	{
		posix_spawnattr_setpgroup(&attributes, 0);
		posix_spawnattr_setsigmask(&attributes, &empty);
		posix_spawnattr_setsigdefault(&attributes, &full);
		posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
												  POSIX_SPAWN_SETSIGDEF);
		failed = posix_spawn(pid, program, &actions, &attributes, arguments, environment);
	}
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return failed;
}

static void
grow_backoff(SoGateway *gateway, int64 now_ms)
{
	gateway->next_start_ms = now_ms + gateway->backoff_ms;
	gateway->backoff_ms = Min(gateway->backoff_ms * 2, BACKOFF_LAST_MS);
}

bool
so_gateway_process_start(SoGateway *gateway, int64 now_ms)
{
	int ends[2];
	char *program;
	int failed;
	int reason;

	if (gateway->pid != 0 || now_ms < gateway->next_start_ms)
		return false;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		ereport(ERROR, (errcode_for_socket_access(),
						errmsg("could not create the socket pair for the scaleout gateway: %m")));
	program = so_setting_resolved_program("scaleout-gateway");
	failed = spawn(&gateway->pid, program, ends[1]);
	close(ends[1]);
	if (failed != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0)
	{
		reason = failed != 0 ? failed : errno;
		gateway->pid = 0;
		grow_backoff(gateway, now_ms);
		so_master_news_failed(so_error_state(SO_ERR_SYSTEM_CALL), "the gateway cannot be started",
							  psprintf("\"%s\": %s.", program, strerror(reason)),
							  "Install the programs of this version (make install), or set "
							  "\"scaleout.program_directory\".");
		errno = reason;
		ereport(WARNING, (errcode_for_file_access(),
						  errmsg("scaleout cannot start its gateway \"%s\": %m", program),
						  errdetail("The next try is in %lld ms.",
									(long long) (gateway->next_start_ms - now_ms)),
						  errhint("Install the programs of this version (make install), or set "
								  "\"scaleout.program_directory\".")));
		close(ends[0]);
		pfree(program);
		return false;
	}
	pfree(program);
	gateway->fd = ends[0];
	gateway->eof = false;
	gateway->listening = false;
	gateway->started_ms = now_ms;
	gateway->spawns++;
	so_byte_buffer_clear(&gateway->in);
	so_byte_buffer_clear(&gateway->out);
	return true;
}

void
so_gateway_process_read(SoGateway *gateway)
{
	size_t total = 0;

	while (gateway->fd != PGINVALID_SOCKET && !gateway->eof && total < READ_LIMIT)
	{
		ssize_t got = so_frame_read(&gateway->in, gateway->fd);

		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return;
		if (got <= 0)
		{
			gateway->eof = true;
			gateway->eof_ms = so_clock_monotonic_ms();
		}
		else
			total += (size_t) got;
	}
}

void
so_gateway_process_write(SoGateway *gateway)
{
	if (gateway->out.failed)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY),
						errmsg("out of memory for answers to the scaleout gateway")));
	if (gateway->fd == PGINVALID_SOCKET || gateway->eof)
		so_byte_buffer_clear(&gateway->out);
	else if (so_byte_buffer_length(&gateway->out) > 0 &&
			 so_byte_buffer_write(&gateway->out, gateway->fd) < 0)
		so_byte_buffer_clear(&gateway->out); /* its end is seen by the next read */
}

/* Say how the gateway ended. */
static void
log_end(pid_t pid, int status)
{
	char *how;

	if (WIFSIGNALED(status))
		how = psprintf("was terminated by signal %d", WTERMSIG(status));
	else
		how = psprintf("exited with status %d", WEXITSTATUS(status));
	ereport(LOG, (errmsg("scaleout gateway (PID %d) %s", (int) pid, how),
				  errdetail("A new one is started; agents repeat what was not answered.")));
	pfree(how);
}

bool
so_gateway_process_ended(SoGateway *gateway, int64 now_ms)
{
	int status;
	pid_t ended;

	if (gateway->pid == 0)
		return false;
	ended = waitpid(gateway->pid, &status, WNOHANG);
	if (ended == 0)
	{
		if (gateway->eof && now_ms - gateway->eof_ms > LEAVE_MS)
			kill(gateway->pid, SIGKILL);
		return false;
	}
	if (ended == gateway->pid)
		log_end(gateway->pid, status);
	gateway->pid = 0;
	return true;
}

void
so_gateway_process_forget(SoGateway *gateway, int64 now_ms)
{
	if (gateway->fd != PGINVALID_SOCKET)
		close(gateway->fd);
	gateway->fd = PGINVALID_SOCKET;
	gateway->eof = false;
	gateway->listening = false;
	so_master_news_gateway_gone();
	so_byte_buffer_clear(&gateway->in);
	so_byte_buffer_clear(&gateway->out);
	if (now_ms - gateway->started_ms >= GOOD_RUN_MS)
	{
		gateway->backoff_ms = BACKOFF_FIRST_MS;
		gateway->next_start_ms = now_ms;
	}
	else
		grow_backoff(gateway, now_ms);
}

void
so_gateway_process_try_at_once(SoGateway *gateway)
{
	gateway->backoff_ms = BACKOFF_FIRST_MS;
	gateway->next_start_ms = 0;
}

void
so_gateway_process_kill(SoGateway *gateway)
{
	if (gateway->pid != 0)
		kill(gateway->pid, SIGKILL);
	gateway->eof = true;
}
