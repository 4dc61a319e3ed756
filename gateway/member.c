/*
 * gateway/member.c
 *
 * Reads members of JSON objects and says precisely what is wrong with them.
 *
 * Process: gateway; one thread, no state.
 */
#include "gateway/member.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *
type_name(const json_t *value)
{
	switch (json_typeof(value))
	{
		case JSON_OBJECT:
			return "an object";
		case JSON_ARRAY:
			return "an array";
		case JSON_STRING:
			return "a string";
		case JSON_INTEGER:
			return "an integer";
		case JSON_REAL:
			return "a number with a fraction";
		case JSON_TRUE:
		case JSON_FALSE:
			return "a boolean";
		case JSON_NULL:
			return "null";
	}
	return "unknown";
}

/* "/held/3" and "task" become the place "/held/3/task". */
static void
set_pointer(SoError *error, const char *pointer, const char *name)
{
	if (error != NULL)
		snprintf(error->place, sizeof(error->place), "%s/%s", pointer, name);
}

static bool
wrong_type(const json_t *value, const char *pointer, const char *name, const char *wanted,
		   SoError *error)
{
	if (value == NULL)
		so_error_set(error, SO_ERR_REQUEST_MALFORMED, NULL, "%s/%s is missing", pointer, name);
	else
		so_error_set(error, SO_ERR_REQUEST_MALFORMED, NULL, "%s/%s must be %s, not %s", pointer,
					 name, wanted, type_name(value));
	set_pointer(error, pointer, name);
	return false;
}

bool
so_member_object(const json_t *value, const char *pointer, SoError *error)
{
	if (json_is_object(value))
		return true;
	return so_error_set(error, SO_ERR_REQUEST_MALFORMED, pointer, "%s must be an object, not %s",
						pointer[0] ? pointer : "the body", value ? type_name(value) : "missing");
}

bool
so_member_integer(const json_t *object, const char *pointer, const char *name, int64_t low,
				  int64_t high, int64_t *value, SoError *error)
{
	const json_t *member = json_object_get(object, name);

	if (!json_is_integer(member))
		return wrong_type(member, pointer, name, "an integer", error);
	*value = json_integer_value(member);
	if (*value >= low && *value <= high)
		return true;
	so_error_set(error, SO_ERR_REQUEST_MALFORMED, NULL,
				 "%s/%s is %" PRId64 ", not from %" PRId64 " to %" PRId64, pointer, name, *value,
				 low, high);
	set_pointer(error, pointer, name);
	return false;
}

bool
so_member_uuid(const json_t *object, const char *pointer, const char *name, SoUuid *value,
			   SoError *error)
{
	const json_t *member = json_object_get(object, name);

	if (!json_is_string(member))
		return wrong_type(member, pointer, name, "a UUID", error);
	if (so_uuid_parse(json_string_value(member), value))
		return true;
	so_error_set(error, SO_ERR_REQUEST_MALFORMED, NULL, "%s/%s is not a UUID", pointer, name);
	set_pointer(error, pointer, name);
	return false;
}

bool
so_member_text(const json_t *object, const char *pointer, const char *name, size_t limit,
			   const char **value, SoError *error)
{
	const json_t *member = json_object_get(object, name);

	if (!json_is_string(member))
		return wrong_type(member, pointer, name, "a string", error);
	*value = json_string_value(member);
	if (json_string_length(member) <= limit)
		return true;
	so_error_set(error, SO_ERR_REQUEST_MALFORMED, NULL, "%s/%s has more than %zu bytes", pointer,
				 name, limit);
	set_pointer(error, pointer, name);
	return false;
}

bool
so_member_array(const json_t *object, const char *pointer, const char *name, size_t limit,
				json_t **value, SoError *error)
{
	json_t *member = json_object_get(object, name);

	if (!json_is_array(member))
		return wrong_type(member, pointer, name, "an array", error);
	*value = member;
	if (json_array_size(member) <= limit)
		return true;
	so_error_set(error, SO_ERR_REQUEST_TOO_LARGE, NULL, "%s/%s has %zu elements, more than %zu",
				 pointer, name, json_array_size(member), limit);
	set_pointer(error, pointer, name);
	return false;
}
