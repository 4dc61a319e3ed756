/*
 * engine/tasks/outcome.c
 *
 * Small steps that every task takes: reading properties and variables, and
 * turning an error into the task's result.
 *
 * Process: runner and client, in a task's thread.  Works on the task's own run
 * only.
 */
#include "engine/tasks/outcome.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

SoExecutionResult
so_outcome_failed(SoTaskRun *run, const SoError *error)
{
	if (error->code == SO_ERR_TASK_CANCELLED)
		return SO_RESULT_CANCELED;
	so_task_error(run, error);
	return SO_RESULT_FAILURE;
}

const char *
so_outcome_variable_text(SoTaskRun *run, const char *name, SoError *error)
{
	const SoValue *value = so_task_variable(run, name);

	if (value == NULL)
	{
		so_error_set(error, SO_ERR_TASK_BINDING, NULL, "there is no variable \"%s\"", name);
		return NULL;
	}
	return so_value_to_text(so_task_context(run), value);
}

bool
so_outcome_set_text(SoTaskRun *run, const char *name, const char *text, size_t length,
					SoError *error)
{
	SoValue value = so_value_string_length(so_task_context(run), text, length);

	return so_task_set_variable(run, name, &value, error);
}

bool
so_outcome_set_integer(SoTaskRun *run, const char *name, int64_t number, SoError *error)
{
	SoValue value = so_value_integer(SO_TYPE_I8, number);

	return so_task_set_variable(run, name, &value, error);
}

const char *
so_outcome_property(const SoObject *properties, const char *name)
{
	const char *text = so_object_string(properties, name);

	return text != NULL && text[0] != '\0' ? text : NULL;
}

void
so_outcome_finding(SoTaskValidation *validation, bool is_warning, const char *property,
				   const char *message, const char *hint)
{
	SoError error;

	so_error_set(&error, SO_ERR_TASK_PROPERTY, NULL, "%s", message);
	if (hint != NULL)
		so_error_hint(&error, "%s", hint);
	validation->report(validation, is_warning, property, &error);
}

char *
so_outcome_read_file(TALLOC_CTX *context, const char *path, size_t limit, size_t *length,
					 SoError *error)
{
	/* O_NONBLOCK: opening a pipe would wait for its writer, and no cancel could end that. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	char *bytes;
	size_t used = 0;

	if (fd < 0 || fstat(fd, &status) != 0)
	{
		so_error_set(error, SO_ERR_TASK_FILE, path, "cannot read \"%s\": %s", path,
					 strerrordesc_np(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (!S_ISREG(status.st_mode) || (size_t) status.st_size > limit)
	{
		so_error_set(error, SO_ERR_TASK_FILE, path,
					 "\"%s\" is not a regular file of at most %zu bytes", path, limit);
		close(fd);
		return NULL;
	}
	bytes = talloc_size(context, (size_t) status.st_size + 1);
	while (used < (size_t) status.st_size)
	{
		ssize_t got = read(fd, bytes + used, (size_t) status.st_size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
		{
			so_error_set(error, SO_ERR_TASK_FILE, path, "cannot read \"%s\": %s", path,
						 strerrordesc_np(errno));
			close(fd);
			return NULL;
		}
		if (got == 0)
			break;
		used += (size_t) got;
	}
	close(fd);
	bytes[used] = '\0';
	if (length != NULL)
		*length = used;
	return bytes;
}
