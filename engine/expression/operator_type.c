/*
 * engine/expression/operator_type.c
 *
 * Which types the operators accept and what they make of them.  Source: SSIS
 * "Integration Services Data Types in Expressions"; where that page shows only
 * a picture, the rule is ours and stands in docs/expressions.md.
 *
 * Process: runner, client, loader.  Constant tables and the caller's values;
 * nothing is shared and nothing is left behind by a crash.
 */
#include "engine/expression/operator.h"

#include "engine/model/value_datetime.h"

const char *
so_expression_operator_text(SoExpressionTokenKind operator)
{
	switch (operator)
	{
		case SO_TOKEN_NOT:
			return "!";
		case SO_TOKEN_COMPLEMENT:
			return "~";
		case SO_TOKEN_MULTIPLY:
			return "*";
		case SO_TOKEN_DIVIDE:
			return "/";
		case SO_TOKEN_MODULO:
			return "%";
		case SO_TOKEN_ADD:
			return "+";
		case SO_TOKEN_SUBTRACT:
			return "-";
		case SO_TOKEN_LESS:
			return "<";
		case SO_TOKEN_GREATER:
			return ">";
		case SO_TOKEN_LESS_EQUAL:
			return "<=";
		case SO_TOKEN_GREATER_EQUAL:
			return ">=";
		case SO_TOKEN_EQUAL:
			return "==";
		case SO_TOKEN_UNEQUAL:
			return "!=";
		case SO_TOKEN_BITWISE_AND:
			return "&";
		case SO_TOKEN_BITWISE_XOR:
			return "^";
		case SO_TOKEN_BITWISE_OR:
			return "|";
		case SO_TOKEN_AND:
			return "&&";
		case SO_TOKEN_OR:
			return "||";
		default:
			return "?";
	}
}

bool
so_expression_operator_is_comparison(SoExpressionTokenKind operator)
{
	return operator>= SO_TOKEN_LESS && operator<= SO_TOKEN_UNEQUAL;
}

/* ---- numbers ------------------------------------------------------------ */

static SoDataType
signed_of_size(int size)
{
	return size <= 1 ? SO_TYPE_I1 : size == 2 ? SO_TYPE_I2 : size == 4 ? SO_TYPE_I4 : SO_TYPE_I8;
}

/* A signed type that holds every value of both, or no type. */
static bool
promote_integers(SoDataType left, SoDataType right, SoDataType *common)
{
	int left_size = so_data_type_integer_size(left);
	int right_size = so_data_type_integer_size(right);
	int unsigned_size;
	int signed_size;

	if (so_data_type_is_signed(left) == so_data_type_is_signed(right))
	{
		*common = left_size >= right_size ? left : right;
		return true;
	}
	unsigned_size = so_data_type_is_unsigned(left) ? left_size : right_size;
	signed_size = so_data_type_is_unsigned(left) ? right_size : left_size;
	if (unsigned_size == 8)
		return false;
	*common = signed_of_size(signed_size > unsigned_size ? signed_size : unsigned_size * 2);
	return true;
}

bool
so_expression_operator_promote(SoDataType left, SoDataType right, SoDataType *common)
{
	SoDataType other = so_data_type_is_decimal(left) ? right : left;

	if (so_data_type_is_integer(left) && so_data_type_is_integer(right))
		return promote_integers(left, right, common);
	if (left == SO_TYPE_R8 || right == SO_TYPE_R8)
		*common = SO_TYPE_R8;
	else if (left == SO_TYPE_R4 || right == SO_TYPE_R4)
	{
		/* A float holds integers of up to two bytes exactly. */
		other = left == SO_TYPE_R4 ? right : left;
		*common = other == SO_TYPE_R4 ||
						  (so_data_type_is_integer(other) && so_data_type_integer_size(other) <= 2)
					  ? SO_TYPE_R4
					  : SO_TYPE_R8;
	}
	else if (left == SO_TYPE_CY && right == SO_TYPE_CY)
		*common = SO_TYPE_CY;
	else if ((left == SO_TYPE_CY || right == SO_TYPE_CY) && so_data_type_is_integer(other) &&
			 so_data_type_integer_size(other) <= 4)
		*common = SO_TYPE_CY;
	else
		*common = SO_TYPE_NUMERIC;
	return true;
}

/* ---- all types ---------------------------------------------------------- */

/* What two different date types are compared as; false for a time with a date. */
static bool
common_date(SoDataType left, SoDataType right, SoDataType *common)
{
	static const SoDataType order[] = {SO_TYPE_DBTIMESTAMPOFFSET, SO_TYPE_DBTIMESTAMP2,
									   SO_TYPE_DBTIME2};

	if (so_datetime_has_date(left) != so_datetime_has_date(right))
		return false;
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
	{
		if (left == order[i] || right == order[i])
		{
			*common = order[i];
			return true;
		}
	}
	*common = SO_TYPE_DBTIMESTAMP;
	return true;
}

bool
so_expression_operator_common(SoDataType left, SoDataType right, SoDataType *common)
{
	if (left == right)
	{
		*common = left;
		return true;
	}
	if (so_data_type_is_number(left) && so_data_type_is_number(right))
		return so_expression_operator_promote(left, right, common);
	if (so_datetime_is_type(left) && so_datetime_is_type(right))
		return common_date(left, right, common);
	if (so_data_type_is_string(left) && so_data_type_is_string(right))
	{
		*common = SO_TYPE_WSTR;
		return true;
	}
	return false;
}

/* Texts, or a text and one kind of BLOB, can be concatenated. */
static bool
concatenated_type(SoDataType left, SoDataType right, SoDataType *type)
{
	if (!so_data_type_is_character(left) || !so_data_type_is_character(right))
		return false;
	if (so_data_type_is_string(left) && so_data_type_is_string(right))
		*type = SO_TYPE_WSTR;
	else if (so_data_type_is_string(left) || left == right)
		*type = right;
	else if (so_data_type_is_string(right))
		*type = left;
	else
		return false;
	return true;
}

SoDataType
so_expression_operator_literal_type(const SoExpressionNode *node, SoDataType own, SoDataType other)
{
	if (other == SO_TYPE_UI8 && node->kind == SO_NODE_LITERAL && !node->value.is_null &&
		so_data_type_is_signed(own) && node->value.as.integer >= 0)
		return SO_TYPE_UI8;
	return own;
}

static bool
refuse(const SoExpressionSource *source, const SoExpressionNode *node, SoDataType left,
	   SoDataType right, SoError *error)
{
	so_expression_problem(source, node->offset, error, SO_ERR_EXPRESSION_TYPE,
						  "operator %s cannot be applied to %s and %s",
						  so_expression_operator_text(node->operator), so_data_type_name(left),
						  so_data_type_name(right));
	if ((left == SO_TYPE_UI8 && so_data_type_is_signed(right)) ||
		(right == SO_TYPE_UI8 && so_data_type_is_signed(left)))
		return so_error_hint(
			error,
			"No integer type holds all values of both: cast one of them, (DT_I8) or (DT_UI8).");
	if (node->operator==
		SO_TOKEN_ADD &&(so_data_type_is_character(left) || so_data_type_is_character(right)))
		return so_error_hint(error, "To concatenate, cast to text: (DT_WSTR, 30).");
	if (so_datetime_is_type(left) != so_datetime_is_type(right) &&
		(node->operator== SO_TOKEN_ADD || node->operator== SO_TOKEN_SUBTRACT))
		return so_error_hint(error, "Use DATEADD to move a date.");
	if (so_datetime_is_type(left) && so_datetime_is_type(right))
		return so_error_hint(
			error, node->operator== SO_TOKEN_SUBTRACT
					   ? "Use DATEDIFF to measure between two dates."
					   : "A time of day and a date cannot be compared; cast one of them.");
	if (left == SO_TYPE_OBJECT || right == SO_TYPE_OBJECT)
		return so_error_hint(error,
							 "An Object variable must be cast, for example with (DT_WSTR, 4000).");
	if (left == SO_TYPE_BOOL || right == SO_TYPE_BOOL)
		return so_error_hint(
			error, "Nothing becomes Boolean by itself: compare (x != 0) or cast with (DT_BOOL).");
	return false;
}

bool
so_expression_operator_types(const SoExpressionSource *source, const SoExpressionNode *node,
							 SoDataType left, SoDataType right, SoDataType *operand_type,
							 SoError *error)
{
	bool numbers;
	bool fits;

	left = so_expression_operator_literal_type(node->children[0], left, right);
	right = so_expression_operator_literal_type(node->children[1], right, left);
	numbers = so_data_type_is_number(left) && so_data_type_is_number(right);
	switch (node->operator)
	{
		case SO_TOKEN_ADD:
			fits = numbers ? so_expression_operator_promote(left, right, operand_type)
						   : concatenated_type(left, right, operand_type);
			break;
		case SO_TOKEN_SUBTRACT:
			fits = numbers && so_expression_operator_promote(left, right, operand_type);
			break;
		case SO_TOKEN_MULTIPLY:
		case SO_TOKEN_DIVIDE:
			fits = numbers && so_expression_operator_promote(left, right, operand_type);
			if (fits && *operand_type == SO_TYPE_CY)
				*operand_type = SO_TYPE_NUMERIC;
			break;
		case SO_TOKEN_MODULO:
		case SO_TOKEN_BITWISE_AND:
		case SO_TOKEN_BITWISE_OR:
		case SO_TOKEN_BITWISE_XOR:
			fits = so_data_type_is_integer(left) && so_data_type_is_integer(right) &&
				   so_expression_operator_promote(left, right, operand_type);
			break;
		case SO_TOKEN_EQUAL:
		case SO_TOKEN_UNEQUAL:
			fits = so_expression_operator_common(left, right, operand_type);
			break;
		default:
			fits = left != SO_TYPE_BOOL && so_expression_operator_common(left, right, operand_type);
			break;
	}
	if (left == SO_TYPE_OBJECT || right == SO_TYPE_OBJECT)
		fits = false;
	/* DECIMAL with DECIMAL gives NUMERIC. */
	if (fits && *operand_type == SO_TYPE_DECIMAL)
		*operand_type = SO_TYPE_NUMERIC;
	return fits || refuse(source, node, left, right, error);
}

bool
so_expression_operator_unary_type(const SoExpressionSource *source, const SoExpressionNode *node,
								  SoDataType type, SoError *error)
{
	bool fits;
	const char *wanted;

	switch (node->operator)
	{
		case SO_TOKEN_NOT:
			fits = type == SO_TYPE_BOOL;
			wanted = "a Boolean";
			break;
		case SO_TOKEN_COMPLEMENT:
			fits = so_data_type_is_integer(type);
			wanted = "an integer";
			break;
		default:
			fits = so_data_type_is_number(type) && !so_data_type_is_unsigned(type);
			wanted = "a signed number";
			break;
	}
	if (!fits)
		return so_expression_problem(
			source, node->offset, error, SO_ERR_EXPRESSION_TYPE, "operator %s expects %s, not %s",
			so_expression_operator_text(node->operator), wanted, so_data_type_name(type));
	return true;
}
