/*
 * runner/event_log.c
 *
 * Writes the log of an attempt; see event_log.h.
 *
 * Process: runner, control thread.  The lines go through the channel to the
 * agent, which writes the file; a runner that dies half-way has sent what was
 * logged before, and the agent adds how it ended.
 */
#include "runner/event_log.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/protocol.h"

SoLogLevel
so_event_log_level(SoMessageType type)
{
	switch (type)
	{
		case SO_MESSAGE_ERROR:
		case SO_MESSAGE_TASK_FAILED:
			return SO_LOG_ERROR;
		case SO_MESSAGE_WARNING:
			return SO_LOG_WARNING;
		case SO_MESSAGE_INFORMATION:
		case SO_MESSAGE_CUSTOM:
		case SO_MESSAGE_QUERY_CANCEL:
			return SO_LOG_INFORMATION;
		case SO_MESSAGE_PROGRESS:
		case SO_MESSAGE_PRE_EXECUTE:
		case SO_MESSAGE_POST_EXECUTE:
			return SO_LOG_PROGRESS;
		default:
			return SO_LOG_VERBOSE;
	}
}

static const char *
text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

static void
log_parameters(const json_t *task)
{
	const json_t *list = json_object_get(task, "parameters");
	const json_t *item;
	size_t index;

	json_array_foreach(list, index, item)
	{
		const json_t *value = json_object_get(item, "value");

		/* What does not say that it is harmless is not shown. */
		if (!json_is_false(json_object_get(item, "sensitive")))
			so_log(SO_LOG_AUDIT, "parameter %s is sensitive and not shown", text_of(item, "name"));
		else if (json_is_string(value))
			so_log(SO_LOG_AUDIT, "parameter %s = %s", text_of(item, "name"),
				   json_string_value(value));
		else
			so_log(SO_LOG_AUDIT, "parameter %s is NULL", text_of(item, "name"));
	}
	/* Their values may hold passwords. */
	list = json_object_get(task, "property_overrides");
	json_array_foreach(list, index, item)
		so_log(SO_LOG_AUDIT, "property %s is overridden", text_of(item, "path"));
	list = json_object_get(task, "connection_strings");
	json_array_foreach(list, index, item) so_log(
		SO_LOG_AUDIT, "connection %s has a connection string of its own", text_of(item, "name"));
}

void
so_event_log_begin(const json_t *task)
{
	char host[256] = "";

	if (!so_log_wants(SO_LOG_AUDIT))
		return;
	gethostname(host, sizeof(host) - 1);
	so_log(SO_LOG_AUDIT,
		   "execution %" JSON_INTEGER_FORMAT ", attempt %" JSON_INTEGER_FORMAT
		   ": package %s of project %s in folder %s, for %s; worker %s%s%s on %s, "
		   "scaleout-runner " SO_VERSION,
		   json_integer_value(json_object_get(task, "execution_id")),
		   json_integer_value(json_object_get(task, "attempt")), text_of(task, "package"),
		   text_of(task, "project_name"), text_of(task, "folder"), text_of(task, "caller"),
		   text_of(task, "worker_name"), text_of(task, "worker_name")[0] != '\0' ? " " : "",
		   text_of(task, "worker_agent_id"), host);
	log_parameters(task);
}

void
so_event_log_event(void *context, const SoEvent *event)
{
	SoLogLevel level = so_event_log_level(event->message_type);
	const char *message = event->message != NULL ? event->message : "";

	(void) context;
	if (!so_log_wants(level))
		return;
	/* Codes stand at the beginning, where they stand in every line. */
	if (event->code[0] != '\0' && strncmp(message, event->code, strlen(event->code)) == 0)
		message += strlen(event->code) + strspn(message + strlen(event->code), ": ");
	/* Of a program's two streams the one that is looked for in trouble is named. */
	so_log(level, "%s%s%s %s%s%s%s", event->code, event->code[0] != '\0' ? ": " : "",
		   event->execution_path, event->event_name,
		   event->subcomponent != NULL && strcmp(event->subcomponent, "stderr") == 0 ? " (stderr)"
																					 : "",
		   message[0] != '\0' ? ": " : "", message);
}

static const char *
result_name(SoExecutionResult result)
{
	switch (result)
	{
		case SO_RESULT_SUCCESS:
			return "success";
		case SO_RESULT_COMPLETION:
			return "completion";
		case SO_RESULT_CANCELED:
			return "canceled";
		default:
			return "failure";
	}
}

void
so_event_log_end(const SoRunOutcome *outcome)
{
	so_log(SO_LOG_AUDIT, "ended: %s after %" PRId64 ".%03d s, %d errors, %d warnings",
		   result_name(outcome->result), outcome->duration_ms / 1000,
		   (int) (outcome->duration_ms % 1000), outcome->error_count, outcome->warning_count);
}

void
so_event_log_refusal(const SoError *error)
{
	so_log_error(SO_LOG_ERROR, error);
	so_log(SO_LOG_AUDIT, "ended: the package could not be begun");
}
