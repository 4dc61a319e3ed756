/*
 * engine/expression/check.c
 *
 * Types of nodes, constant folding, and the errors that can be found before
 * anything runs.
 *
 * Process: runner, client, loader.  Works on the tree being compiled, which no
 * other thread sees yet; nothing is left behind by a crash.
 */
#include "engine/expression/check.h"

#include <string.h>

#include "engine/expression/function.h"
#include "engine/expression/function_date.h"
#include "engine/expression/operator.h"
#include "engine/model/value_datetime.h"

/* A constant text that is longer is computed at each evaluation instead of kept. */
#define KEPT_TEXT 4096

typedef struct Checker
{
	SoExpressionState *state;
	TALLOC_CTX *context;
} Checker;

static bool check_node(Checker *checker, SoExpressionNode *node, const SoExpressionNode *parent);

/* ---- rules ---------------------------------------------------------------- */

bool
so_expression_check_unknown_variable(const SoExpressionSource *source, const SoExpressionNode *node,
									 const SoExpressionResolver *resolver, SoError *error)
{
	const char *nearest = NULL;

	so_expression_problem(source, node->offset, error, SO_ERR_EXPRESSION_VARIABLE_UNKNOWN,
						  "no variable or parameter is named \"%.100s\"", node->name);
	if (resolver != NULL && resolver->suggest != NULL)
		nearest = resolver->suggest(resolver->context, node->name);
	if (nearest != NULL)
		so_error_hint(error, "Did you mean @[%s]?", nearest);
	return false;
}

bool
so_expression_check_condition(const SoExpressionSource *source, const SoExpressionNode *parent,
							  const SoExpressionNode *node, SoDataType type, SoError *error)
{
	if (type == SO_TYPE_BOOL || type == SO_TYPE_NONE)
		return true;
	so_expression_problem(
		source, node->offset, error, SO_ERR_EXPRESSION_TYPE,
		parent->kind == SO_NODE_CONDITIONAL ? "the condition of %s must be Boolean, not %s"
											: "operator %s expects Booleans, not %s",
		parent->kind == SO_NODE_CONDITIONAL ? "?:" : so_expression_operator_text(parent->operator),
		so_data_type_name(type));
	return so_error_hint(
		error, "Nothing becomes Boolean by itself: compare (x != 0) or cast with (DT_BOOL).");
}

bool
so_expression_check_assignable(const SoExpressionSource *source, const SoExpressionNode *node,
							   SoDataType target, SoDataType type, SoError *error)
{
	if (target == type || type == SO_TYPE_NONE || target == SO_TYPE_OBJECT ||
		(so_data_type_is_number(target) && so_data_type_is_number(type)) ||
		(so_data_type_is_character(target) && so_data_type_is_character(type)) ||
		(so_datetime_is_type(target) && so_datetime_is_type(type)))
		return true;
	so_expression_problem(source, node->offset, error, SO_ERR_EXPRESSION_TYPE,
						  "a value of type %s cannot be assigned to @[%.80s] of type %s",
						  so_data_type_name(type), node->name, so_data_type_name(target));
	return so_error_hint(error, "Cast the value, for example with (%s%s).",
						 so_data_type_name(target), target == SO_TYPE_WSTR ? ", 100" : "");
}

/* ---- constants ------------------------------------------------------------ */

static bool
is_time_of_day(SoDataType type)
{
	return type == SO_TYPE_DBTIME || type == SO_TYPE_DBTIME2;
}

static bool
is_constant(const SoExpressionNode *node)
{
	if (node->kind == SO_NODE_LITERAL || node->kind == SO_NODE_VARIABLE ||
		node->kind == SO_NODE_ASSIGN)
		return false;
	if (node->kind == SO_NODE_CALL && node->function->is_volatile)
		return false;
	for (int i = 0; i < node->count; i++)
	{
		/* A time of day may become one of today, which is not the same tomorrow. */
		if (node->children[i]->kind != SO_NODE_LITERAL || is_time_of_day(node->children[i]->type))
			return false;
	}
	return true;
}

static bool
as_real(Checker *checker, const SoValue *value, double *number)
{
	SoValue converted;
	SoError ignored;

	if (!so_value_convert(checker->state->scratch, value, SO_TYPE_R8, &converted, &ignored))
		return false;
	*number = converted.as.real;
	return true;
}

/* Texts and bytes that became shorter, numbers that lost digits after the point. */
static bool
is_cut(Checker *checker, const SoValue *before, const SoValue *after)
{
	double left;
	double right;

	if (before->is_null || after->is_null)
		return false;
	if ((so_data_type_is_character(before->type) && so_data_type_is_character(after->type)) ||
		(so_data_type_is_binary(before->type) && so_data_type_is_binary(after->type)))
		return after->as.text.length < before->as.text.length;
	if ((!so_data_type_is_real(before->type) && !so_data_type_is_decimal(before->type)) ||
		(!so_data_type_is_integer(after->type) && !so_data_type_is_decimal(after->type)))
		return false;
	return as_real(checker, before, &left) && as_real(checker, after, &right) && left != right;
}

static bool
fold(Checker *checker, SoExpressionNode *node)
{
	SoValue value;

	if (!so_expression_evaluate_node(checker->state, node, &value))
		return false;
	if (node->kind == SO_NODE_CAST && !checker->state->truncates &&
		is_cut(checker, &node->children[0]->value, &value))
	{
		checker->state->truncates = true;
		checker->state->truncation = node->offset;
	}
	if (!value.is_null &&
		(so_data_type_is_character(value.type) || so_data_type_is_binary(value.type)) &&
		value.as.text.length > KEPT_TEXT)
		return true;
	node->value = so_value_copy(checker->context, &value);
	node->kind = SO_NODE_LITERAL;
	node->type = value.type;
	node->count = 0;
	return true;
}

static bool
is_zero(const SoExpressionNode *node)
{
	const SoValue *value = &node->value;

	if (node->kind != SO_NODE_LITERAL || value->is_null)
		return false;
	if (so_data_type_is_integer(value->type))
		return value->as.integer == 0;
	if (so_data_type_is_real(value->type))
		return value->as.real == 0;
	return so_data_type_is_decimal(value->type) && value->as.decimal.digits == 0;
}

/* ---- nodes ---------------------------------------------------------------- */

/* Inside an expression only DT_WSTR exists: DT_STR counts at the root. */
static bool
check_literal(Checker *checker, SoExpressionNode *node, const SoExpressionNode *parent)
{
	if (node->is_typed_null && node->value.type == SO_TYPE_STR && parent != NULL &&
		parent->kind != SO_NODE_CAST)
	{
		so_expression_problem(checker->state->source, node->offset, checker->state->error,
							  SO_ERR_EXPRESSION_TYPE,
							  "NULL(DT_STR) cannot stand inside an expression");
		return so_error_hint(checker->state->error, "Use NULL(DT_WSTR, length).");
	}
	node->type = node->value.type;
	return true;
}

static bool
check_variable(Checker *checker, SoExpressionNode *node)
{
	const SoExpressionResolver *resolver = checker->state->resolver;

	if (resolver == NULL || resolver->declare == NULL)
		return true;
	node->type = resolver->declare(resolver->context, node->name);
	if (node->type == SO_TYPE_NONE)
		return so_expression_check_unknown_variable(checker->state->source, node, resolver,
													checker->state->error);
	if (node->type == SO_TYPE_STR)
		node->type = SO_TYPE_WSTR;
	return true;
}

static bool
check_binary(Checker *checker, SoExpressionNode *node)
{
	SoDataType left = node->children[0]->type;
	SoDataType right = node->children[1]->type;

	if ((node->operator== SO_TOKEN_DIVIDE || node->operator== SO_TOKEN_MODULO) &&
		is_zero(node->children[1]))
		return so_expression_problem(checker->state->source, node->children[1]->offset,
									 checker->state->error, SO_ERR_EXPRESSION_DIVISION_BY_ZERO,
									 "division by the constant zero");
	if (so_expression_operator_is_comparison(node->operator))
		node->type = SO_TYPE_BOOL;
	if (left == SO_TYPE_NONE || right == SO_TYPE_NONE)
		return true;
	if (!so_expression_operator_types(checker->state->source, node, left, right,
									  &node->operand_type, checker->state->error))
		return false;
	if (node->type == SO_TYPE_NONE)
		node->type = node->operand_type;
	return true;
}

static bool
check_unary(Checker *checker, SoExpressionNode *node)
{
	SoDataType type = node->children[0]->type;

	if (type == SO_TYPE_NONE)
		return true;
	node->type = type;
	return so_expression_operator_unary_type(checker->state->source, node, type,
											 checker->state->error);
}

static bool
check_conditional(Checker *checker, SoExpressionNode *node)
{
	SoDataType left = node->children[1]->type;
	SoDataType right = node->children[2]->type;

	if (!so_expression_check_condition(checker->state->source, node, node->children[0],
									   node->children[0]->type, checker->state->error))
		return false;
	if (left == SO_TYPE_NONE || right == SO_TYPE_NONE)
		return true;
	left = so_expression_operator_literal_type(node->children[1], left, right);
	right = so_expression_operator_literal_type(node->children[2], right, left);
	if (so_expression_operator_common(left, right, &node->type))
		return true;
	so_expression_problem(
		checker->state->source, node->offset, checker->state->error, SO_ERR_EXPRESSION_TYPE,
		"the two results of ?: have the types %s and %s, which have no common type",
		so_data_type_name(left), so_data_type_name(right));
	return so_error_hint(checker->state->error, "Cast one of them to the type of the other.");
}

static bool
check_cast(Checker *checker, SoExpressionNode *node, const SoExpressionNode *parent)
{
	SoDataType type = node->children[0]->type;

	if (node->specification.type == SO_TYPE_STR && parent != NULL)
		node->specification.type = SO_TYPE_WSTR;
	node->type = node->specification.type;
	if (type == SO_TYPE_NONE || so_value_can_convert(type, node->type))
		return true;
	return so_expression_problem(checker->state->source, node->offset, checker->state->error,
								 SO_ERR_VALUE_NOT_CONVERTIBLE,
								 "a value of type %s cannot be converted to %s",
								 so_data_type_name(type), so_data_type_name(node->type));
}

/* The date part is a constant text, so that a misspelt one is found before anything runs. */
static bool
check_date_part(Checker *checker, SoExpressionNode *node)
{
	const SoExpressionNode *part = node->children[0];
	const char *nearest;

	if (part->kind != SO_NODE_LITERAL || part->value.is_null ||
		!so_data_type_is_character(part->type))
		return so_expression_problem(
			checker->state->source, part->offset, checker->state->error, SO_ERR_EXPRESSION_ARGUMENT,
			"the date part must be a constant in double quotes; expected %s", node->function->form);
	node->date_part = (int) so_expression_function_date_part_from_name(part->value.as.text.bytes);
	if (node->date_part != SO_DATE_PART_NONE)
		return true;
	so_expression_problem(checker->state->source, part->offset, checker->state->error,
						  SO_ERR_EXPRESSION_ARGUMENT, "\"%.40s\" is not a date part",
						  part->value.as.text.bytes);
	nearest = so_expression_function_date_part_nearest(part->value.as.text.bytes);
	if (nearest != NULL)
		return so_error_hint(checker->state->error, "Did you mean \"%s\"?", nearest);
	return so_error_hint(checker->state->error,
						 "Date parts are Year, Quarter, Month, Dayofyear, Day, Week, "
						 "Weekday, Hour, Minute, Second and Millisecond.");
}

static bool
check_call(Checker *checker, SoExpressionNode *node)
{
	SoDataType types[SO_EXPRESSION_MAX_ARGUMENTS];

	for (int i = 0; i < node->count; i++)
		types[i] = node->children[i]->type;
	if (!so_expression_function_check(checker->state->source, node, types, checker->state->error))
		return false;
	if (node->count > 0 && node->function->arguments[0] == SO_ARGUMENT_DATE_PART &&
		!check_date_part(checker, node))
		return false;
	node->type = node->function->result != SO_TYPE_NONE ? node->function->result : types[0];
	return true;
}

static bool
check_assignment(Checker *checker, SoExpressionNode *node)
{
	/* The target is checked as a variable is. */
	if (!check_variable(checker, node))
		return false;
	if (node->type == SO_TYPE_NONE)
		return true;
	return so_expression_check_assignable(checker->state->source, node, node->type,
										  node->children[0]->type, checker->state->error);
}

static bool
check_logical(Checker *checker, SoExpressionNode *node)
{
	node->type = SO_TYPE_BOOL;
	for (int i = 0; i < 2; i++)
	{
		if (!so_expression_check_condition(checker->state->source, node, node->children[i],
										   node->children[i]->type, checker->state->error))
			return false;
	}
	return true;
}

static bool
check_kind(Checker *checker, SoExpressionNode *node, const SoExpressionNode *parent)
{
	switch (node->kind)
	{
		case SO_NODE_LITERAL:
			return check_literal(checker, node, parent);
		case SO_NODE_VARIABLE:
			return check_variable(checker, node);
		case SO_NODE_UNARY:
			return check_unary(checker, node);
		case SO_NODE_BINARY:
			return check_binary(checker, node);
		case SO_NODE_LOGICAL:
			return check_logical(checker, node);
		case SO_NODE_CONDITIONAL:
			return check_conditional(checker, node);
		case SO_NODE_CAST:
			return check_cast(checker, node, parent);
		case SO_NODE_CALL:
			return check_call(checker, node);
		case SO_NODE_ASSIGN:
			return check_assignment(checker, node);
	}
	return false;
}

static bool
check_node(Checker *checker, SoExpressionNode *node, const SoExpressionNode *parent)
{
	for (int i = 0; i < node->count; i++)
	{
		if (!check_node(checker, node->children[i], node))
			return false;
	}
	if (!check_kind(checker, node, parent))
		return false;
	return !is_constant(node) || fold(checker, node);
}

bool
so_expression_check(SoExpressionState *state, TALLOC_CTX *context, SoExpressionNode *root)
{
	Checker checker = {state, context};

	return check_node(&checker, root, NULL);
}
