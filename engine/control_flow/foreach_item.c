/*
 * engine/control_flow/foreach_item.c
 *
 * Foreach Item: rows that stand in the document.
 *
 * Process: runner and client, control thread only.
 */
#include "engine/control_flow/enumeration.h"

SoEnumeration *
so_foreach_item(SoUnit *unit, const SoObject *properties, TALLOC_CTX *context, SoError *error)
{
	const SoField *items = so_object_field(properties, "items");
	const SoField *columns = so_object_field(properties, "columns");
	SoEnumeration *enumeration;

	if (items == NULL || !json_is_array(items->json))
	{
		so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path,
					 "the items of \"%s\" are not a list", unit->executable->name);
		return NULL;
	}
	enumeration = so_enumeration_of_json(context, items->json);
	enumeration->column_count = columns != NULL ? columns->count : 0;
	enumeration->columns =
		talloc_zero_array(enumeration, SoDataType, enumeration->column_count + 1);
	for (int i = 0; i < enumeration->column_count; i++)
	{
		enumeration->columns[i] = so_data_type_from_name(columns->strings[i]);
		if (enumeration->columns[i] == SO_TYPE_NONE)
		{
			so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path,
						 "column %d of \"%s\" has no known type \"%s\"", i, unit->executable->name,
						 columns->strings[i]);
			talloc_free(enumeration);
			return NULL;
		}
	}
	return enumeration;
}
