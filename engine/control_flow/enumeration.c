/*
 * engine/control_flow/enumeration.c
 *
 * What several Foreach enumerators share: reading a variable, a file behind a
 * connection manager, and running over a JSON array.
 *
 * Process: runner and client, control thread only.
 */
#include "engine/control_flow/enumeration.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/control_flow/property_expression.h"
#include "engine/control_flow/lookup.h"
#include "engine/control_flow/task_thread.h"

/* Bytes; a document that a loop runs over is read into memory. */
#define FILE_LIMIT (256L * 1024 * 1024)

const SoValue *
so_enumeration_variable(SoUnit *unit, const SoObject *properties, TALLOC_CTX *context,
						SoError *error)
{
	const char *name = so_property_text(properties, "variable");
	SoLookup scope;

	if (name == NULL)
	{
		so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path,
					 "the enumerator of \"%s\" names no variable", unit->executable->name);
		return NULL;
	}
	so_lookup_init(&scope, unit, context);
	return so_lookup_value(&scope, name, error);
}

/* A pipe without a writer would hold the control thread for ever; NULL with errno. */
static FILE *
open_regular_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) == 0 && !S_ISREG(status.st_mode))
		errno = S_ISDIR(status.st_mode) ? EISDIR : ENOTSUP;
	else
	{
		FILE *file = fdopen(fd, "r");

		if (file != NULL)
			return file;
	}
	close(fd);
	return NULL;
}

static char *
read_whole_file(TALLOC_CTX *context, const char *path, size_t *length)
{
	FILE *file = open_regular_file(path);
	char *text = NULL;
	size_t used = 0;
	size_t got;

	if (file == NULL)
		return NULL;
	do
	{
		text = talloc_realloc(context, text, char, used + 65536 + 1);
		got = fread(text + used, 1, 65536, file);
		used += got;
	} while (got > 0 && used < FILE_LIMIT);
	if (ferror(file) || used >= FILE_LIMIT)
	{
		if (!ferror(file))
			errno = EFBIG;
		TALLOC_FREE(text);
	}
	else
		text[used] = '\0';
	fclose(file);
	*length = used;
	return text;
}

char *
so_enumeration_connection_file(SoUnit *unit, const SoObject *properties, TALLOC_CTX *context,
							   size_t *length, SoError *error)
{
	const char *name = so_property_text(properties, "connection");
	SoTaskRun *run;
	const SoObject *connection;
	const char *path = NULL;
	char *text = NULL;

	/* Connection managers may have expressions: look at them with a task's eyes. */
	run = so_task_run_new(unit);
	so_lookup_snapshot(unit, run);
	connection = name != NULL ? so_task_connection_properties(run, name, error) : NULL;
	if (connection != NULL)
		path = so_property_text(connection, "connection_string");
	if (name == NULL || (connection != NULL && path == NULL))
		so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path,
					 "the enumerator of \"%s\" names no file connection", unit->executable->name);
	else if (path != NULL)
	{
		text = read_whole_file(context, path, length);
		if (text == NULL)
		{
			so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path,
						 "file \"%s\" of connection manager \"%s\" cannot be read", path, name);
			so_error_detail(error, "%s.", strerror(errno));
		}
	}
	talloc_free(run->context);
	return text;
}

/* ---- over a JSON array ---- */

/* A value as its JSON type says; NULL stays NULL. */
static bool
natural_value(TALLOC_CTX *context, json_t *json, SoValue *value)
{
	switch (json_typeof(json))
	{
		case JSON_TRUE:
		case JSON_FALSE:
			*value = so_value_boolean(json_is_true(json));
			break;
		case JSON_INTEGER:
			*value = so_value_integer(SO_TYPE_I8, json_integer_value(json));
			break;
		case JSON_REAL:
			*value = so_value_real(SO_TYPE_R8, json_real_value(json));
			break;
		case JSON_STRING:
			*value =
				so_value_string_length(context, json_string_value(json), json_string_length(json));
			break;
		case JSON_NULL:
			*value = so_value_null(SO_TYPE_WSTR);
			break;
		default:
			*value = so_value_object(context, json);
			break;
	}
	return true;
}

/* The position of a column in the rows of a result set, -1 when there is none. */
static int
column_index(const json_t *names, const char *column)
{
	for (size_t i = 0; i < json_array_size(names); i++)
	{
		const char *name = json_string_value(json_array_get(names, i));

		if (name != NULL && strcmp(name, column) == 0)
			return (int) i;
	}
	return -1;
}

static json_t *
part_of(const SoEnumeration *enumeration, json_t *item, int index, const char *column)
{
	void *position;

	if (column != NULL && enumeration->names_of_columns != NULL && json_is_array(item))
	{
		index = column_index(enumeration->names_of_columns, column);
		return index >= 0 ? json_array_get(item, (size_t) index) : NULL;
	}
	if (column != NULL)
		return json_object_get(item, column);
	if (index < 0)
		return NULL;
	if (json_is_array(item))
		return json_array_get(item, (size_t) index);
	if (json_is_object(item))
	{
		/* jansson keeps the order of the members, so an index is a column. */
		position = json_object_iter(item);
		while (index-- > 0 && position != NULL)
			position = json_object_iter_next(item, position);
		return position != NULL ? json_object_iter_value(position) : NULL;
	}
	return index == 0 ? item : NULL;
}

static bool
json_value(const SoEnumeration *enumeration, int64_t i, int index, const char *column,
		   TALLOC_CTX *context, SoValue *value, SoError *error)
{
	json_t *part =
		part_of(enumeration, json_array_get(enumeration->array, (size_t) i), index, column);

	if (part == NULL && column != NULL)
		return so_error_set(error, SO_ERR_RUN_ENUMERATOR, NULL, "the item has no member \"%s\"",
							column);
	if (part == NULL)
		return so_error_set(error, SO_ERR_RUN_ENUMERATOR, NULL, "the item has no index %d", index);
	if (index < enumeration->column_count && column == NULL && !json_is_null(part))
		return so_value_from_json(context, enumeration->columns[index], part, value, error);
	return natural_value(context, part, value);
}

static int
release_array(SoEnumeration *enumeration)
{
	json_decref(enumeration->array);
	json_decref(enumeration->names_of_columns);
	return 0;
}

SoEnumeration *
so_enumeration_of_json(TALLOC_CTX *context, json_t *array)
{
	SoEnumeration *enumeration = talloc_zero(context, SoEnumeration);

	enumeration->array = json_incref(array);
	enumeration->count = (int64_t) json_array_size(array);
	enumeration->value = json_value;
	talloc_set_destructor(enumeration, release_array);
	return enumeration;
}
