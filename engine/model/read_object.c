/*
 * engine/model/read_object.c
 *
 * Reads a mapping as an object, by the table of its type: every key must be
 * known, every value of the right kind, everything required present.
 *
 * Process: runner, client, loader.  First pass of a load; one owner.
 */
#include "engine/model/loader.h"

#include <string.h>

#include "common/nearest.h"

static bool
is_listed(const char *name, const char *const *names)
{
	if (names == NULL)
		return false;
	for (; *names != NULL; names++)
	{
		if (strcmp(*names, name) == 0)
			return true;
	}
	return false;
}

/* "sql" for "sql_file" when the type has a long text of that name. */
static SoField *
file_field(SoObject *object, const char *key)
{
	size_t length = strlen(key);

	if (length <= 5 || strcmp(key + length - 5, "_file") != 0)
		return NULL;
	for (int i = 0; i < object->field_count; i++)
	{
		const SoProperty *property = object->fields[i].property;

		if (property->kind == SO_PROPERTY_TEXT && strlen(property->name) == length - 5 &&
			strncmp(property->name, key, length - 5) == 0)
			return &object->fields[i];
	}
	return NULL;
}

static void
report_unknown(SoLoader *loader, const SoNode *key, const SoNode *item, const SoObjectType *type,
			   const char *const *structure)
{
	SoNearest nearest;
	const char *hint = NULL;

	so_nearest_begin(&nearest, key->text);
	if (so_loader_may_suggest(loader))
	{
		int count = so_object_type_property_count(type);

		for (int i = 0; i < count; i++)
			so_nearest_offer(&nearest, so_object_type_property(type, i)->name);
		for (const char *const *name = structure; name != NULL && *name != NULL; name++)
			so_nearest_offer(&nearest, *name);
		hint = so_loader_hint(loader, NULL, nearest.name);
	}
	if (hint == NULL && item->kind == SO_NODE_STRING &&
		strcmp(key->text, "connection_manager") == 0)
		hint = "Write connection.";
	/* the position of the key, the pointer of the member */
	so_loader_error(loader,
					&(SoNode){.kind = item->kind,
							  .line = key->line,
							  .column = key->column,
							  .parent = item->parent,
							  .index = item->index},
					SO_ERR_DOCUMENT_UNKNOWN_PROPERTY, hint, "%s has no property \"%s\"",
					type->title, key->text);
}

/* A text that stands in a file of its own. */
static void
read_file_member(SoLoader *loader, const SoNode *node, SoObject *object, SoField *field)
{
	size_t length;
	char *text;

	if (so_node_member(node->parent, field->property->name) != NULL)
	{
		so_loader_error(loader, node, SO_ERR_DOCUMENT_DUPLICATE_KEY, "Write one of the two.",
						"%s and %s_file both stand there", field->property->name,
						field->property->name);
		return;
	}
	field->is_set = true;
	field->line = node->line;
	field->column = node->column;
	text = so_loader_read_file(loader, node, object, &length);
	if (text != NULL)
		field->value = so_value_string_length(object, text, length);
	talloc_free(text);
}

static void
read_member(SoLoader *loader, const SoNode *key, const SoNode *item, SoObject *object,
			const char *const *structure)
{
	SoField *field = so_object_field(object, key->text);

	if (field != NULL)
	{
		if (field->property->flags & SO_PROPERTY_READ_ONLY)
			so_loader_error(loader, item, SO_ERR_DOCUMENT_INVALID_VALUE, "Remove it.",
							"%s is read only", key->text);
		else if (field->is_set)
			return; /* stands twice: reported */
		else
			so_loader_read_field(loader, item, object, field);
		return;
	}
	field = file_field(object, key->text);
	if (field != NULL)
		read_file_member(loader, item, object, field);
	else if (!is_listed(key->text, structure))
		report_unknown(loader, key, item, object->type, structure);
}

static void
check_required(SoLoader *loader, const SoNode *node, const SoObject *object, const SoNode *given)
{
	for (int i = 0; i < object->field_count; i++)
	{
		const SoField *field = &object->fields[i];
		const SoProperty *property = field->property;

		if (!(property->flags & SO_PROPERTY_REQUIRED) || field->is_set)
			continue;
		if (so_node_member(given, property->name) != NULL)
			continue;
		so_loader_error(loader, node, SO_ERR_DOCUMENT_MISSING_PROPERTY,
						property->example != NULL
							? so_loader_hint(loader,
											 talloc_asprintf(loader->findings_context,
															 "For example %s", property->example),
											 NULL)
							: NULL,
						"%s needs %s: %s", object->type->title, property->name,
						so_property_kind_text(property->kind));
	}
}

SoObject *
so_loader_read_object(SoLoader *loader, const SoNode *node, const SoObjectType *type,
					  const char *const *structure, const SoNode *given)
{
	SoObject *object = so_object_new(loader->context, type);

	object->pointer = so_node_pointer(object, node);
	object->line = node->line;
	object->column = node->column;
	if (!so_loader_expect(loader, node, SO_NODE_MAPPING, type->title))
		return object;
	for (int i = 0; i < node->count; i++)
		read_member(loader, node->keys[i], node->items[i], object, structure);
	check_required(loader, node, object, given);
	return object;
}

SoNode *
so_loader_given(SoLoader *loader, const char *first, const char *second)
{
	const char *names[] = {first, second};
	SoNode *node = so_node_new(loader->context, SO_NODE_MAPPING, 0, 0);

	for (int i = 0; i < 2 && names[i] != NULL; i++)
	{
		SoNode *key = so_node_new(node, SO_NODE_STRING, 0, 0);

		key->text = names[i];
		so_node_append(node, key, so_node_new(node, SO_NODE_NULL, 0, 0));
	}
	return node;
}

/* ---- expressions ---- */

static const SoProperty *
expression_property(SoLoader *loader, const SoNode *key, const SoNode *item,
					const SoObjectType *type)
{
	const SoProperty *property = so_object_type_find(type, key->text);

	if (property == NULL)
	{
		report_unknown(loader, key, item, type, NULL);
		return NULL;
	}
	if ((property->flags & (SO_PROPERTY_NO_EXPRESSION | SO_PROPERTY_READ_ONLY)) ||
		property->kind >= SO_PROPERTY_OBJECT || property->kind == SO_PROPERTY_EXPRESSION)
	{
		so_loader_error(loader, item, SO_ERR_DOCUMENT_NO_EXPRESSION, NULL,
						"%s cannot be set by an expression", key->text);
		return NULL;
	}
	if (item->kind != SO_NODE_STRING)
	{
		so_loader_error(loader, item, SO_ERR_DOCUMENT_WRONG_TYPE, "Write the expression in quotes.",
						"expression of %s: expected a text, found %s", key->text,
						so_node_kind_text(item));
		return NULL;
	}
	return property;
}

void
so_loader_read_expressions(SoLoader *loader, const SoNode *node, const SoObjectType *type,
						   TALLOC_CTX *owner, SoPropertyExpression **list, int *count)
{
	if (node == NULL || !so_loader_expect(loader, node, SO_NODE_MAPPING, "expressions"))
		return;
	*list = talloc_zero_array(owner, SoPropertyExpression, node->count);
	for (int i = 0; i < node->count; i++)
	{
		const SoProperty *property =
			expression_property(loader, node->keys[i], node->items[i], type);
		SoPropertyExpression *expression = &(*list)[*count];

		if (property == NULL)
			continue;
		expression->property = property;
		expression->text = talloc_strdup(*list, node->items[i]->text);
		expression->pointer = so_node_pointer(*list, node->items[i]);
		expression->line = node->items[i]->line;
		expression->column = node->items[i]->column;
		(*count)++;
	}
}
