/*
 * engine/control_flow/property_expression.c
 *
 * Compiles property expressions once per package run and applies them to a
 * copy of the object for each unit.
 *
 * Process: runner and client.  so_property_apply works on its arguments only;
 * the rest belongs to the control thread.
 */
#include "engine/control_flow/property_expression.h"

#include <stdio.h>
#include <string.h>

#include "engine/control_flow/lookup.h"

bool
so_property_boolean(const SoObject *object, const char *name, bool missing)
{
	const SoField *field = object != NULL ? so_object_field(object, name) : NULL;

	if (field == NULL || field->value.is_null || field->value.type != SO_TYPE_BOOL)
		return missing;
	return field->value.as.boolean;
}

int64_t
so_property_integer(const SoObject *object, const char *name, int64_t missing)
{
	const SoField *field = object != NULL ? so_object_field(object, name) : NULL;

	if (field == NULL || field->value.is_null || field->value.type == SO_TYPE_NONE ||
		field->value.type < SO_TYPE_I1 || field->value.type > SO_TYPE_UI8)
		return missing;
	return field->value.as.integer;
}

const char *
so_property_text(const SoObject *object, const char *name)
{
	const SoField *field = object != NULL ? so_object_field(object, name) : NULL;

	if (field == NULL || field->value.is_null ||
		(field->value.type != SO_TYPE_WSTR && field->value.type != SO_TYPE_STR &&
		 field->value.type != SO_TYPE_NTEXT && field->value.type != SO_TYPE_TEXT))
		return NULL;
	return field->value.as.text.bytes;
}

const char *
so_property_enum_name(const SoObject *object, const char *name)
{
	const SoField *field = object != NULL ? so_object_field(object, name) : NULL;
	int index;

	if (field == NULL || field->property->enum_names == NULL)
		return NULL;
	index = so_object_enum(object, name);
	return index < 0 ? NULL : field->property->enum_names[index];
}

SoExpression **
so_property_compile(TALLOC_CTX *context, SoUnit *unit, const SoPropertyExpression *sources,
					int count, const char *place, SoError *error)
{
	SoExpression **expressions = talloc_zero_array(context, SoExpression *, count + 1);
	char where[768];

	for (int i = 0; i < count; i++)
	{
		snprintf(where, sizeof(where), "%s.Properties[%s]", place, sources[i].property->name);
		expressions[i] = so_lookup_compile(expressions, unit, sources[i].text, false, where, error);
		if (expressions[i] == NULL)
		{
			talloc_free(expressions);
			return NULL;
		}
	}
	return expressions;
}

SoObject *
so_property_apply(TALLOC_CTX *context, const SoObject *object, const SoPropertyExpression *sources,
				  SoExpression *const *expressions, int count, const SoExpressionResolver *resolver,
				  const char *place, SoError *error)
{
	SoObject *copy = so_object_copy(context, object);

	for (int i = 0; i < count; i++)
	{
		SoValue value;
		SoError cause = {0};

		if (so_expression_evaluate(expressions[i], copy, resolver, &value, &cause) &&
			so_object_set(copy, sources[i].property->name, &value, &cause))
			continue;
		so_error_set(error, SO_ERR_RUN_PROPERTY_EXPRESSION, place,
					 "the expression of property \"%s\" failed: %s", sources[i].property->name,
					 cause.message);
		so_error_detail(error, "%s", cause.detail[0] ? cause.detail : sources[i].text);
		so_error_hint(error, "%s",
					  cause.hint[0] ? cause.hint
									: so_error_default_hint(SO_ERR_RUN_PROPERTY_EXPRESSION));
		talloc_free(copy);
		return NULL;
	}
	return copy;
}

bool
so_property_evaluate(SoUnit *unit, SoError *error)
{
	const SoExecutable *executable = unit->executable;
	SoExecutableState *state = unit->state;
	SoLookup scope;
	SoObject *result;

	unit->properties = state->object;
	if (executable->expression_count == 0)
		return true;
	if (state->expressions == NULL)
		state->expressions =
			so_property_compile(unit->package_run, unit, executable->expressions,
								executable->expression_count, executable->path, error);
	if (state->expressions == NULL)
		return false;
	so_lookup_init(&scope, unit, talloc_new(unit));
	result =
		so_property_apply(unit, state->object, executable->expressions, state->expressions,
						  executable->expression_count, &scope.resolver, executable->path, error);
	talloc_free(scope.scratch);
	if (result == NULL)
		return false;
	unit->properties = result;
	return true;
}

const SoObject *
so_property_enumerator(SoUnit *unit, TALLOC_CTX *context, SoError *error)
{
	const SoExecutable *executable = unit->executable;
	SoExecutableState *state = unit->state;
	SoLookup scope;
	SoObject *result;

	if (executable->enumerator_expression_count == 0)
		return executable->enumerator;
	if (state->enumerator_expressions == NULL)
		state->enumerator_expressions =
			so_property_compile(unit->package_run, unit, executable->enumerator_expressions,
								executable->enumerator_expression_count, executable->path, error);
	if (state->enumerator_expressions == NULL)
		return NULL;
	so_lookup_init(&scope, unit, talloc_new(unit));
	result =
		so_property_apply(context, executable->enumerator, executable->enumerator_expressions,
						  state->enumerator_expressions, executable->enumerator_expression_count,
						  &scope.resolver, executable->path, error);
	talloc_free(scope.scratch);
	return result;
}
