/*
 * engine/model/property.c
 *
 * Looks properties up in the tables and reads them from loaded objects.
 * property_set.c changes them.
 *
 * Process: runner, client, loader.  Tables are constant; a loaded object is
 * immutable, and a copy belongs to the one thread that made it.
 */
#include "engine/model/property.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int
so_object_type_property_count(const SoObjectType *type)
{
	int count = 0;

	for (; type != NULL; type = type->base)
	{
		for (const SoProperty *property = type->properties; property->name != NULL; property++)
			count++;
	}
	return count;
}

const SoProperty *
so_object_type_property(const SoObjectType *type, int i)
{
	int inherited = so_object_type_property_count(type->base);

	if (i < inherited)
		return so_object_type_property(type->base, i);
	return &type->properties[i - inherited];
}

const SoProperty *
so_object_type_find(const SoObjectType *type, const char *name)
{
	for (; type != NULL; type = type->base)
	{
		for (const SoProperty *property = type->properties; property->name != NULL; property++)
		{
			if (strcmp(property->name, name) == 0)
				return property;
		}
	}
	return NULL;
}

/* The default text of a table as a value; tables are checked by a unit test. */
static SoValue
default_value(TALLOC_CTX *context, const SoProperty *property)
{
	const char *text = property->default_text;
	SoField scratch = {.property = property};
	SoValue source;
	SoError error;

	if (property->kind == SO_PROPERTY_VALUE)
	{
		char *end;
		long number = strtol(text, &end, 10);

		if (*text != '\0' && *end == '\0')
			return so_value_integer(SO_TYPE_I4, number);
		return so_value_string(context, text);
	}
	source = so_value_string(context, text);
	if (!so_field_convert(context, &scratch, &source, &error))
		assert(!"default of a property table does not fit its kind");
	return scratch.value;
}

static bool
is_scalar(SoPropertyKind kind)
{
	return kind < SO_PROPERTY_OBJECT;
}

/* Base's properties first, then own, in table order. */
static int
put_fields(SoObject *object, const SoObjectType *type, int next)
{
	if (type == NULL)
		return next;
	next = put_fields(object, type->base, next);
	for (const SoProperty *property = type->properties; property->name != NULL; property++)
	{
		SoField *field = &object->fields[next++];

		field->property = property;
		field->value = so_value_null(SO_TYPE_NONE);
		if (property->default_text != NULL && is_scalar(property->kind))
			field->value = default_value(object, property);
	}
	return next;
}

SoObject *
so_object_new(TALLOC_CTX *context, const SoObjectType *type)
{
	SoObject *object = talloc_zero(context, SoObject);

	object->type = type;
	object->field_count = so_object_type_property_count(type);
	object->fields = talloc_zero_array(object, SoField, object->field_count);
	put_fields(object, type, 0);
	return object;
}

SoObject *
so_object_copy(TALLOC_CTX *context, const SoObject *object)
{
	SoObject *copy = talloc(context, SoObject);

	*copy = *object;
	copy->fields = talloc_array(copy, SoField, object->field_count);
	memcpy(copy->fields, object->fields, sizeof(SoField) * (size_t) object->field_count);
	for (int i = 0; i < copy->field_count; i++)
	{
		if (is_scalar(copy->fields[i].property->kind))
			copy->fields[i].value = so_value_copy(copy, &object->fields[i].value);
	}
	return copy;
}

SoField *
so_object_field(const SoObject *object, const char *name)
{
	for (int i = 0; i < object->field_count; i++)
	{
		if (strcmp(object->fields[i].property->name, name) == 0)
			return &object->fields[i];
	}
	return NULL;
}

/* A getter that asks for what the table does not have is a bug, in any build. */
static SoField *
known_field(const SoObject *object, const char *name)
{
	SoField *field = so_object_field(object, name);

	if (field == NULL)
		abort();
	return field;
}

const char *
so_object_string(const SoObject *object, const char *name)
{
	SoField *field = known_field(object, name);

	if (field->value.type == SO_TYPE_NONE || field->value.is_null)
		return NULL;
	if (field->property->kind == SO_PROPERTY_ENUM)
		return field->property->enum_names[field->value.as.integer];
	assert(field->value.type == SO_TYPE_WSTR);
	return field->value.as.text.bytes;
}

bool
so_object_boolean(const SoObject *object, const char *name)
{
	SoField *field = known_field(object, name);

	assert(field->property->kind == SO_PROPERTY_BOOLEAN);
	return field->value.type == SO_TYPE_BOOL && !field->value.is_null && field->value.as.boolean;
}

int64_t
so_object_integer(const SoObject *object, const char *name)
{
	SoField *field = known_field(object, name);

	assert(field->property->kind == SO_PROPERTY_INT32 ||
		   field->property->kind == SO_PROPERTY_INT64 ||
		   field->property->kind == SO_PROPERTY_DURATION);
	if (field->value.type == SO_TYPE_NONE || field->value.is_null)
		return 0;
	return field->value.as.integer;
}

int
so_object_enum(const SoObject *object, const char *name)
{
	SoField *field = known_field(object, name);

	assert(field->property->kind == SO_PROPERTY_ENUM);
	if (field->value.type == SO_TYPE_NONE || field->value.is_null)
		return -1;
	return (int) field->value.as.integer;
}

bool
so_object_is_set(const SoObject *object, const char *name)
{
	return known_field(object, name)->is_set;
}
