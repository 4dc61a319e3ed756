/*
 * engine/expression/function_number.h
 *
 * Numeric functions: what the table in function.c calls.  Arguments
 * have been checked and converted as the table says and are not NULL unless it
 * says so; false with the state's error.
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_EXPRESSION_FUNCTION_NUMBER_H
#define ENGINE_EXPRESSION_FUNCTION_NUMBER_H

#include "engine/expression/evaluate.h"

extern bool
so_expression_function_number_abs(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_number_ceiling(SoExpressionState *state, const SoExpressionNode *node,
									  const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_number_floor(SoExpressionState *state, const SoExpressionNode *node,
									const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_number_round(SoExpressionState *state, const SoExpressionNode *node,
									const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_number_sign(SoExpressionState *state, const SoExpressionNode *node,
								   const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_number_exp(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result);
extern bool so_expression_function_number_ln(SoExpressionState *state, const SoExpressionNode *node,
											 const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_number_log(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_number_power(SoExpressionState *state, const SoExpressionNode *node,
									const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_number_square(SoExpressionState *state, const SoExpressionNode *node,
									 const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_number_sqrt(SoExpressionState *state, const SoExpressionNode *node,
								   const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_number_hex(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result);

#endif /* ENGINE_EXPRESSION_FUNCTION_NUMBER_H */
