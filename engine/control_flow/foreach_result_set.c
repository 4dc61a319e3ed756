/*
 * engine/control_flow/foreach_result_set.c
 *
 * Foreach over a full result set that Execute SQL left in an object variable
 * (SSIS: Foreach ADO, rows in the first table).  The set is
 * {"columns": [...], "types": [...], "rows": [[...], ...]} (engine/connections/sql.h)
 * or a plain list of rows; a row is a list or an object, and the index is the
 * column's position either way.
 *
 * Process: runner and client, control thread only.
 */
#include "engine/control_flow/enumeration.h"

SoEnumeration *
so_foreach_result_set(SoUnit *unit, const SoObject *properties, TALLOC_CTX *context, SoError *error)
{
	const SoValue *value = so_enumeration_variable(unit, properties, context, error);
	SoEnumeration *enumeration;
	json_t *columns = NULL;
	json_t *rows;

	if (value == NULL)
		return NULL;
	rows = value->type == SO_TYPE_OBJECT ? value->as.object : NULL;
	if (json_is_object(rows) && json_is_array(json_object_get(rows, "rows")))
	{
		columns = json_object_get(rows, "columns");
		rows = json_object_get(rows, "rows");
	}
	if (!json_is_array(rows))
	{
		so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path,
					 "the variable of \"%s\" holds no result set", unit->executable->name);
		so_error_hint(error, "Let an Execute SQL task with result_set: full fill it first.");
		return NULL;
	}
	enumeration = so_enumeration_of_json(context, rows);
	enumeration->names_of_columns = json_incref(columns);
	return enumeration;
}
