/*
 * extension/child_process.c
 *
 * Starts and ends the short-lived children of server processes.
 *
 * Process: client backends and the master.  A child belongs to whoever started
 * it; only its own pid is waited for.  When the server process dies the child
 * reads end of file, or is left to its limits.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "extension/child_process.h"

static void
set_descriptors(posix_spawn_file_actions_t *actions, const SoChildCommand *command, int fd)
{
	if (command->output_only)
	{
		posix_spawn_file_actions_adddup2(actions, fd, 1);
		posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0);
	}
	else
	{
		posix_spawn_file_actions_adddup2(actions, fd, 0);
		posix_spawn_file_actions_adddup2(actions, 0, 1);
		posix_spawn_file_actions_adddup2(actions, 0, 2);
	}
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
	posix_spawn_file_actions_addclosefrom_np(actions, 3);
#endif
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 29)
	if (command->directory != NULL)
		posix_spawn_file_actions_addchdir_np(actions, command->directory);
#endif
}

/* Default signals, empty mask, own process group. */
static int
spawn(const SoChildCommand *command, int fd, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigset_t all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	set_descriptors(&actions, command, fd);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
											  POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawn(pid, command->path, &actions, &attributes, command->arguments,
					 command->environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

int
so_child_process_start(const SoChildCommand *command, SoChildProcess *child)
{
	int pair[2];
	int rc;

	child->pid = 0;
	child->fd = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return errno;
	rc = spawn(command, pair[1], &child->pid);
	close(pair[1]);
	if (rc != 0)
	{
		close(pair[0]);
		child->pid = 0;
		return rc;
	}
	child->fd = pair[0];
	(void) fcntl(child->fd, F_SETFL, O_NONBLOCK);
	return 0;
}

int
so_child_process_end(SoChildProcess *child, bool kill_it)
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
