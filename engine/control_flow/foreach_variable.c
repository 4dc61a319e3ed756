/*
 * engine/control_flow/foreach_variable.c
 *
 * Foreach From Variable: the members of a list in an object variable.
 *
 * Process: runner and client, control thread only.
 */
#include "engine/control_flow/enumeration.h"

SoEnumeration *
so_foreach_variable(SoUnit *unit, const SoObject *properties, TALLOC_CTX *context, SoError *error)
{
	const SoValue *value = so_enumeration_variable(unit, properties, context, error);

	if (value == NULL)
		return NULL;
	if (value->type != SO_TYPE_OBJECT || !json_is_array(value->as.object))
	{
		so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path,
					 "the variable of \"%s\" holds no list", unit->executable->name);
		so_error_hint(error, "Use an object variable that an earlier task has filled with a list.");
		return NULL;
	}
	return so_enumeration_of_json(context, value->as.object);
}
