/*
 * engine/tasks/script_protocol.c
 *
 * The lines that a script writes to descriptor 3:
 *
 *     set NAME VALUE          information TEXT      progress PERCENT TEXT
 *     value VALUE             warning TEXT          rows NUMBER
 *     log TEXT                error TEXT
 *
 * Process: runner and client, in a task's thread; lines come one at a time.
 */
#include "engine/tasks/script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/tasks/outcome.h"

char *
so_script_variable_name(TALLOC_CTX *context, const char *name)
{
	if (strstr(name, "::") != NULL)
		return talloc_strdup(context, name);
	return talloc_asprintf(context, "User::%s", name);
}

static bool SO_PRINTF(3, 4) refuse(SoScriptState *state, const char *line, const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	state->failed = true;
	so_error_set(&state->error, SO_ERR_TASK_SCRIPT_PROTOCOL, NULL,
				 "line %d of the script's commands: %s", state->line, text);
	return so_error_detail(&state->error, "The line is: %.300s", line);
}

/* The value of a variable: JSON, or the text as it stands. */
static bool
read_value(SoScriptState *state, SoDataType type, const char *text, SoValue *value, SoError *error)
{
	TALLOC_CTX *context = so_task_context(state->run);
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	bool is_text = type == SO_TYPE_WSTR || type == SO_TYPE_STR || type == SO_TYPE_NTEXT ||
				   type == SO_TYPE_TEXT;
	bool good;

	if (type == SO_TYPE_OBJECT && json != NULL)
	{
		*value = so_value_object(context, json);
		json_decref(json);
		return true;
	}
	/* For a text variable only a JSON string is JSON: 007 and true are texts. */
	if (json != NULL && (json_is_string(json) || !is_text))
	{
		if (json_is_string(json) && !is_text)
			good = so_value_from_text(context, type, json_string_value(json), value, error);
		else
			good = so_value_from_json(context, type, json, value, error);
	}
	else
		good = so_value_from_text(context, type, text, value, error);
	json_decref(json);
	return good;
}

static bool
set_variable(SoScriptState *state, const char *line, const char *rest)
{
	TALLOC_CTX *context = so_task_context(state->run);
	size_t length = strcspn(rest, " ");
	char *name = so_script_variable_name(context, talloc_strndup(context, rest, length));
	const char *text = rest + length + (rest[length] == ' ');
	const SoValue *old;
	SoValue value;
	SoError error;
	int i;

	for (i = 0; state->writable[i] != NULL && strcmp(state->writable[i], name) != 0; i++)
		;
	if (state->writable[i] == NULL)
		return refuse(state, line, "\"%s\" is not one of read_write_variables", name);
	old = so_task_variable(state->run, name);
	if (old == NULL)
		return refuse(state, line, "there is no variable \"%s\"", name);
	if (!read_value(state, old->type, text, &value, &error) ||
		!so_task_set_variable(state->run, name, &value, &error))
		return refuse(state, line, "%s", error.message);
	return true;
}

static bool
set_execution_value(SoScriptState *state, const char *text)
{
	SoValue value;
	SoError error;
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
	SoDataType type = json_is_integer(json)   ? SO_TYPE_I8
					  : json_is_real(json)    ? SO_TYPE_R8
					  : json_is_boolean(json) ? SO_TYPE_BOOL
											  : SO_TYPE_WSTR;

	if (json == NULL ||
		!so_value_from_json(so_task_context(state->run), type, json, &value, &error))
		value = so_value_string(so_task_context(state->run), text);
	json_decref(json);
	so_task_set_execution_value(state->run, &value);
	return true;
}

static bool
show_progress(SoScriptState *state, const char *line, const char *rest)
{
	char *end;
	long percent = strtol(rest, &end, 10);

	if (end == rest || (*end != '\0' && *end != ' ') || percent < 0 || percent > 100)
		return refuse(state, line, "progress needs a percentage from 0 to 100");
	so_task_progress(state->run, (int) percent, percent, 100, *end == ' ' ? end + 1 : "");
	return true;
}

static bool
count_rows(SoScriptState *state, const char *line, const char *rest)
{
	char *end;
	long long rows = strtoll(rest, &end, 10);

	if (end == rest || *end != '\0' || rows < 0)
		return refuse(state, line, "rows needs a number");
	so_task_set_row_count(state->run, rows);
	return true;
}

static void
raise_error(SoScriptState *state, const char *text)
{
	SoError error;

	so_error_set(&error, SO_ERR_TASK_SCRIPT_ERROR, NULL, "%s", text);
	so_task_error(state->run, &error);
	state->errors++;
}

bool
so_script_line(void *context, const char *line)
{
	SoScriptState *state = context;
	size_t length = strcspn(line, " ");
	const char *rest = line + length + (line[length] == ' ');
	static const char *const words[] = {"set",  "information", "warning", "error", "progress",
										"rows", "value",       "log",     NULL};
	int word = 0;

	state->line++;
	if (line[0] == '\0')
		return true;
	while (words[word] != NULL &&
		   (strlen(words[word]) != length || strncmp(words[word], line, length) != 0))
		word++;
	switch (word)
	{
		case 0:
			return set_variable(state, line, rest);
		case 1:
			so_task_information(state->run, "%s", rest);
			return true;
		case 2:
			so_task_warning(state->run, SO_ERR_TASK_SCRIPT_ERROR, "%s", rest);
			return true;
		case 3:
			raise_error(state, rest);
			return true;
		case 4:
			return show_progress(state, line, rest);
		case 5:
			return count_rows(state, line, rest);
		case 6:
			return set_execution_value(state, rest);
		case 7:
			so_task_custom_event(state->run, "ScriptTaskLogEntry", "%s", rest);
			return true;
	}
	return refuse(state, line, "there is no command \"%.*s\"", (int) (length > 40 ? 40 : length),
				  line);
}
