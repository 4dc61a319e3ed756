/*
 * worker_agent/register.c
 *
 * Tells the master who this worker is and what it holds.
 *
 * Process: agent, event loop thread.  Repeated until it succeeds; the master
 * recognises a repetition by the instance id.
 */
#include "worker_agent/register.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker_agent/command.h"
#include "worker_agent/lease.h"
#include "worker_agent/log_sender.h"
#include "worker_agent/nursery_client.h"
#include "worker_agent/report.h"
#include "worker_agent/rotation.h"

#define REGISTER_TIMEOUT_MS 30000
/* An untrusted or refused worker asks again at this pace, so that trusting it is enough. */
#define FIRST_RETRY_MS 500
/* A day: an interval that the master dictates is never longer. */
#define INTERVAL_MAX_MS (24 * 60 * 60 * (int64_t) 1000)

static json_t *
capabilities(const SoAgent *agent)
{
	json_t *types = json_array();
	char *copy = talloc_strdup(agent, so_nursery_task_types(agent->nursery));
	char *rest = copy;
	char *name;

	while ((name = strsep(&rest, ",")) != NULL)
	{
		if (name[0] != '\0')
			json_array_append_new(types, json_string(name));
	}
	talloc_free(copy);
	return json_pack("{s:[i], s:o, s:[s]}", "package_format", SO_PACKAGE_FORMAT_VERSION,
					 "task_types", types, "commands", "fetch_log");
}

/* The request: an object by jansson, with the list of held attempts put in its place. */
static void
build_request(SoAgent *agent, SoByteBuffer *body)
{
	const SoSettings *settings = agent->settings;
	const SoIdentity *identity = &agent->identity;
	json_t *object =
		json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:o}", "protocol",
				  SO_PROTOCOL_VERSION, "agent_id", identity->agent_id_text, "instance_id",
				  identity->instance_id_text, "version", SO_VERSION, "display_name",
				  settings->display_name[0] ? settings->display_name : identity->host_name,
				  "description", settings->description, "machine_name", identity->host_name,
				  "user_account", identity->user_account, "max_task_count",
				  (json_int_t) settings->max_task_count, "capabilities", capabilities(agent));
	char *text;

	json_object_set_new(object, "pins_version", json_integer(agent->pins.version));
	json_object_set_new(object, "tasks_root_folder", json_string(settings->tasks_root_folder));
	json_object_set_new(object, "settings_file", json_string(settings->file));
	if (agent->next_certificate != NULL)
		json_object_set_new(object, "next_certificate", json_string(agent->next_certificate));
	agent->next_sent = agent->next_certificate != NULL;
	text = json_dumps(object, JSON_COMPACT);
	so_put_bytes(body, text, strlen(text) - 1);
	so_put_bytes(body, ",\"held\":", 8);
	so_held_write(agent->held, body, SO_HELD_BY_REGISTER, agent->registration.number);
	so_put_bytes(body, "}", 1);
	free(text);
	json_decref(object);
}

static int64_t
interval_of(const json_t *body, const char *name, int64_t fallback)
{
	json_int_t value = json_integer_value(json_object_get(body, name));

	if (value > INTERVAL_MAX_MS)
		return INTERVAL_MAX_MS;
	return value > 0 ? value : fallback;
}

/* The epoch of the answer may not be lower than any that this worker has obeyed. */
static bool
accept_epoch(SoAgent *agent, uint64_t epoch, SoError *error)
{
	SoIdentity *identity = &agent->identity;
	SoError not_saved;

	if (epoch < identity->epoch)
	{
		so_error_set(error, SO_ERR_AGENT_EPOCH_LOWER, so_master_client_url(agent->client),
					 "the master is in epoch %" PRIu64
					 ", but this worker has obeyed epoch %" PRIu64,
					 epoch, identity->epoch);
		return so_error_hint(error,
							 "It is an old copy of the catalog or a server that was replaced. "
							 "When the catalog was made anew on purpose, delete %s and restart "
							 "the worker.",
							 identity->epoch_file);
	}
	/* Not saved is not fatal: it only weakens the check after the next restart. */
	if (epoch > identity->epoch && !so_identity_set_epoch(identity, epoch, &not_saved))
		so_log_error(SO_LOG_WARNING, &not_saved);
	return true;
}

static void
retry_later(SoAgent *agent, const SoAnswer *answer)
{
	int64_t delay = so_agent_request_failed(agent, answer, &agent->registration.backoff);

	so_agent_arm(agent->registration.retry, delay);
	so_agent_check_leave(agent);
}

static void
registered(void *context, const SoAnswer *answer)
{
	SoAgent *agent = context;
	SoAnswer not_understood;
	SoAnswer refused;
	/* A command of this answer may start a registration that carries the next certificate. */
	bool carried = agent->next_sent;
	uint64_t epoch;

	agent->registration.open = false;
	answer = so_agent_judge_answer(agent, answer, &not_understood);
	refused = *answer;
	if (answer->error.code == SO_ERR_CERTIFICATE_ROTATION && agent->next_sent)
	{
		so_rotation_refused(agent, &answer->error);
		so_register_start(agent);
		return;
	}
	if (answer->error.code != SO_OK)
	{
		retry_later(agent, answer);
		return;
	}
	epoch = (uint64_t) json_integer_value(json_object_get(answer->body, "epoch"));
	if (!accept_epoch(agent, epoch, &refused.error))
	{
		refused.retryable = false;
		retry_later(agent, &refused);
		return;
	}
	so_agent_request_succeeded(agent, &agent->registration.backoff);
	agent->registered = true;
	agent->epoch = epoch;
	agent->lease_interval_ms = interval_of(answer->body, "lease_interval_ms", 60000);
	agent->heartbeat_interval_ms = interval_of(answer->body, "heartbeat_interval_ms", 10000);
	agent->long_poll_ms = interval_of(answer->body, "long_poll_ms", 25000);
	if (agent->long_poll_ms > SO_LIMIT_LONG_POLL_MS)
		agent->long_poll_ms = SO_LIMIT_LONG_POLL_MS;
	agent->enabled = json_is_true(json_object_get(answer->body, "enabled"));
	agent->told_disabled = false;
	so_log(SO_LOG_INFORMATION, "registered at %s in epoch %" PRIu64 " as %s%s",
		   so_master_client_url(agent->client), epoch, agent->identity.agent_id_text,
		   agent->enabled ? "" : ", disabled");
	so_agent_check_answer(agent, answer);
	so_held_renew(agent->held, SO_HELD_BY_REGISTER, agent->registration.number, answer->sent_ms);
	so_command_handle(agent, json_object_get(answer->body, "commands"));
	so_lease_resume(agent);
	so_report_resume(agent);
	if (carried)
		so_rotation_registered(agent);
	else if (agent->next_certificate != NULL)
		so_register_start(agent);
}

void
so_register_start(SoAgent *agent)
{
	SoByteBuffer body;

	agent->registered = false;
	if (agent->registration.open || event_pending(agent->registration.retry, EV_TIMEOUT, NULL))
		return;
	/* The answers of the old registration mean nothing any more. */
	so_lease_pause(agent);
	so_report_pause(agent);
	so_log_sender_pause(agent);
	agent->registration.open = true;
	agent->registration.number = ++agent->request_number;
	so_byte_buffer_init(&body);
	build_request(agent, &body);
	so_master_client_post(agent->client, SO_CHANNEL_REPORT, SO_ROUTE_REGISTER, &body,
						  REGISTER_TIMEOUT_MS, registered, agent);
	so_byte_buffer_free(&body);
}

static void
retry_due(evutil_socket_t fd, short what, void *argument)
{
	(void) fd;
	(void) what;
	so_register_start(argument);
}

void
so_register_open(SoAgent *agent)
{
	agent->registration.retry = evtimer_new(agent->base, retry_due, agent);
	agent->registration.backoff.initial_ms = FIRST_RETRY_MS;
}

void
so_register_close(SoAgent *agent)
{
	if (agent->registration.retry != NULL)
		event_free(agent->registration.retry);
}
