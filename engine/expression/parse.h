/*
 * engine/expression/parse.h
 *
 * From text to tree.
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_EXPRESSION_PARSE_H
#define ENGINE_EXPRESSION_PARSE_H

#include "engine/expression/node.h"

typedef struct SoExpressionParser
{
	TALLOC_CTX *context; /* owner of the tree */
	const SoExpressionSource *source;
	const SoExpressionResolver *resolver; /* for suggestions; may be NULL */
	bool allow_assignment;
	SoExpressionTokenizer tokenizer;
	SoExpressionToken token; /* the next word */
	int nesting;
	SoError *error;
} SoExpressionParser;

/* Parse the whole text; NULL with *error.  Types are not looked at. */
extern SoExpressionNode *so_expression_parse(SoExpressionParser *parser);

/* ---- shared by parse.c and parse_primary.c ------------------------------ */

extern bool so_expression_parse_advance(SoExpressionParser *parser) SO_WARN_UNUSED;
extern SoExpressionNode *
so_expression_parse_node(SoExpressionParser *parser, SoExpressionNodeKind kind, size_t offset);
/* Append a child; NULL with *error when the tree becomes too high. */
extern SoExpressionNode *so_expression_parse_adopt(SoExpressionParser *parser,
												   SoExpressionNode *node, SoExpressionNode *child);
/* conditional: the lowest precedence that can stand in parentheses. */
extern SoExpressionNode *so_expression_parse_conditional(SoExpressionParser *parser);
/* unary operators, casts, and what they apply to */
extern SoExpressionNode *so_expression_parse_unary(SoExpressionParser *parser);
/* Set *error at the next word: "expected ... before ...". Returns NULL. */
extern SoExpressionNode *so_expression_parse_expected(SoExpressionParser *parser, const char *what);
extern bool so_expression_parse_take(SoExpressionParser *parser, SoExpressionTokenKind kind,
									 const char *what) SO_WARN_UNUSED;

#endif /* ENGINE_EXPRESSION_PARSE_H */
