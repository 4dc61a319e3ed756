/*
 * engine/expression/node.h
 *
 * The tree that an expression is compiled to.  Immutable once compiled.
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_EXPRESSION_NODE_H
#define ENGINE_EXPRESSION_NODE_H

#include "engine/expression/expression.h"
#include "engine/expression/token.h"

/* Limits that keep a hostile expression from exhausting stack or memory. */
#define SO_EXPRESSION_MAX_LENGTH 65536 /* bytes of text */
#define SO_EXPRESSION_MAX_NESTING                                                                  \
	400 /* a parenthesis or argument counts twice, other operators once */
#define SO_EXPRESSION_MAX_HEIGHT    1000                /* of the tree: operators in a row */
#define SO_EXPRESSION_MAX_TEXT      (16 * 1024 * 1024)  /* bytes of one text */
#define SO_EXPRESSION_MAX_TOTAL     (128 * 1024 * 1024) /* bytes of all texts of one evaluation */
#define SO_EXPRESSION_MAX_ARGUMENTS 4

typedef struct SoExpressionNode SoExpressionNode;

typedef enum SoExpressionNodeKind
{
	SO_NODE_LITERAL,
	SO_NODE_VARIABLE,
	SO_NODE_UNARY,
	SO_NODE_BINARY,  /* all but && and || */
	SO_NODE_LOGICAL, /* && and || */
	SO_NODE_CONDITIONAL,
	SO_NODE_CAST,
	SO_NODE_CALL,
	SO_NODE_ASSIGN
} SoExpressionNodeKind;

struct SoExpressionNode
{
	SoExpressionNodeKind kind;
	SoExpressionTokenKind operator; /* UNARY, BINARY, LOGICAL */
	size_t offset;                  /* of the operator, name or literal: where errors point */
	SoDataType type;                /* of the result; NONE until known at run time */
	SoDataType operand_type;        /* BINARY: what both sides are converted to; NONE likewise */
	bool is_typed_null;             /* LITERAL that was written NULL(type) */
	int height;
	int count; /* of children */
	SoExpressionNode *children[SO_EXPRESSION_MAX_ARGUMENTS];
	char *name;                                  /* VARIABLE, ASSIGN */
	SoValue value;                               /* LITERAL */
	SoTypeSpecification specification;           /* CAST */
	const struct SoExpressionFunction *function; /* CALL */
	int date_part; /* CALL of a function with a date part: SoExpressionDatePart */
};

struct SoExpression
{
	SoExpressionSource source; /* own copies */
	SoExpressionNode *root;
	bool truncates; /* a cast of a constant cuts something off, here: */
	size_t truncation;
};

#endif /* ENGINE_EXPRESSION_NODE_H */
