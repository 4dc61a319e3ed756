/*
 * engine/expression/function.c
 *
 * The table of functions and the check of their arguments.  Source: SSIS
 * "Functions (SSIS Expression)".
 *
 * Process: runner, client, loader.  Constant data; nothing is shared and
 * nothing is left behind by a crash.
 */
#include "engine/expression/function.h"

#include <string.h>
#include <strings.h>

#include "common/nearest.h"
#include "engine/expression/function_date.h"
#include "engine/expression/function_number.h"
#include "engine/expression/function_text.h"
#include "engine/model/value_datetime.h"

#define ANY     SO_ARGUMENT_ANY
#define NUMBER  SO_ARGUMENT_NUMBER
#define INTEGER SO_ARGUMENT_INTEGER
#define COUNT   SO_ARGUMENT_COUNT
#define REAL    SO_ARGUMENT_REAL
#define TEXT    SO_ARGUMENT_TEXT
#define DATE    SO_ARGUMENT_DATE
#define PART    SO_ARGUMENT_DATE_PART

static bool
call_isnull(SoExpressionState *state, const SoExpressionNode *node, const SoValue *arguments,
			SoValue *result)
{
	(void) state;
	(void) node;
	*result = so_value_boolean(arguments[0].is_null);
	return true;
}

static bool
call_replacenull(SoExpressionState *state, const SoExpressionNode *node, const SoValue *arguments,
				 SoValue *result)
{
	SoTypeSpecification specification = so_type_specification(arguments[0].type);

	if (!arguments[0].is_null)
	{
		*result = arguments[0];
		return true;
	}
	return so_expression_evaluate_convert(state, node->children[1], &arguments[1], &specification,
										  result);
}

/* clang-format off */
static const SoExpressionFunction functions[] = {
	{"ABS", "ABS(number)", 1, {NUMBER}, SO_TYPE_NONE, false, false, so_expression_function_number_abs},
	{"CEILING", "CEILING(number)", 1, {NUMBER}, SO_TYPE_NONE, false, false, so_expression_function_number_ceiling},
	{"CODEPOINT", "CODEPOINT(text)", 1, {TEXT}, SO_TYPE_UI2, false, false, so_expression_function_text_codepoint},
	{"DATEADD", "DATEADD(\"part\", number, date)", 3, {PART, COUNT, DATE}, SO_TYPE_DBTIMESTAMP, false, false,
	so_expression_function_date_add},
	{"DATEDIFF", "DATEDIFF(\"part\", from, to)", 3, {PART, DATE, DATE}, SO_TYPE_I4, false, false,
	so_expression_function_date_difference},
	{"DATEPART", "DATEPART(\"part\", date)", 2, {PART, DATE}, SO_TYPE_I4, false, false,
	so_expression_function_date_part},
	{"DAY", "DAY(date)", 1, {DATE}, SO_TYPE_I4, false, false, so_expression_function_date_day},
	{"EXP", "EXP(number)", 1, {REAL}, SO_TYPE_R8, false, false, so_expression_function_number_exp},
	{"FINDSTRING", "FINDSTRING(text, search, occurrence)", 3, {TEXT, TEXT, COUNT}, SO_TYPE_I4, false, false,
	so_expression_function_text_findstring},
	{"FLOOR", "FLOOR(number)", 1, {NUMBER}, SO_TYPE_NONE, false, false, so_expression_function_number_floor},
	{"GETDATE", "GETDATE()", 0, {ANY}, SO_TYPE_DBTIMESTAMP, false, true, so_expression_function_date_getdate},
	{"GETUTCDATE", "GETUTCDATE()", 0, {ANY}, SO_TYPE_DBTIMESTAMP, false, true,
	so_expression_function_date_getutcdate},
	{"HEX", "HEX(integer)", 1, {INTEGER}, SO_TYPE_WSTR, false, false, so_expression_function_number_hex},
	{"ISNULL", "ISNULL(expression)", 1, {ANY}, SO_TYPE_BOOL, true, false, call_isnull},
	{"LEFT", "LEFT(text, length)", 2, {TEXT, COUNT}, SO_TYPE_WSTR, false, false, so_expression_function_text_left},
	{"LEN", "LEN(text)", 1, {TEXT}, SO_TYPE_I4, false, false, so_expression_function_text_len},
	{"LN", "LN(number)", 1, {REAL}, SO_TYPE_R8, false, false, so_expression_function_number_ln},
	{"LOG", "LOG(number)", 1, {REAL}, SO_TYPE_R8, false, false, so_expression_function_number_log},
	{"LOWER", "LOWER(text)", 1, {TEXT}, SO_TYPE_WSTR, false, false, so_expression_function_text_lower},
	{"LTRIM", "LTRIM(text)", 1, {TEXT}, SO_TYPE_WSTR, false, false, so_expression_function_text_ltrim},
	{"MONTH", "MONTH(date)", 1, {DATE}, SO_TYPE_I4, false, false, so_expression_function_date_month},
	{"POWER", "POWER(number, exponent)", 2, {REAL, REAL}, SO_TYPE_R8, false, false,
	so_expression_function_number_power},
	{"REPLACE", "REPLACE(text, search, replacement)", 3, {TEXT, TEXT, TEXT}, SO_TYPE_WSTR, false, false,
	so_expression_function_text_replace},
	{"REPLACENULL", "REPLACENULL(expression, replacement)", 2, {ANY, ANY}, SO_TYPE_NONE, true, false,
	call_replacenull},
	{"REPLICATE", "REPLICATE(text, count)", 2, {TEXT, COUNT}, SO_TYPE_WSTR, false, false,
	so_expression_function_text_replicate},
	{"REVERSE", "REVERSE(text)", 1, {TEXT}, SO_TYPE_WSTR, false, false, so_expression_function_text_reverse},
	{"RIGHT", "RIGHT(text, length)", 2, {TEXT, COUNT}, SO_TYPE_WSTR, false, false,
	so_expression_function_text_right},
	{"ROUND", "ROUND(number, digits)", 2, {NUMBER, COUNT}, SO_TYPE_NONE, false, false,
	so_expression_function_number_round},
	{"RTRIM", "RTRIM(text)", 1, {TEXT}, SO_TYPE_WSTR, false, false, so_expression_function_text_rtrim},
	{"SIGN", "SIGN(number)", 1, {NUMBER}, SO_TYPE_NONE, false, false, so_expression_function_number_sign},
	{"SQRT", "SQRT(number)", 1, {REAL}, SO_TYPE_R8, false, false, so_expression_function_number_sqrt},
	{"SQUARE", "SQUARE(number)", 1, {REAL}, SO_TYPE_R8, false, false, so_expression_function_number_square},
	{"SUBSTRING", "SUBSTRING(text, position, length)", 3, {TEXT, COUNT, COUNT}, SO_TYPE_WSTR, false, false,
	so_expression_function_text_substring},
	{"TOKEN", "TOKEN(text, delimiters, occurrence)", 3, {TEXT, TEXT, COUNT}, SO_TYPE_WSTR, false, false,
	so_expression_function_text_token},
	{"TOKENCOUNT", "TOKENCOUNT(text, delimiters)", 2, {TEXT, TEXT}, SO_TYPE_I4, true, false,
	so_expression_function_text_tokencount},
	{"TRIM", "TRIM(text)", 1, {TEXT}, SO_TYPE_WSTR, false, false, so_expression_function_text_trim},
	{"UPPER", "UPPER(text)", 1, {TEXT}, SO_TYPE_WSTR, false, false, so_expression_function_text_upper},
	{"YEAR", "YEAR(date)", 1, {DATE}, SO_TYPE_I4, false, false, so_expression_function_date_year},
};
/* clang-format on */

#define FUNCTION_COUNT (sizeof(functions) / sizeof(functions[0]))

const SoExpressionFunction *
so_expression_function_at(size_t i)
{
	return i < FUNCTION_COUNT ? &functions[i] : NULL;
}

const SoExpressionFunction *
so_expression_function_find(const char *name)
{
	for (size_t i = 0; i < FUNCTION_COUNT; i++)
	{
		if (strcasecmp(name, functions[i].name) == 0)
			return &functions[i];
	}
	return NULL;
}

const char *
so_expression_function_nearest(const char *name)
{
	SoNearest nearest;

	so_nearest_begin(&nearest, name);
	for (size_t i = 0; i < FUNCTION_COUNT; i++)
		so_nearest_offer(&nearest, functions[i].name);
	return nearest.name;
}

bool
so_expression_function_accepts(SoExpressionArgument argument, SoDataType type)
{
	if (type == SO_TYPE_NONE)
		return true;
	switch (argument)
	{
		case SO_ARGUMENT_NUMBER:
		case SO_ARGUMENT_REAL:
			return so_data_type_is_number(type);
		case SO_ARGUMENT_INTEGER:
		case SO_ARGUMENT_COUNT:
			return so_data_type_is_integer(type);
		case SO_ARGUMENT_TEXT:
		case SO_ARGUMENT_DATE_PART:
			return so_data_type_is_character(type);
		case SO_ARGUMENT_DATE:
			return so_datetime_is_type(type);
		case SO_ARGUMENT_ANY:
			break;
	}
	return true;
}

static const char *
argument_text(SoExpressionArgument argument)
{
	switch (argument)
	{
		case SO_ARGUMENT_NUMBER:
		case SO_ARGUMENT_REAL:
			return "a number";
		case SO_ARGUMENT_INTEGER:
		case SO_ARGUMENT_COUNT:
			return "an integer";
		case SO_ARGUMENT_TEXT:
			return "a text";
		case SO_ARGUMENT_DATE:
			return "a date or time";
		case SO_ARGUMENT_DATE_PART:
			return "a date part in double quotes";
		case SO_ARGUMENT_ANY:
			break;
	}
	return "a value";
}

/* REPLACENULL: no BLOBs, and the replacement must be able to become the first's type. */
static bool
check_replacenull(const SoExpressionSource *source, const SoExpressionNode *node,
				  const SoDataType *types, SoError *error)
{
	for (int i = 0; i < 2; i++)
	{
		if (so_data_type_is_blob(types[i]) || types[i] == SO_TYPE_OBJECT)
			return so_expression_problem(source, node->children[i]->offset, error,
										 SO_ERR_EXPRESSION_TYPE,
										 "argument %d of REPLACENULL cannot be of type %s", i + 1,
										 so_data_type_name(types[i]));
	}
	if (types[0] != SO_TYPE_NONE && types[1] != SO_TYPE_NONE &&
		!so_value_can_convert(types[1], types[0]))
		return so_expression_problem(
			source, node->children[1]->offset, error, SO_ERR_EXPRESSION_TYPE,
			"the replacement of type %s cannot become %s, the type of the first argument",
			so_data_type_name(types[1]), so_data_type_name(types[0]));
	return true;
}

bool
so_expression_function_check(const SoExpressionSource *source, const SoExpressionNode *node,
							 const SoDataType *types, SoError *error)
{
	const SoExpressionFunction *function = node->function;

	for (int i = 0; i < node->count; i++)
	{
		SoExpressionArgument argument = function->arguments[i];

		if (so_expression_function_accepts(argument, types[i]))
			continue;
		so_expression_problem(source, node->children[i]->offset, error, SO_ERR_EXPRESSION_TYPE,
							  "argument %d of %s must be %s, not %s; expected %s", i + 1,
							  function->name, argument_text(argument), so_data_type_name(types[i]),
							  function->form);
		if (argument == SO_ARGUMENT_DATE && so_data_type_is_character(types[i]))
			so_error_hint(error, "Cast a text to a date: (DT_DBTIMESTAMP)\"2026-03-01 04:05:06\".");
		return false;
	}
	if (function->call == call_replacenull)
		return check_replacenull(source, node, types, error);
	return true;
}
