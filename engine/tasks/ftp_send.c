/*
 * engine/tasks/ftp_send.c
 *
 * Sending files of an FTP task, one or many by a pattern.
 *
 * Process: runner and client, in a task's thread.  A file goes to "name.part" and
 * is renamed, so that nobody at the other end takes a half file.
 */
#include "engine/tasks/ftp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/model/object_types.h"
#include "engine/tasks/file_operation.h"
#include "engine/tasks/outcome.h"

static size_t
read_file(char *buffer, size_t size, size_t count, void *context)
{
	int fd = *(int *) context;
	ssize_t got;

	do
		got = read(fd, buffer, size * count);
	while (got < 0 && errno == EINTR);
	return got < 0 ? CURL_READFUNC_ABORT : (size_t) got;
}

/*
 * Before 8.10 libcurl closes a TLS data connection without reading what the
 * server has said on it. With TLS 1.3 those are the session tickets; the kernel
 * then resets the connection, and the server loses what it has not read yet and
 * calls the transfer complete. In TLS 1.2 the tickets come before the data.
 */
static bool
loses_tails(const SoFtpRun *ftp)
{
	return curl_version_info(CURLVERSION_NOW)->version_num < 0x080A00 &&
		   (strcmp(ftp->transfer->scheme, "ftps") == 0 ||
			(strcmp(ftp->transfer->scheme, "ftp") == 0 &&
			 so_object_enum(ftp->transfer->properties, "encryption") != SO_ENCRYPTION_NONE));
}

static bool
upload_once(SoFtpRun *ftp, const char *path, const char *part, int *fd, int64_t size, bool tls_1_2,
			CURLcode *code, SoError *error)
{
	CURL *easy = ftp->transfer->easy;

	*code = CURLE_OK;
	if (lseek(*fd, 0, SEEK_SET) < 0)
		return so_file_error(error, "read", path, errno);
	if (!so_transfer_prepare(ftp->transfer, so_transfer_url(ftp->transfer, part), error))
		return false;
	ftp->transfer->describe = talloc_asprintf(so_task_context(ftp->run), "upload of \"%s\"", path);
	curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_file);
	curl_easy_setopt(easy, CURLOPT_READDATA, fd);
	curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t) size);
	if (ftp->ascii)
		curl_easy_setopt(easy, CURLOPT_TRANSFERTEXT, 1L);
	if (tls_1_2)
	{
		curl_easy_setopt(easy, CURLOPT_SSLVERSION,
						 (long) (CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2));
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	}
	*code = so_transfer_perform(ftp->transfer, error);
	return *code == CURLE_OK;
}

/* Did all of it arrive?  A server that cannot tell, or will not, is believed. */
static bool
check_size(SoFtpRun *ftp, const char *path, const char *part, int64_t size, SoError *error)
{
	curl_off_t arrived;
	curl_off_t time;
	SoError ignored;

	so_error_clear(&ignored);
	if (ftp->ascii ||
		!so_ftp_ask_facts(ftp, so_transfer_url(ftp->transfer, part), &arrived, &time, &ignored) ||
		arrived < 0 || arrived == size)
		return true;
	return so_error_set(error, SO_ERR_TASK_TRANSFER_FAILED, ftp->transfer->name,
						"upload of \"%s\" with \"%s\" failed: %lld of %lld bytes are on the server",
						path, ftp->transfer->name, (long long) arrived, (long long) size);
}

static bool
upload(SoFtpRun *ftp, const char *path, const char *part, int fd, int64_t size, SoError *error)
{
	int retries = (int) so_connection_number(ftp->transfer->properties, "retries", 0);
	bool tls_1_2 = loses_tails(ftp);

	for (int tries = 0;; tries++)
	{
		CURLcode code;

		if (upload_once(ftp, path, part, &fd, size, tls_1_2, &code, error))
		{
			if (check_size(ftp, path, part, size, error))
				return true;
			code = CURLE_SEND_ERROR;
		}
		if (code == CURLE_SSL_CONNECT_ERROR && tls_1_2)
		{
			tls_1_2 = false; /* a server that wants 1.3; the size tells whether it went well */
			tries--;
			continue;
		}
		if (!so_transfer_is_passing(code) || tries >= retries)
			return false;
		so_task_information(ftp->run, "%s; attempt %d of %d follows", error->message, tries + 2,
							retries + 1);
	}
}

/* May the file be made on the server?  A failed question about it counts as no file. */
static bool
check_free(SoFtpRun *ftp, const char *remote, SoError *error)
{
	SoError reason;

	so_error_clear(&reason);
	if (so_ftp_version(ftp, so_transfer_url(ftp->transfer, remote), &reason) != NULL)
		return so_error_set(error, SO_ERR_TASK_EXISTS, remote,
							"\"%s\" exists already on the server", remote);
	if (reason.code == SO_ERR_TASK_NOT_FOUND || reason.code == SO_ERR_TASK_TRANSFER_FAILED)
		return true;
	*error = reason;
	return false;
}

/* The path that the file gets on the server. */
static char *
remote_path(SoFtpRun *ftp, const char *name)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	size_t length = strlen(ftp->remote);
	char *folder;
	char *pattern;

	if (so_ftp_split_pattern(context, ftp->local, &folder, &pattern) || length == 0 ||
		ftp->remote[length - 1] == '/')
		return so_ftp_join(context, ftp->remote, name);
	return talloc_strdup(context, ftp->remote);
}

static bool
send_one(SoFtpRun *ftp, const char *path, const char *name, SoError *error)
{
	char *remote = remote_path(ftp, name);
	char *part = talloc_asprintf(so_task_context(ftp->run), "%s.part", remote);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	bool good;

	if (fd < 0 || fstat(fd, &status) != 0)
		good = so_file_error(error, "read", path, errno);
	else if (!S_ISREG(status.st_mode))
		good = so_error_set(error, SO_ERR_TASK_FILE, path, "\"%s\" is not a file", path);
	else
		good = (ftp->overwrite || check_free(ftp, remote, error)) &&
			   upload(ftp, path, part, fd, status.st_size, error) &&
			   so_ftp_rename(ftp, part, remote, error);
	if (fd >= 0)
		close(fd);
	if (!good)
		return false;
	so_task_custom_event(ftp->run, "FTPOperation", "sent \"%s\" as \"%s\": %lld bytes", path,
						 remote, (long long) status.st_size);
	so_ftp_done(ftp, remote, status.st_size);
	return true;
}

bool
so_ftp_send(SoFtpRun *ftp, SoError *error)
{
	return so_ftp_each_local(ftp, send_one, error);
}
