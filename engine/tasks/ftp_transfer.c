/*
 * engine/tasks/ftp_transfer.c
 *
 * Sending, receiving and deleting files of an FTP task, one or many by a
 * pattern.
 *
 * Process: runner and client, in a task's thread.  A received file appears
 * when it is complete (download.c); a sent one goes to "name.part" and is
 * renamed, so that nobody at the other end takes a half file.
 */
#include "engine/tasks/ftp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/model/object_types.h"
#include "engine/tasks/download.h"
#include "engine/tasks/file_operation.h"
#include "engine/tasks/outcome.h"

bool
so_ftp_split_pattern(TALLOC_CTX *context, const char *path, char **folder, char **pattern)
{
	const char *slash = strrchr(path, '/');

	*pattern = talloc_strdup(context, slash != NULL ? slash + 1 : path);
	*folder = slash == NULL
				  ? talloc_strdup(context, "")
				  : talloc_strndup(context, path, slash == path ? 1 : (size_t) (slash - path));
	return strpbrk(*pattern, "*?") != NULL;
}

static char *
join(TALLOC_CTX *context, const char *folder, const char *name)
{
	size_t length = strlen(folder);

	if (length == 0)
		return talloc_strdup(context, name);
	return talloc_asprintf(context, "%s%s%s", folder, folder[length - 1] == '/' ? "" : "/", name);
}

/* A file failed: stop, or remember it and go on; false = stop. */
static bool
failed(SoFtpRun *ftp, const SoError *reason, SoError *error)
{
	if (ftp->stop_on_failure || reason->code == SO_ERR_TASK_CANCELLED ||
		reason->code == SO_ERR_TASK_TIMED_OUT)
	{
		*error = *reason;
		return false;
	}
	if (ftp->failures++ == 0)
		ftp->first_failure = *reason;
	so_task_warning(ftp->run, reason->code, "%s", reason->message);
	return true;
}

static void
done(SoFtpRun *ftp, const char *path, int64_t bytes)
{
	ftp->files++;
	ftp->bytes += bytes;
	json_array_append_new(ftp->names, json_string(path));
}

/* ---- receive ---- */

static struct curl_slist *
configure_receive(void *context, SoTransfer *transfer, struct curl_slist *headers)
{
	SoFtpRun *ftp = context;

	if (so_object_boolean(so_task_properties(ftp->run), "is_transfer_ascii"))
		curl_easy_setopt(transfer->easy, CURLOPT_TRANSFERTEXT, 1L);
	return headers;
}

/* Size and time of one remote file, without listing its folder; -1 is what the server cannot tell. */
static bool
ask_facts(SoFtpRun *ftp, const char *url, curl_off_t *size, curl_off_t *time, SoError *error)
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

static char *
probe(SoFtpRun *ftp, const char *url, SoError *error)
{
	curl_off_t size;
	curl_off_t time;

	if (!ask_facts(ftp, url, &size, &time, error))
		return NULL;
	/* A server that cannot tell both does not tell versions apart: no resume. */
	if (size < 0 || time < 0)
		return talloc_strdup(so_task_context(ftp->run), "");
	return talloc_asprintf(so_task_context(ftp->run), "%lld %lld", (long long) size,
						   (long long) time);
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
						   .resume = so_object_boolean(properties, "resume") &&
									 !so_object_boolean(properties, "is_transfer_ascii"),
						   .retries =
							   (int) so_connection_number(ftp->transfer->properties, "retries", 0),
						   .sha256 = so_outcome_property(properties, "sha256"),
						   .configure = configure_receive,
						   .context = ftp};

	download.url = so_transfer_url(ftp->transfer, remote);
	if (identity == NULL && (ftp->overwrite || !so_file_exists(local)))
	{
		download.identity = probe(ftp, download.url, error);
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
	done(ftp, local, download.bytes);
	return true;
}

static bool
receive_listed(SoFtpRun *ftp, const char *folder, const char *pattern, SoError *error)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	SoRemoteList list;

	if (!so_remote_list(context, ftp->transfer, folder, &list, error))
		return false;
	for (int i = 0; i < list.count; i++)
	{
		SoRemoteEntry *entry = &list.entries[i];
		/* Names alone do not tell versions apart, and the times of SFTP listings are coarse: ask for each file. */
		char *identity =
			entry->size < 0 || strcmp(ftp->transfer->scheme, "sftp") == 0
				? NULL
				: talloc_asprintf(context, "%lld %s", (long long) entry->size, entry->modified);
		SoError reason;

		if (entry->is_directory || fnmatch(pattern, entry->name, FNM_PERIOD) != 0)
			continue;
		if (!receive_one(ftp, join(context, folder, entry->name), identity,
						 join(context, ftp->local, entry->name), &reason) &&
			!failed(ftp, &reason, error))
			return false;
	}
	return true;
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
		return receive_listed(ftp, folder, pattern, error);
	}
	if (so_file_is_directory(local) || local[length - 1] == '/')
		local = join(context, local, pattern);
	return receive_one(ftp, ftp->remote, NULL, local, error);
}

/* ---- local files by a pattern ---- */

typedef bool (*LocalFunction)(SoFtpRun *ftp, const char *path, const char *name, SoError *error);

static int
compare_names(const void *left, const void *right)
{
	return strcmp(*(char *const *) left, *(char *const *) right);
}

/* Names in folder that match, sorted; NULL with *error. */
static char **
match_local(TALLOC_CTX *context, const char *folder, const char *pattern, int *count,
			SoError *error)
{
	DIR *entries = opendir(folder[0] != '\0' ? folder : ".");
	char **names = talloc_array(context, char *, 1);
	struct dirent *entry;

	*count = 0;
	if (entries == NULL)
	{
		so_file_error(error, "read the folder", folder, errno);
		return NULL;
	}
	while ((entry = readdir(entries)) != NULL)
	{
		if (fnmatch(pattern, entry->d_name, FNM_PERIOD) != 0 ||
			so_file_is_directory(join(context, folder, entry->d_name)))
			continue;
		names = talloc_realloc(context, names, char *, *count + 1);
		names[(*count)++] = talloc_strdup(context, entry->d_name);
	}
	closedir(entries);
	if (*count > 1)
		qsort(names, (size_t) *count, sizeof(char *), compare_names);
	return names;
}

static bool
for_local_files(SoFtpRun *ftp, LocalFunction function, SoError *error)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	char *folder;
	char *pattern;
	char **names;
	int count;

	if (!so_ftp_split_pattern(context, ftp->local, &folder, &pattern))
		return function(ftp, ftp->local, pattern, error);
	names = match_local(context, folder, pattern, &count, error);
	if (names == NULL)
		return false;
	for (int i = 0; i < count; i++)
	{
		SoError reason;

		if (!function(ftp, join(context, folder, names[i]), names[i], &reason) &&
			!failed(ftp, &reason, error))
			return false;
	}
	return true;
}

static bool
delete_local(SoFtpRun *ftp, const char *path, const char *name, SoError *error)
{
	(void) name;
	if (unlink(path) != 0)
		return so_file_error(error, "delete", path, errno);
	done(ftp, path, 0);
	return true;
}

bool
so_ftp_delete_local(SoFtpRun *ftp, SoError *error)
{
	return for_local_files(ftp, delete_local, error);
}

/* ---- send ---- */

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
		path = join(context, base + 1, path);
	else if (strncmp(base, "/~/", 3) == 0)
		path = join(context, base + 3, path);
	else
		path = join(context, base, path);
	curl_free(base);
	return talloc_strdup(context, path);
}

bool
so_ftp_command(SoFtpRun *ftp, const char *ftp_verb, const char *sftp_verb, const char *path,
			   SoError *error)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	bool sftp = strcmp(ftp->transfer->scheme, "sftp") == 0;
	char *target = server_path(ftp, path);
	struct curl_slist *commands;
	const char *after = strstr(ftp->transfer->base, "://") + 3;
	char *url = talloc_asprintf(
		context, "%.*s/%s", (int) (strcspn(after, "/") + (size_t) (after - ftp->transfer->base)),
		ftp->transfer->base, sftp ? "~/" : "");
	CURLcode code;

	if (strpbrk(target, "\r\n") != NULL)
		return so_error_set(error, SO_ERR_TASK_PROPERTY, "remote_path",
							"the remote path contains a line break");
	commands =
		curl_slist_append(NULL, sftp ? talloc_asprintf(context, "%s \"%s\"", sftp_verb, target)
									 : talloc_asprintf(context, "%s %s", ftp_verb, target));
	if (!so_transfer_prepare(ftp->transfer, url, error))
	{
		curl_slist_free_all(commands);
		return false;
	}
	ftp->transfer->describe =
		talloc_asprintf(context, "%s \"%s\"", sftp ? sftp_verb : ftp_verb, target);
	curl_easy_setopt(ftp->transfer->easy, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(ftp->transfer->easy, CURLOPT_QUOTE, commands);
	code = so_transfer_perform(ftp->transfer, error);
	curl_slist_free_all(commands);
	if (code == CURLE_QUOTE_ERROR)
		so_error_hint(error, "Check that the path exists and that the account may change it.");
	return code == CURLE_OK;
}

/* Is there a file of that name?  A failed question counts as no. */
static bool
exists_remotely(SoFtpRun *ftp, const char *url, SoError *error)
{
	return probe(ftp, url, error) != NULL;
}

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

static bool
is_ascii(const SoFtpRun *ftp)
{
	return so_object_boolean(so_task_properties(ftp->run), "is_transfer_ascii");
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
	if (is_ascii(ftp))
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
	if (is_ascii(ftp) ||
		!ask_facts(ftp, so_transfer_url(ftp->transfer, part), &arrived, &time, &ignored) ||
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

/* Rename on the server; an older file of the name is removed first where rename does not replace. */
static bool
rename_remotely(SoFtpRun *ftp, const char *from, const char *to, SoError *error)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	bool sftp = strcmp(ftp->transfer->scheme, "sftp") == 0;
	char *source = server_path(ftp, from);
	char *target = server_path(ftp, to);
	const char *after = strstr(ftp->transfer->base, "://") + 3;
	char *url = talloc_asprintf(
		context, "%.*s/%s", (int) (strcspn(after, "/") + (size_t) (after - ftp->transfer->base)),
		ftp->transfer->base, sftp ? "~/" : "");
	struct curl_slist *commands = NULL;
	CURLcode code;

	if (strpbrk(source, "\r\n") != NULL || strpbrk(target, "\r\n") != NULL)
		return so_error_set(error, SO_ERR_TASK_PROPERTY, "remote_path",
							"the remote path contains a line break");
	/* A star before a command: its failure does not matter. */
	if (sftp)
	{
		commands = curl_slist_append(commands, talloc_asprintf(context, "*rm \"%s\"", target));
		commands = curl_slist_append(
			commands, talloc_asprintf(context, "rename \"%s\" \"%s\"", source, target));
	}
	else
	{
		commands = curl_slist_append(commands, talloc_asprintf(context, "*DELE %s", target));
		commands = curl_slist_append(commands, talloc_asprintf(context, "RNFR %s", source));
		commands = curl_slist_append(commands, talloc_asprintf(context, "RNTO %s", target));
	}
	if (!so_transfer_prepare(ftp->transfer, url, error))
	{
		curl_slist_free_all(commands);
		return false;
	}
	ftp->transfer->describe = talloc_asprintf(context, "rename of \"%s\"", from);
	curl_easy_setopt(ftp->transfer->easy, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(ftp->transfer->easy, CURLOPT_QUOTE, commands);
	code = so_transfer_perform(ftp->transfer, error);
	curl_slist_free_all(commands);
	return code == CURLE_OK;
}

static bool
send_one(SoFtpRun *ftp, const char *path, const char *name, SoError *error)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	char *local_folder;
	char *local_pattern;
	bool many = so_ftp_split_pattern(context, ftp->local, &local_folder, &local_pattern);
	size_t length = strlen(ftp->remote);
	bool folder = many || length == 0 || ftp->remote[length - 1] == '/';
	char *remote = folder ? join(context, ftp->remote, name) : talloc_strdup(context, ftp->remote);
	char *part = talloc_asprintf(context, "%s.part", remote);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	bool good = true;

	if (fd < 0 || fstat(fd, &status) != 0)
		good = so_file_error(error, "read", path, errno);
	else if (!S_ISREG(status.st_mode))
		good = so_error_set(error, SO_ERR_TASK_FILE, path, "\"%s\" is not a file", path);
	else if (!ftp->overwrite)
	{
		SoError reason;

		so_error_clear(&reason);
		if (exists_remotely(ftp, so_transfer_url(ftp->transfer, remote), &reason))
			good = so_error_set(error, SO_ERR_TASK_EXISTS, remote,
								"\"%s\" exists already on the server", remote);
		else if (reason.code != SO_ERR_TASK_NOT_FOUND && reason.code != SO_ERR_TASK_TRANSFER_FAILED)
		{
			*error = reason;
			good = false;
		}
	}
	good = good && upload(ftp, path, part, fd, status.st_size, error) &&
		   rename_remotely(ftp, part, remote, error);
	if (fd >= 0)
		close(fd);
	if (!good)
		return false;
	so_task_custom_event(ftp->run, "FTPOperation", "sent \"%s\" as \"%s\": %lld bytes", path,
						 remote, (long long) status.st_size);
	done(ftp, remote, status.st_size);
	return true;
}

bool
so_ftp_send(SoFtpRun *ftp, SoError *error)
{
	return for_local_files(ftp, send_one, error);
}

/* ---- delete on the server ---- */

static bool
delete_one(SoFtpRun *ftp, const char *path, SoError *error)
{
	if (!so_ftp_command(ftp, "DELE", "rm", path, error))
		return false;
	done(ftp, path, 0);
	return true;
}

bool
so_ftp_delete_remote(SoFtpRun *ftp, SoError *error)
{
	TALLOC_CTX *context = so_task_context(ftp->run);
	SoRemoteList list;
	char *folder;
	char *pattern;

	if (!so_ftp_split_pattern(context, ftp->remote, &folder, &pattern))
		return delete_one(ftp, ftp->remote, error);
	if (!so_remote_list(context, ftp->transfer, folder, &list, error))
		return false;
	for (int i = 0; i < list.count; i++)
	{
		SoError reason;

		if (list.entries[i].is_directory || fnmatch(pattern, list.entries[i].name, FNM_PERIOD) != 0)
			continue;
		if (!delete_one(ftp, join(context, folder, list.entries[i].name), &reason) &&
			!failed(ftp, &reason, error))
			return false;
	}
	return true;
}
