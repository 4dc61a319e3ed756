/*
 * runner/item.c
 *
 * Makes the JSON of report items.
 *
 * Process: runner, control thread; no state.
 */
#include "runner/item.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/utf8.h"

/*
 * Bytes of one text as JSON writes it: an item must stay below SO_LIMIT_ITEM
 * with all its members, or the agent ends the runner.
 */
#define TEXT_LIMIT (256 * 1024)
/* Names and paths, of which an event has eight. */
#define NAME_LIMIT (32 * 1024)
/* Of a list of executables, where the next item begins. */
#define LIST_LIMIT (512 * 1024)
/* What stands at the end of a text that was cut. */
#define CUT_MARK " [cut]"

/* Length of the character at text, 0 when it is none. */
static size_t
character_length(const unsigned char *text, size_t left)
{
	return text[0] < 0x80 ? 1 : so_utf8_length(text, left);
}

/* What the JSON of a character has: \u0001, \" or itself. */
static size_t
encoded_length(const char *text, size_t size)
{
	if ((unsigned char) text[0] < 0x20)
		return 6;
	return text[0] == '"' || text[0] == '\\' ? 2 : size;
}

static json_t *
limited_text(const char *text, size_t limit)
{
	size_t length = text != NULL ? strlen(text) : 0;
	char *copy;
	size_t used = 0;
	size_t encoded = 0;
	json_t *json;

	if (length == 0)
		return json_string("");
	copy = malloc(length * 3 + sizeof(CUT_MARK));
	if (copy == NULL)
		return json_string("");
	for (size_t i = 0; i < length;)
	{
		size_t size = character_length((const unsigned char *) text + i, length - i);
		const char *character = size > 0 ? text + i : "\xEF\xBF\xBD";
		size_t bytes = size > 0 ? size : 3;

		encoded += encoded_length(character, bytes);
		if (encoded > limit)
		{
			memcpy(copy + used, CUT_MARK, strlen(CUT_MARK));
			used += strlen(CUT_MARK);
			break;
		}
		memcpy(copy + used, character, bytes);
		used += bytes;
		i += size > 0 ? size : 1;
	}
	json = json_stringn(copy, used);
	free(copy);
	return json;
}

json_t *
so_item_text(const char *text)
{
	return limited_text(text, TEXT_LIMIT);
}

/* Names, ids and paths. */
static json_t *
name_text(const char *text)
{
	return limited_text(text, NAME_LIMIT);
}

static json_t *
time_text(int64_t microseconds)
{
	time_t seconds = (time_t) (microseconds / 1000000);
	struct tm utc;
	char date[32];
	char text[48];

	gmtime_r(&seconds, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text, sizeof(text), "%s.%06dZ", date, (int) (microseconds % 1000000));
	return json_string(text);
}

static json_t *
time_now(void)
{
	char text[32];

	return json_string(so_clock_utc_text(text, sizeof(text)));
}

json_t *
so_item_started(void)
{
	struct sysinfo info;
	char host[256] = "";
	int64_t unit;

	if (sysinfo(&info) != 0)
		memset(&info, 0, sizeof(info));
	unit = info.mem_unit;
	gethostname(host, sizeof(host) - 1);
	return json_pack(
		"{s:s, s:i, s:o, s:I, s:I, s:I, s:I, s:I, s:o}", "type", "started", "process_id",
		(int) getpid(), "machine_name", so_item_text(host), "cpu_count",
		(json_int_t) sysconf(_SC_NPROCESSORS_ONLN), "total_physical_memory_kb",
		(json_int_t) ((int64_t) info.totalram * unit / 1024), "available_physical_memory_kb",
		(json_int_t) ((int64_t) info.freeram * unit / 1024), "total_page_file_kb",
		(json_int_t) ((int64_t) info.totalswap * unit / 1024), "available_page_file_kb",
		(json_int_t) ((int64_t) info.freeswap * unit / 1024), "time", time_now());
}

json_t *
so_item_executables(const SoPackage *package, int *next)
{
	json_t *list = json_array();
	size_t size = 0;

	while (*next < package->executable_count && size < LIST_LIMIT)
	{
		const SoExecutable *executable = package->executables[*next];
		json_t *name = name_text(executable->name);
		json_t *path = name_text(executable->path);

		/* At the most six bytes for each. */
		size += 6 * (json_string_length(name) + json_string_length(path)) + 200;
		json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "executable_guid", executable->id,
											  "executable_name", name, "package_path", path));
		(*next)++;
	}
	return json_pack("{s:s, s:o, s:o}", "type", "executables", "package_name",
					 name_text(package->name), "executables", list);
}

json_t *
so_item_event(const SoEvent *event)
{
	return json_pack(
		"{s:s, s:o, s:i, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:i, s:I, "
		"s:I}",
		"type", "event", "time", time_text(event->time_us), "message_type",
		(int) event->message_type, "message_source_type", event->message_source_type, "message",
		so_item_text(event->message), "event_name", name_text(event->event_name), "package_name",
		name_text(event->package_name), "message_source_name", name_text(event->source_name),
		"message_source_id", name_text(event->source_id), "subcomponent_name",
		name_text(event->subcomponent), "package_path", name_text(event->package_path),
		"execution_path", name_text(event->execution_path), "thread_id", event->thread_id,
		"message_code", event->message_code, "code", name_text(event->code), "percent",
		event->percent, "progress_low", (json_int_t) event->progress_low, "progress_high",
		(json_int_t) event->progress_high);
}

json_t *
so_item_statistics(const SoStatistics *statistics)
{
	TALLOC_CTX *context = talloc_new(NULL);
	json_t *item;
	json_t *value = json_null();

	if (statistics->execution_value != NULL)
		value = so_item_text(so_value_to_text(context, statistics->execution_value));
	item = json_pack("{s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:I, s:i, s:o, s:o}", "type",
					 "statistics", "package_name", name_text(statistics->executable->package->name),
					 "package_path", name_text(statistics->executable->path), "executable_guid",
					 statistics->executable->id, "execution_path",
					 name_text(statistics->execution_path), "start_time",
					 time_text(statistics->start_us), "end_time", time_text(statistics->end_us),
					 "execution_duration", (json_int_t) statistics->duration_ms, "execution_result",
					 (int) statistics->result, "execution_value", value, "row_count",
					 statistics->row_count >= 0 ? json_integer((json_int_t) statistics->row_count)
												: json_null());
	talloc_free(context);
	return item;
}

static int
status_of(const SoRunOutcome *outcome)
{
	/* Stopped before it could begin: nothing of the package has failed. */
	if (outcome->first_error_code == SO_ERR_RUN_CANCELED)
		return 3;
	switch (outcome->result)
	{
		case SO_RESULT_SUCCESS:
		case SO_RESULT_COMPLETION:
			return 7;
		case SO_RESULT_CANCELED:
			return 3;
		default:
			return 4;
	}
}

json_t *
so_item_result(const SoRunOutcome *outcome)
{
	return json_pack(
		"{s:s, s:i, s:s, s:i, s:i, s:o, s:o, s:o}", "type", "result", "status", status_of(outcome),
		"outcome", "package", "error_count", outcome->error_count, "warning_count",
		outcome->warning_count, "message",
		outcome->first_error != NULL ? so_item_text(outcome->first_error) : json_null(), "code",
		so_item_text(
			outcome->first_error_code == SO_OK ? "" : so_error_state(outcome->first_error_code)),
		"time", time_now());
}

json_t *
so_item_refusal_event(const SoError *error, const char *package_name)
{
	char text[4608];

	snprintf(text, sizeof(text), "%s%s%s%s%s", error->message, error->detail[0] ? ". " : "",
			 error->detail, error->hint[0] ? " Hint: " : "", error->hint);
	return json_pack("{s:s, s:o, s:i, s:i, s:o, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:s, "
					 "s:i, s:i, s:i}",
					 "type", "event", "time", time_now(), "message_type", 120,
					 "message_source_type", 20, /* the process that runs the package */
					 "message", so_item_text(text), "event_name", "OnError", "package_name",
					 name_text(package_name), "message_source_name", "scaleout-runner",
					 "message_source_id", "", "subcomponent_name", "", "package_path", "",
					 "execution_path", "", "thread_id", 0, "message_code", 0, "code",
					 so_error_state(error->code), "percent", 0, "progress_low", 0, "progress_high",
					 0);
}

json_t *
so_item_refusal_result(const SoError *error)
{
	return json_pack("{s:s, s:i, s:s, s:i, s:i, s:o, s:s, s:o}", "type", "result", "status",
					 error->code == SO_ERR_RUN_CANCELED ? 3 : 4, "outcome", "package",
					 "error_count", 1, "warning_count", 0, "message", so_item_text(error->message),
					 "code", so_error_state(error->code), "time", time_now());
}
