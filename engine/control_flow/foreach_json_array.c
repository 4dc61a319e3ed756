/*
 * engine/control_flow/foreach_json_array.c
 *
 * Foreach over a JSON array: from a variable, from the document, or from a
 * file, with a JSON pointer (RFC 6901) to the array.
 *
 * Process: runner and client, control thread only.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/control_flow/enumeration.h"
#include "engine/control_flow/property_expression.h"

/* A new reference to the whole document; NULL with *error. */
static json_t *
load_document(SoUnit *unit, const SoObject *properties, TALLOC_CTX *context, SoError *error)
{
	const char *text = so_property_text(properties, "document");
	size_t length = text != NULL ? strlen(text) : 0;
	json_error_t problem;
	json_t *json;

	if (so_property_text(properties, "variable") != NULL)
	{
		const SoValue *value = so_enumeration_variable(unit, properties, context, error);

		if (value == NULL)
			return NULL;
		if (value->type == SO_TYPE_OBJECT)
			return json_incref(value->as.object);
		text = so_value_to_text(context, value);
		length = strlen(text);
	}
	else if (so_property_text(properties, "connection") != NULL)
		text = so_enumeration_connection_file(unit, properties, context, &length, error);
	else if (text == NULL)
		so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path,
					 "\"%s\" has neither variable nor document nor connection",
					 unit->executable->name);
	if (text == NULL)
		return NULL;
	json = json_loadb(text, length, JSON_DECODE_ANY, &problem);
	if (json == NULL)
	{
		so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path,
					 "the document of \"%s\" is not JSON", unit->executable->name);
		so_error_detail(error, "Line %d, column %d: %s.", problem.line, problem.column,
						problem.text);
	}
	return json;
}

/* One reference token with ~1 and ~0 resolved. */
static json_t *
step_into(json_t *json, const char *token, size_t length, TALLOC_CTX *context)
{
	char *name = talloc_zero_array(context, char, length + 1);
	size_t used = 0;

	for (size_t i = 0; i < length; i++)
	{
		if (token[i] == '~' && i + 1 < length && (token[i + 1] == '0' || token[i + 1] == '1'))
			name[used++] = token[++i] == '0' ? '~' : '/';
		else
			name[used++] = token[i];
	}
	if (json_is_array(json) && used > 0 && strspn(name, "0123456789") == used)
		return json_array_get(json, (size_t) strtoul(name, NULL, 10));
	return json_object_get(json, name);
}

SoEnumeration *
so_foreach_json_array(SoUnit *unit, const SoObject *properties, TALLOC_CTX *context, SoError *error)
{
	json_t *document = load_document(unit, properties, context, error);
	const char *pointer = so_property_text(properties, "pointer");
	json_t *place = document;
	SoEnumeration *enumeration = NULL;

	if (document == NULL)
		return NULL;
	/* Not the whole document in its place. */
	if (pointer != NULL && pointer[0] != '\0' && pointer[0] != '/')
		place = NULL;
	for (const char *token = pointer; token != NULL && *token == '/' && place != NULL;)
	{
		size_t length = strcspn(++token, "/");

		place = step_into(place, token, length, context);
		token += length;
	}
	if (json_is_array(place))
		enumeration = so_enumeration_of_json(context, place);
	else
	{
		so_error_set(error, SO_ERR_RUN_ENUMERATOR, unit->executable->path,
					 "there is no JSON array at \"%s\" in the document of \"%s\"",
					 pointer != NULL ? pointer : "", unit->executable->name);
		so_error_hint(error, "Correct pointer; it is a JSON pointer such as /data/items.");
	}
	json_decref(document);
	return enumeration;
}
