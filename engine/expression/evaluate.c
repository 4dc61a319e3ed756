/*
 * engine/expression/evaluate.c
 *
 * Walks a compiled tree.  Types are known from the check; where a variable's
 * type was unknown then, the same rules are applied to the values now.
 *
 * Process: runner, client, loader.  Reads the immutable tree and writes only
 * the caller's evaluation, so several threads may evaluate one expression;
 * nothing is left behind by a crash.
 */
#include "engine/expression/evaluate.h"

#include <string.h>
#include <time.h>

#include "engine/expression/check.h"
#include "engine/expression/function.h"
#include "engine/expression/operator.h"

/* Operands of a concatenation that are kept without an allocation. */
#define FEW_OPERANDS 16

int64_t
so_expression_evaluate_clock(SoExpressionState *state)
{
	struct timespec now;

	if (!state->has_clock)
	{
		if (state->resolver != NULL && state->resolver->now != NULL)
			state->clock = state->resolver->now(state->resolver->context);
		else
		{
			clock_gettime(CLOCK_REALTIME, &now);
			state->clock = (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
		}
		state->has_clock = true;
	}
	return state->clock;
}

char *
so_expression_evaluate_text(SoExpressionState *state, const SoExpressionNode *node, SoDataType type,
							size_t size, SoValue *result)
{
	if (size > SO_EXPRESSION_MAX_TEXT)
	{
		so_expression_evaluate_problem(state, node, SO_ERR_EXPRESSION_RESULT_TOO_LONG,
									   "the result would be longer than %d bytes",
									   SO_EXPRESSION_MAX_TEXT);
		return NULL;
	}
	state->text_total += size;
	if (state->text_total > SO_EXPRESSION_MAX_TOTAL)
	{
		so_expression_evaluate_problem(
			state, node, SO_ERR_EXPRESSION_RESULT_TOO_LONG,
			"all texts of the expression together are longer than %d bytes",
			SO_EXPRESSION_MAX_TOTAL);
		return NULL;
	}
	*result = so_value_null(type);
	result->as.text.bytes = talloc_size(state->scratch, size + 1);
	if (result->as.text.bytes == NULL)
	{
		so_error_set(state->error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
		return NULL;
	}
	result->is_null = false;
	result->as.text.bytes[size] = '\0';
	result->as.text.length = size;
	return result->as.text.bytes;
}

bool
so_expression_evaluate_convert(SoExpressionState *state, const SoExpressionNode *node,
							   const SoValue *value, const SoTypeSpecification *specification,
							   SoValue *result)
{
	SoTypeSpecification with_clock = *specification;
	SoValue source = *value;

	/* Today is only asked for when a time of day becomes a date. */
	if (value->type == SO_TYPE_DBTIME || value->type == SO_TYPE_DBTIME2)
	{
		with_clock.has_clock = true;
		with_clock.now_microseconds = so_expression_evaluate_clock(state);
	}
	if (!so_value_convert_to(state->scratch, &source, &with_clock, result, state->error))
		return so_expression_problem_locate(state->source, node->offset, state->error);
	if (!result->is_null &&
		(so_data_type_is_character(result->type) || so_data_type_is_binary(result->type)))
	{
		state->text_total += result->as.text.length;
		if (result->as.text.length > SO_EXPRESSION_MAX_TEXT ||
			state->text_total > SO_EXPRESSION_MAX_TOTAL)
			return so_expression_evaluate_problem(state, node, SO_ERR_EXPRESSION_RESULT_TOO_LONG,
												  "the result of the conversion is too long");
	}
	return true;
}

/* ---- leaves ------------------------------------------------------------- */

static bool
evaluate_variable(SoExpressionState *state, const SoExpressionNode *node, SoValue *result)
{
	const SoExpressionResolver *resolver = state->resolver;
	const SoValue *value = NULL;
	SoTypeSpecification specification;

	if (resolver != NULL && resolver->lookup != NULL)
		value = resolver->lookup(resolver->context, node->name);
	if (value == NULL)
		return so_expression_check_unknown_variable(state->source, node, resolver, state->error);
	*result = *value;
	if (result->type == SO_TYPE_STR)
		result->type = SO_TYPE_WSTR;
	if (node->type == SO_TYPE_NONE || node->type == result->type)
		return true;
	/* The variable is not of the type that was declared when the expression was compiled. */
	specification = so_type_specification(node->type);
	return so_expression_evaluate_convert(state, node, value, &specification, result);
}

static bool
evaluate_cast(SoExpressionState *state, const SoExpressionNode *node, SoValue *result)
{
	SoValue operand;

	if (!so_expression_evaluate_node(state, node->children[0], &operand))
		return false;
	return so_expression_evaluate_convert(state, node, &operand, &node->specification, result);
}

/* ---- operators ---------------------------------------------------------- */

static bool
evaluate_unary(SoExpressionState *state, const SoExpressionNode *node, SoValue *result)
{
	SoValue operand;

	if (!so_expression_evaluate_node(state, node->children[0], &operand))
		return false;
	if (node->type == SO_TYPE_NONE &&
		!so_expression_operator_unary_type(state->source, node, operand.type, state->error))
		return false;
	if (operand.is_null)
	{
		*result = so_value_null(operand.type);
		return true;
	}
	return so_expression_operator_unary(state, node, &operand, result);
}

static bool
concatenate(SoExpressionState *state, const SoExpressionNode *node, SoDataType type,
			const SoValue *operands, int count, SoValue *result)
{
	size_t size = 0;
	char *out;

	for (int i = 0; i < count; i++)
	{
		if (operands[i].is_null)
		{
			*result = so_value_null(type);
			return true;
		}
		size += operands[i].as.text.length;
	}
	out = so_expression_evaluate_text(state, node, type, size, result);
	if (out == NULL)
		return false;
	for (int i = 0; i < count; i++)
	{
		memcpy(out, operands[i].as.text.bytes, operands[i].as.text.length);
		out += operands[i].as.text.length;
	}
	return true;
}

/* a + b + c ...: all operands first, then one text, so that a long chain is not copied again and again. */
static bool
evaluate_chain(SoExpressionState *state, const SoExpressionNode *node, SoValue *result)
{
	SoValue few[FEW_OPERANDS];
	const SoExpressionNode *few_links[FEW_OPERANDS];
	SoValue *operands = few;
	const SoExpressionNode **links = few_links;
	const SoExpressionNode *link = node;
	int count = 2;

	while (link->children[0]->kind == SO_NODE_BINARY &&
		   link->children[0]->operator== SO_TOKEN_ADD &&
		   so_data_type_is_character(link->children[0]->operand_type))
	{
		link = link->children[0];
		count++;
	}
	if (count > FEW_OPERANDS)
	{
		operands = talloc_array(state->scratch, SoValue, (unsigned) count);
		links = talloc_array(state->scratch, const SoExpressionNode *, (unsigned) count);
		if (operands == NULL || links == NULL)
			return so_error_set(state->error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	}
	/* The chain hangs to the left: remember its links, then evaluate from left to right. */
	link = node;
	for (int i = count - 1; i > 0; i--, link = link->children[0])
		links[i] = link->children[1];
	links[0] = link;
	for (int i = 0; i < count; i++)
	{
		if (!so_expression_evaluate_node(state, links[i], &operands[i]))
			return false;
	}
	return concatenate(state, node, node->operand_type, operands, count, result);
}

static bool
evaluate_binary(SoExpressionState *state, const SoExpressionNode *node, SoValue *result)
{
	SoDataType type = node->operand_type;
	SoValue operands[2];

	if (node->operator== SO_TOKEN_ADD && so_data_type_is_character(type))
		return evaluate_chain(state, node, result);
	if (!so_expression_evaluate_node(state, node->children[0], &operands[0]) ||
		!so_expression_evaluate_node(state, node->children[1], &operands[1]))
		return false;
	if (type == SO_TYPE_NONE &&
		!so_expression_operator_types(state->source, node, operands[0].type, operands[1].type,
									  &type, state->error))
		return false;
	if (operands[0].is_null || operands[1].is_null)
	{
		*result = so_value_null(so_expression_operator_is_comparison(node->operator) ? SO_TYPE_BOOL
																					 : type);
		return true;
	}
	if (node->operator== SO_TOKEN_ADD && so_data_type_is_character(type))
		return concatenate(state, node, type, operands, 2, result);
	return so_expression_operator_binary(state, node, type, &operands[0], &operands[1], result);
}

static bool
evaluate_condition(SoExpressionState *state, const SoExpressionNode *parent, int child,
				   SoValue *result)
{
	const SoExpressionNode *node = parent->children[child];

	if (!so_expression_evaluate_node(state, node, result))
		return false;
	if (node->type == SO_TYPE_NONE &&
		!so_expression_check_condition(state->source, parent, node, result->type, state->error))
		return false;
	return true;
}

/* && and ||: the right side is not evaluated when the left decides. */
static bool
evaluate_logical(SoExpressionState *state, const SoExpressionNode *node, SoValue *result)
{
	bool deciding = node->operator== SO_TOKEN_OR;
	SoValue left;
	SoValue right;

	if (!evaluate_condition(state, node, 0, &left))
		return false;
	*result = left;
	if (!left.is_null && left.as.boolean == deciding)
		return true;
	if (!evaluate_condition(state, node, 1, &right))
		return false;
	/* NULL && False is False, NULL || True is True; otherwise a NULL on either side wins. */
	if (!left.is_null || (!right.is_null && right.as.boolean == deciding))
		*result = right;
	return true;
}

/* Only the chosen branch is evaluated. */
static bool
evaluate_conditional(SoExpressionState *state, const SoExpressionNode *node, SoValue *result)
{
	SoValue condition;
	SoValue value;
	SoTypeSpecification specification;

	if (!evaluate_condition(state, node, 0, &condition))
		return false;
	if (condition.is_null)
	{
		*result = so_value_null(node->type != SO_TYPE_NONE ? node->type : SO_TYPE_WSTR);
		return true;
	}
	if (!so_expression_evaluate_node(state, node->children[condition.as.boolean ? 1 : 2], &value))
		return false;
	if (node->type == SO_TYPE_NONE || node->type == value.type)
	{
		*result = value;
		return true;
	}
	specification = so_type_specification(node->type);
	return so_expression_evaluate_convert(state, node, &value, &specification, result);
}

/* ---- calls -------------------------------------------------------------- */

/* Convert an argument to what the function works with. */
static bool
prepare_argument(SoExpressionState *state, const SoExpressionNode *node, SoExpressionArgument kind,
				 SoValue *argument)
{
	SoTypeSpecification specification;

	if (kind == SO_ARGUMENT_COUNT && argument->type != SO_TYPE_I8)
		specification = so_type_specification(SO_TYPE_I8);
	else if (kind == SO_ARGUMENT_REAL && argument->type != SO_TYPE_R8)
		specification = so_type_specification(SO_TYPE_R8);
	else
		return true;
	return so_expression_evaluate_convert(state, node, argument, &specification, argument);
}

static bool
evaluate_call(SoExpressionState *state, const SoExpressionNode *node, SoValue *result)
{
	const SoExpressionFunction *function = node->function;
	SoValue arguments[SO_EXPRESSION_MAX_ARGUMENTS];
	SoDataType types[SO_EXPRESSION_MAX_ARGUMENTS];
	bool any_null = false;
	bool any_unknown = false;

	for (int i = 0; i < node->count; i++)
	{
		if (!so_expression_evaluate_node(state, node->children[i], &arguments[i]))
			return false;
		types[i] = arguments[i].type;
		any_unknown = any_unknown || node->children[i]->type == SO_TYPE_NONE;
		any_null = any_null || arguments[i].is_null;
	}
	if (any_unknown && !so_expression_function_check(state->source, node, types, state->error))
		return false;
	if (any_null && !function->takes_null)
	{
		*result = so_value_null(function->result != SO_TYPE_NONE ? function->result : types[0]);
		return true;
	}
	for (int i = 0; i < node->count; i++)
	{
		if (!prepare_argument(state, node->children[i], function->arguments[i], &arguments[i]))
			return false;
	}
	return function->call(state, node, arguments, result);
}

/* The type of the variable that is assigned to: declared, or that of its value; NONE when unknown. */
static SoDataType
target_type(const SoExpressionResolver *resolver, const char *name)
{
	const SoValue *value;

	if (resolver->declare != NULL)
		return resolver->declare(resolver->context, name);
	value = resolver->lookup != NULL ? resolver->lookup(resolver->context, name) : NULL;
	return value != NULL ? value->type : SO_TYPE_NONE;
}

static bool
evaluate_assignment(SoExpressionState *state, const SoExpressionNode *node, SoValue *result)
{
	const SoExpressionResolver *resolver = state->resolver;
	SoTypeSpecification specification;
	SoDataType target;
	SoValue value;

	if (resolver == NULL || resolver->assign == NULL)
		return so_expression_evaluate_problem(state, node, SO_ERR_EXPRESSION_ASSIGNMENT,
											  "variables cannot be assigned to here");
	if (!so_expression_evaluate_node(state, node->children[0], &value))
		return false;
	target = target_type(resolver, node->name);
	*result = value;
	if (target != SO_TYPE_NONE && target != value.type)
	{
		if (!so_expression_check_assignable(state->source, node, target, value.type, state->error))
			return false;
		specification = so_type_specification(target);
		if (!so_expression_evaluate_convert(state, node, &value, &specification, result))
			return false;
	}
	if (!resolver->assign(resolver->context, node->name, result, state->error))
		return so_expression_problem_locate(state->source, node->offset, state->error);
	return true;
}

bool
so_expression_evaluate_node(SoExpressionState *state, const SoExpressionNode *node, SoValue *result)
{
	switch (node->kind)
	{
		case SO_NODE_LITERAL:
			*result = node->value;
			return true;
		case SO_NODE_VARIABLE:
			return evaluate_variable(state, node, result);
		case SO_NODE_UNARY:
			return evaluate_unary(state, node, result);
		case SO_NODE_BINARY:
			return evaluate_binary(state, node, result);
		case SO_NODE_LOGICAL:
			return evaluate_logical(state, node, result);
		case SO_NODE_CONDITIONAL:
			return evaluate_conditional(state, node, result);
		case SO_NODE_CAST:
			return evaluate_cast(state, node, result);
		case SO_NODE_CALL:
			return evaluate_call(state, node, result);
		case SO_NODE_ASSIGN:
			return evaluate_assignment(state, node, result);
	}
	return so_error_set(state->error, SO_ERR_INTERNAL, NULL, "unknown node in an expression");
}
