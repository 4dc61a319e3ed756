/*
 * engine/control_flow/event_sink.c
 *
 * Gives events to whoever runs the package: what of them is wanted at its logging
 * level, with everything that an event is written down with.
 *
 * Process: runner and client, control thread only.  What the sink has not passed on
 * when the process dies is lost with the attempt.
 */
#include "engine/control_flow/event_sink.h"

#include <string.h>

#include "engine/control_flow/event_name.h"
#include "engine/model/object_types.h"

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

void
so_event_write(SoUnit *source, const SoEventData *data)
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
	event.subcomponent = data->subcomponent != NULL ? data->subcomponent : "";
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
