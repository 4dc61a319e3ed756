/*
 * test/unit/task_fake.h
 *
 * The surroundings of a task for unit tests: the functions of
 * engine/tasks/task.h over plain arrays, recording what the task says.  Included
 * by one test file at a time; it takes the place of engine/control_flow.
 *
 * Process: unit tests.
 */
#ifndef TEST_UNIT_TASK_FAKE_H
#define TEST_UNIT_TASK_FAKE_H

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/connections/pool.h"
#include "engine/model/object_types.h"
#include "engine/tasks/task.h"

#define FAKE_VARIABLES 16

struct SoTaskRun
{
	TALLOC_CTX *context;
	SoObject *properties;
	const char *names[FAKE_VARIABLES + 1];
	SoValue values[FAKE_VARIABLES];
	int variable_count;
	SoObject *connections[4]; /* with their names in "name" */
	int connection_count;
	SoConnectionPool *pool;
	struct SoTransaction *transaction;
	int cancel_fd;
	char log[1 << 16]; /* one line an event */
	size_t log_length;
	int errors;
	SoError last_error;
	int64_t rows;
	SoValue execution_value;
};

static inline void
fake_log(SoTaskRun *run, const char *kind, const char *format, va_list args)
{
	size_t room = sizeof(run->log) - run->log_length;
	int used = snprintf(run->log + run->log_length, room, "%s: ", kind);

	if (used < 0 || (size_t) used >= room)
		return;
	run->log_length += (size_t) used;
	room -= (size_t) used;
	used = vsnprintf(run->log + run->log_length, room, format, args);
	if (used < 0 || (size_t) used + 1 >= room)
		return;
	run->log_length += (size_t) used;
	run->log[run->log_length++] = '\n';
	run->log[run->log_length] = '\0';
}

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
	(void) run;
	return NULL;
}

const char *
so_task_work_folder(const SoTaskRun *run)
{
	(void) run;
	return "/tmp";
}

const SoValue *
so_task_variable(const SoTaskRun *run, const char *name)
{
	for (int i = 0; i < run->variable_count; i++)
	{
		if (strcmp(run->names[i], name) == 0)
			return &run->values[i];
	}
	return NULL;
}

const char *const *
so_task_variable_names(const SoTaskRun *run)
{
	return (const char *const *) run->names;
}

bool
so_task_set_variable(SoTaskRun *run, const char *name, const SoValue *value, SoError *error)
{
	for (int i = 0; i < run->variable_count; i++)
	{
		if (strcmp(run->names[i], name) == 0)
			return so_value_convert(run->context, value, run->values[i].type, &run->values[i],
									error);
	}
	return so_error_set(error, SO_ERR_TASK_BINDING, NULL, "there is no variable \"%s\"", name);
}

void
so_task_error(SoTaskRun *run, const SoError *error)
{
	run->errors++;
	run->last_error = *error;
}

void
so_task_warning(SoTaskRun *run, SoErrorCode code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fake_log(run, so_error_state(code), format, args);
	va_end(args);
}

void
so_task_information(SoTaskRun *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fake_log(run, "information", format, args);
	va_end(args);
}

void
so_task_output_line(SoTaskRun *run, const char *stream, const char *line)
{
	/* As in the task log. */
	if (strcmp(stream, "stderr") == 0)
		so_task_information(run, "(stderr) %s", line);
	else
		so_task_information(run, "%s", line);
}

void
so_task_progress(SoTaskRun *run, int percent, int64_t low, int64_t high, const char *description)
{
	(void) run;
	(void) percent;
	(void) low;
	(void) high;
	(void) description;
}

void
so_task_custom_event(SoTaskRun *run, const char *entry, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fake_log(run, entry, format, args);
	va_end(args);
}

void
so_task_set_execution_value(SoTaskRun *run, const SoValue *value)
{
	run->execution_value = *value;
}

void
so_task_set_row_count(SoTaskRun *run, int64_t rows)
{
	run->rows = rows;
}

bool
so_task_cancelled(const SoTaskRun *run)
{
	eventfd_t count;

	if (eventfd_read(run->cancel_fd, &count) != 0)
		return false;
	return eventfd_write(run->cancel_fd, count) == 0;
}

int
so_task_cancel_fd(const SoTaskRun *run)
{
	return run->cancel_fd;
}

const SoObject *
so_task_connection_properties(SoTaskRun *run, const char *name, SoError *error)
{
	for (int i = 0; i < run->connection_count; i++)
	{
		if (strcmp(so_object_string(run->connections[i], "name"), name) == 0)
			return run->connections[i];
	}
	so_error_set(error, SO_ERR_TASK_CONNECTION_UNKNOWN, NULL, "no connection \"%s\"", name);
	return NULL;
}

struct SoConnectionPool *
so_task_pool(SoTaskRun *run)
{
	return run->pool;
}

struct SoTransaction *
so_task_transaction(SoTaskRun *run)
{
	return run->transaction;
}

/* ---- for the tests ---- */

static inline SoTaskRun *
fake_run_new(const SoTaskType *type)
{
	TALLOC_CTX *context = talloc_new(NULL);
	SoTaskRun *run = talloc_zero(context, SoTaskRun);

	run->context = context;
	run->properties = so_object_new(context, type->object_type);
	run->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	run->rows = -1;
	return run;
}

static inline void
fake_run_free(SoTaskRun *run)
{
	close(run->cancel_fd);
	talloc_free(run->context);
}

/* Set a scalar property of an object from text. */
static inline void
fake_set_on(SoObject *object, const char *name, const char *text)
{
	SoValue value = so_value_string(object, text);
	SoError error;

	if (!so_object_set(object, name, &value, &error))
	{
		fprintf(stderr, "%s: %s\n", name, error.message);
		abort();
	}
}

static inline void
fake_set(SoTaskRun *run, const char *name, const char *text)
{
	fake_set_on(run->properties, name, text);
}

/* A STRING_LIST from NULL-terminated arguments. */
static inline void
fake_set_list(SoTaskRun *run, const char *name, ...)
{
	SoField *field = so_object_field(run->properties, name);
	const char *text;
	va_list args;

	field->is_set = true;
	va_start(args, name);
	while ((text = va_arg(args, const char *)) != NULL)
	{
		field->strings = talloc_realloc(run->context, field->strings, char *, field->count + 1);
		field->strings[field->count++] = talloc_strdup(run->context, text);
	}
	va_end(args);
}

/* One more object of an OBJECT_LIST; returns it. */
static inline SoObject *
fake_add_object(SoTaskRun *run, const char *name)
{
	SoField *field = so_object_field(run->properties, name);

	field->is_set = true;
	field->objects = talloc_realloc(run->context, field->objects, SoObject *, field->count + 1);
	field->objects[field->count] = so_object_new(run->context, field->property->item_type);
	return field->objects[field->count++];
}

static inline void
fake_variable(SoTaskRun *run, const char *name, SoDataType type, const char *text)
{
	SoError error;

	run->names[run->variable_count] = name;
	if (type == SO_TYPE_OBJECT)
		run->values[run->variable_count] = so_value_default(run->context, type);
	else if (!so_value_from_text(run->context, type, text, &run->values[run->variable_count],
								 &error))
		abort();
	run->variable_count++;
}

static inline char *
fake_text(SoTaskRun *run, const char *name)
{
	return so_value_to_text(run->context, so_task_variable(run, name));
}

static inline SoObject *
fake_connection(SoTaskRun *run, const char *type, const char *name)
{
	SoObject *object = so_object_new(run->context, so_connection_type_find(type));

	fake_set_on(object, "name", name);
	run->connections[run->connection_count++] = object;
	return object;
}

#endif /* TEST_UNIT_TASK_FAKE_H */
