/*
 * engine/expression/parse_primary.c
 *
 * Literals, variables, calls, casts, NULL(type) and unary operators.
 * Source: SSIS "Identifiers", "Cast", "NULL".
 *
 * Process: runner, client, loader.  Works on the caller's parser only; nothing
 * is shared and nothing is left behind by a crash.
 */
#include "engine/expression/parse.h"

#include <string.h>
#include <strings.h>

#include "common/nearest.h"
#include "engine/expression/function.h"

/* Parameters of a type in a cast or NULL(), by their names for messages. */
typedef struct TypeParameters
{
	SoDataType type;
	int count;
	const char *form; /* for messages */
} TypeParameters;

static const TypeParameters type_parameters[] = {
	{SO_TYPE_STR, 2, "DT_STR, length, code page"},
	{SO_TYPE_WSTR, 1, "DT_WSTR, length"},
	{SO_TYPE_BYTES, 1, "DT_BYTES, length"},
	{SO_TYPE_DECIMAL, 1, "DT_DECIMAL, scale"},
	{SO_TYPE_NUMERIC, 2, "DT_NUMERIC, precision, scale"},
	{SO_TYPE_TEXT, 1, "DT_TEXT, code page"},
	{SO_TYPE_DBTIME2, 1, "DT_DBTIME2, scale"},
	{SO_TYPE_DBTIMESTAMP2, 1, "DT_DBTIMESTAMP2, scale"},
	{SO_TYPE_DBTIMESTAMPOFFSET, 1, "DT_DBTIMESTAMPOFFSET, scale"},
};

static const TypeParameters *
parameters_of(SoDataType type)
{
	for (size_t i = 0; i < sizeof(type_parameters) / sizeof(type_parameters[0]); i++)
	{
		if (type_parameters[i].type == type)
			return &type_parameters[i];
	}
	return NULL;
}

/* ---- type specifications ------------------------------------------------ */

static bool
unknown_type(SoExpressionParser *parser)
{
	const char *name = parser->token.name;
	SoNearest nearest;

	so_nearest_begin(&nearest, name);
	for (int i = SO_TYPE_NONE + 1; i < SO_TYPE_OBJECT; i++)
		so_nearest_offer(&nearest, so_data_type_name((SoDataType) i));
	so_expression_problem(parser->source, parser->token.offset, parser->error,
						  SO_ERR_EXPRESSION_SYNTAX, "\"%.60s\" is not a data type", name);
	if (nearest.name != NULL)
		return so_error_hint(parser->error, "Did you mean %s?", nearest.name);
	return so_error_hint(parser->error,
						 "Data types are DT_BOOL, DT_I4, DT_WSTR, DT_NUMERIC, DT_DBTIMESTAMP "
						 "and others in docs/expressions.md.");
}

static bool
type_parameter(SoExpressionParser *parser, const TypeParameters *form, int least, int most,
			   int *result)
{
	const SoExpressionToken *token = &parser->token;

	if (token->kind != SO_TOKEN_COMMA)
		return so_expression_problem(parser->source, token->offset, parser->error,
									 SO_ERR_EXPRESSION_SYNTAX,
									 "the type needs parameters; expected (%s)", form->form);
	if (!so_expression_parse_advance(parser))
		return false;
	if (token->kind != SO_TOKEN_LITERAL || token->value.type != SO_TYPE_I4 || token->overflowed ||
		token->value.as.integer < least || token->value.as.integer > most)
		return so_expression_problem(
			parser->source, token->offset, parser->error, SO_ERR_EXPRESSION_SYNTAX,
			"expected a whole number from %d to %d, as in (%s)", least, most, form->form);
	*result = (int) token->value.as.integer;
	return so_expression_parse_advance(parser);
}

/* DT_x[, parameter[, parameter]]; the next word is the type's name. */
static bool
parse_type(SoExpressionParser *parser, SoTypeSpecification *specification)
{
	const TypeParameters *form;
	SoDataType type = SO_TYPE_NONE;

	if (parser->token.kind == SO_TOKEN_NAME && strncasecmp(parser->token.name, "DT_", 3) == 0)
		type = so_data_type_from_name(parser->token.name);
	if (parser->token.kind != SO_TOKEN_NAME)
	{
		so_expression_parse_expected(parser, "a data type such as DT_I4");
		return false;
	}
	if (type == SO_TYPE_NONE || type == SO_TYPE_OBJECT)
		return unknown_type(parser);
	*specification = so_type_specification(type);
	if (!so_expression_parse_advance(parser))
		return false;
	form = parameters_of(type);
	if (form == NULL)
		return true;
	switch (type)
	{
		case SO_TYPE_STR:
			return type_parameter(parser, form, 0, SO_EXPRESSION_MAX_TEXT,
								  &specification->length) &&
				   type_parameter(parser, form, 0, 65535, &specification->code_page);
		case SO_TYPE_TEXT:
			return type_parameter(parser, form, 0, 65535, &specification->code_page);
		case SO_TYPE_WSTR:
		case SO_TYPE_BYTES:
			return type_parameter(parser, form, 0, SO_EXPRESSION_MAX_TEXT, &specification->length);
		case SO_TYPE_DECIMAL:
			return type_parameter(parser, form, 0, 28, &specification->scale);
		case SO_TYPE_NUMERIC:
			return type_parameter(parser, form, 1, 38, &specification->precision) &&
				   type_parameter(parser, form, 0, specification->precision, &specification->scale);
		default:
			return type_parameter(parser, form, 0, 7, &specification->scale);
	}
}

/* ---- calls -------------------------------------------------------------- */

static SoExpressionNode *
unknown_function(SoExpressionParser *parser, const SoExpressionToken *name)
{
	const char *nearest = so_expression_function_nearest(name->name);

	so_expression_problem(parser->source, name->offset, parser->error,
						  SO_ERR_EXPRESSION_FUNCTION_UNKNOWN, "no function is named \"%.60s\"",
						  name->name);
	if (nearest != NULL)
		so_error_hint(parser->error, "Did you mean %s?", nearest);
	return NULL;
}

/* NULL(type); the next word is after the parenthesis. */
static SoExpressionNode *
parse_null(SoExpressionParser *parser, size_t offset)
{
	SoExpressionNode *node = so_expression_parse_node(parser, SO_NODE_LITERAL, offset);
	SoTypeSpecification specification;

	if (node == NULL || !parse_type(parser, &specification) ||
		!so_expression_parse_take(parser, SO_TOKEN_CLOSE, "\")\""))
		return NULL;
	node->value = so_value_null(specification.type);
	node->is_typed_null = true;
	return node;
}

static SoExpressionNode *
wrong_count(SoExpressionParser *parser, const SoExpressionNode *node, int found)
{
	so_expression_problem(parser->source, node->offset, parser->error, SO_ERR_EXPRESSION_ARITY,
						  "%s takes %d argument%s, not %s%d; expected %s", node->function->name,
						  node->function->count, node->function->count == 1 ? "" : "s",
						  found > SO_EXPRESSION_MAX_ARGUMENTS - 1 ? "more than " : "",
						  found > SO_EXPRESSION_MAX_ARGUMENTS - 1 ? SO_EXPRESSION_MAX_ARGUMENTS - 1
																  : found,
						  node->function->form);
	return NULL;
}

/* name(arguments); the next word is the opening parenthesis. */
static SoExpressionNode *
parse_call(SoExpressionParser *parser, const SoExpressionToken *name)
{
	SoExpressionNode *node;

	if (!so_expression_parse_advance(parser))
		return NULL;
	if (strcasecmp(name->name, "NULL") == 0)
		return parse_null(parser, name->offset);
	node = so_expression_parse_node(parser, SO_NODE_CALL, name->offset);
	if (node == NULL)
		return NULL;
	node->function = so_expression_function_find(name->name);
	if (node->function == NULL)
		return unknown_function(parser, name);
	while (parser->token.kind != SO_TOKEN_CLOSE)
	{
		if (node->count > 0 &&
			!so_expression_parse_take(parser, SO_TOKEN_COMMA, "an operator, \",\" or \")\""))
			return NULL;
		if (node->count == SO_EXPRESSION_MAX_ARGUMENTS - 1)
			return wrong_count(parser, node, SO_EXPRESSION_MAX_ARGUMENTS);
		if (so_expression_parse_adopt(parser, node, so_expression_parse_conditional(parser)) ==
			NULL)
			return NULL;
	}
	if (node->count != node->function->count)
		return wrong_count(parser, node, node->count);
	return so_expression_parse_advance(parser) ? node : NULL;
}

/* ---- names -------------------------------------------------------------- */

static SoExpressionNode *
column_refused(SoExpressionParser *parser, const SoExpressionToken *name)
{
	const char *suggestion = NULL;

	so_expression_problem(parser->source, name->offset, parser->error, SO_ERR_EXPRESSION_COLUMN,
						  "\"%.60s\" would be a column, and columns exist only in data flows",
						  name->name);
	if (so_expression_function_find(name->name) != NULL)
		so_error_hint(parser->error, "%s is a function: its arguments stand in parentheses.",
					  name->name);
	else
	{
		if (parser->resolver != NULL && parser->resolver->suggest != NULL &&
			name->kind != SO_TOKEN_LINEAGE)
			suggestion = parser->resolver->suggest(parser->resolver->context, name->name);
		if (suggestion != NULL)
			so_error_hint(parser->error,
						  "Did you mean the variable @[%s]? Texts stand in double quotes.",
						  suggestion);
	}
	return NULL;
}

static SoExpressionNode *
parse_name(SoExpressionParser *parser)
{
	SoExpressionToken name = parser->token;
	SoExpressionNode *node;
	bool truth;

	if (!so_expression_parse_advance(parser))
		return NULL;
	if (parser->token.kind == SO_TOKEN_OPEN)
		return parse_call(parser, &name);
	truth = strcasecmp(name.name, "true") == 0;
	if (name.kind != SO_TOKEN_NAME || (!truth && strcasecmp(name.name, "false") != 0))
		return column_refused(parser, &name);
	node = so_expression_parse_node(parser, SO_NODE_LITERAL, name.offset);
	if (node != NULL)
		node->value = so_value_boolean(truth);
	return node;
}

static SoExpressionNode *
parse_variable(SoExpressionParser *parser)
{
	SoExpressionNode *node =
		so_expression_parse_node(parser, SO_NODE_VARIABLE, parser->token.offset);

	if (node == NULL)
		return NULL;
	node->name = parser->token.name;
	return so_expression_parse_advance(parser) ? node : NULL;
}

static SoExpressionNode *
parse_literal(SoExpressionParser *parser)
{
	SoExpressionNode *node =
		so_expression_parse_node(parser, SO_NODE_LITERAL, parser->token.offset);

	if (node == NULL)
		return NULL;
	if (parser->token.overflowed)
	{
		so_expression_problem(parser->source, parser->token.offset, parser->error,
							  SO_ERR_EXPRESSION_LITERAL, "the integer does not fit into %s",
							  so_data_type_name(parser->token.negated_type));
		if (parser->token.negated_type == SO_TYPE_I4)
			so_error_hint(parser->error, "Append L for an integer of 8 bytes.");
		return NULL;
	}
	node->value = parser->token.value;
	return so_expression_parse_advance(parser) ? node : NULL;
}

/* ---- parentheses, casts, unary operators -------------------------------- */

static SoExpressionNode *
parse_cast(SoExpressionParser *parser, size_t offset)
{
	SoExpressionNode *node = so_expression_parse_node(parser, SO_NODE_CAST, offset);

	if (node == NULL || !parse_type(parser, &node->specification) ||
		!so_expression_parse_take(parser, SO_TOKEN_CLOSE, "\")\""))
		return NULL;
	return so_expression_parse_adopt(parser, node, so_expression_parse_unary(parser));
}

static SoExpressionNode *
parse_parenthesis(SoExpressionParser *parser)
{
	size_t offset = parser->token.offset;
	SoExpressionNode *node;

	if (!so_expression_parse_advance(parser))
		return NULL;
	if (parser->token.kind == SO_TOKEN_NAME && strncasecmp(parser->token.name, "DT_", 3) == 0)
		return parse_cast(parser, offset);
	node = so_expression_parse_conditional(parser);
	if (node == NULL || !so_expression_parse_take(parser, SO_TOKEN_CLOSE, "an operator or \")\""))
		return NULL;
	return node;
}

/* The literal 2147483648 (or 2^63 with L) is only valid right after a minus. */
static SoExpressionNode *
parse_minimum(SoExpressionParser *parser, SoExpressionNode *node)
{
	SoDataType type = parser->token.negated_type;

	node->kind = SO_NODE_LITERAL;
	node->value = so_value_integer(type, type == SO_TYPE_I4 ? INT32_MIN : INT64_MIN);
	return so_expression_parse_advance(parser) ? node : NULL;
}

static SoExpressionNode *
parse_operator(SoExpressionParser *parser)
{
	SoExpressionNode *node = so_expression_parse_node(parser, SO_NODE_UNARY, parser->token.offset);

	if (node == NULL)
		return NULL;
	node->operator= parser->token.kind;
	if (!so_expression_parse_advance(parser))
		return NULL;
	if (node->operator== SO_TOKEN_SUBTRACT && parser->token.kind == SO_TOKEN_LITERAL &&
		parser->token.overflowed)
		return parse_minimum(parser, node);
	return so_expression_parse_adopt(parser, node, so_expression_parse_unary(parser));
}

static SoExpressionNode *
parse_primary(SoExpressionParser *parser)
{
	switch (parser->token.kind)
	{
		case SO_TOKEN_NOT:
		case SO_TOKEN_COMPLEMENT:
		case SO_TOKEN_SUBTRACT:
			return parse_operator(parser);
		case SO_TOKEN_OPEN:
			return parse_parenthesis(parser);
		case SO_TOKEN_LITERAL:
			return parse_literal(parser);
		case SO_TOKEN_NAME:
		case SO_TOKEN_BRACKETED:
			return parse_name(parser);
		case SO_TOKEN_VARIABLE:
			return parse_variable(parser);
		case SO_TOKEN_LINEAGE:
			return column_refused(parser, &parser->token);
		default:
			return so_expression_parse_expected(parser, "a value");
	}
}

SoExpressionNode *
so_expression_parse_unary(SoExpressionParser *parser)
{
	SoExpressionNode *node;

	/* Operators and casts in a row nest as parentheses do. */
	if (++parser->nesting > SO_EXPRESSION_MAX_NESTING)
	{
		so_expression_problem(parser->source, parser->token.offset, parser->error,
							  SO_ERR_EXPRESSION_TOO_LARGE, "nested deeper than %d levels",
							  SO_EXPRESSION_MAX_NESTING);
		return NULL;
	}
	node = parse_primary(parser);
	parser->nesting--;
	return node;
}
