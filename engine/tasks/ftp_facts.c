/*
 * engine/tasks/ftp_facts.c
 *
 * Asks the server about one file, without listing its folder.
 *
 * Process: runner and client, in a task's thread; no state, nothing changes on the server.
 */
#include "engine/tasks/ftp.h"

bool
so_ftp_ask_facts(SoFtpRun *ftp, const char *url, curl_off_t *size, curl_off_t *time, SoError *error)
{
	CURL *easy = ftp->transfer->easy;
	SoTransferText ignored = {.context = so_task_context(ftp->run), .limit = 65536};
	CURLcode code;

	*size = -1;
	*time = -1;
	ftp->transfer->describe = "question about the file";
	if (!so_transfer_prepare(ftp->transfer, url, error))
		return false;
	ftp->transfer->run = NULL; /* its progress is nobody's business */
	curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(easy, CURLOPT_FILETIME, 1L);
	/* libcurl writes the facts as if they were HTTP headers. */
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, so_transfer_write_text);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &ignored);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, so_transfer_write_text);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, &ignored);
	code = so_transfer_perform(ftp->transfer, error);
	ftp->transfer->run = ftp->run;
	if (code != CURLE_OK)
		return false;
	curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, size);
	curl_easy_getinfo(easy, CURLINFO_FILETIME_T, time);
	return true;
}

char *
so_ftp_version(SoFtpRun *ftp, const char *url, SoError *error)
{
	curl_off_t size;
	curl_off_t time;

	if (!so_ftp_ask_facts(ftp, url, &size, &time, error))
		return NULL;
	/* A server that cannot tell both does not tell versions apart: no resume. */
	if (size < 0 || time < 0)
		return talloc_strdup(so_task_context(ftp->run), "");
	return talloc_asprintf(so_task_context(ftp->run), "%lld %lld", (long long) size,
						   (long long) time);
}
