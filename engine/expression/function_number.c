/*
 * engine/expression/function_number.c
 *
 * Numeric functions.  Source: SSIS "Functions (SSIS Expression)",
 * mathematical functions and HEX.
 *
 * Process: runner, client, loader.  Works on the caller's evaluation only;
 * nothing is shared and nothing is left behind by a crash.
 */
#include "engine/expression/function_number.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/expression/function.h"
#include "engine/model/value_decimal.h"
#include "engine/model/value_decimal_text.h"

static bool
overflow(SoExpressionState *state, const SoExpressionNode *node, SoDataType type)
{
	return so_expression_evaluate_problem(state, node, SO_ERR_VALUE_OUT_OF_RANGE,
										  "the result of %s does not fit into %s",
										  node->function->name, so_data_type_name(type));
}

bool
so_expression_function_number_abs(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result)
{
	SoDataType type = arguments[0].type;
	int bits = so_data_type_integer_size(type) * 8;

	*result = arguments[0];
	if (so_data_type_is_real(type))
		result->as.real = fabs(arguments[0].as.real);
	else if (so_data_type_is_decimal(type))
	{
		result->as.decimal.negative = false;
		if (type == SO_TYPE_CY && result->as.decimal.digits > (unsigned __int128) INT64_MAX)
			return overflow(state, node, type);
	}
	else if (so_data_type_is_signed(type) && arguments[0].as.integer < 0)
	{
		/* The smallest integer has no counterpart. */
		if (arguments[0].as.integer == (bits == 64 ? INT64_MIN : -(INT64_C(1) << (bits - 1))))
			return overflow(state, node, type);
		result->as.integer = -arguments[0].as.integer;
	}
	return true;
}

/* Round to digits fractional digits; the scale of the result is the argument's. */
static bool
round_number(SoExpressionState *state, const SoExpressionNode *node, const SoValue *number,
			 int digits, SoDecimalRounding rounding, SoValue *result)
{
	SoDecimal decimal;

	*result = *number;
	if (so_data_type_is_integer(number->type))
		return true;
	if (so_data_type_is_real(number->type))
	{
		/* Through the decimal that the number is written as: ROUND(1.005L, 2) is 1.01. */
		if (rounding == SO_DECIMAL_FLOOR)
			result->as.real = floor(number->as.real);
		else if (rounding == SO_DECIMAL_CEILING)
			result->as.real = ceil(number->as.real);
		else if (fabs(number->as.real) < 1e15)
		{
			SoValue text_width = *number;

			if (number->type == SO_TYPE_R4)
			{
				char text[32];

				snprintf(text, sizeof(text), "%.7g", number->as.real);
				if (so_decimal_parse(text, strlen(text), &decimal) != 1)
					return overflow(state, node, number->type);
			}
			else if (!so_decimal_from_real(number->as.real, &decimal))
				return overflow(state, node, number->type);
			if (digits < decimal.scale && !so_decimal_rescale(&decimal, digits, rounding))
				return overflow(state, node, number->type);
			text_width = so_value_real(number->type, so_decimal_to_real(&decimal));
			*result = text_width;
		}
		return true;
	}
	decimal = number->as.decimal;
	if (digits >= decimal.scale)
		return true;
	if (!so_decimal_rescale(&decimal, digits, rounding) ||
		!so_decimal_rescale(&decimal, number->as.decimal.scale, rounding) ||
		!so_value_decimal(number->type, &decimal, result))
		return overflow(state, node, number->type);
	return true;
}

bool
so_expression_function_number_ceiling(SoExpressionState *state, const SoExpressionNode *node,
									  const SoValue *arguments, SoValue *result)
{
	return round_number(state, node, &arguments[0], 0, SO_DECIMAL_CEILING, result);
}

bool
so_expression_function_number_floor(SoExpressionState *state, const SoExpressionNode *node,
									const SoValue *arguments, SoValue *result)
{
	return round_number(state, node, &arguments[0], 0, SO_DECIMAL_FLOOR, result);
}

bool
so_expression_function_number_round(SoExpressionState *state, const SoExpressionNode *node,
									const SoValue *arguments, SoValue *result)
{
	int64_t digits = arguments[1].as.integer;

	if (digits < 0)
		return so_expression_evaluate_problem(state, node->children[1], SO_ERR_EXPRESSION_ARGUMENT,
											  "the number of digits of ROUND must not be negative");
	return round_number(state, node, &arguments[0],
						digits > SO_DECIMAL_DIGITS ? SO_DECIMAL_DIGITS : (int) digits,
						SO_DECIMAL_HALF_AWAY, result);
}

bool
so_expression_function_number_sign(SoExpressionState *state, const SoExpressionNode *node,
								   const SoValue *arguments, SoValue *result)
{
	const SoValue *number = &arguments[0];
	SoTypeSpecification specification = so_type_specification(number->type);
	SoValue sign;
	int direction;

	if (so_data_type_is_real(number->type))
		direction = (number->as.real > 0) - (number->as.real < 0);
	else if (so_data_type_is_decimal(number->type))
		direction = number->as.decimal.digits == 0 ? 0 : number->as.decimal.negative ? -1 : 1;
	else if (so_data_type_is_unsigned(number->type))
		direction = number->as.unsigned_integer > 0;
	else
		direction = (number->as.integer > 0) - (number->as.integer < 0);
	sign = so_value_integer(SO_TYPE_I4, direction);
	return so_expression_evaluate_convert(state, node, &sign, &specification, result);
}

/* ---- functions of reals -------------------------------------------------- */

static bool
real_result(SoExpressionState *state, const SoExpressionNode *node, double value, SoValue *result)
{
	if (!isfinite(value))
		return overflow(state, node, SO_TYPE_R8);
	*result = so_value_real(SO_TYPE_R8, value);
	return true;
}

static bool
outside_domain(SoExpressionState *state, const SoExpressionNode *node, const char *expected)
{
	return so_expression_evaluate_problem(state, node->children[0], SO_ERR_EXPRESSION_ARGUMENT,
										  "the argument of %s must be %s", node->function->name,
										  expected);
}

bool
so_expression_function_number_exp(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result)
{
	return real_result(state, node, exp(arguments[0].as.real), result);
}

bool
so_expression_function_number_ln(SoExpressionState *state, const SoExpressionNode *node,
								 const SoValue *arguments, SoValue *result)
{
	if (arguments[0].as.real <= 0)
		return outside_domain(state, node, "greater than zero");
	return real_result(state, node, log(arguments[0].as.real), result);
}

bool
so_expression_function_number_log(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result)
{
	if (arguments[0].as.real <= 0)
		return outside_domain(state, node, "greater than zero");
	return real_result(state, node, log10(arguments[0].as.real), result);
}

bool
so_expression_function_number_power(SoExpressionState *state, const SoExpressionNode *node,
									const SoValue *arguments, SoValue *result)
{
	double base = arguments[0].as.real;
	double exponent = arguments[1].as.real;

	if (base == 0 && exponent < 0)
		return so_expression_evaluate_problem(state, node, SO_ERR_EXPRESSION_ARGUMENT,
											  "zero cannot be raised to a negative power");
	if (base < 0 && exponent != trunc(exponent))
		return so_expression_evaluate_problem(
			state, node, SO_ERR_EXPRESSION_ARGUMENT,
			"a negative number can only be raised to a whole power");
	return real_result(state, node, pow(base, exponent), result);
}

bool
so_expression_function_number_square(SoExpressionState *state, const SoExpressionNode *node,
									 const SoValue *arguments, SoValue *result)
{
	return real_result(state, node, arguments[0].as.real * arguments[0].as.real, result);
}

bool
so_expression_function_number_sqrt(SoExpressionState *state, const SoExpressionNode *node,
								   const SoValue *arguments, SoValue *result)
{
	if (arguments[0].as.real < 0)
		return outside_domain(state, node, "zero or greater");
	return real_result(state, node, sqrt(arguments[0].as.real), result);
}

/* A negative integer is written as two's complement in the width of its type. */
bool
so_expression_function_number_hex(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result)
{
	int bits = so_data_type_integer_size(arguments[0].type) * 8;
	uint64_t value = so_data_type_is_signed(arguments[0].type) ? (uint64_t) arguments[0].as.integer
															   : arguments[0].as.unsigned_integer;
	char text[24];
	char *out;

	snprintf(text, sizeof(text), "%llX",
			 (unsigned long long) (value & (UINT64_MAX >> (64 - bits))));
	out = so_expression_evaluate_text(state, node, SO_TYPE_WSTR, strlen(text), result);
	if (out == NULL)
		return false;
	memcpy(out, text, strlen(text));
	return true;
}
