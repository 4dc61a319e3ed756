/*
 * engine/tasks/ftp_command.c
 *
 * Commands outside of transfers: deleting, renaming, folders.
 *
 * Process: runner and client, in a task's thread.  A rename that dies half-way
 * leaves the file under its old name; the one it replaces may be gone.
 */
#include "engine/tasks/ftp.h"

#include <string.h>

/* The path of a command: FTP takes it relative to the login folder unless it begins with a slash. */
static char *
server_path(SoFtpRun *ftp, const char *path)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	const char *after = strstr(ftp->transfer->base, "://") + 3;
	const char *slash = strchr(after, '/');
	char *base;
	int length;

	if (path[0] == '/' || slash == NULL)
		return talloc_strdup(context, path);
	base = curl_easy_unescape(ftp->transfer->easy, slash, 0, &length);
	if (base == NULL)
		return talloc_strdup(context, path);
	/* "/in" in an FTP URL is "in" below the login folder, "/%2Fin" is "/in"; in SFTP it is "/in". */
	if (strcmp(ftp->transfer->scheme, "sftp") != 0)
		path = so_ftp_join(context, base + 1, path);
	else if (strncmp(base, "/~/", 3) == 0)
		path = so_ftp_join(context, base + 3, path);
	else
		path = so_ftp_join(context, base, path);
	curl_free(base);
	return talloc_strdup(context, path);
}

static bool
is_sftp(const SoFtpRun *ftp)
{
	return strcmp(ftp->transfer->scheme, "sftp") == 0;
}

/* Where commands are sent to: the server, whatever folder the connection names. */
static char *
command_url(SoFtpRun *ftp)
{
	const char *base = ftp->transfer->base;
	const char *after = strstr(base, "://") + 3;

	return talloc_asprintf(so_task_context(ftp->run), "%.*s/%s",
						   (int) (strcspn(after, "/") + (size_t) (after - base)), base,
						   is_sftp(ftp) ? "~/" : "");
}

static bool
check_line(const char *path, SoError *error)
{
	if (strpbrk(path, "\r\n") == NULL)
		return true;
	return so_error_set(error, SO_ERR_TASK_PROPERTY, "remote_path",
						"the remote path contains a line break");
}

/* Run count commands one after the other; describe is for messages. */
static CURLcode
run_commands(SoFtpRun *ftp, const char *const *commands, int count, const char *describe,
			 SoError *error)
{
	struct curl_slist *list = NULL;
	CURLcode code = CURLE_FAILED_INIT;

	for (int i = 0; i < count; i++)
		list = curl_slist_append(list, commands[i]);
	if (so_transfer_prepare(ftp->transfer, command_url(ftp), error))
	{
		ftp->transfer->describe = describe;
		curl_easy_setopt(ftp->transfer->easy, CURLOPT_NOBODY, 1L);
		curl_easy_setopt(ftp->transfer->easy, CURLOPT_QUOTE, list);
		code = so_transfer_perform(ftp->transfer, error);
	}
	curl_slist_free_all(list);
	return code;
}

bool
so_ftp_command(SoFtpRun *ftp, const char *ftp_verb, const char *sftp_verb, const char *path,
			   SoError *error)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	char *target = server_path(ftp, path);
	const char *command = is_sftp(ftp) ? talloc_asprintf(context, "%s \"%s\"", sftp_verb, target)
									   : talloc_asprintf(context, "%s %s", ftp_verb, target);
	CURLcode code;

	if (!check_line(target, error))
		return false;
	code = run_commands(
		ftp, &command, 1,
		talloc_asprintf(context, "%s \"%s\"", is_sftp(ftp) ? sftp_verb : ftp_verb, target), error);
	if (code == CURLE_QUOTE_ERROR)
		so_error_hint(error, "Check that the path exists and that the account may change it.");
	return code == CURLE_OK;
}

bool
so_ftp_rename(SoFtpRun *ftp, const char *from, const char *to, SoError *error)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	char *source = server_path(ftp, from);
	char *target = server_path(ftp, to);
	const char *commands[3];
	int count = 0;

	if (!check_line(source, error) || !check_line(target, error))
		return false;
	/* A star before a command: its failure does not matter. */
	if (is_sftp(ftp))
	{
		commands[count++] = talloc_asprintf(context, "*rm \"%s\"", target);
		commands[count++] = talloc_asprintf(context, "rename \"%s\" \"%s\"", source, target);
	}
	else
	{
		commands[count++] = talloc_asprintf(context, "*DELE %s", target);
		commands[count++] = talloc_asprintf(context, "RNFR %s", source);
		commands[count++] = talloc_asprintf(context, "RNTO %s", target);
	}
	return run_commands(ftp, commands, count, talloc_asprintf(context, "rename of \"%s\"", from),
						error) == CURLE_OK;
}
