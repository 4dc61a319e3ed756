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

#include <openssl/crypto.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "extension/child_process.h"
#include "extension/compat.h"
#include "extension/error.h"
#include "extension/key_command.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timestamp.h"

#define TIME_LIMIT_MS 10000

static void
raise_command(const char *what, const char *detail)
{
	ereport(ERROR,
			(so_errcode(SO_ERR_KEY_COMMAND), errmsg("scaleout.encryption_key_command %s", what),
			 detail != NULL ? errdetail("%s", detail) : 0,
			 errhint("%s", so_error_default_hint(SO_ERR_KEY_COMMAND))));
}

static void
start_child(SoChildProcess *child, const char *command)
{
	static char lc_all[] = "LC_ALL=C.UTF-8";
	static char search_path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	char *environment[] = {lc_all, search_path, NULL};
	char *arguments[] = {pstrdup("sh"), pstrdup("-c"), pstrdup(command), NULL};
	const SoChildCommand shell = {.path = "/bin/sh",
								  .arguments = arguments,
								  .environment = environment,
								  .directory = "/",
								  .output_only = true};
	int rc = so_child_process_start(&shell, child);

	if (rc != 0)
		raise_command("cannot be started", strerror(rc));
}

/* Until end of file. */
static void
read_output(SoChildProcess *child, char *text, size_t size)
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
	volatile SoChildProcess child = {0, -1};
	int status;

	start_child((SoChildProcess *) &child, command);
	PG_TRY();
	{
		read_output((SoChildProcess *) &child, text, size);
	}
	PG_CATCH();
	{
		OPENSSL_cleanse(text, size);
		(void) so_child_process_end((SoChildProcess *) &child, true);
		/* It may have eaten a signal that was for the process's own loop. */
		SetLatch(MyLatch);
		PG_RE_THROW();
	}
	PG_END_TRY();
	status = so_child_process_end((SoChildProcess *) &child, false);
	SetLatch(MyLatch);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
	{
		OPENSSL_cleanse(text, size);
		raise_command("failed", WIFSIGNALED(status)
									? psprintf("It was ended by signal %d.", WTERMSIG(status))
									: psprintf("It ended with status %d.", WEXITSTATUS(status)));
	}
}
