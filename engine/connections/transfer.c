/*
 * engine/connections/transfer.c
 *
 * Runs libcurl's transfers without ever blocking past a cancel signal: the
 * multi interface with the task's cancel descriptor as an extra descriptor.
 *
 * Process: runner and client, in a task's thread.  libcurl is initialised once
 * for the process; a handle belongs to one task.  If the process dies the
 * server sees a closed connection.
 */
#include "engine/connections/transfer.h"

#include <ctype.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/protocol.h"
#include "engine/model/object_types.h"

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_state;

static void
initialise_curl(void)
{
	curl_state = curl_global_init(CURL_GLOBAL_ALL);
}

/* Is scheme one that the type of connection manager speaks? */
static bool
fits(const char *type, const char *scheme)
{
	static const struct
	{
		const char *type;
		const char *scheme;
	} schemes[] = {{"ftp", "ftp"},    {"ftp", "ftps"},  {"ftp", "sftp"},   {"http", "http"},
				   {"http", "https"}, {"smtp", "smtp"}, {"smtp", "smtps"}, {NULL, NULL}};

	for (int i = 0; schemes[i].type != NULL; i++)
	{
		if (strcmp(schemes[i].type, type) == 0 && strcmp(schemes[i].scheme, scheme) == 0)
			return true;
	}
	return false;
}

static bool
read_url(SoTransfer *transfer, SoError *error)
{
	const char *text = so_connection_text(transfer->properties, "connection_string");
	const char *colon = text != NULL ? strstr(text, "://") : NULL;
	size_t length;

	if (colon != NULL)
	{
		transfer->scheme = talloc_strndup(transfer->context, text, (size_t) (colon - text));
		for (char *p = transfer->scheme; *p != '\0'; p++)
			*p = (char) tolower((unsigned char) *p);
	}
	/* The URL itself is not shown: somebody may have written a password into it. */
	if (colon == NULL || !fits(transfer->properties->type->name, transfer->scheme))
	{
		so_error_set(error, SO_ERR_TASK_CONNECTION_SETTINGS, "connection_string",
					 "connection_string of \"%s\" is not a URL of this kind", transfer->name);
		return so_error_hint(error, "Write %s.",
							 strcmp(transfer->properties->type->name, "ftp") == 0
								 ? "ftp://, ftps:// or sftp:// with the server's name"
							 : strcmp(transfer->properties->type->name, "http") == 0
								 ? "http:// or https:// with the server's name"
								 : "smtp:// or smtps:// with the server's name");
	}
	transfer->base = talloc_strdup(transfer->context, text);
	length = strlen(transfer->base);
	while (length > 0 && transfer->base[length - 1] == '/')
		transfer->base[--length] = '\0';
	return true;
}

SoTransfer *
so_transfer_new(TALLOC_CTX *context, const SoObject *properties, const char *name,
				const SoWait *wait, SoError *error)
{
	SoTransfer *transfer = talloc_zero(context, SoTransfer);

	pthread_once(&curl_once, initialise_curl);
	transfer->context = transfer;
	transfer->properties = properties;
	transfer->name = talloc_strdup(transfer, name);
	transfer->wait = *wait;
	transfer->describe = "transfer";
	for (int i = 0; i < SO_TRANSFER_SOCKETS; i++)
		transfer->sockets[i] = -1;
	if (!read_url(transfer, error))
	{
		talloc_free(transfer);
		return NULL;
	}
	if (curl_state == CURLE_OK)
	{
		transfer->easy = curl_easy_init();
		transfer->multi = curl_multi_init();
	}
	if (transfer->easy == NULL || transfer->multi == NULL)
	{
		so_transfer_free(transfer);
		so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "libcurl could not be started");
		return NULL;
	}
	return transfer;
}

void
so_transfer_free(SoTransfer *transfer)
{
	if (transfer == NULL)
		return;
	/* The multi handle owns the connections; they say goodbye when it goes. */
	if (transfer->multi != NULL)
		curl_multi_cleanup(transfer->multi);
	if (transfer->easy != NULL)
		curl_easy_cleanup(transfer->easy);
	talloc_free(transfer);
}

/* Keeps the last line that the server said; what we say (with passwords) is not looked at. */
static int
note_reply(CURL *easy, curl_infotype type, char *bytes, size_t length, void *context)
{
	SoTransfer *transfer = context;

	(void) easy;
	if (type != CURLINFO_HEADER_IN || length < 3 || !isdigit((unsigned char) bytes[0]))
		return 0;
	while (length > 0 && (bytes[length - 1] == '\r' || bytes[length - 1] == '\n'))
		length--;
	if (length >= sizeof(transfer->last_reply))
		length = sizeof(transfer->last_reply) - 1;
	memcpy(transfer->last_reply, bytes, length);
	transfer->last_reply[length] = '\0';
	return 0;
}

/* Is the task's time over, or was it cancelled? */
static bool
must_stop(const SoTransfer *transfer)
{
	struct pollfd cancel = {.fd = transfer->wait.cancel_fd, .events = POLLIN};

	if (transfer->wait.deadline_ms != 0 && so_clock_monotonic_ms() >= transfer->wait.deadline_ms)
		return true;
	return cancel.fd >= 0 && poll(&cancel, 1, 0) > 0;
}

/* Also called about once a second while libcurl blocks (SMTP and FTP do, at the end of a transfer). */
static int
show_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
			  curl_off_t up)
{
	SoTransfer *transfer = context;
	curl_off_t total = down_total > 0 ? down_total : up_total;
	curl_off_t done = down_total > 0 ? down : up;
	int percent = total > 0 ? (int) (done * 100 / total) : -1;

	if (transfer->run != NULL && percent >= 0 && percent != transfer->percent)
	{
		transfer->percent = percent;
		so_task_progress(transfer->run, percent, done, total, transfer->describe);
	}
	return must_stop(transfer) ? 1 : 0;
}

/* libcurl has opened a socket, is closing one: they are remembered for hang_up. */
static int
note_socket(void *context, curl_socket_t fd, curlsocktype purpose)
{
	SoTransfer *transfer = context;

	(void) purpose;
	for (int i = 0; i < SO_TRANSFER_SOCKETS; i++)
	{
		if (transfer->sockets[i] < 0)
		{
			transfer->sockets[i] = fd;
			break;
		}
	}
	return CURL_SOCKOPT_OK;
}

static int
close_socket(void *context, curl_socket_t fd)
{
	SoTransfer *transfer = context;

	for (int i = 0; i < SO_TRANSFER_SOCKETS; i++)
	{
		if (transfer->sockets[i] == fd)
			transfer->sockets[i] = -1;
	}
	return close(fd);
}

/* Cut the connections: libcurl would say goodbye and wait for a server that says nothing. */
static void
hang_up(SoTransfer *transfer)
{
	for (int i = 0; i < SO_TRANSFER_SOCKETS; i++)
	{
		if (transfer->sockets[i] >= 0)
			shutdown(transfer->sockets[i], SHUT_RDWR);
	}
}

static void
set_text(SoTransfer *transfer, CURLoption option, const char *property)
{
	const char *text = so_connection_text(transfer->properties, property);

	if (text != NULL)
		curl_easy_setopt(transfer->easy, option, text);
}

static void
set_login(SoTransfer *transfer)
{
	set_text(transfer, CURLOPT_USERNAME, "user_name");
	set_text(transfer, CURLOPT_PASSWORD, "password");
	if (so_connection_text(transfer->properties, "bearer_token") != NULL)
	{
		curl_easy_setopt(transfer->easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BEARER);
		set_text(transfer, CURLOPT_XOAUTH2_BEARER, "bearer_token");
	}
	set_text(transfer, CURLOPT_CAINFO, "ca_file");
	set_text(transfer, CURLOPT_SSLCERT, "client_certificate_file");
	set_text(transfer, CURLOPT_SSLKEY, "client_key_file");
	set_text(transfer, CURLOPT_PROXY, "proxy_url");
	if (so_object_type_find(transfer->properties->type, "encryption") != NULL)
	{
		int encryption = so_object_enum(transfer->properties, "encryption");

		curl_easy_setopt(transfer->easy, CURLOPT_USE_SSL,
						 (long) (encryption == SO_ENCRYPTION_REQUIRED ? CURLUSESSL_ALL
								 : encryption == SO_ENCRYPTION_TRY    ? CURLUSESSL_TRY
																	  : CURLUSESSL_NONE));
	}
}

/* The server of sftp must be known: an unknown one would be handed the password. */
static void
set_sftp(SoTransfer *transfer)
{
	const char *known = so_connection_text(transfer->properties, "known_hosts_file");
	const char *key = so_connection_text(transfer->properties, "private_key_file");
	const char *home = getenv("HOME");

	if (known != NULL)
		curl_easy_setopt(transfer->easy, CURLOPT_SSH_KNOWNHOSTS, known);
	else
		curl_easy_setopt(
			transfer->easy, CURLOPT_SSH_KNOWNHOSTS,
			talloc_asprintf(transfer->context, "%s/.ssh/known_hosts", home != NULL ? home : ""));
	if (key != NULL)
	{
		curl_easy_setopt(transfer->easy, CURLOPT_SSH_PRIVATE_KEYFILE, key);
		curl_easy_setopt(transfer->easy, CURLOPT_SSH_AUTH_TYPES, (long) CURLSSH_AUTH_PUBLICKEY);
	}
	else
		curl_easy_setopt(
			transfer->easy, CURLOPT_SSH_AUTH_TYPES,
			(long) (CURLSSH_AUTH_PASSWORD | CURLSSH_AUTH_KEYBOARD | CURLSSH_AUTH_AGENT));
}

static void
set_times(SoTransfer *transfer)
{
	int64_t silence = so_connection_number(transfer->properties, "timeout", 60000);
	int64_t connect = so_connection_number(transfer->properties, "connect_timeout",
										   silence > 0 ? silence : 30000);

	if (connect > 0)
		curl_easy_setopt(transfer->easy, CURLOPT_CONNECTTIMEOUT_MS, (long) connect);
	if (silence > 0)
	{
		curl_easy_setopt(transfer->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(transfer->easy, CURLOPT_LOW_SPEED_TIME, (long) ((silence + 999) / 1000));
		curl_easy_setopt(transfer->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT,
						 (long) ((silence + 999) / 1000));
	}
}

bool
so_transfer_prepare(SoTransfer *transfer, const char *url, SoError *error)
{
	CURL *easy = transfer->easy;

	curl_easy_reset(easy);
	transfer->reason[0] = '\0';
	transfer->last_reply[0] = '\0';
	transfer->percent = -1;
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->reason);
	curl_easy_setopt(easy, CURLOPT_DEBUGFUNCTION, note_reply);
	curl_easy_setopt(easy, CURLOPT_DEBUGDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(easy, CURLOPT_XFERINFOFUNCTION, show_progress);
	curl_easy_setopt(easy, CURLOPT_XFERINFODATA, transfer);
	curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, note_socket);
	curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, transfer);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "ftp,ftps,sftp,http,https,smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
					 (long) (CURLPROTO_FTP | CURLPROTO_FTPS | CURLPROTO_SFTP | CURLPROTO_HTTP |
							 CURLPROTO_HTTPS | CURLPROTO_SMTP | CURLPROTO_SMTPS));
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS, (long) (CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "scaleout/" SO_VERSION);
	set_login(transfer);
	set_times(transfer);
	if (strcmp(transfer->scheme, "sftp") == 0)
		set_sftp(transfer);
	/* Whole paths, no CWD: commands on a connection that is used again would run elsewhere. */
	curl_easy_setopt(easy, CURLOPT_FTP_FILEMETHOD, (long) CURLFTPMETHOD_NOCWD);
	if (!so_connection_flag(transfer->properties, "use_passive_mode", true))
		curl_easy_setopt(easy, CURLOPT_FTPPORT, "-");
	if (curl_easy_setopt(easy, CURLOPT_URL, url) != CURLE_OK)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	return true;
}

static SoErrorCode
code_for(CURLcode code)
{
	switch (code)
	{
		case CURLE_LOGIN_DENIED:
		case CURLE_PEER_FAILED_VERIFICATION:
		case CURLE_AUTH_ERROR:
			return SO_ERR_TASK_LOGIN_REFUSED;
		case CURLE_COULDNT_RESOLVE_HOST:
		case CURLE_COULDNT_RESOLVE_PROXY:
		case CURLE_COULDNT_CONNECT:
			return SO_ERR_TASK_CONNECT_FAILED;
		case CURLE_REMOTE_FILE_NOT_FOUND:
			return SO_ERR_TASK_NOT_FOUND;
		case CURLE_OUT_OF_MEMORY:
			return SO_ERR_OUT_OF_MEMORY;
		default:
			return SO_ERR_TASK_TRANSFER_FAILED;
	}
}

static void
explain(SoTransfer *transfer, CURLcode code, SoError *error)
{
	const char *reason = transfer->reason[0] != '\0' ? transfer->reason : curl_easy_strerror(code);

	so_error_set(error, code_for(code), transfer->name, "%s with \"%s\" failed: %s",
				 transfer->describe, transfer->name, reason);
	if (transfer->last_reply[0] != '\0')
		so_error_detail(error, "The server's last reply was: %s", transfer->last_reply);
	if (code == CURLE_PEER_FAILED_VERIFICATION && strcmp(transfer->scheme, "sftp") == 0)
		so_error_hint(error, "Add the server's host key to known_hosts_file (ssh-keyscan prints "
							 "it; compare it with what the server's owner says).");
	else if (code == CURLE_PEER_FAILED_VERIFICATION)
		so_error_hint(error, "The server's certificate is not trusted for this name; name its "
							 "authority in ca_file.");
}

static CURLcode
perform_once(SoTransfer *transfer, SoError *error)
{
	CURLcode code = CURLE_OK;
	int running = 1;
	bool stopped = false;

	curl_multi_add_handle(transfer->multi, transfer->easy);
	while (running > 0 && !stopped)
	{
		struct curl_waitfd cancel = {.fd = transfer->wait.cancel_fd, .events = CURL_WAIT_POLLIN};
		int64_t left = transfer->wait.deadline_ms - so_clock_monotonic_ms();
		CURLMcode state = curl_multi_perform(transfer->multi, &running);

		if (state == CURLM_OK && running > 0)
			state = curl_multi_poll(transfer->multi, &cancel, cancel.fd >= 0 ? 1 : 0,
									transfer->wait.deadline_ms == 0 || left > 1000 ? 1000
									: left < 0                                     ? 0
																				   : (int) left,
									NULL);
		if (state != CURLM_OK)
		{
			so_error_set(error, SO_ERR_TASK_TRANSFER_FAILED, transfer->name, "%s",
						 curl_multi_strerror(state));
			stopped = true;
		}
		else if (running > 0 && must_stop(transfer))
			stopped = so_wait_poll(&transfer->wait, -1, 0, error) == 0;
	}
	if (!stopped)
	{
		int left;
		CURLMsg *message = curl_multi_info_read(transfer->multi, &left);

		code = message != NULL && message->msg == CURLMSG_DONE ? message->data.result
															   : CURLE_FAILED_INIT;
		if (code != CURLE_OK && must_stop(transfer))
			stopped = so_wait_poll(&transfer->wait, -1, 0, error) == 0;
		else if (code != CURLE_OK)
			explain(transfer, code, error);
	}
	if (stopped)
		hang_up(transfer);
	curl_multi_remove_handle(transfer->multi, transfer->easy);
	return stopped ? CURLE_ABORTED_BY_CALLBACK : code;
}

CURLcode
so_transfer_perform(SoTransfer *transfer, SoError *error)
{
	CURLcode code = perform_once(transfer, error);

	/*
	 * libcurl takes a transfer of nothing over a connection that is used again for a dead connection
	 * and repeats it; libcurl 8.14 (Debian 13) can repeat HTTP only and says this instead.
	 */
	if (code == CURLE_TOO_MANY_REDIRECTS && strcmp(transfer->scheme, "sftp") == 0)
	{
		so_error_clear(error);
		curl_easy_setopt(transfer->easy, CURLOPT_FRESH_CONNECT, 1L);
		code = perform_once(transfer, error);
	}
	return code;
}

bool
so_transfer_is_passing(CURLcode code)
{
	switch (code)
	{
		case CURLE_COULDNT_CONNECT:
		case CURLE_PARTIAL_FILE:
		case CURLE_OPERATION_TIMEDOUT:
		case CURLE_RECV_ERROR:
		case CURLE_SEND_ERROR:
		case CURLE_GOT_NOTHING:
		case CURLE_SSH:
		case CURLE_FTP_ACCEPT_TIMEOUT:
		case CURLE_FTP_CANT_GET_HOST:
			return true;
		default:
			return false;
	}
}

/* Each component of path escaped, slashes kept. */
static char *
append_path(char *url, const char *path)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";

	for (; *path != '\0'; path++)
	{
		if (strchr(plain, *path) != NULL)
			url = talloc_strndup_append_buffer(url, path, 1);
		else
			url = talloc_asprintf_append_buffer(url, "%%%02X", (unsigned char) *path);
	}
	return url;
}

char *
so_transfer_url(const SoTransfer *transfer, const char *path)
{
	const char *after = strstr(transfer->base, "://") + 3;
	const char *slash = strchr(after, '/');
	bool absolute = path[0] == '/';
	bool sftp = strcmp(transfer->scheme, "sftp") == 0;
	char *url;

	if (!absolute && slash != NULL)
		return append_path(talloc_asprintf(transfer->context, "%s/", transfer->base), path);
	url =
		talloc_strndup(transfer->context, transfer->base,
					   slash != NULL ? (size_t) (slash - transfer->base) : strlen(transfer->base));
	if (!absolute)
	{
		/* In SFTP URLs a path is absolute; the login folder has a name of its own. */
		url = talloc_strdup_append_buffer(url, sftp ? "/~/" : "/");
		return append_path(url, path);
	}
	if (strncmp(transfer->scheme, "ftp", 3) == 0)
		return append_path(talloc_strdup_append_buffer(url, "/%2F"), path + 1);
	return append_path(url, path);
}

size_t
so_transfer_write_text(char *bytes, size_t size, size_t count, void *context)
{
	SoTransferText *text = context;
	size_t length = size * count;

	if (text->length + length > text->limit)
	{
		text->overflow = true;
		return 0;
	}
	text->bytes = talloc_realloc(text->context, text->bytes, char, text->length + length + 1);
	if (text->bytes == NULL)
		return 0;
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
	return length;
}
