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

#include <sys/socket.h>
#include <sys/wait.h>

#include "extension/child_process.h"
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

static void
raise_loader(SoErrorCode code, const char *message, const char *detail)
{
	ereport(ERROR, (so_errcode(code), errmsg("%s", message), detail ? errdetail("%s", detail) : 0,
					errhint("%s", so_error_default_hint(code))));
}

static void
start_child(SoChildProcess *child, const char *path)
{
	static char lc_all[] = "LC_ALL=C.UTF-8";
	static char search_path[] = "PATH=/usr/local/bin:/usr/bin:/bin";
	char *environment[] = {lc_all, search_path, NULL};
	char *arguments[] = {pstrdup("scaleout-loader"), NULL};
	const SoChildCommand loader = {
		.path = path, .arguments = arguments, .environment = environment};
	int rc = so_child_process_start(&loader, child);

	if (rc != 0)
		raise_loader(SO_ERR_LOADER_FAILED, psprintf("cannot start \"%s\"", path), strerror(rc));
}

/* Send what the socket takes; shut the sending side when all is sent. */
static void
send_some(SoChildProcess *child, const char *input, size_t length, size_t *sent)
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
receive_some(SoChildProcess *child, StringInfo answer)
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
converse(SoChildProcess *child, const char *input, size_t length, StringInfo answer)
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
	volatile SoChildProcess child = {0, -1};
	StringInfoData answer;
	text *input;
	int status;

	so_error_require_preload();
	if (PG_ARGISNULL(0))
		ereport(ERROR, (so_errcode(SO_ERR_ARGUMENT_MISSING), errmsg("input must not be NULL")));
	input = PG_GETARG_TEXT_PP(0);
	initStringInfo(&answer);
	start_child((SoChildProcess *) &child, so_setting_resolved_program("scaleout-loader"));
	PG_TRY();
	{
		converse((SoChildProcess *) &child, VARDATA_ANY(input), VARSIZE_ANY_EXHDR(input), &answer);
	}
	PG_CATCH();
	{
		(void) so_child_process_end((SoChildProcess *) &child, true);
		PG_RE_THROW();
	}
	PG_END_TRY();
	/* It has closed all three descriptors; should it linger, it is not waited for. */
	status = so_child_process_end((SoChildProcess *) &child, true);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		check_status(status, &answer);
	if (!pg_verify_mbstr(GetDatabaseEncoding(), answer.data, answer.len, true))
		raise_loader(SO_ERR_LOADER_FAILED, "the loader's answer is not valid text", NULL);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(answer.data, answer.len));
}
