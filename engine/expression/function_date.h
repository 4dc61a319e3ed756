/*
 * engine/expression/function_date.h
 *
 * Date functions: what the table in function.c calls.  Arguments
 * have been checked and converted as the table says and are not NULL unless it
 * says so; false with the state's error.
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_EXPRESSION_FUNCTION_DATE_H
#define ENGINE_EXPRESSION_FUNCTION_DATE_H

#include "engine/expression/evaluate.h"

/* Date parts; names and abbreviations as in SSIS "DATEPART". */
typedef enum SoExpressionDatePart
{
	SO_DATE_PART_NONE,
	SO_DATE_PART_YEAR,
	SO_DATE_PART_QUARTER,
	SO_DATE_PART_MONTH,
	SO_DATE_PART_DAY_OF_YEAR,
	SO_DATE_PART_DAY,
	SO_DATE_PART_WEEK,
	SO_DATE_PART_WEEKDAY,
	SO_DATE_PART_HOUR,
	SO_DATE_PART_MINUTE,
	SO_DATE_PART_SECOND,
	SO_DATE_PART_MILLISECOND
} SoExpressionDatePart;

/* In any case; NONE when there is no such part. */
extern SoExpressionDatePart so_expression_function_date_part_from_name(const char *name);
/* The name that was probably meant, or NULL. */
extern const char *so_expression_function_date_part_nearest(const char *name);

extern bool so_expression_function_date_add(SoExpressionState *state, const SoExpressionNode *node,
											const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_date_difference(SoExpressionState *state, const SoExpressionNode *node,
									   const SoValue *arguments, SoValue *result);
extern bool so_expression_function_date_part(SoExpressionState *state, const SoExpressionNode *node,
											 const SoValue *arguments, SoValue *result);
extern bool so_expression_function_date_day(SoExpressionState *state, const SoExpressionNode *node,
											const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_date_month(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result);
extern bool so_expression_function_date_year(SoExpressionState *state, const SoExpressionNode *node,
											 const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_date_getdate(SoExpressionState *state, const SoExpressionNode *node,
									const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_date_getutcdate(SoExpressionState *state, const SoExpressionNode *node,
									   const SoValue *arguments, SoValue *result);

#endif /* ENGINE_EXPRESSION_FUNCTION_DATE_H */
