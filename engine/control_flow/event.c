/*
 * engine/control_flow/event.c
 *
 * Raises events: to the sink, to the error counts, to the handlers.
 *
 * Process: runner and client, control thread only.  Events of one unit are
 * handled one after the other in the order in which they were raised; the unit
 * does not go on to its next step before the last handler has ended.
 */
#include "engine/control_flow/event.h"
#include "engine/control_flow/run_cancel.h"
#include "engine/control_flow/secret.h"
#include "engine/model/object_types.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void handler_ended(SoUnit *handler);

static const struct
{
	SoMessageType type;
	const char *name;
	const char *handler;
} event_types[] = {
	{SO_MESSAGE_PRE_VALIDATE, "OnPreValidate", "on_pre_validate"},
	{SO_MESSAGE_POST_VALIDATE, "OnPostValidate", "on_post_validate"},
	{SO_MESSAGE_PRE_EXECUTE, "OnPreExecute", "on_pre_execute"},
	{SO_MESSAGE_POST_EXECUTE, "OnPostExecute", "on_post_execute"},
	{SO_MESSAGE_STATUS_CHANGE, "OnExecStatusChanged", "on_exec_status_changed"},
	{SO_MESSAGE_PROGRESS, "OnProgress", "on_progress"},
	{SO_MESSAGE_INFORMATION, "OnInformation", "on_information"},
	{SO_MESSAGE_VARIABLE_VALUE_CHANGED, "OnVariableValueChanged", "on_variable_value_changed"},
	{SO_MESSAGE_DIAGNOSTIC, "Diagnostic", NULL},
	{SO_MESSAGE_QUERY_CANCEL, "OnQueryCancel", "on_query_cancel"},
	{SO_MESSAGE_WARNING, "OnWarning", "on_warning"},
	{SO_MESSAGE_ERROR, "OnError", "on_error"},
	{SO_MESSAGE_TASK_FAILED, "OnTaskFailed", "on_task_failed"},
	{SO_MESSAGE_DIAGNOSTIC_EX, "DiagnosticEx", NULL},
	{SO_MESSAGE_CUSTOM, "OnCustomEvent", NULL},
	{SO_MESSAGE_NON_DIAGNOSTIC, "NonDiagnostic", NULL},
};

const char *
so_event_name(SoMessageType type)
{
	for (size_t i = 0; i < sizeof(event_types) / sizeof(event_types[0]); i++)
	{
		if (event_types[i].type == type)
			return event_types[i].name;
	}
	return "Unknown";
}

const char *
so_event_handler_name(SoMessageType type)
{
	for (size_t i = 0; i < sizeof(event_types) / sizeof(event_types[0]); i++)
	{
		if (event_types[i].type == type)
			return event_types[i].handler;
	}
	return NULL;
}

int
so_event_message_code(SoErrorCode code)
{
	switch (code)
	{
		case SO_ERR_RUN_VALIDATION_FAILED:
			return (int) 0xC0024107; /* DTS_E_TASKVALIDATIONFAILED */
		case SO_ERR_RUN_MAXIMUM_ERROR_COUNT:
			return (int) 0x80019002; /* DTS_W_MAXIMUMERRORCOUNTREACHED */
		case SO_ERR_RUN_VARIABLE_UNKNOWN:
			return (int) 0xC0010001; /* DTS_E_VARIABLENOTFOUND */
		case SO_ERR_RUN_VARIABLE_VALUE:
			return (int) 0xC001F009; /* DTS_E_VARIABLETYPEMISMATCH */
		case SO_ERR_RUN_CONNECTION_UNKNOWN:
			return (int) 0xC001000E; /* DTS_E_CONNECTIONNOTFOUND */
		case SO_ERR_RUN_PROPERTY_EXPRESSION:
			return (int) 0xC0017004; /* the result cannot be written to the property */
		case SO_ERR_CHECKPOINT_PACKAGE:
			return (int) 0xC0016049; /* DTS_E_CHECKPOINTMISMATCH */
		case SO_ERR_CHECKPOINT_FOREIGN:
			return (int) 0xC001604A; /* DTS_E_CHECKPOINTFILEALREADYEXISTS */
		case SO_ERR_CHECKPOINT_LOCKED:
			return (int) 0xC001604B; /* DTS_E_CHECKPOINTFILELOCKED */
		case SO_ERR_CHECKPOINT_OPEN:
			return (int) 0xC001604C; /* DTS_E_CHECKPOINTFILEOPEN */
		case SO_ERR_CHECKPOINT_CREATE:
			return (int) 0xC001604D; /* DTS_E_CHECKPOINTFILECREATE */
		case SO_ERR_RUN_ENUMERATOR_EMPTY:
			return (int) 0x8001C004; /* the For Each File enumerator is empty */
		default:
			return 0;
	}
}

char *
so_event_error_text(TALLOC_CTX *context, const SoError *error)
{
	char *text = talloc_strdup(context, error->message);
	/* The detail often quotes SQL or an expression with a caret: keep its lines. */
	bool lines = strchr(error->detail, '\n') != NULL;
	size_t length = strlen(error->detail);
	bool stopped = length > 0 && error->detail[length - 1] == '.';

	if (length > 0)
		text = talloc_asprintf_append_buffer(text, lines ? "\n%s" : ". %s", error->detail);
	if (error->hint[0] != '\0')
		text = talloc_asprintf_append_buffer(text, "%s%s",
											 lines     ? "\nHint: "
											 : stopped ? " Hint: "
													   : ". Hint: ",
											 error->hint);
	return text;
}

void
so_event_announce(SoRun *run, const SoPackage *package)
{
	for (int i = 0; i < run->announced_count; i++)
	{
		if (run->announced[i] == package)
			return;
	}
	run->announced =
		talloc_realloc(run, run->announced, const SoPackage *, run->announced_count + 1);
	run->announced[run->announced_count++] = package;
	if (run->sink != NULL && run->sink->package != NULL)
		run->sink->package(run->sink->context, package);
}

/* Is the event wanted at this logging level?  Handlers run whatever it says. */
static bool
is_logged(const SoRun *run, SoMessageType type)
{
	if (run->sink == NULL || run->sink->event == NULL)
		return false;
	switch (run->options->logging_level)
	{
		case 0:
			return false;
		case 2:
			return type == SO_MESSAGE_ERROR || type == SO_MESSAGE_WARNING;
		case 3:
		case 4:
			return true;
		default:
			return type != SO_MESSAGE_CUSTOM && type != SO_MESSAGE_DIAGNOSTIC &&
				   type != SO_MESSAGE_DIAGNOSTIC_EX && type != SO_MESSAGE_STATUS_CHANGE;
	}
}

/*
 * Has logging_mode switched the log of this unit off?  The nearest container
 * that says anything decides.  What went wrong is logged all the same: an
 * execution that fails without a word helps nobody.
 */
static bool
is_muted(const SoUnit *unit, SoMessageType type)
{
	if (type == SO_MESSAGE_ERROR || type == SO_MESSAGE_WARNING || type == SO_MESSAGE_TASK_FAILED)
		return false;
	for (; unit != NULL; unit = so_unit_outer(unit))
	{
		int64_t mode = so_unit_integer(unit, "logging_mode", SO_LOGGING_USE_PARENT_SETTING);

		if (mode != SO_LOGGING_USE_PARENT_SETTING)
			return mode == SO_LOGGING_DISABLED;
	}
	return false;
}

static int
source_type(const SoExecutable *executable)
{
	switch (executable->kind)
	{
		case SO_KIND_PACKAGE:
			return 30;
		case SO_KIND_TASK:
			if (executable->task_type != NULL &&
				strcmp(executable->task_type->object_type->name, "data_flow") == 0)
				return 60;
			return 40;
		default:
			return 50;
	}
}

static void
write_to_sink(SoUnit *source, const SoEventData *data)
{
	SoRun *run = source->run;
	const SoExecutable *executable = source->executable;
	bool logged = is_logged(run, data->type) && !is_muted(source, data->type);
	bool traced = run->sink != NULL && run->sink->trace != NULL;
	SoEvent event = {0};

	if (!logged && !traced)
		return;
	event.message_type = data->type;
	event.message_source_type = source_type(executable);
	event.event_name = data->entry != NULL ? data->entry : so_event_name(data->type);
	event.message = data->message;
	event.code = data->code == SO_OK ? "" : so_error_state(data->code);
	event.message_code = data->message_code;
	event.package_name = executable->package->name;
	event.source_name = executable->name;
	event.source_id = executable->id;
	event.package_path = executable->path;
	event.execution_path = source->execution_path;
	event.subcomponent = "";
	event.thread_id = data->thread_id;
	event.time_us = data->time_us;
	event.percent = data->percent;
	event.progress_low = data->low;
	event.progress_high = data->high;
	if (traced)
		run->sink->trace(run->sink->context, &event);
	if (logged)
		run->sink->event(run->sink->context, &event);
}

/* Does unit lie inside a run of this handler, or was it caused by one? */
static bool
is_caused_by(const SoUnit *unit, const SoExecutable *handler)
{
	while (unit != NULL)
	{
		if (unit->executable == handler)
			return true;
		unit = unit->event != NULL ? unit->event->source : so_unit_outer(unit);
	}
	return false;
}

/* The handler of this level that shall run for the event, or NULL. */
static const SoExecutable *
find_handler(const SoUnit *source, const SoUnit *level, SoMessageType type)
{
	const char *name = so_event_handler_name(type);
	const SoExecutable *executable = level->executable;

	if (name == NULL || executable->event_handler_count == 0 || level->run->options->validate_only)
		return NULL;
	if (level->run->canceled && type != SO_MESSAGE_QUERY_CANCEL)
		return NULL;
	if (so_unit_boolean(level, "disable_event_handlers", false))
		return NULL;
	for (int i = 0; i < executable->event_handler_count; i++)
	{
		const SoExecutable *handler = executable->event_handlers[i];

		if (strcmp(handler->name, name) == 0 && !so_executable_boolean(handler, "disable") &&
			!is_caused_by(source, handler))
			return handler;
	}
	return NULL;
}

/*
 * The next level on the way out, NULL at the end.  Out of an event handler go
 * only errors, warnings and failures: a handler of OnPreExecute whose tasks
 * start a handler of OnPostExecute, whose tasks start ..., is what nobody wants.
 */
static SoUnit *
next_level(const SoUnit *level, SoMessageType type)
{
	if (level->executable->kind == SO_KIND_EVENT_HANDLER && type != SO_MESSAGE_ERROR &&
		type != SO_MESSAGE_WARNING && type != SO_MESSAGE_TASK_FAILED)
		return NULL;
	return so_unit_outer(level);
}

static void
count_at(SoUnit *level, const SoEventData *data)
{
	if (data->type == SO_MESSAGE_ERROR)
		level->error_count++;
}

void
so_event_count_error(SoUnit *level)
{
	for (; level != NULL; level = so_unit_outer(level))
		level->error_count++;
}

/*
 * From record->level outwards until a handler must run; then the rest of the
 * way waits for it.  True when it waits.
 */
static bool
walk_outwards(SoEventRecord *record)
{
	for (; record->level != NULL; record->level = next_level(record->level, record->data.type))
	{
		SoUnit *level = record->level;
		const SoExecutable *handler;

		count_at(level, &record->data);
		handler = record->data.without_handlers
					  ? NULL
					  : find_handler(record->source, level, record->data.type);
		if (handler != NULL)
		{
			record->handler =
				so_unit_new(record, level->package_run, handler, level, 0, handler_ended);
			record->handler->event = record;
			record->handler->inside_handler = true;
			record->handler->ignores_cancel |= record->data.type == SO_MESSAGE_QUERY_CANCEL;
			so_unit_start(record->handler);
			return true;
		}
	}
	return false;
}

/* Events in order, until one waits for its handler or none is left. */
static void
run_queue(SoUnit *queue)
{
	while (queue->events != NULL)
	{
		SoEventRecord *record = queue->events;

		if (walk_outwards(record))
			return;
		queue->events = record->next;
		if (queue->events == NULL)
			queue->events_tail = NULL;
		talloc_free(record);
	}
	so_unit_quiet(queue);
}

static void
handler_ended(SoUnit *handler)
{
	SoEventRecord *record = handler->event;
	SoUnit *level = record->level;

	if (handler->propagate || record->of_validation)
		record->level = next_level(level, record->data.type);
	else
	{
		/* Propagate ends at the package: in a calling package the event goes on. */
		while (level->parent != NULL)
			level = level->parent;
		record->level = level->package_run->caller;
	}
	if (handler->cancel_run)
		so_run_cancel(handler->run);
	record->handler = NULL;
	talloc_free(handler);
	run_queue(record->queue);
}

static void
enqueue(SoUnit *queue, SoUnit *source, const SoEventData *data)
{
	SoEventRecord *record = talloc_zero(queue, SoEventRecord);

	record->source = source;
	record->queue = queue;
	record->level = source;
	record->data = *data;
	record->of_validation = source->run->validating;
	record->message = talloc_strdup(record, data->message);
	record->data.message = record->message;
	if (data->entry != NULL)
		record->data.entry = record->entry = talloc_strdup(record, data->entry);
	if (queue->events_tail != NULL)
		queue->events_tail->next = record;
	else
		queue->events = record;
	queue->events_tail = record;
}

static bool
any_handler(const SoUnit *source, SoMessageType type)
{
	for (const SoUnit *level = source; level != NULL; level = next_level(level, type))
	{
		if (find_handler(source, level, type) != NULL)
			return true;
	}
	return false;
}

static void
note_outcome(SoRun *run, const SoEventData *data)
{
	if (data->type == SO_MESSAGE_WARNING)
		run->outcome->warning_count++;
	if (data->type != SO_MESSAGE_ERROR)
		return;
	run->outcome->error_count++;
	if (run->outcome->first_error != NULL)
		return;
	run->outcome->first_error = talloc_strdup(run, data->message);
	run->outcome->first_error_code = data->code;
}

static void
raise_event(SoUnit *source, SoEventData data)
{
	SoUnit *queue = source;
	struct timespec now;

	if (data.time_us == 0)
	{
		clock_gettime(CLOCK_REALTIME, &now);
		data.time_us = (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
	}
	if (data.thread_id == 0)
		data.thread_id = (int) syscall(SYS_gettid);
	if (data.message_code == 0)
		data.message_code = so_event_message_code(data.code);
	note_outcome(source->run, &data);
	write_to_sink(source, &data);

	/* What is found during validation is handled when validation is over. */
	if (source->run->validating)
		queue = source->package_run->root;
	if (queue->events == NULL && (data.without_handlers || !any_handler(source, data.type)))
	{
		if (data.type == SO_MESSAGE_ERROR)
			so_event_count_error(source);
		return;
	}
	enqueue(queue, source, &data);
	if (!source->run->validating && queue->events->next == NULL)
		run_queue(queue);
}

void
so_event_raise(SoUnit *source, const SoEventData *original)
{
	SoEventData data = *original;
	char *masked;

	if (data.message == NULL)
		data.message = "";
	masked = so_secret_mask(NULL, source->run, data.message);
	if (masked != NULL)
		data.message = masked;
	raise_event(source, data);
	talloc_free(masked);
}

void
so_event_resume(SoUnit *queue)
{
	if (queue->events != NULL)
		run_queue(queue);
}

void
so_event_error(SoUnit *source, const SoError *error)
{
	SoEventData data = {.type = SO_MESSAGE_ERROR, .code = error->code};
	char *text = so_event_error_text(NULL, error);

	data.message = text;
	so_event_raise(source, &data);
	talloc_free(text);
}

void
so_event_warning(SoUnit *source, SoErrorCode code, const char *format, ...)
{
	SoEventData data = {.type = SO_MESSAGE_WARNING, .code = code};
	va_list args;
	char *text;

	va_start(args, format);
	text = talloc_vasprintf(NULL, format, args);
	va_end(args);
	data.message = text;
	so_event_raise(source, &data);
	talloc_free(text);
}

void
so_event_message(SoUnit *source, SoMessageType type, const char *format, ...)
{
	SoEventData data = {.type = type};
	va_list args;
	char *text;

	va_start(args, format);
	text = talloc_vasprintf(NULL, format, args);
	va_end(args);
	data.message = text;
	so_event_raise(source, &data);
	talloc_free(text);
}
