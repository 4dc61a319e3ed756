/*
 * worker_agent/grant.c
 *
 * Turns tasks of a lease answer into attempts and into the JSON text that their
 * runners get.  The text may hold secrets; it stays in memory until it has been
 * sent, and is wiped then.
 *
 * Process: agent, event loop thread.
 */
#include "worker_agent/grant.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"
#include "worker_agent/lease.h"
#include "worker_agent/runners.h"

/* The text of one project, made once per answer. */
typedef struct ProjectText
{
	const char *hash;
	const json_t *document;
	char *text;
} ProjectText;

static bool
is_filled(const json_t *value)
{
	return json_array_size(value) > 0 || json_object_size(value) > 0;
}

/* A package with nothing to execute cannot use a work folder. */
static bool
needs_folders(const json_t *document, const char *package)
{
	const json_t *found = json_object_get(json_object_get(document, "packages"), package);

	if (!json_is_object(found))
		return true;
	return is_filled(json_object_get(found, "executables")) ||
		   is_filled(json_object_get(found, "event_handlers"));
}

static void
quoted(char **text, const char *name, const char *value)
{
	json_t *string = json_string(value);
	char *encoded = json_dumps(string, JSON_ENCODE_ANY);

	*text = talloc_asprintf_append_buffer(*text, ",\"%s\":%s", name,
										  encoded != NULL ? encoded : "\"\"");
	free(encoded);
	json_decref(string);
}

static char *
task_text(SoAgent *agent, SoAttempt *attempt, const json_t *task, const char *project)
{
	char *members = json_dumps(task, JSON_COMPACT);
	size_t length = members != NULL ? strlen(members) : 0;
	char *work = talloc_asprintf(attempt, "%s/%s/work", agent->settings->tasks_root_folder,
								 attempt->task_text);
	char *log =
		talloc_asprintf(attempt, "%s/%s", agent->settings->tasks_root_folder, attempt->task_text);
	char *text = NULL;

	if (length > 2)
	{
		text = talloc_strndup(attempt, members, length - 1);
		quoted(&text, "work_folder", work);
		quoted(&text, "log_folder", log);
		quoted(&text, "worker_agent_id", agent->identity.agent_id_text);
		quoted(&text, "worker_name", agent->settings->display_name);
		text = talloc_asprintf_append_buffer(text, ",\"project_document\":%s}", project);
	}
	if (members != NULL)
		explicit_bzero(members, length);
	free(members);
	talloc_free(work);
	talloc_free(log);
	return text;
}

static bool
find_project(const json_t *body, const json_t *task, ProjectText *cache)
{
	const char *hash = json_string_value(json_object_get(task, "project"));
	const json_t *document;

	if (hash == NULL)
		return false;
	if (cache->hash != NULL && strcmp(cache->hash, hash) == 0)
		return cache->text != NULL;
	document = json_object_get(json_object_get(body, "projects"), hash);
	free(cache->text);
	cache->hash = hash;
	cache->document = document;
	cache->text = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
	return cache->text != NULL;
}

static void
grant_task(SoAgent *agent, const json_t *body, const json_t *task, ProjectText *cache,
		   int64_t arrived_ms)
{
	const char *id = json_string_value(json_object_get(task, "task"));
	json_int_t number = json_integer_value(json_object_get(task, "attempt"));
	json_int_t interval = json_integer_value(json_object_get(task, "lease_interval_ms"));
	const char *package = json_string_value(json_object_get(task, "package"));
	SoUuid uuid;
	SoAttempt *attempt;

	if (id == NULL || !so_uuid_parse(id, &uuid) || number < 1 || number > INT32_MAX ||
		!find_project(body, task, cache))
	{
		so_log_code(NULL, SO_LOG_ERROR, SO_ERR_AGENT_MASTER_ANSWER,
					"a task from the master is not understood (task %s)",
					id != NULL ? id : "without id");
		return;
	}
	if (interval <= 0)
		interval = agent->lease_interval_ms;
	if (so_clock_monotonic_ms() - arrived_ms >= interval)
	{
		so_log(SO_LOG_WARNING, "task %s, attempt %d is not started: its lease is over already", id,
			   (int) number);
		return;
	}
	attempt = so_held_grant(agent->held, &uuid, (uint32_t) number, interval, arrived_ms);
	if (attempt == NULL)
		return; /* delivered again */
	attempt->make_folders = needs_folders(cache->document, package != NULL ? package : "");
	attempt->subject.execution_id = json_integer_value(json_object_get(task, "execution_id"));
	attempt->task_json = task_text(agent, attempt, task, cache->text);
	so_log_about(&attempt->subject, SO_LOG_VERBOSE, "task %s, attempt %u: package %s",
				 attempt->task_text, attempt->attempt, package != NULL ? package : "?");
	so_runners_start(agent, attempt);
}

void
so_grant_tasks(SoAgent *agent, const json_t *body, int64_t arrived_ms)
{
	const json_t *tasks = json_object_get(body, "tasks");
	ProjectText cache = {NULL, NULL, NULL};
	size_t index;
	const json_t *task;

	for (index = 0; index < json_array_size(tasks); index++)
	{
		task = json_array_get(tasks, index);
		grant_task(agent, body, task, &cache, arrived_ms);
	}
	free(cache.text);
}
