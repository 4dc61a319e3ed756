/*
 * engine/control_flow/task_thread.c
 *
 * One thread per running task, with a bounded stack; the thread's last act is
 * the message that it has ended, after which the control thread joins it.
 *
 * Process: runner and client.  A SoTaskRun belongs to its thread from
 * pthread_create until that message; then to the control thread again.
 */
#include "engine/control_flow/task_thread.h"

#include <signal.h>
#include <string.h>

#include "common/fault.h"
#include "engine/control_flow/event.h"
#include "engine/control_flow/lookup.h"
#include "engine/control_flow/unit_checkpoint.h"

/* Bytes.  Enough for libcurl, libpq and name resolution, with SoError values on it. */
#define TASK_STACK_SIZE (1024 * 1024)

SoTaskRun *
so_task_run_new(SoUnit *unit)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoTaskRun *run = talloc_zero(context, SoTaskRun);

	run->context = context;
	run->unit = unit;
	run->executable = unit->executable;
	run->properties = unit->properties;
	run->queue = unit->run->queue;
	run->pool = unit->run->pool;
	run->transaction = unit->transaction;
	run->cancel = unit->ignores_cancel ? &unit->run->hard_cancel : &unit->run->cancel;
	run->work_folder = unit->run->work_folder;
	run->chain_id = unit->run->chain_id;
	run->attempt = unit->run->attempt;
	run->marker_path = so_unit_checkpoint_marker_path(run, unit);
	run->items = so_unit_checkpoint_items(run, unit);
	run->result = SO_RESULT_FAILURE;
	run->row_count = -1;
	run->connection_count = unit->package_run->connection_count;
	run->connections = talloc_array(run, SoTaskConnection, run->connection_count);
	for (int i = 0; i < run->connection_count; i++)
		run->connections[i] = unit->package_run->connections[i];
	return run;
}

static void
say_ended(SoTaskRun *run, bool may_wait)
{
	SoMessage *message = so_message_new(run->unit, SO_MESSAGE_CUSTOM);

	message->task_ended = true;
	so_message_queue_put(run->queue, message, may_wait);
}

static void *
thread_main(void *argument)
{
	SoTaskRun *run = argument;

	run->result = run->main(run);
	SO_FAULT("engine.task.before_completion");
	say_ended(run, true);
	return NULL;
}

/* Signals are the control thread's business: task threads are born with all of them blocked. */
static bool
start_thread(SoTaskRun *run, SoError *error)
{
	pthread_attr_t attributes;
	sigset_t all;
	sigset_t before;
	int code;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, TASK_STACK_SIZE);
	run->in_thread = true; /* before the thread can look at it */
	code = pthread_create(&run->thread, &attributes, thread_main, run);
	pthread_attr_destroy(&attributes);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (code == 0)
		return true;
	run->in_thread = false;
	so_error_set(error, SO_ERR_RUN_THREAD, run->executable->path, "no thread for task \"%s\"",
				 run->executable->name);
	return so_error_detail(error, "pthread_create: %s.", strerror(code));
}

static void
add_active(SoUnit *unit)
{
	unit->active_previous = NULL;
	unit->active_next = unit->run->active;
	if (unit->active_next != NULL)
		unit->active_next->active_previous = unit;
	unit->run->active = unit;
}

static void
remove_active(SoUnit *unit)
{
	if (unit->active_previous != NULL)
		unit->active_previous->active_next = unit->active_next;
	else
		unit->run->active = unit->active_next;
	if (unit->active_next != NULL)
		unit->active_next->active_previous = unit->active_previous;
}

/* What the task assigned becomes visible to everybody. */
static void
apply_variables(SoUnit *unit, SoTaskRun *run)
{
	for (int i = 0; i < run->variable_count; i++)
	{
		SoError error;

		if (run->variables[i].changed &&
			!so_lookup_assign(unit, run->variables[i].name, &run->variables[i].value, &error))
			so_event_error(unit, &error);
	}
}

static void
task_ended(SoUnit *unit, SoExecutionResult result)
{
	SoTaskRun *run = unit->task;

	apply_variables(unit, run);
	unit->task_ran = true;
	unit->row_count = run->row_count;
	if (run->has_execution_value)
	{
		unit->execution_value = so_value_copy(unit, &run->execution_value);
		unit->has_execution_value = true;
	}
	so_unit_executed(
		unit, result == SO_RESULT_CANCELED && !so_unit_canceled(unit) ? SO_RESULT_FAILURE : result);
}

void
so_task_thread_start(SoUnit *unit)
{
	const SoTaskType *type = unit->executable->task_type;
	SoTaskRun *run;
	SoError error;

	if (type == NULL)
	{
		so_error_set(&error, SO_ERR_RUN_TASK_UNSUPPORTED, unit->executable->path,
					 "\"%s\" is of a kind that this version cannot run", unit->executable->name);
		so_event_error(unit, &error);
		so_unit_executed(unit, SO_RESULT_FAILURE);
		return;
	}
	run = so_task_run_new(unit);
	so_lookup_snapshot(unit, run);
	run->main = type->run;
	run->ended = task_ended;
	unit->task = run;
	add_active(unit);
	if ((type->flags & SO_TASK_IN_CONTROL_THREAD) != 0)
	{
		/* Its messages come out of the queue in order, its end after them. */
		run->result = type->run(run);
		say_ended(run, false);
		return;
	}
	if (start_thread(run, &error))
		return;
	remove_active(unit);
	unit->task = NULL;
	talloc_free(run->context);
	so_event_error(unit, &error);
	so_unit_executed(unit, SO_RESULT_FAILURE);
}

void
so_task_thread_job(SoUnit *unit, SoTransaction *transaction,
				   SoExecutionResult (*main)(SoTaskRun *run),
				   void (*ended)(SoUnit *unit, SoExecutionResult result))
{
	SoTaskRun *run = so_task_run_new(unit);
	SoError error;

	run->transaction = transaction;
	run->main = main;
	run->ended = ended;
	unit->task = run;
	add_active(unit);
	if (start_thread(run, &error))
		return;
	/* It must happen all the same; the control thread can wait for once. */
	run->result = main(run);
	say_ended(run, false);
}

static void
take_end(SoUnit *unit)
{
	SoTaskRun *run = unit->task;

	if (run->in_thread)
		pthread_join(run->thread, NULL);
	remove_active(unit);
	SO_FAULT("engine.task.during_completion");
	run->ended(unit, run->result);
	unit->task = NULL;
	talloc_free(run->context);
}

static void
take_event(const SoMessage *message)
{
	SoEventData data = {.type = message->type,
						.message = message->text,
						.entry = message->entry,
						.subcomponent = message->subcomponent,
						.percent = message->percent,
						.low = message->low,
						.high = message->high,
						.time_us = message->time_us,
						.thread_id = message->thread_id};

	if (message->error != NULL)
		data.code = message->error->code;
	so_event_raise(message->unit, &data);
}

void
so_task_thread_messages(SoRun *run)
{
	SoMessage *message;

	while ((message = so_message_queue_take(run->queue)) != NULL)
	{
		if (message->task_ended)
			take_end(message->unit);
		else
			take_event(message);
		talloc_free(message);
	}
}
