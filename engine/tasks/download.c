/*
 * engine/tasks/download.c
 *
 * A download goes to "name.part" and becomes "name" when it is complete and
 * its checksum is right.  "name.part.json" remembers which version of which
 * file the part is of, so that it is only continued with the same one.
 *
 * Process: runner and client, in a task's thread.  A crash leaves the part
 * and its note, and the next run continues.
 */
#include "engine/tasks/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "engine/tasks/file_operation.h"

#define RETRY_PAUSE_MS   500
#define LONGEST_PAUSE_MS 10000

static bool
is_http(const SoDownload *download)
{
	return strncmp(download->transfer->scheme, "http", 4) == 0;
}

/* The identity for If-Range: a strong ETag is better than a time. */
static const char *
http_identity(const SoDownload *download)
{
	if (download->etag != NULL && strncmp(download->etag, "W/", 2) != 0)
		return download->etag;
	return download->modified;
}

/* The URL as it may stand in a file: without user and password. */
static char *
public_url(const SoDownload *download)
{
	const char *scheme_end = strstr(download->url, "://");
	const char *host = scheme_end != NULL ? scheme_end + 3 : download->url;
	size_t authority = strcspn(host, "/?#");
	const char *at = memrchr(host, '@', authority);

	return talloc_asprintf(download->transfer->context, "%.*s%s", (int) (host - download->url),
						   download->url, at != NULL ? at + 1 : host);
}

/* Which version the part on disk is of; NULL when nothing says so. */
static char *
read_note(SoDownload *download)
{
	json_t *note = json_load_file(download->note, 0, NULL);
	const char *url = json_string_value(json_object_get(note, "url"));
	const char *identity = json_string_value(json_object_get(note, "identity"));
	char *known = NULL;

	if (url != NULL && identity != NULL && strcmp(url, public_url(download)) == 0)
		known = talloc_strdup(download->transfer->context, identity);
	json_decref(note);
	return known;
}

static void
write_note(SoDownload *download, const char *identity)
{
	json_t *note;

	if (identity == NULL || identity[0] == '\0')
	{
		unlink(download->note);
		return;
	}
	note = json_pack("{s:s, s:s}", "url", public_url(download), "identity", identity);
	/* Without the note the part is not resumed; nothing worse. */
	if (note == NULL || json_dump_file(note, download->note, JSON_COMPACT) != 0)
		unlink(download->note);
	json_decref(note);
}

static int64_t
part_size(const SoDownload *download)
{
	struct stat status;

	return fstat(download->fd, &status) == 0 ? status.st_size : 0;
}

/* Start from the beginning, whatever is there. */
static bool
restart(SoDownload *download)
{
	download->resumed_at = 0;
	return ftruncate(download->fd, 0) == 0 && lseek(download->fd, 0, SEEK_SET) == 0;
}

/* HTTP: a header line; notes what tells versions apart. */
static size_t
take_header(char *bytes, size_t size, size_t count, void *context)
{
	SoDownload *download = context;
	size_t length = size * count;
	size_t end = length;

	while (end > 0 && strchr("\r\n \t", bytes[end - 1]) != NULL)
		end--;
	if (end > 5 && strncasecmp(bytes, "HTTP/", 5) == 0)
		download->etag = download->modified = NULL; /* of a redirect before */
	else if (end > 5 && strncasecmp(bytes, "ETag:", 5) == 0)
	{
		size_t skip = 5 + strspn(bytes + 5, " \t");

		download->etag = talloc_strndup(download->transfer->context, bytes + skip, end - skip);
	}
	else if (end > 14 && strncasecmp(bytes, "Last-Modified:", 14) == 0)
	{
		size_t skip = 14 + strspn(bytes + 14, " \t");

		download->modified = talloc_strndup(download->transfer->context, bytes + skip, end - skip);
	}
	return length;
}

/* The first bytes of a body: is it the rest, or the whole file again? */
static bool
begin_body(SoDownload *download)
{
	download->started = true;
	if (!is_http(download))
		return true;
	curl_easy_getinfo(download->transfer->easy, CURLINFO_RESPONSE_CODE, &download->status);
	if (download->resumed_at > 0 && download->status != 206 && !restart(download))
		return false;
	write_note(download, http_identity(download));
	return true;
}

static size_t
take_body(char *bytes, size_t size, size_t count, void *context)
{
	SoDownload *download = context;
	size_t left = size * count;

	if (!download->started && !begin_body(download))
	{
		download->write_reason = errno;
		return 0;
	}
	while (left > 0)
	{
		ssize_t written = write(download->fd, bytes, left);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
		{
			download->write_reason = errno;
			return 0;
		}
		bytes += written;
		left -= (size_t) written;
	}
	return size * count;
}

/* Where the next attempt begins: behind the part when it is of the same version. */
static bool
position(SoDownload *download, bool first, const char **identity, SoError *error)
{
	const char *known = read_note(download);
	int64_t size = part_size(download);
	bool same = known != NULL && size > 0 &&
				(download->identity == NULL || strcmp(known, download->identity) == 0);

	*identity = known;
	if (same && (download->resume || !first))
	{
		download->resumed_at = size;
		if (lseek(download->fd, 0, SEEK_END) >= 0)
			return true;
	}
	*identity = NULL;
	if (restart(download))
		return true;
	return so_file_error(error, "write", download->part, errno);
}

static bool
prepare(SoDownload *download, bool first, struct curl_slist **headers, SoError *error)
{
	CURL *easy = download->transfer->easy;
	const char *identity;

	if (!position(download, first, &identity, error) ||
		!so_transfer_prepare(download->transfer, download->url, error))
		return false;
	download->started = false;
	download->status = 0;
	download->write_reason = 0;
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, download);
	if (is_http(download))
	{
		curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
		curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
		curl_easy_setopt(easy, CURLOPT_HEADERDATA, download);
	}
	else
		write_note(download, download->identity);
	if (download->configure != NULL)
		*headers = download->configure(download->context, download->transfer, *headers);
	if (is_http(download) && download->resumed_at > 0)
	{
		char *line = talloc_asprintf(download->transfer->context, "If-Range: %s", identity);
		char *range = talloc_asprintf(download->transfer->context, "Range: bytes=%lld-",
									  (long long) download->resumed_at);

		/* Not CURLOPT_RESUME_FROM: that refuses an answer with the whole file. */
		*headers = curl_slist_append(curl_slist_append(*headers, line), range);
	}
	else if (download->resumed_at > 0)
		curl_easy_setopt(easy, CURLOPT_RESUME_FROM_LARGE, (curl_off_t) download->resumed_at);
	if (*headers != NULL)
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
	return true;
}

/* One attempt.  *again tells whether another one may help. */
static bool
attempt(SoDownload *download, bool first, bool *again, SoError *error)
{
	struct curl_slist *headers = NULL;
	CURLcode code = CURLE_FAILED_INIT;

	*again = false;
	if (prepare(download, first, &headers, error))
	{
		code = so_transfer_perform(download->transfer, error);
		curl_easy_getinfo(download->transfer->easy, CURLINFO_RESPONSE_CODE, &download->status);
		*again = so_transfer_is_passing(code);
	}
	curl_slist_free_all(headers);
	if (code == CURLE_WRITE_ERROR && download->write_reason != 0)
		so_file_error(error, "write", download->part, download->write_reason);
	if (code == CURLE_HTTP_RETURNED_ERROR && is_http(download))
	{
		/* The part was already all there is, or more than there is: begin anew. */
		if (download->status == 416 && download->resumed_at > 0)
			*again = restart(download) && unlink(download->note) == 0;
		else if (download->status == 404 || download->status == 410)
			error->code = SO_ERR_TASK_NOT_FOUND;
		else if (download->status == 401 || download->status == 403)
			error->code = SO_ERR_TASK_LOGIN_REFUSED;
		else
			*again = download->status == 408 || download->status == 429 || download->status >= 500;
	}
	/* An empty file has no body to begin with. */
	return code == CURLE_OK;
}

static bool
pause_before_retry(SoDownload *download, int tries, SoError *error)
{
	SoWait wait = download->transfer->wait;
	int64_t pause = (int64_t) RETRY_PAUSE_MS << (tries < 6 ? tries : 6);
	int64_t until = so_clock_monotonic_ms() + (pause > LONGEST_PAUSE_MS ? LONGEST_PAUSE_MS : pause);
	bool task_ends = wait.deadline_ms != 0 && wait.deadline_ms < until;
	SoError reason;

	if (!task_ends)
		wait.deadline_ms = until;
	so_wait_poll(&wait, -1, 0, &reason);
	if (reason.code == SO_ERR_TASK_TIMED_OUT && !task_ends)
		return true;
	*error = reason;
	return false;
}

static bool
fetch(SoDownload *download, SoError *error)
{
	for (int tries = 0;; tries++)
	{
		bool again;
		SoError reason;

		so_error_clear(&reason);
		if (attempt(download, tries == 0, &again, &reason))
			return true;
		*error = reason;
		if (!again || tries >= download->retries)
			return false;
		if (download->transfer->run != NULL)
			so_task_information(download->transfer->run, "%s; attempt %d of %d follows",
								reason.message, tries + 2, download->retries + 1);
		if (!pause_before_retry(download, tries, error))
			return false;
	}
}

static bool
check_sum(SoDownload *download, SoError *error)
{
	char hex[65];

	if (download->sha256 == NULL)
		return true;
	if (!so_file_sha256(download->part, hex, error))
		return false;
	if (strcasecmp(hex, download->sha256) == 0)
		return true;
	unlink(download->part);
	unlink(download->note);
	so_error_set(error, SO_ERR_TASK_CHECKSUM, download->target,
				 "the checksum of \"%s\" is not the expected one", download->target);
	return so_error_detail(error, "SHA-256 is %s, expected was %s.", hex, download->sha256);
}

bool
so_download(SoDownload *download, SoError *error)
{
	bool good;

	download->part = talloc_asprintf(download->transfer->context, "%s.part", download->target);
	download->note = talloc_asprintf(download->transfer->context, "%s.part.json", download->target);
	if (!download->overwrite && so_file_exists(download->target))
		return so_error_set(error, SO_ERR_TASK_EXISTS, download->target, "\"%s\" exists already",
							download->target);
	download->fd = open(download->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (download->fd < 0)
		return so_file_error(error, "create", download->part, errno);
	good = fetch(download, error);
	download->bytes = part_size(download);
	if (good && fsync(download->fd) != 0)
		good = so_file_error(error, "write", download->part, errno);
	close(download->fd);
	good = good && check_sum(download, error);
	if (good && rename(download->part, download->target) != 0)
		good = so_file_error(error, "create", download->target, errno);
	if (good)
		unlink(download->note);
	/* A part of nothing, or that cannot be continued, is of no use. */
	else if (download->bytes == 0 || (!so_file_exists(download->note)))
	{
		unlink(download->part);
		unlink(download->note);
	}
	return good;
}
