/*
 * client/format_order.h
 *
 * The normal order of the keys of a document: name, type, after, the properties
 * in the order of their table, then what builds the package.
 */
#ifndef CLIENT_FORMAT_ORDER_H
#define CLIENT_FORMAT_ORDER_H

#include "engine/model/node.h"

/* What a node of a document is, as far as the order of its keys goes. */
typedef enum SoFormatShapeKind
{
	SO_SHAPE_FREE, /* keys stay as they are */
	SO_SHAPE_PACKAGE,
	SO_SHAPE_PROJECT,
	SO_SHAPE_EXECUTABLE,
	SO_SHAPE_HANDLERS, /* event_handlers */
	SO_SHAPE_HANDLER,
	SO_SHAPE_CONNECTION,
	SO_SHAPE_ENUMERATOR,
	SO_SHAPE_OBJECT /* of a type known by its place */
} SoFormatShapeKind;

typedef struct SoFormatShape
{
	SoFormatShapeKind kind;
	const SoObjectType *type; /* OBJECT */
} SoFormatShape;

/* Of the whole document: a package, or project.yaml. */
extern SoFormatShape so_format_root_shape(const SoNode *root);

/* Of what stands under key in node; members of lists have the shape of the list. */
extern SoFormatShape
so_format_member_shape(const SoFormatShape *shape, const SoNode *node, const char *key);

/* Positions of the members of node in their normal order, in context. */
extern int *so_format_order(TALLOC_CTX *context, const SoFormatShape *shape, const SoNode *node);

#endif /* CLIENT_FORMAT_ORDER_H */
