/*
 * engine/control_flow/task_door.c
 *
 * The functions of engine/tasks/task.h that a running task calls, except for
 * sessions (engine/connections).
 *
 * Process: runner and client; runs in the task's thread (or in the control
 * thread for tasks that live there).  It works on the task's own copies and
 * tells the control thread by messages, so nothing needs a lock.
 */
#include <stdarg.h>
#include <string.h>

#include "common/utf8.h"
#include "engine/control_flow/event.h"
#include "engine/control_flow/event_name.h"
#include "engine/control_flow/message_queue.h"
#include "engine/control_flow/property_expression.h"
#include "engine/control_flow/task_run.h"

const SoObject *
so_task_properties(const SoTaskRun *run)
{
	return run->properties;
}

TALLOC_CTX *
so_task_context(SoTaskRun *run)
{
	return run->context;
}

const SoExecutable *
so_task_executable(const SoTaskRun *run)
{
	return run->executable;
}

const char *
so_task_work_folder(const SoTaskRun *run)
{
	return run->work_folder;
}

const char *const *
so_task_variable_names(const SoTaskRun *run)
{
	return run->variable_names;
}

SoConnectionPool *
so_task_pool(SoTaskRun *run)
{
	return run->pool;
}

SoTransaction *
so_task_transaction(SoTaskRun *run)
{
	return run->transaction;
}

/* ---- variables ---- */

/* Inner variables come first in the array; names without namespace mean any. */
static SoTaskVariable *
find_variable(const SoTaskRun *run, const char *name)
{
	bool qualified = strstr(name, "::") != NULL;

	for (int i = 0; i < run->variable_count; i++)
	{
		const char *full = run->variables[i].name;
		const char *bare = strstr(full, "::");

		if (!qualified && full[0] == '$')
			continue;
		if (strcmp(qualified || bare == NULL ? full : bare + 2, name) == 0)
			return &run->variables[i];
	}
	return NULL;
}

static SoDataType
resolve_type(void *context, const char *name)
{
	const SoTaskVariable *variable = find_variable(context, name);

	return variable != NULL ? variable->type : SO_TYPE_NONE;
}

static const SoValue *
resolve_value(void *context, const char *name)
{
	SoTaskRun *run = context;
	SoTaskVariable *variable = find_variable(run, name);
	SoExpressionResolver resolver = so_task_run_resolver(run);
	SoValue value;
	bool good;

	if (variable == NULL || variable->evaluating)
		return NULL;
	if (variable->expression == NULL)
		return &variable->value;
	variable->evaluating = true;
	good = so_expression_evaluate(variable->expression, run->context, &resolver, &value, NULL) &&
		   so_value_convert(run->context, &value, variable->type, &variable->value, NULL);
	variable->evaluating = false;
	return good ? &variable->value : NULL;
}

static bool
resolve_assign(void *context, const char *name, const SoValue *value, SoError *error)
{
	return so_task_set_variable(context, name, value, error);
}

SoExpressionResolver
so_task_run_resolver(SoTaskRun *run)
{
	SoExpressionResolver resolver = {
		.context = run, .declare = resolve_type, .lookup = resolve_value, .assign = resolve_assign};

	return resolver;
}

const SoValue *
so_task_variable(const SoTaskRun *run, const char *name)
{
	return resolve_value((SoTaskRun *) (uintptr_t) run, name);
}

/*
 * What programs and servers send need not be text.  Expressions, checkpoints and
 * databases take UTF-8 without zero bytes only, and a checkpoint would give back
 * something else than was put in.  True when bytes were replaced.
 */
static bool
clean_text(TALLOC_CTX *context, SoValue *value)
{
	SoByteBuffer clean;
	bool changed = false;

	if (value->is_null || !so_data_type_is_character(value->type) || value->as.text.length == 0)
		return false;
	so_byte_buffer_init(&clean);
	so_utf8_put_clean(&clean, (const uint8_t *) value->as.text.bytes, value->as.text.length);
	if (!clean.failed &&
		(so_byte_buffer_length(&clean) != value->as.text.length ||
		 memcmp(clean.data + clean.start, value->as.text.bytes, value->as.text.length) != 0))
	{
		*value = so_value_bytes(context, value->type, (const char *) clean.data + clean.start,
								so_byte_buffer_length(&clean));
		changed = true;
	}
	so_byte_buffer_free(&clean);
	return changed;
}

bool
so_task_set_variable(SoTaskRun *run, const char *name, const SoValue *value, SoError *error)
{
	SoTaskVariable *variable = find_variable(run, name);
	SoError cause = {0};
	SoValue converted;

	if (variable == NULL)
		return so_error_set(error, SO_ERR_RUN_VARIABLE_UNKNOWN, run->executable->path,
							"there is no variable \"%s\" here", name);
	if (!variable->writable)
		return so_error_set(error, SO_ERR_RUN_VARIABLE_READ_ONLY, run->executable->path,
							"\"%s\" is read only", variable->name);
	if (value->is_null)
		return so_error_set(error, SO_ERR_RUN_VARIABLE_VALUE, run->executable->path,
							"variable \"%s\" cannot be NULL", variable->name);
	if (!so_value_convert(run->context, value, variable->type, &converted, &cause))
	{
		so_error_set(error, SO_ERR_RUN_VARIABLE_VALUE, run->executable->path,
					 "the value does not fit variable \"%s\": %s", variable->name, cause.message);
		return so_error_detail(error, "%s", cause.detail);
	}
	if (clean_text(run->context, &converted))
		so_task_warning(run, SO_ERR_TASK_TEXT_REPLACED,
						"what variable \"%s\" was given is not UTF-8 text: U+FFFD stands for the "
						"bytes that are no characters",
						variable->name);
	variable->value = converted;
	variable->changed = true;
	return true;
}

/* ---- events ---- */

static void
send(SoTaskRun *run, SoMessage *message)
{
	so_message_queue_put(run->queue, message, run->in_thread);
}

void
so_task_error(SoTaskRun *run, const SoError *error)
{
	SoMessage *message = so_message_new(run->unit, SO_MESSAGE_ERROR);

	message->error = talloc_memdup(message, error, sizeof(*error));
	message->text = so_event_error_text(message, error);
	run->errors_raised++;
	send(run, message);
}

void
so_task_warning(SoTaskRun *run, SoErrorCode code, const char *format, ...)
{
	SoMessage *message = so_message_new(run->unit, SO_MESSAGE_WARNING);
	va_list args;

	message->error = talloc_zero(message, SoError);
	message->error->code = code;
	va_start(args, format);
	message->text = talloc_vasprintf(message, format, args);
	va_end(args);
	send(run, message);
}

void
so_task_information(SoTaskRun *run, const char *format, ...)
{
	SoMessage *message = so_message_new(run->unit, SO_MESSAGE_INFORMATION);
	va_list args;

	va_start(args, format);
	message->text = talloc_vasprintf(message, format, args);
	va_end(args);
	send(run, message);
}

void
so_task_output_line(SoTaskRun *run, const char *stream, const char *line)
{
	SoMessage *message = so_message_new(run->unit, SO_MESSAGE_INFORMATION);

	message->subcomponent = stream;
	message->text = talloc_strdup(message, line);
	send(run, message);
}

void
so_task_progress(SoTaskRun *run, int percent, int64_t low, int64_t high, const char *description)
{
	SoMessage *message = so_message_new(run->unit, SO_MESSAGE_PROGRESS);

	message->percent = percent;
	message->low = low;
	message->high = high;
	message->text = talloc_strdup(message, description != NULL ? description : "");
	send(run, message);
}

void
so_task_custom_event(SoTaskRun *run, const char *entry, const char *format, ...)
{
	SoMessage *message = so_message_new(run->unit, SO_MESSAGE_CUSTOM);
	va_list args;

	message->entry = talloc_strdup(message, entry);
	va_start(args, format);
	message->text = talloc_vasprintf(message, format, args);
	va_end(args);
	send(run, message);
}

/* ---- results ---- */

void
so_task_set_execution_value(SoTaskRun *run, const SoValue *value)
{
	run->execution_value = so_value_copy(run->context, value);
	(void) clean_text(run->context, &run->execution_value);
	run->has_execution_value = true;
}

void
so_task_set_row_count(SoTaskRun *run, int64_t rows)
{
	run->row_count = rows;
}

bool
so_task_cancelled(const SoTaskRun *run)
{
	return atomic_load(&run->cancel->raised);
}

int
so_task_cancel_fd(const SoTaskRun *run)
{
	return run->cancel->fd;
}

/* ---- connection managers ---- */

const SoObject *
so_task_connection_properties(SoTaskRun *run, const char *name, SoError *error)
{
	for (int i = 0; i < run->connection_count; i++)
	{
		SoTaskConnection *connection = &run->connections[i];
		const SoConnectionManager *manager = connection->manager;
		SoExpressionResolver resolver = so_task_run_resolver(run);
		char *place;

		if (strcmp(manager->name, name) != 0 && strcmp(manager->id, name) != 0)
			continue;
		if (manager->expression_count == 0)
			return connection->object;
		if (connection->evaluated != NULL)
			return connection->evaluated;
		place = talloc_asprintf(run->context, "\\Package.Connections[%s]", manager->name);
		connection->evaluated = so_property_apply(
			run->context, connection->object, manager->expressions, connection->expressions,
			manager->expression_count, &resolver, place, error);
		talloc_free(place);
		return connection->evaluated;
	}
	so_error_set(error, SO_ERR_RUN_CONNECTION_UNKNOWN, run->executable->path,
				 "there is no connection manager \"%s\"", name);
	return NULL;
}
