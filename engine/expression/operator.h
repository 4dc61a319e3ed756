/*
 * engine/expression/operator.h
 *
 * Types and values of unary and binary operators (all but && and ||, whose
 * operands are not always evaluated).
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_EXPRESSION_OPERATOR_H
#define ENGINE_EXPRESSION_OPERATOR_H

#include "engine/expression/evaluate.h"

/* "+" */
extern const char *so_expression_operator_text(SoExpressionTokenKind operator);

extern bool so_expression_operator_is_comparison(SoExpressionTokenKind operator);

/*
 * The type that both operands of a binary operator are converted to.  Errors
 * point at node.  Source: SSIS "Integration Services Data Types in Expressions".
 */
extern bool
so_expression_operator_types(const SoExpressionSource *source, const SoExpressionNode *node,
							 SoDataType left, SoDataType right, SoDataType *operand_type,
							 SoError *error) SO_WARN_UNUSED;

/* May a unary operator stand before this type? */
extern bool
so_expression_operator_unary_type(const SoExpressionSource *source, const SoExpressionNode *node,
								  SoDataType type, SoError *error) SO_WARN_UNUSED;

/*
 * The type that both branches of ?: become; false when there is none (no error
 * is set).
 */
extern bool
so_expression_operator_common(SoDataType left, SoDataType right, SoDataType *common) SO_WARN_UNUSED;

/* The type of the numbers' sum; false when one needs a cast (UI8 with a signed integer). */
extern bool so_expression_operator_promote(SoDataType left, SoDataType right,
										   SoDataType *common) SO_WARN_UNUSED;

/*
 * A non-negative integer literal next to a DT_UI8 counts as DT_UI8; returns
 * the type to use for node.
 */
extern SoDataType
so_expression_operator_literal_type(const SoExpressionNode *node, SoDataType own, SoDataType other);

/* Apply an operator; the operands are not NULL, the types were checked. */
extern bool so_expression_operator_unary(SoExpressionState *state, const SoExpressionNode *node,
										 const SoValue *operand, SoValue *result) SO_WARN_UNUSED;
extern bool so_expression_operator_binary(SoExpressionState *state, const SoExpressionNode *node,
										  SoDataType operand_type, const SoValue *left,
										  const SoValue *right, SoValue *result) SO_WARN_UNUSED;

/* Convert an operand to the operand type (integers quickly, the rest by the cast rules). */
extern bool so_expression_operator_convert(SoExpressionState *state, const SoExpressionNode *node,
										   const SoValue *value, SoDataType type,
										   SoValue *result) SO_WARN_UNUSED;

#endif /* ENGINE_EXPRESSION_OPERATOR_H */
