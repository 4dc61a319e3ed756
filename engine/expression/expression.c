/*
 * engine/expression/expression.c
 *
 * Compiles and evaluates expressions: the door to this folder.
 *
 * Process: runner, client, loader.  A compiled expression is immutable;
 * evaluations allocate in a child of the caller's context that is freed before
 * they return.  Nothing is left behind by a crash.
 */
#include "engine/expression/expression.h"

#include <string.h>

#include "engine/expression/character.h"
#include "engine/expression/check.h"
#include "engine/expression/evaluate.h"
#include "engine/expression/node.h"
#include "engine/expression/parse.h"

static bool
check_text(const SoExpressionSource *source, SoError *error)
{
	size_t bad;

	if (source->length > SO_EXPRESSION_MAX_LENGTH)
		return so_error_set(error, SO_ERR_EXPRESSION_TOO_LARGE, source->place,
							"the expression is longer than %d bytes", SO_EXPRESSION_MAX_LENGTH);
	if (!so_expression_character_valid(source->text, source->length, &bad))
		return so_error_set(error, SO_ERR_EXPRESSION_SYNTAX, source->place,
							"the expression is not UTF-8 at byte %zu", bad + 1);
	return true;
}

/* Parse and check; everything that is kept belongs to expression. */
static bool
compile(SoExpression *expression, TALLOC_CTX *scratch, bool allow_assignment,
		const SoExpressionResolver *resolver, SoError *error)
{
	SoExpressionParser parser;
	SoExpressionState state;

	memset(&parser, 0, sizeof(parser));
	parser.context = expression;
	parser.source = &expression->source;
	parser.resolver = resolver;
	parser.allow_assignment = allow_assignment;
	parser.error = error;
	expression->root = so_expression_parse(&parser);
	if (expression->root == NULL)
		return false;
	memset(&state, 0, sizeof(state));
	state.source = &expression->source;
	state.scratch = scratch;
	state.resolver = resolver;
	state.error = error;
	if (!so_expression_check(&state, expression, expression->root))
		return false;
	expression->truncates = state.truncates;
	expression->truncation = state.truncation;
	return true;
}

SoExpression *
so_expression_compile(TALLOC_CTX *context, const char *text, bool allow_assignment,
					  const char *place, const SoExpressionResolver *resolver, SoError *error)
{
	SoExpression *expression;
	TALLOC_CTX *scratch;
	SoExpressionSource source = {text, strlen(text), place};

	if (!check_text(&source, error))
		return NULL;
	expression = talloc_zero(context, SoExpression);
	scratch = talloc_new(expression);
	if (expression == NULL || scratch == NULL)
	{
		talloc_free(expression);
		so_error_set(error, SO_ERR_OUT_OF_MEMORY, place, "out of memory");
		return NULL;
	}
	expression->source.text = talloc_strdup(expression, text);
	expression->source.length = source.length;
	expression->source.place = place != NULL ? talloc_strdup(expression, place) : NULL;
	if (!compile(expression, scratch, allow_assignment, resolver, error))
	{
		talloc_free(expression);
		return NULL;
	}
	talloc_free(scratch);
	return expression;
}

bool
so_expression_warning(const SoExpression *expression, SoError *error)
{
	if (expression->truncates)
		so_expression_problem(&expression->source, expression->truncation, error,
							  SO_ERR_EXPRESSION_TRUNCATION,
							  "the cast cuts off a part of the constant");
	return expression->truncates;
}

SoDataType
so_expression_type(const SoExpression *expression)
{
	return expression->root->type;
}

const char *
so_expression_text(const SoExpression *expression)
{
	return expression->source.text;
}

static void
visit_variables(const SoExpressionNode *node, void (*visit)(void *context, const char *name),
				void *context)
{
	if (node->name != NULL)
		visit(context, node->name);
	for (int i = 0; i < node->count; i++)
		visit_variables(node->children[i], visit, context);
}

void
so_expression_variables(const SoExpression *expression,
						void (*visit)(void *context, const char *name), void *context)
{
	visit_variables(expression->root, visit, context);
}

bool
so_expression_evaluate(const SoExpression *expression, TALLOC_CTX *context,
					   const SoExpressionResolver *resolver, SoValue *result, SoError *error)
{
	SoExpressionState state;
	SoValue value;
	bool evaluated;

	memset(&state, 0, sizeof(state));
	state.source = &expression->source;
	state.scratch = talloc_new(context);
	state.resolver = resolver;
	state.error = error;
	if (state.scratch == NULL)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, expression->source.place, "out of memory");
	evaluated = so_expression_evaluate_node(&state, expression->root, &value);
	if (evaluated)
		*result = so_value_copy(context, &value);
	talloc_free(state.scratch);
	return evaluated;
}

bool
so_expression_evaluate_boolean(const SoExpression *expression, TALLOC_CTX *context,
							   const SoExpressionResolver *resolver, bool *result, SoError *error)
{
	SoValue value;

	if (!so_expression_evaluate(expression, context, resolver, &value, error))
		return false;
	if (value.type == SO_TYPE_BOOL && !value.is_null)
	{
		*result = value.as.boolean;
		return true;
	}
	if (value.type != SO_TYPE_BOOL)
		so_expression_problem(&expression->source, 0, error, SO_ERR_EXPRESSION_NOT_BOOLEAN,
							  "the result must be Boolean, not %s", so_data_type_name(value.type));
	else
		so_expression_problem(&expression->source, 0, error, SO_ERR_EXPRESSION_NOT_BOOLEAN,
							  "the result is NULL, neither True nor False");
	return false;
}
