/*
 * extension/loader_child.c
 *
 * internal.run_loader: gives a document to scaleout-loader, a child process,
 * and returns what it answers.  No package is parsed inside a backend: a crash
 * in the parser must not restart the server.
 *
 * Process: client backends that deploy.  The child has a process group of its
 * own, one end of a socket pair as stdin, stdout and stderr, and nothing else
 * of the server.  It is killed when it is late and when the backend raises an
 * error; when the backend dies it reads end of file.
 */
#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "extension/compat.h"
#include "extension/error.h"
#include "extension/settings.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define MAX_ANSWER (256 * 1024 * 1024)

SO_SQL_FUNCTION(so_run_loader);

typedef struct Child
{
	pid_t pid; /* 0: none, or reaped */
	int fd;    /* -1: closed */
} Child;

static void
raise_loader(SoErrorCode code, const char *message, const char *detail)
{
	ereport(ERROR, (so_errcode(code), errmsg("%s", message), detail ? errdetail("%s", detail) : 0,
					errhint("%s", so_error_default_hint(code))));
}

/* Default signals, empty mask, own process group, descriptors 0-2 only. */
static int
spawn(const char *path, int fd, pid_t *pid)
{
	static char lc_all[] = "LC_ALL=C.UTF-8";
	static char search_path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
	char *environment[] = {lc_all, search_path, NULL};
	char *name = pstrdup("scaleout-loader");
	char *arguments[] = {name, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	sigset_t all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, 0);
	posix_spawn_file_actions_adddup2(&actions, 0, 1);
	posix_spawn_file_actions_adddup2(&actions, 0, 2);
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
#endif
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setpgroup(&attributes, 0);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
											  POSIX_SPAWN_SETSIGDEF);
	rc = posix_spawn(pid, path, &actions, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static void
start_child(Child *child, const char *path)
{
	int pair[2];
	int rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		raise_loader(SO_ERR_LOADER_FAILED, "cannot make a socket pair", strerror(errno));
	rc = spawn(path, pair[1], &child->pid);
	close(pair[1]);
	if (rc != 0)
	{
		close(pair[0]);
		child->pid = 0;
		raise_loader(SO_ERR_LOADER_FAILED, psprintf("cannot start \"%s\"", path), strerror(rc));
	}
	child->fd = pair[0];
	(void) fcntl(child->fd, F_SETFL, O_NONBLOCK);
}

/* Close our end and collect the exit status; kill first when told to. */
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

/* Send what the socket takes; shut the sending side when all is sent. */
static void
send_some(Child *child, const char *input, size_t length, size_t *sent)
{
	ssize_t n = send(child->fd, input + *sent, length - *sent, MSG_NOSIGNAL);

	if (n >= 0)
		*sent += (size_t) n;
	else if (errno == EPIPE || errno == ECONNRESET)
		*sent = length; /* it ended early; its answer or status says why */
	else if (errno != EAGAIN && errno != EINTR)
		raise_loader(SO_ERR_LOADER_FAILED, "cannot write to the loader", strerror(errno));
	if (*sent >= length)
		(void) shutdown(child->fd, SHUT_WR);
}

/* False at the end of the answer. */
static bool
receive_some(Child *child, StringInfo answer)
{
	char buffer[65536];
	ssize_t n = recv(child->fd, buffer, sizeof(buffer), 0);

	if (n > 0)
	{
		if (answer->len + n > MAX_ANSWER)
			raise_loader(SO_ERR_LOADER_FAILED, "the loader's answer is too large", NULL);
		appendBinaryStringInfo(answer, buffer, (int) n);
		return true;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n < 0 && errno != ECONNRESET)
		raise_loader(SO_ERR_LOADER_FAILED, "cannot read from the loader", strerror(errno));
	return false;
}

/* Everything to the child and everything back, until its end of file. */
static void
converse(Child *child, const char *input, size_t length, StringInfo answer)
{
	TimestampTz start = GetCurrentTimestamp();
	size_t sent = 0;
	bool open = true;

	if (length == 0)
		(void) shutdown(child->fd, SHUT_WR);
	while (open)
	{
		int events = WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH | WL_SOCKET_READABLE;
		long left = so_setting_loader_timeout -
					(long) TimestampDifferenceMilliseconds(start, GetCurrentTimestamp());

		if (left <= 0)
			raise_loader(SO_ERR_LOADER_TIMEOUT, "the loader program did not answer in time",
						 psprintf("The limit is %d ms.", so_setting_loader_timeout));
		if (sent < length)
			events |= WL_SOCKET_WRITEABLE;
		events =
			WaitLatchOrSocket(MyLatch, events, child->fd, left, so_wait_event("ScaleoutLoader"));
		if (events & WL_LATCH_SET)
		{
			ResetLatch(MyLatch);
			CHECK_FOR_INTERRUPTS();
		}
		if (events & WL_SOCKET_WRITEABLE)
			send_some(child, input, length, &sent);
		if (events & WL_SOCKET_READABLE)
			open = receive_some(child, answer);
	}
}

/* What it said, as far as it is text, for a detail. */
static char *
excerpt(StringInfo answer)
{
	int length = Min(answer->len, 500);

	length = pg_mbcliplen(answer->data, answer->len, length);
	for (int i = 0; i < length; i++)
	{
		if ((unsigned char) answer->data[i] < ' ')
			answer->data[i] = ' ';
	}
	if (length == 0 || !pg_verify_mbstr(GetDatabaseEncoding(), answer->data, length, true))
		return NULL;
	return pnstrdup(answer->data, length);
}

static void
check_status(int status, StringInfo answer)
{
	char *said = excerpt(answer);

	raise_loader(SO_ERR_LOADER_FAILED,
				 WIFSIGNALED(status)
					 ? psprintf("the loader was ended by signal %d", WTERMSIG(status))
					 : psprintf("the loader ended with status %d", WEXITSTATUS(status)),
				 said ? psprintf("It said: %s", said) : NULL);
}

/*
 * internal.run_loader(input text) returns text: one JSON document in, one out.
 * SO118 when the program fails, SO119 when it is late.
 */
Datum
so_run_loader(PG_FUNCTION_ARGS)
{
	volatile Child child = {0, -1};
	StringInfoData answer;
	text *input;
	int status;

	so_error_require_preload();
	if (PG_ARGISNULL(0))
		ereport(ERROR, (so_errcode(SO_ERR_ARGUMENT_MISSING), errmsg("input must not be NULL")));
	input = PG_GETARG_TEXT_PP(0);
	initStringInfo(&answer);
	start_child((Child *) &child, so_setting_resolved_program("scaleout-loader"));
	PG_TRY();
	{
		converse((Child *) &child, VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input), &answer);
	}
	PG_CATCH();
	{
		(void) end_child((Child *) &child, true);
		PG_RE_THROW();
	}
	PG_END_TRY();
	/* It has closed all three descriptors; should it linger, it is not waited for. */
	status = end_child((Child *) &child, true);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		check_status(status, &answer);
	if (!pg_verify_mbstr(GetDatabaseEncoding(), answer.data, answer.len, true))
		raise_loader(SO_ERR_LOADER_FAILED, "the loader's answer is not valid text", NULL);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(answer.data, answer.len));
}
