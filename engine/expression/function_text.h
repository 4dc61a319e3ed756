/*
 * engine/expression/function_text.h
 *
 * Text functions; they count characters (code points): what the table in function.c calls.  Arguments
 * have been checked and converted as the table says and are not NULL unless it
 * says so; false with the state's error.
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_EXPRESSION_FUNCTION_TEXT_H
#define ENGINE_EXPRESSION_FUNCTION_TEXT_H

#include "engine/expression/evaluate.h"

extern bool
so_expression_function_text_codepoint(SoExpressionState *state, const SoExpressionNode *node,
									  const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_text_findstring(SoExpressionState *state, const SoExpressionNode *node,
									   const SoValue *arguments, SoValue *result);
extern bool so_expression_function_text_left(SoExpressionState *state, const SoExpressionNode *node,
											 const SoValue *arguments, SoValue *result);
extern bool so_expression_function_text_len(SoExpressionState *state, const SoExpressionNode *node,
											const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_text_lower(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_text_ltrim(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_text_replace(SoExpressionState *state, const SoExpressionNode *node,
									const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_text_replicate(SoExpressionState *state, const SoExpressionNode *node,
									  const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_text_reverse(SoExpressionState *state, const SoExpressionNode *node,
									const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_text_right(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_text_rtrim(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_text_substring(SoExpressionState *state, const SoExpressionNode *node,
									  const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_text_token(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_text_tokencount(SoExpressionState *state, const SoExpressionNode *node,
									   const SoValue *arguments, SoValue *result);
extern bool so_expression_function_text_trim(SoExpressionState *state, const SoExpressionNode *node,
											 const SoValue *arguments, SoValue *result);
extern bool
so_expression_function_text_upper(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result);

#endif /* ENGINE_EXPRESSION_FUNCTION_TEXT_H */
