/*
 * worker_agent/master_client.c
 *
 * Sends requests to the master without blocking; see master_client.h.
 *
 * Process: agent, event loop thread.  libcurl tells which descriptors and which
 * timeout it waits for, libevent waits, and so_curl_* report back.
 */
#include "worker_agent/master_client.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/protocol.h"
#include "worker_agent/master_trust.h"

#define CONNECT_TIMEOUT_MS 10000L
/* However steadily it trickles. */
#define TRANSFER_LIMIT_MS (10L * 60 * 1000)
/* Larger than any answer that the master makes (64 MB is the frame limit). */
#define MAX_ANSWER ((size_t) 64 * 1024 * 1024)
/* Of a Retry-After header, in seconds. */
#define RETRY_AFTER_MAX_S 3600

typedef struct Channel
{
	struct SoMasterClient *client;
	CURL *easy;
	bool busy;
	bool fresh; /* the next request opens a new connection */
	SoByteBuffer body;
	SoByteBuffer answer;
	SoMasterTrust trust;
	SoAnswerCallback callback;
	void *callback_context;
	int64_t sent_ms;
	int endpoint;
	char reason[CURL_ERROR_SIZE];
} Channel;

struct SoMasterClient
{
	struct event_base *base;
	CURLM *multi;
	struct curl_slist *headers;
	struct event *timer;
	SoMasterAddress address;
	Channel channels[SO_CHANNEL_COUNT];
};

/* ---- answers -------------------------------------------------------------- */

static void
no_answer(Channel *channel, CURLcode result, SoAnswer *answer)
{
	const char *url = so_master_client_url(channel->client);
	long reason = 0;

	answer->retryable = true;
	if (channel->trust.error.code != SO_OK)
	{
		answer->error = channel->trust.error;
		return;
	}
	so_error_set(&answer->error, SO_ERR_AGENT_MASTER_UNREACHABLE, url,
				 "the master cannot be reached");
	/* libcurl keeps to itself whether the connection was refused or there is no way. */
	if (result == CURLE_COULDNT_CONNECT)
		curl_easy_getinfo(channel->easy, CURLINFO_OS_ERRNO, &reason);
	so_error_detail(&answer->error, "%s%s%s.",
					channel->reason[0] ? channel->reason : curl_easy_strerror(result),
					reason != 0 ? ": " : "", reason != 0 ? strerror((int) reason) : "");
}

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

/* An error answer: its body has the code, the text and what to do. */
static void
read_error_body(Channel *channel, const json_t *body, SoAnswer *answer)
{
	const json_t *error = json_object_get(body, "error");
	const char *code = text_of(error, "code");
	SoErrorCode known = so_error_from_state(code);

	snprintf(answer->code, sizeof(answer->code), "%s", code);
	answer->retryable = answer->status >= 500 || answer->status == 408 || answer->status == 429 ||
						json_is_true(json_object_get(error, "retryable"));
	if (error == NULL)
	{
		so_error_set(&answer->error, SO_ERR_AGENT_MASTER_ANSWER,
					 so_master_client_url(channel->client),
					 "the master answers with HTTP status %d", answer->status);
		return;
	}
	so_error_set(&answer->error, known != SO_OK ? known : SO_ERR_AGENT_MASTER_ANSWER,
				 so_master_client_url(channel->client), "%s%s%s", text_of(error, "message"),
				 known != SO_OK || code[0] == '\0' ? "" : " ", known != SO_OK ? "" : code);
	so_error_detail(&answer->error, "%s", text_of(error, "detail"));
	so_error_hint(&answer->error, "%s", text_of(error, "hint"));
}

static void
read_answer(Channel *channel, SoAnswer *answer)
{
	json_error_t problem;
	long status = 0;
	curl_off_t retry_after = 0;
	json_t *body =
		json_loadb((const char *) channel->answer.data + channel->answer.start,
				   so_byte_buffer_length(&channel->answer), JSON_REJECT_DUPLICATES, &problem);

	curl_easy_getinfo(channel->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(channel->easy, CURLINFO_RETRY_AFTER, &retry_after);
	answer->status = (int) status;
	/* Whoever answers may say anything; nobody waits longer than this in any case. */
	if (retry_after > RETRY_AFTER_MAX_S)
		retry_after = RETRY_AFTER_MAX_S;
	answer->retry_after_ms = retry_after > 0 ? retry_after * 1000 : 0;
	if (status == 200 && json_is_object(body))
		answer->body = body;
	else if (status == 200)
	{
		answer->retryable = true;
		so_error_set(&answer->error, SO_ERR_AGENT_MASTER_ANSWER,
					 so_master_client_url(channel->client), "the answer of the master is not JSON");
		so_error_detail(&answer->error, "%s.", body == NULL ? problem.text : "not an object");
		json_decref(body);
	}
	else
	{
		read_error_body(channel, body, answer);
		json_decref(body);
	}
}

static void
finish(Channel *channel, CURLcode result)
{
	SoAnswer answer;

	memset(&answer, 0, sizeof(answer));
	answer.sent_ms = channel->sent_ms;
	answer.arrived_ms = so_clock_monotonic_ms();
	answer.endpoint = channel->endpoint;
	curl_multi_remove_handle(channel->client->multi, channel->easy);
	channel->busy = false;
	if (result != CURLE_OK)
		no_answer(channel, result, &answer);
	else
		read_answer(channel, &answer);
	so_byte_buffer_clear(&channel->body);
	so_byte_buffer_clear(&channel->answer);
	/* The callback may post on this channel again. */
	channel->callback(channel->callback_context, &answer);
	json_decref(answer.body);
}

static void
check_finished(SoMasterClient *client)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(client->multi, &left)) != NULL)
	{
		Channel *channel = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &channel);
		finish(channel, message->data.result);
	}
}

/* ---- libcurl and libevent -------------------------------------------------- */

static void
socket_ready(evutil_socket_t fd, short what, void *argument)
{
	SoMasterClient *client = argument;
	int running;
	int action = 0;

	if (what & EV_READ)
		action |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		action |= CURL_CSELECT_OUT;
	curl_multi_socket_action(client->multi, fd, action, &running);
	check_finished(client);
}

static void
timer_due(evutil_socket_t fd, short what, void *argument)
{
	SoMasterClient *client = argument;
	int running;

	(void) fd;
	(void) what;
	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	check_finished(client);
}

static int
socket_cb(CURL *easy, curl_socket_t fd, int what, void *argument, void *socket_argument)
{
	SoMasterClient *client = argument;
	struct event *event = socket_argument;
	short interest = EV_PERSIST;

	(void) easy;
	if (what == CURL_POLL_REMOVE)
	{
		if (event != NULL)
			event_free(event);
		curl_multi_assign(client->multi, fd, NULL);
		return 0;
	}
	if (what & CURL_POLL_IN)
		interest |= EV_READ;
	if (what & CURL_POLL_OUT)
		interest |= EV_WRITE;
	if (event == NULL)
	{
		event = event_new(client->base, fd, interest, socket_ready, client);
		curl_multi_assign(client->multi, fd, event);
	}
	else
	{
		event_del(event);
		event_assign(event, client->base, fd, interest, socket_ready, client);
	}
	return event != NULL && event_add(event, NULL) == 0 ? 0 : -1;
}

static int
timer_cb(CURLM *multi, long timeout_ms, void *argument)
{
	SoMasterClient *client = argument;
	struct timeval delay = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

	(void) multi;
	if (timeout_ms < 0)
		event_del(client->timer);
	else
		event_add(client->timer, &delay);
	return 0;
}

static size_t
write_cb(char *bytes, size_t size, size_t count, void *argument)
{
	Channel *channel = argument;

	if (so_byte_buffer_length(&channel->answer) + size * count > MAX_ANSWER)
		return 0;
	so_put_bytes(&channel->answer, bytes, size * count);
	return channel->answer.failed ? 0 : size * count;
}

static CURLcode
context_cb(CURL *easy, void *context, void *argument)
{
	Channel *channel = argument;

	(void) easy;
	return so_master_trust_prepare(context, &channel->trust) ? CURLE_OK : CURLE_SSL_CERTPROBLEM;
}

static bool
open_channel(SoMasterClient *client, Channel *channel, const SoCertificatePair *pair)
{
	CURL *easy = curl_easy_init();

	if (easy == NULL)
		return false;
	channel->client = client;
	channel->easy = easy;
	channel->trust.pair = pair;
	channel->trust.address = &client->address;
	so_byte_buffer_init(&channel->body);
	so_byte_buffer_init(&channel->answer);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, channel);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, channel->reason);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long) CURLPROTO_HTTPS);
#endif
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, client->headers);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "scaleout-worker/" SO_VERSION);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	/* The gateway closes idle connections after 75 s; ours are not kept that long. */
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, 60L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_cb);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, channel);
	/* Thumbprint and host name are checked by our own callback, authorities play no part. */
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, channel);
	return curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, context_cb) == CURLE_OK;
}

/* ---- the door --------------------------------------------------------------- */

SoMasterClient *
so_master_client_create(TALLOC_CTX *context, struct event_base *base, const SoCertificatePair *pair,
						SoError *error)
{
	SoMasterClient *client = talloc_zero(context, SoMasterClient);
	bool good;

	curl_global_init(CURL_GLOBAL_ALL);
	client->base = base;
	client->multi = curl_multi_init();
	client->timer = evtimer_new(base, timer_due, client);
	client->headers = curl_slist_append(NULL, "Content-Type: application/json");
	client->headers = curl_slist_append(client->headers, "Expect:");
	good = client->multi != NULL && client->timer != NULL && client->headers != NULL;
	for (int i = 0; good && i < SO_CHANNEL_COUNT; i++)
		good = open_channel(client, &client->channels[i], pair);
	if (!good)
	{
		so_error_set(error, SO_ERR_INTERNAL, "libcurl",
					 "libcurl cannot be used: it must be built with OpenSSL");
		so_master_client_free(client);
		return NULL;
	}
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, socket_cb);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, timer_cb);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	return client;
}

void
so_master_client_set_address(SoMasterClient *client, const SoMasterAddress *address)
{
	client->address = *address;
	/* New pins must be checked on new connections. */
	for (int i = 0; i < SO_CHANNEL_COUNT; i++)
		client->channels[i].fresh = true;
}

const SoMasterAddress *
so_master_client_address(const SoMasterClient *client)
{
	return &client->address;
}

void
so_master_client_next_endpoint(SoMasterClient *client)
{
	client->address.current = (client->address.current + 1) % client->address.endpoints.count;
}

const char *
so_master_client_url(const SoMasterClient *client)
{
	return client->address.endpoints.endpoints[client->address.current].url;
}

void
so_master_client_post(SoMasterClient *client, SoChannel which, const char *route,
					  SoByteBuffer *body, int64_t timeout_ms, SoAnswerCallback callback,
					  void *callback_context)
{
	Channel *channel = &client->channels[which];
	SoByteBuffer empty = channel->body;
	char url[400];

	if (channel->busy)
	{
		so_log_code(NULL, SO_LOG_CRITICAL, SO_ERR_INTERNAL, "two requests on one channel");
		abort();
	}
	/* Take the caller's bytes and give the old buffer back. */
	channel->body = *body;
	*body = empty;
	channel->busy = true;
	channel->callback = callback;
	channel->callback_context = callback_context;
	channel->sent_ms = so_clock_monotonic_ms();
	channel->endpoint = client->address.current;
	channel->reason[0] = '\0';
	so_error_clear(&channel->trust.error);
	snprintf(url, sizeof(url), "%s%s", so_master_client_url(client), route);
	curl_easy_setopt(channel->easy, CURLOPT_URL, url);
	curl_easy_setopt(channel->easy, CURLOPT_FRESH_CONNECT, channel->fresh ? 1L : 0L);
	channel->fresh = false;
	/*
	 * Not for the whole request: an answer may have megabytes and the way may be
	 * slow.  It is over when nothing has gone either way for that long.
	 */
	curl_easy_setopt(channel->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(channel->easy, CURLOPT_LOW_SPEED_TIME, (long) ((timeout_ms + 999) / 1000));
	curl_easy_setopt(channel->easy, CURLOPT_TIMEOUT_MS, TRANSFER_LIMIT_MS);
	curl_easy_setopt(channel->easy, CURLOPT_POSTFIELDSIZE_LARGE,
					 (curl_off_t) so_byte_buffer_length(&channel->body));
	curl_easy_setopt(channel->easy, CURLOPT_POSTFIELDS, channel->body.data + channel->body.start);
	curl_multi_add_handle(client->multi, channel->easy);
}

bool
so_master_client_busy(const SoMasterClient *client, SoChannel channel)
{
	return client->channels[channel].busy;
}

void
so_master_client_abort(SoMasterClient *client, SoChannel which)
{
	Channel *channel = &client->channels[which];

	if (!channel->busy)
		return;
	curl_multi_remove_handle(client->multi, channel->easy);
	channel->busy = false;
	so_byte_buffer_clear(&channel->body);
	so_byte_buffer_clear(&channel->answer);
}

void
so_master_client_free(SoMasterClient *client)
{
	for (int i = 0; i < SO_CHANNEL_COUNT; i++)
	{
		Channel *channel = &client->channels[i];

		if (channel->easy == NULL)
			continue;
		so_master_client_abort(client, (SoChannel) i);
		curl_easy_cleanup(channel->easy);
		so_byte_buffer_free(&channel->body);
		so_byte_buffer_free(&channel->answer);
	}
	if (client->multi != NULL)
		curl_multi_cleanup(client->multi);
	if (client->timer != NULL)
		event_free(client->timer);
	curl_slist_free_all(client->headers);
	talloc_free(client);
	curl_global_cleanup();
}
