/*
 * engine/tasks/ftp_receive.c
 *
 * Receiving files of an FTP task, one or many by a pattern.
 *
 * Process: runner and client, in a task's thread.  A received file appears when
 * it is complete (download.c).
 */
#include "engine/tasks/ftp.h"

#include <string.h>

#include "engine/model/object_types.h"
#include "engine/tasks/download.h"
#include "engine/tasks/file_operation.h"
#include "engine/tasks/outcome.h"

static struct curl_slist *
configure_receive(void *context, SoTransfer *transfer, struct curl_slist *headers)
{
	SoFtpRun *ftp = context;

	if (ftp->ascii)
		curl_easy_setopt(transfer->easy, CURLOPT_TRANSFERTEXT, 1L);
	return headers;
}

static bool
receive_one(SoFtpRun *ftp, const char *remote, const char *identity, const char *local,
			SoError *error)
{
	const SoObject *properties = so_task_properties(ftp->run);
	SoDownload download = {.transfer = ftp->transfer,
						   .target = local,
						   .identity = identity,
						   .overwrite = ftp->overwrite,
						   .resume = so_object_boolean(properties, "resume") && !ftp->ascii,
						   .retries =
							   (int) so_connection_number(ftp->transfer->properties, "retries", 0),
						   .sha256 = so_outcome_property(properties, "sha256"),
						   .configure = configure_receive,
						   .context = ftp};

	download.url = so_transfer_url(ftp->transfer, remote);
	if (identity == NULL && (ftp->overwrite || !so_file_exists(local)))
	{
		download.identity = so_ftp_version(ftp, download.url, error);
		if (download.identity == NULL)
			return false;
	}
	ftp->transfer->describe =
		talloc_asprintf(so_task_context(ftp->run), "download of \"%s\"", remote);
	if (!so_download(&download, error))
		return false;
	so_task_custom_event(ftp->run, "FTPOperation", "received \"%s\" as \"%s\": %lld bytes%s",
						 remote, local, (long long) download.bytes,
						 download.resumed_at > 0 ? ", resumed" : "");
	so_ftp_done(ftp, local, download.bytes);
	return true;
}

static bool
receive_entry(SoFtpRun *ftp, const char *path, const SoRemoteEntry *entry, SoError *error)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	/* Names alone do not tell versions apart, and the times of SFTP listings are coarse: ask for each file. */
	const char *identity =
		entry->size < 0 || strcmp(ftp->transfer->scheme, "sftp") == 0
			? NULL
			: talloc_asprintf(context, "%lld %s", (long long) entry->size, entry->modified);

	return receive_one(ftp, path, identity, so_ftp_join(context, ftp->local, entry->name), error);
}

bool
so_ftp_receive(SoFtpRun *ftp, SoError *error)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	size_t length = strlen(ftp->local);
	const char *local = ftp->local;
	char *folder;
	char *pattern;

	if (so_ftp_split_pattern(context, ftp->remote, &folder, &pattern))
	{
		if (!so_file_is_directory(ftp->local))
		{
			so_error_set(error, SO_ERR_TASK_FILE, "local_path", "the folder \"%s\" does not exist",
						 ftp->local);
			return so_error_hint(
				error,
				"With a pattern local_path is a folder; create it first, or use make_dir_local.");
		}
		return so_ftp_each_remote(ftp, folder, pattern, receive_entry, error);
	}
	if (so_file_is_directory(local) || local[length - 1] == '/')
		local = so_ftp_join(context, local, pattern);
	return receive_one(ftp, ftp->remote, NULL, local, error);
}
