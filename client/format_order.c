/*
 * client/format_order.c
 *
 * The normal order of the keys of a document; see format_order.h.
 *
 * Process: client.  Reads constant tables and the document's tree.
 */
#include "client/format_order.h"

#include <stdlib.h>
#include <string.h>

#include "engine/model/loader.h"
#include "engine/model/object_types.h"
#include "engine/tasks/task.h"

static const char *
type_name(const SoNode *node)
{
	const SoNode *type = so_node_member(node, "type");

	return type != NULL && type->kind == SO_NODE_STRING ? type->text : "";
}

/* The table that describes node; NULL when there is none. */
static const SoObjectType *
shape_type(const SoFormatShape *shape, const SoNode *node)
{
	const SoTaskType *task;

	switch (shape->kind)
	{
		case SO_SHAPE_PACKAGE:
			return &so_object_type_package;
		case SO_SHAPE_PROJECT:
			return &so_object_type_project;
		case SO_SHAPE_HANDLER:
			return &so_object_type_event_handler;
		case SO_SHAPE_CONNECTION:
			return so_connection_type_find(type_name(node));
		case SO_SHAPE_ENUMERATOR:
			return so_enumerator_type_find(type_name(node));
		case SO_SHAPE_EXECUTABLE:
			task = so_task_type_find(type_name(node));
			if (task != NULL)
				return task->object_type;
			if (strcmp(type_name(node), "opaque") == 0)
				return &so_object_type_opaque;
			return so_container_type_find(type_name(node));
		case SO_SHAPE_OBJECT:
			return shape->type;
		default:
			return NULL;
	}
}

SoFormatShape
so_format_root_shape(const SoNode *root)
{
	/* project.yaml has no executables, and version is no property of a package */
	bool is_project = so_node_member(root, "executables") == NULL &&
					  so_node_member(root, "variables") == NULL &&
					  so_node_member(root, "version") != NULL;

	return (SoFormatShape){is_project ? SO_SHAPE_PROJECT : SO_SHAPE_PACKAGE, NULL};
}

SoFormatShape
so_format_member_shape(const SoFormatShape *shape, const SoNode *node, const char *key)
{
	const SoObjectType *type = shape_type(shape, node);
	const SoProperty *property;
	bool builds = shape->kind == SO_SHAPE_PACKAGE || shape->kind == SO_SHAPE_PROJECT ||
				  shape->kind == SO_SHAPE_EXECUTABLE || shape->kind == SO_SHAPE_HANDLER;

	if (shape->kind == SO_SHAPE_HANDLERS)
		return (SoFormatShape){SO_SHAPE_HANDLER, NULL};
	if (builds && strcmp(key, "executables") == 0)
		return (SoFormatShape){SO_SHAPE_EXECUTABLE, NULL};
	if (builds && strcmp(key, "event_handlers") == 0)
		return (SoFormatShape){SO_SHAPE_HANDLERS, NULL};
	if (builds && strcmp(key, "connections") == 0)
		return (SoFormatShape){SO_SHAPE_CONNECTION, NULL};
	if (builds && strcmp(key, "enumerator") == 0)
		return (SoFormatShape){SO_SHAPE_ENUMERATOR, NULL};
	if (builds && strcmp(key, "variables") == 0)
		return (SoFormatShape){SO_SHAPE_OBJECT, &so_object_type_variable};
	if (builds && strcmp(key, "parameters") == 0)
		return (SoFormatShape){SO_SHAPE_OBJECT, &so_object_type_parameter};
	if (builds && strcmp(key, "precedence_constraints") == 0)
		return (SoFormatShape){SO_SHAPE_OBJECT, &so_object_type_precedence_constraint};
	property = type != NULL ? so_object_type_find(type, key) : NULL;
	if (property != NULL && property->item_type != NULL)
		return (SoFormatShape){SO_SHAPE_OBJECT, property->item_type};
	return (SoFormatShape){SO_SHAPE_FREE, NULL};
}

static int
rank(const SoObjectType *type, const char *key)
{
	static const char *const first[] = {"format_version", "name", "namespace", "id",
										"description",    "type", "after",     NULL};
	static const char *const last[] = {"parameters",
									   "variables",
									   "connections",
									   "enumerator",
									   "expressions",
									   "executables",
									   "precedence_constraints",
									   "event_handlers",
									   NULL};
	int index = so_enum_index(first, key);
	int own = 0;

	/* executables say early what they are for; other objects are short and say it at the end */
	if (strcmp(key, "description") == 0 && so_object_type_find(type, "disable") == NULL)
		return 2500;
	if (index >= 0)
		return index;
	/* a property may be called like a key that builds the package */
	for (const SoProperty *property = type->properties; property->name != NULL; property++, own++)
	{
		/* sql and sql_file have one place */
		size_t length = strlen(property->name);

		if (strncmp(property->name, key, length) == 0 &&
			(key[length] == '\0' || strcmp(key + length, "_file") == 0))
			return 100 + own;
	}
	index = so_enum_index(last, key);
	if (index >= 0)
		return 3000 + index;
	/* common properties behind the own ones, in their order */
	for (int i = 0; i < so_object_type_property_count(type); i++)
	{
		if (strcmp(so_object_type_property(type, i)->name, key) == 0)
			return 1000 + i;
	}
	return 2000;
}

typedef struct Ranked
{
	int rank;
	int position;
} Ranked;

static int
compare(const void *left, const void *right)
{
	const Ranked *a = left;
	const Ranked *b = right;

	return a->rank != b->rank ? a->rank - b->rank : a->position - b->position;
}

int *
so_format_order(TALLOC_CTX *context, const SoFormatShape *shape, const SoNode *node)
{
	const SoObjectType *type = shape_type(shape, node);
	size_t count = (size_t) node->count;
	Ranked *ranked = talloc_zero_array(context, Ranked, count + 1);
	int *order = talloc_zero_array(context, int, count + 1);

	for (int i = 0; i < node->count; i++)
		ranked[i] = (Ranked){type != NULL ? rank(type, node->keys[i]->text) : 0, i};
	qsort(ranked, count, sizeof(Ranked), compare);
	for (size_t i = 0; i < count; i++)
		order[i] = ranked[i].position;
	talloc_free(ranked);
	return order;
}
