/*
 * engine/expression/parse.c
 *
 * Operators by precedence.  Source: SSIS "Operator Precedence and
 * Associativity".  Literals, names, calls and casts are in parse_primary.c.
 *
 * Process: runner, client, loader.  Works on the caller's parser only; nothing
 * is shared and nothing is left behind by a crash.
 */
#include "engine/expression/parse.h"

#include <stdio.h>
#include <string.h>

/* Binary operators; a higher level binds tighter, all are left associative. */
static const struct
{
	SoExpressionTokenKind token;
	int level;
} binary_operators[] = {
	{SO_TOKEN_MULTIPLY, 10},   {SO_TOKEN_DIVIDE, 10},    {SO_TOKEN_MODULO, 10},
	{SO_TOKEN_ADD, 9},         {SO_TOKEN_SUBTRACT, 9},   {SO_TOKEN_LESS, 8},
	{SO_TOKEN_GREATER, 8},     {SO_TOKEN_LESS_EQUAL, 8}, {SO_TOKEN_GREATER_EQUAL, 8},
	{SO_TOKEN_EQUAL, 7},       {SO_TOKEN_UNEQUAL, 7},    {SO_TOKEN_BITWISE_AND, 6},
	{SO_TOKEN_BITWISE_XOR, 5}, {SO_TOKEN_BITWISE_OR, 4}, {SO_TOKEN_AND, 3},
	{SO_TOKEN_OR, 2},
};

static int
binary_level(SoExpressionTokenKind token)
{
	for (size_t i = 0; i < sizeof(binary_operators) / sizeof(binary_operators[0]); i++)
	{
		if (binary_operators[i].token == token)
			return binary_operators[i].level;
	}
	return 0;
}

bool
so_expression_parse_advance(SoExpressionParser *parser)
{
	return so_expression_token_next(&parser->tokenizer, &parser->token);
}

SoExpressionNode *
so_expression_parse_node(SoExpressionParser *parser, SoExpressionNodeKind kind, size_t offset)
{
	SoExpressionNode *node = talloc_zero(parser->context, SoExpressionNode);

	if (node == NULL)
	{
		so_error_set(parser->error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
		return NULL;
	}
	node->kind = kind;
	node->offset = offset;
	node->height = 1;
	return node;
}

SoExpressionNode *
so_expression_parse_adopt(SoExpressionParser *parser, SoExpressionNode *node,
						  SoExpressionNode *child)
{
	if (node == NULL || child == NULL)
		return NULL;
	node->children[node->count++] = child;
	if (child->height + 1 > node->height)
		node->height = child->height + 1;
	if (node->height > SO_EXPRESSION_MAX_HEIGHT)
	{
		so_expression_problem(parser->source, node->offset, parser->error,
							  SO_ERR_EXPRESSION_TOO_LARGE, "more than %d operators in a row",
							  SO_EXPRESSION_MAX_HEIGHT);
		return NULL;
	}
	return node;
}

SoExpressionNode *
so_expression_parse_expected(SoExpressionParser *parser, const char *what)
{
	const SoExpressionToken *token = &parser->token;
	char found[48];

	if (token->kind == SO_TOKEN_END)
		snprintf(found, sizeof(found), "the end of the expression");
	else
		snprintf(found, sizeof(found), "\"%.*s\"", (int) (token->length < 30 ? token->length : 30),
				 parser->source->text + token->offset);
	if (token->kind == SO_TOKEN_ASSIGN)
	{
		so_expression_problem(parser->source, token->offset, parser->error,
							  SO_ERR_EXPRESSION_ASSIGNMENT,
							  "\"=\" assigns and cannot stand here; expected %s", what);
		return NULL;
	}
	so_expression_problem(parser->source, token->offset, parser->error, SO_ERR_EXPRESSION_SYNTAX,
						  "expected %s before %s", what, found);
	return NULL;
}

bool
so_expression_parse_take(SoExpressionParser *parser, SoExpressionTokenKind kind, const char *what)
{
	if (parser->token.kind != kind)
	{
		so_expression_parse_expected(parser, what);
		return false;
	}
	return so_expression_parse_advance(parser);
}

/* Precedence climbing: operators of at least this level. */
static SoExpressionNode *
parse_binary(SoExpressionParser *parser, int least)
{
	SoExpressionNode *left = so_expression_parse_unary(parser);
	int level;

	while (left != NULL && (level = binary_level(parser->token.kind)) >= least && level > 0)
	{
		SoExpressionTokenKind operator= parser->token.kind;
		bool logical = operator== SO_TOKEN_AND || operator== SO_TOKEN_OR;
		SoExpressionNode *node = so_expression_parse_node(
			parser, logical ? SO_NODE_LOGICAL : SO_NODE_BINARY, parser->token.offset);

		if (node == NULL || !so_expression_parse_advance(parser))
			return NULL;
		node->operator= operator;
		if (so_expression_parse_adopt(parser, node, left) == NULL)
			return NULL;
		left = so_expression_parse_adopt(parser, node, parse_binary(parser, level + 1));
	}
	return left;
}

static SoExpressionNode *
parse_branches(SoExpressionParser *parser, SoExpressionNode *condition)
{
	SoExpressionNode *node =
		so_expression_parse_node(parser, SO_NODE_CONDITIONAL, parser->token.offset);

	if (so_expression_parse_adopt(parser, node, condition) == NULL ||
		!so_expression_parse_advance(parser))
		return NULL;
	if (so_expression_parse_adopt(parser, node, so_expression_parse_conditional(parser)) == NULL)
		return NULL;
	if (!so_expression_parse_take(parser, SO_TOKEN_COLON, "an operator or \":\""))
		return NULL;
	return so_expression_parse_adopt(parser, node, so_expression_parse_conditional(parser));
}

SoExpressionNode *
so_expression_parse_conditional(SoExpressionParser *parser)
{
	SoExpressionNode *node;

	if (++parser->nesting > SO_EXPRESSION_MAX_NESTING)
	{
		so_expression_problem(parser->source, parser->token.offset, parser->error,
							  SO_ERR_EXPRESSION_TOO_LARGE, "nested deeper than %d levels",
							  SO_EXPRESSION_MAX_NESTING);
		return NULL;
	}
	node = parse_binary(parser, 1);
	if (node != NULL && parser->token.kind == SO_TOKEN_QUESTION)
		node = parse_branches(parser, node);
	parser->nesting--;
	return node;
}

/* "@x = expression" when the tree so far is just the variable. */
static SoExpressionNode *
parse_assignment(SoExpressionParser *parser, SoExpressionNode *target)
{
	SoExpressionNode *node = so_expression_parse_node(parser, SO_NODE_ASSIGN, target->offset);

	if (node == NULL)
		return NULL;
	if (!parser->allow_assignment || target->kind != SO_NODE_VARIABLE)
	{
		so_expression_problem(
			parser->source, parser->token.offset, parser->error, SO_ERR_EXPRESSION_ASSIGNMENT,
			parser->allow_assignment
				? "only a variable can be assigned to; expected @name = expression"
				: "\"=\" assigns, and this expression may not assign; expected an operator");
		return NULL;
	}
	node->name = target->name;
	if (!so_expression_parse_advance(parser))
		return NULL;
	return so_expression_parse_adopt(parser, node, so_expression_parse_conditional(parser));
}

SoExpressionNode *
so_expression_parse(SoExpressionParser *parser)
{
	SoExpressionNode *node;

	memset(&parser->tokenizer, 0, sizeof(parser->tokenizer));
	parser->tokenizer.context = parser->context;
	parser->tokenizer.source = parser->source;
	parser->tokenizer.error = parser->error;
	parser->nesting = 0;
	if (!so_expression_parse_advance(parser))
		return NULL;
	if (parser->token.kind == SO_TOKEN_END)
	{
		so_expression_problem(parser->source, 0, parser->error, SO_ERR_EXPRESSION_SYNTAX,
							  "the expression is empty");
		return NULL;
	}
	node = so_expression_parse_conditional(parser);
	if (node != NULL && parser->token.kind == SO_TOKEN_ASSIGN)
		node = parse_assignment(parser, node);
	if (node != NULL && parser->token.kind != SO_TOKEN_END)
		return so_expression_parse_expected(parser, "an operator or the end");
	return node;
}
