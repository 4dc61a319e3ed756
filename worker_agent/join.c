/*
 * worker_agent/join.c
 *
 * Enrolment with a token; see join.h.  The token pins the master before anything
 * is sent to it; the certificate that the master trusts is the one of the TLS
 * connection, so nobody can join with a certificate whose key he does not have.
 *
 * Process: scaleout-worker join.  The settings are written last.  When the answer
 * is lost the same certificate asks again, which the master recognises.
 */
#include "worker_agent/join.h"

#include <event2/event.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/protocol.h"
#include "worker_agent/master_client.h"
#include "worker_agent/signals.h"

#define PREFIX          "scaleout1."
#define JOIN_TIMEOUT_MS 30000

typedef struct Joining
{
	struct event_base *base;
	SoError error;
	bool answered; /* the master has said yes or no */
	bool enabled;
} Joining;

bool
so_join_token(char *argument, char token[SO_JOIN_TOKEN_SIZE], SoError *error)
{
	size_t length = strlen(argument);

	if (strcmp(argument, "-") == 0)
	{
		if (fgets(token, SO_JOIN_TOKEN_SIZE, stdin) == NULL)
			token[0] = '\0';
		length = strcspn(token, " \r\n");
		token[length] = '\0';
	}
	else
	{
		snprintf(token, SO_JOIN_TOKEN_SIZE, "%s", argument);
		memset(argument, 'x', length);
	}
	if (length > 0 && length < SO_JOIN_TOKEN_SIZE - 1)
		return true;
	return so_error_set(error, SO_ERR_TOKEN_MALFORMED, NULL, "this is not an enrollment token");
}

/* Base64url without padding to text; false when it is not. */
static bool
decode(const char *text, char *out, size_t size)
{
	char padded[SO_JOIN_TOKEN_SIZE + 4];
	size_t length = strlen(text);
	int got;

	if (length == 0 || length >= SO_JOIN_TOKEN_SIZE || length / 4 * 3 + 3 >= size ||
		length % 4 == 1)
		return false;
	for (size_t i = 0; i < length; i++)
		padded[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
	for (size_t i = length; i < (length + 3) / 4 * 4; i++)
		padded[i] = '=';
	got = EVP_DecodeBlock((unsigned char *) out, (const unsigned char *) padded,
						  (int) ((length + 3) / 4 * 4));
	if (got < 0)
		return false;
	out[(size_t) got - ((length + 3) / 4 * 4 - length)] = '\0';
	return true;
}

static json_t *
read_token(const char *token, SoError *error)
{
	char text[SO_JOIN_TOKEN_SIZE];
	json_t *object = NULL;

	if (strncmp(token, PREFIX, strlen(PREFIX)) == 0 &&
		decode(token + strlen(PREFIX), text, sizeof(text)))
		object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	explicit_bzero(text, sizeof(text));
	if (json_is_string(json_object_get(object, "endpoint")) &&
		json_is_string(json_object_get(object, "thumbprint")) &&
		json_is_string(json_object_get(object, "token")) &&
		json_is_string(json_object_get(object, "secret")))
		return object;
	json_decref(object);
	so_error_set(error, SO_ERR_TOKEN_MALFORMED, NULL, "this is not an enrollment token");
	return NULL;
}

static void
answered(void *context, const SoAnswer *answer)
{
	Joining *joining = context;

	joining->error = answer->error;
	joining->answered = answer->status != 0 && !answer->retryable;
	joining->enabled =
		answer->body != NULL && json_is_true(json_object_get(answer->body, "enabled"));
	event_base_loopbreak(joining->base);
}

/* Ask the master; false with joining->error. */
static bool
ask(const json_t *token, const SoInitIdentity *identity, const SoMasterAddress *address,
	Joining *joining)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoMasterClient *client = NULL;
	SoCertificatePair pair;
	SoByteBuffer body;
	char host[256] = "";
	json_t *object;
	char *text;

	gethostname(host, sizeof(host) - 1);
	object = json_pack("{s:s, s:s, s:s, s:s}", "agent_id", identity->agent_id, "token",
					   json_string_value(json_object_get(token, "token")), "secret",
					   json_string_value(json_object_get(token, "secret")), "machine_name", host);
	text = json_dumps(object, JSON_COMPACT);
	if (so_certificate_load(identity->certificate_file, identity->key_file, &pair, NULL,
							&joining->error))
	{
		client = so_master_client_create(context, joining->base, &pair, &joining->error);
		if (client != NULL)
		{
			so_byte_buffer_init(&body);
			so_put_bytes(&body, text, strlen(text));
			so_master_client_set_address(client, address);
			so_master_client_post(client, SO_CHANNEL_REPORT, SO_ROUTE_JOIN, &body, JOIN_TIMEOUT_MS,
								  answered, joining);
			so_byte_buffer_free(&body);
			event_base_dispatch(joining->base);
			so_master_client_free(client);
		}
		so_certificate_pair_free(&pair);
	}
	explicit_bzero(text, strlen(text));
	free(text);
	json_decref(object);
	talloc_free(context);
	return joining->error.code == SO_OK;
}

static bool
join_master(const json_t *token, SoInitOptions *options, const SoMasterAddress *address,
			SoError *error)
{
	char directory[PATH_MAX];
	SoInitIdentity identity;
	Joining joining;

	memset(&joining, 0, sizeof(joining));
	if (!so_init_directory(options, directory, error) ||
		!so_init_identity(options, directory, true, &identity, error))
		return false;
	joining.base = event_base_new();
	if (joining.base == NULL)
		return so_error_set(error, SO_ERR_INTERNAL, "libevent", "no event loop");
	if (!ask(token, &identity, address, &joining))
	{
		*error = joining.error;
		/* Refused for good: the next attempt must not find anything here. */
		if (joining.answered)
			so_init_remove(&identity);
	}
	event_base_free(joining.base);
	if (joining.error.code != SO_OK || !so_init_settings(options, directory, &identity, error))
		return false;
	printf("Worker %s has joined %s%s.\n"
		   "  settings     %s/worker.conf\n"
		   "  thumbprint   %s\n\n"
		   "Start it:  scaleout-worker run --directory %s\n",
		   identity.agent_id, options->master,
		   joining.enabled ? " and is enabled" : "; it is disabled", directory,
		   identity.facts.thumbprint_text, directory);
	return true;
}

bool
so_join(const char *token_text, SoInitOptions *options, SoError *error)
{
	json_t *token = read_token(token_text, error);
	SoMasterAddress address;
	SoSettings settings;
	bool ok;

	if (token == NULL)
		return false;
	options->master = json_string_value(json_object_get(token, "endpoint"));
	options->thumbprint = json_string_value(json_object_get(token, "thumbprint"));
	memset(&settings, 0, sizeof(settings));
	settings.file = (char *) (uintptr_t) "TOKEN";
	settings.master_endpoint = (char *) (uintptr_t) options->master;
	settings.master_thumbprint = (char *) (uintptr_t) options->thumbprint;
	ok = so_signals_address(&settings, &address, error) &&
		 join_master(token, options, &address, error);
	json_decref(token);
	return ok;
}
