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
#include "engine/control_flow/event_name.h"
#include "engine/control_flow/event_sink.h"
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
	so_event_write(source, &data);

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

static void
raise_text(SoUnit *source, SoEventData data, const char *format, va_list args)
{
	char *text = talloc_vasprintf(NULL, format, args);

	data.message = text;
	so_event_raise(source, &data);
	talloc_free(text);
}

void
so_event_warning(SoUnit *source, SoErrorCode code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	raise_text(source, (SoEventData){.type = SO_MESSAGE_WARNING, .code = code}, format, args);
	va_end(args);
}

void
so_event_message(SoUnit *source, SoMessageType type, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	raise_text(source, (SoEventData){.type = type}, format, args);
	va_end(args);
}
