/*
 * engine/expression/operator.c
 *
 * Values of unary and binary operators.
 *
 * Process: runner, client, loader.  Works on the caller's evaluation only;
 * nothing is shared and nothing is left behind by a crash.
 */
#include "engine/expression/operator.h"

#include <math.h>
#include <string.h>

#include "engine/model/value_datetime.h"
#include "engine/model/value_decimal.h"

static bool
overflow(SoExpressionState *state, const SoExpressionNode *node, SoDataType type)
{
	so_expression_evaluate_problem(
		state, node, SO_ERR_VALUE_OUT_OF_RANGE, "the result of operator %s does not fit into %s",
		so_expression_operator_text(node->operator), so_data_type_name(type));
	if (so_data_type_is_integer(type) && type != SO_TYPE_I8 && type != SO_TYPE_UI8)
		so_error_hint(state->error,
					  "Cast an operand to a wider type: (DT_I8); a literal takes the suffix L.");
	return false;
}

static bool
zero_divisor(SoExpressionState *state, const SoExpressionNode *node)
{
	return so_expression_evaluate_problem(state, node, SO_ERR_EXPRESSION_DIVISION_BY_ZERO,
										  "division by zero");
}

bool
so_expression_operator_convert(SoExpressionState *state, const SoExpressionNode *node,
							   const SoValue *value, SoDataType type, SoValue *result)
{
	SoTypeSpecification specification;

	if (value->type == type)
	{
		*result = *value;
		return true;
	}
	/* Promotion only widens, so both members hold the same bits. */
	if (so_data_type_is_integer(type) && so_data_type_is_integer(value->type) && !value->is_null &&
		(so_data_type_is_signed(value->type) == so_data_type_is_signed(type) ||
		 so_data_type_integer_size(type) > so_data_type_integer_size(value->type)))
	{
		*result = so_value_integer(type, value->as.integer);
		return true;
	}
	specification = so_type_specification(type);
	return so_expression_evaluate_convert(state, node, value, &specification, result);
}

/* ---- unary -------------------------------------------------------------- */

static bool
fits_signed(SoDataType type, int64_t value)
{
	int bits = so_data_type_integer_size(type) * 8;

	return bits == 64 || (value >= -(INT64_C(1) << (bits - 1)) && value < INT64_C(1) << (bits - 1));
}

static bool
fits_unsigned(SoDataType type, uint64_t value)
{
	int bits = so_data_type_integer_size(type) * 8;

	return bits == 64 || value < UINT64_C(1) << bits;
}

static bool
complement(const SoValue *operand, SoValue *result)
{
	int bits = so_data_type_integer_size(operand->type) * 8;

	if (so_data_type_is_signed(operand->type))
		*result = so_value_integer(operand->type, ~operand->as.integer);
	else
		*result = so_value_unsigned(operand->type,
									~operand->as.unsigned_integer & (UINT64_MAX >> (64 - bits)));
	return true;
}

bool
so_expression_operator_unary(SoExpressionState *state, const SoExpressionNode *node,
							 const SoValue *operand, SoValue *result)
{
	if (node->operator== SO_TOKEN_NOT)
	{
		*result = so_value_boolean(!operand->as.boolean);
		return true;
	}
	if (node->operator== SO_TOKEN_COMPLEMENT)
		return complement(operand, result);
	*result = *operand;
	if (so_data_type_is_decimal(operand->type))
	{
		/* -922337203685477.5808 is the one CY without a counterpart. */
		result->as.decimal.negative =
			!operand->as.decimal.negative && operand->as.decimal.digits != 0;
		if (operand->type == SO_TYPE_CY && !result->as.decimal.negative &&
			operand->as.decimal.digits > (unsigned __int128) INT64_MAX)
			return overflow(state, node, operand->type);
	}
	else if (so_data_type_is_real(operand->type))
		result->as.real = -operand->as.real;
	else if (operand->as.integer == INT64_MIN || !fits_signed(operand->type, -operand->as.integer))
		return overflow(state, node, operand->type);
	else
		result->as.integer = -operand->as.integer;
	return true;
}

/* ---- arithmetic --------------------------------------------------------- */

static bool
signed_arithmetic(SoExpressionState *state, const SoExpressionNode *node, SoDataType type,
				  int64_t left, int64_t right, SoValue *result)
{
	int64_t value = 0;
	bool overflowed = false;

	switch (node->operator)
	{
		case SO_TOKEN_ADD:
			overflowed = __builtin_add_overflow(left, right, &value);
			break;
		case SO_TOKEN_SUBTRACT:
			overflowed = __builtin_sub_overflow(left, right, &value);
			break;
		case SO_TOKEN_MULTIPLY:
			overflowed = __builtin_mul_overflow(left, right, &value);
			break;
		case SO_TOKEN_DIVIDE:
		case SO_TOKEN_MODULO:
			if (right == 0)
				return zero_divisor(state, node);
			/* The processor traps on INT64_MIN / -1 and on its remainder. */
			if (right == -1)
			{
				overflowed = node->operator== SO_TOKEN_DIVIDE && left == INT64_MIN;
				value = node->operator== SO_TOKEN_DIVIDE && !overflowed ? -left : 0;
			}
			else
				value = node->operator== SO_TOKEN_DIVIDE ? left / right : left % right;
			break;
		case SO_TOKEN_BITWISE_AND:
			value = left & right;
			break;
		case SO_TOKEN_BITWISE_OR:
			value = left | right;
			break;
		default:
			value = left ^ right;
			break;
	}
	if (overflowed || !fits_signed(type, value))
		return overflow(state, node, type);
	*result = so_value_integer(type, value);
	return true;
}

static bool
unsigned_arithmetic(SoExpressionState *state, const SoExpressionNode *node, SoDataType type,
					uint64_t left, uint64_t right, SoValue *result)
{
	uint64_t value = 0;
	bool overflowed = false;

	switch (node->operator)
	{
		case SO_TOKEN_ADD:
			overflowed = __builtin_add_overflow(left, right, &value);
			break;
		case SO_TOKEN_SUBTRACT:
			overflowed = __builtin_sub_overflow(left, right, &value);
			break;
		case SO_TOKEN_MULTIPLY:
			overflowed = __builtin_mul_overflow(left, right, &value);
			break;
		case SO_TOKEN_DIVIDE:
		case SO_TOKEN_MODULO:
			if (right == 0)
				return zero_divisor(state, node);
			value = node->operator== SO_TOKEN_DIVIDE ? left / right : left % right;
			break;
		case SO_TOKEN_BITWISE_AND:
			value = left & right;
			break;
		case SO_TOKEN_BITWISE_OR:
			value = left | right;
			break;
		default:
			value = left ^ right;
			break;
	}
	if (overflowed || !fits_unsigned(type, value))
		return overflow(state, node, type);
	*result = so_value_unsigned(type, value);
	return true;
}

static bool
real_arithmetic(SoExpressionState *state, const SoExpressionNode *node, SoDataType type,
				double left, double right, SoValue *result)
{
	double value;

	switch (node->operator)
	{
		case SO_TOKEN_ADD:
			value = left + right;
			break;
		case SO_TOKEN_SUBTRACT:
			value = left - right;
			break;
		case SO_TOKEN_MULTIPLY:
			value = left * right;
			break;
		default:
			if (right == 0)
				return zero_divisor(state, node);
			value = left / right;
			break;
	}
	if (!isfinite(value) || (type == SO_TYPE_R4 && !isfinite((float) value)))
		return overflow(state, node, type);
	*result = so_value_real(type, value);
	return true;
}

static bool
decimal_arithmetic(SoExpressionState *state, const SoExpressionNode *node, SoDataType type,
				   const SoDecimal *left, const SoDecimal *right, SoValue *result)
{
	SoDecimal value;
	bool fits;

	switch (node->operator)
	{
		case SO_TOKEN_ADD:
			fits = so_decimal_add(left, right, &value);
			break;
		case SO_TOKEN_SUBTRACT:
			fits = so_decimal_subtract(left, right, &value);
			break;
		case SO_TOKEN_MULTIPLY:
			fits = so_decimal_multiply(left, right, &value);
			break;
		default:
			if (right->digits == 0)
				return zero_divisor(state, node);
			fits = so_decimal_divide(left, right, &value);
			break;
	}
	if (!fits || !so_value_decimal(type, &value, result))
		return overflow(state, node, type);
	return true;
}

/* ---- comparison --------------------------------------------------------- */

static int
compare_texts(const SoValue *left, const SoValue *right)
{
	size_t shorter =
		left->as.text.length < right->as.text.length ? left->as.text.length : right->as.text.length;
	int order = memcmp(left->as.text.bytes, right->as.text.bytes, shorter);

	/* Bytes of UTF-8 sort as the characters do. */
	if (order != 0)
		return order;
	return left->as.text.length < right->as.text.length
			   ? -1
			   : left->as.text.length > right->as.text.length;
}

static int
compare_dates(const SoValue *left, const SoValue *right)
{
	SoDateTime l = left->as.datetime;
	SoDateTime r = right->as.datetime;

	/* At the edge of the calendar the local fields must do. */
	if (left->type == SO_TYPE_DBTIMESTAMPOFFSET &&
		(!so_datetime_to_utc(&l) || !so_datetime_to_utc(&r)))
		return so_datetime_compare(&left->as.datetime, &right->as.datetime);
	return so_datetime_compare(&l, &r);
}

/* Both have the same type. */
static int
compare(const SoValue *left, const SoValue *right)
{
	SoDataType type = left->type;

	if (so_data_type_is_signed(type))
		return left->as.integer < right->as.integer ? -1 : left->as.integer > right->as.integer;
	if (so_data_type_is_unsigned(type))
		return left->as.unsigned_integer < right->as.unsigned_integer
				   ? -1
				   : left->as.unsigned_integer > right->as.unsigned_integer;
	if (so_data_type_is_real(type))
		return left->as.real < right->as.real ? -1 : left->as.real > right->as.real;
	if (so_data_type_is_decimal(type))
		return so_decimal_compare(&left->as.decimal, &right->as.decimal);
	if (so_datetime_is_type(type))
		return compare_dates(left, right);
	if (type == SO_TYPE_BOOL)
		return (int) left->as.boolean - (int) right->as.boolean;
	if (type == SO_TYPE_GUID)
		return memcmp(left->as.guid, right->as.guid, sizeof(left->as.guid));
	return compare_texts(left, right);
}

static bool
comparison_holds(SoExpressionTokenKind operator, int order)
{
	switch (operator)
	{
		case SO_TOKEN_LESS:
			return order < 0;
		case SO_TOKEN_GREATER:
			return order > 0;
		case SO_TOKEN_LESS_EQUAL:
			return order <= 0;
		case SO_TOKEN_GREATER_EQUAL:
			return order >= 0;
		case SO_TOKEN_EQUAL:
			return order == 0;
		default:
			return order != 0;
	}
}

bool
so_expression_operator_binary(SoExpressionState *state, const SoExpressionNode *node,
							  SoDataType operand_type, const SoValue *left, const SoValue *right,
							  SoValue *result)
{
	SoValue l;
	SoValue r;

	if (!so_expression_operator_convert(state, node, left, operand_type, &l) ||
		!so_expression_operator_convert(state, node, right, operand_type, &r))
		return false;
	if (so_expression_operator_is_comparison(node->operator))
	{
		*result = so_value_boolean(comparison_holds(node->operator, compare(&l, &r)));
		return true;
	}
	if (so_data_type_is_signed(operand_type))
		return signed_arithmetic(state, node, operand_type, l.as.integer, r.as.integer, result);
	if (so_data_type_is_unsigned(operand_type))
		return unsigned_arithmetic(state, node, operand_type, l.as.unsigned_integer,
								   r.as.unsigned_integer, result);
	if (so_data_type_is_real(operand_type))
		return real_arithmetic(state, node, operand_type, l.as.real, r.as.real, result);
	return decimal_arithmetic(state, node, operand_type, &l.as.decimal, &r.as.decimal, result);
}
