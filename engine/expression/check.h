/*
 * engine/expression/check.h
 *
 * The type check of a parsed tree, which also computes constant parts.
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_EXPRESSION_CHECK_H
#define ENGINE_EXPRESSION_CHECK_H

#include "engine/expression/evaluate.h"

/*
 * Set the types of all nodes and replace constant parts by literals owned by
 * context.  state serves the constants' evaluation and says where errors go.
 */
extern bool so_expression_check(SoExpressionState *state, TALLOC_CTX *context,
								SoExpressionNode *root) SO_WARN_UNUSED;

/* ---- rules that evaluation applies again where types were unknown ------- */

/* "no variable is named ..." with the nearest name.  Returns false. */
extern bool
so_expression_check_unknown_variable(const SoExpressionSource *source, const SoExpressionNode *node,
									 const SoExpressionResolver *resolver, SoError *error);

/* An operand of &&, || or the condition of ?: must be Boolean. */
extern bool
so_expression_check_condition(const SoExpressionSource *source, const SoExpressionNode *parent,
							  const SoExpressionNode *node, SoDataType type,
							  SoError *error) SO_WARN_UNUSED;

/*
 * May a value of type be assigned to a variable of type target?  Numbers among
 * each other, texts among each other, dates among each other, equal types, and
 * everything to Object variables.
 */
extern bool
so_expression_check_assignable(const SoExpressionSource *source, const SoExpressionNode *node,
							   SoDataType target, SoDataType type, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_EXPRESSION_CHECK_H */
