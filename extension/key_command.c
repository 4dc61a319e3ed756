/*
 * extension/key_command.c
 *
 * Runs scaleout.encryption_key_command.
 *
 * Process: backends that encrypt and the master.  The child has a process group
 * of its own, default signals, an environment of ours, no descriptor of the
 * server, / as directory and nothing to read; what it prints to stderr goes
 * nowhere, because it may be the key.  It is killed when it is late and when
 * an error or interrupt comes; only its own pid is waited for.
 */
#include "postgres.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "extension/compat.h"
#include "extension/error.h"
#include "extension/key_command.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#define TIME_LIMIT_MS 10000

typedef struct Child
{
	pid_t pid; /* 0: none, or reaped */
	int fd;    /* -1: closed */
} Child;

static void
raise_command(const char *what, const char *detail)
{
	ereport(ERROR,
			(so_errcode(SO_ERR_KEY_COMMAND), errmsg("scaleout.encryption_key_command %s", what),
			 detail != NULL ? errdetail("%s", detail) : 0,
			 errhint("%s", so_error_default_hint(SO_ERR_KEY_COMMAND))));
}

static int
spawn(const char *command, int fd, pid_t *pid)
{
	static char lc_all[] = "LC_ALL=C.UTF-8";
	static char search_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *environment[] = {lc_all, search_path, NULL};
	char *arguments[] = {pstrdup("sh"), pstrdup("-c"), pstrdup(command), NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigset_t all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, 1);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
#endif
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 29)
	posix_spawn_file_actions_addchdir_np(&actions, "/");
#endif
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
											  POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawn(pid, "/bin/sh", &actions, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static void
start_child(Child *child, const char *command)
{
	int pair[2];
	int rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		raise_command("cannot be started", strerror(errno));
	rc = spawn(command, pair[1], &child->pid);
	close(pair[1]);
	if (rc != 0)
	{
		close(pair[0]);
		child->pid = 0;
		raise_command("cannot be started", strerror(rc));
	}
	child->fd = pair[0];
	(void) fcntl(child->fd, F_SETFL, O_NONBLOCK);
}

/* Close our end, kill what is left of the group, collect the exit status. */
static int
end_child(Child *child, bool kill_it)
{
	int status = 0;

	if (child->fd >= 0)
		close(child->fd);
	child->fd = -1;
	if (child->pid > 0)
	{
		if (kill_it)
			(void) kill(-child->pid, SIGKILL);
		while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
			;
		child->pid = 0;
	}
	return status;
}

/* Until end of file. */
static void
read_output(Child *child, char *text, size_t size)
{
	TimestampTz start = GetCurrentTimestamp();
	size_t length = 0;

	for (;;)
	{
		long left =
			TIME_LIMIT_MS - (long) TimestampDifferenceMilliseconds(start, GetCurrentTimestamp());
		int events;
		ssize_t n;

		if (left <= 0)
			raise_command("did not end in time", psprintf("The limit is %d ms.", TIME_LIMIT_MS));
		events = WaitLatchOrSocket(
			MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | WL_SOCKET_READABLE,
			child->fd, left, so_wait_event("ScaleoutKeyCommand"));
		if (events & WL_LATCH_SET)
		{
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
		if ((events & WL_SOCKET_READABLE) == 0)
			continue;
		n = recv(child->fd, text + length, size - length, 0);
		if (n == 0 || (n < 0 && errno == ECONNRESET))
			break;
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			raise_command("cannot be read", strerror(errno));
		if (n > 0)
			length += (size_t) n;
		if (length >= size)
			raise_command("prints more than a key", NULL);
	}
	text[length] = '\0';
}

void
so_key_command_run(const char *command, char *text, size_t size)
{
	volatile Child child = {0, -1};
	int status;

	start_child((Child *) &child, command);
	PG_TRY();
	{
		read_output((Child *) &child, text, size);
	}
	PG_CATCH();
	{
		OPENSSL_cleanse(text, size);
		(void) end_child((Child *) &child, true);
		/* It may have eaten a signal that was for the process's own loop. */
		SetLatch(MyLatch);
		PG_RE_THROW();
	}
	PG_END_TRY();
	status = end_child((Child *) &child, false);
	SetLatch(MyLatch);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
	{
		OPENSSL_cleanse(text, size);
		raise_command("failed", WIFSIGNALED(status)
									? psprintf("It was ended by signal %d.", WTERMSIG(status))
									: psprintf("It ended with status %d.", WEXITSTATUS(status)));
	}
}
