/*
 * engine/expression/evaluate.h
 *
 * One evaluation of a compiled tree.
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_EXPRESSION_EVALUATE_H
#define ENGINE_EXPRESSION_EVALUATE_H

#include "engine/expression/node.h"

typedef struct SoExpressionState
{
	const SoExpressionSource *source;
	TALLOC_CTX *scratch;                  /* intermediate results; freed after the evaluation */
	const SoExpressionResolver *resolver; /* may be NULL: no variables */
	bool has_clock;
	int64_t clock;     /* microseconds since 1970 UTC: one moment per evaluation */
	size_t text_total; /* bytes of all texts so far */
	SoError *error;
	/* While compiling: the first cast of a constant that cuts something off. */
	bool truncates;
	size_t truncation;
} SoExpressionState;

/* Evaluate a tree; the result may point into scratch, the tree or the resolver's values. */
extern bool so_expression_evaluate_node(SoExpressionState *state, const SoExpressionNode *node,
										SoValue *result) SO_WARN_UNUSED;

/* The moment of this evaluation. */
extern int64_t so_expression_evaluate_clock(SoExpressionState *state);

/*
 * A text of size bytes (plus the zero byte) in scratch as *result of the given
 * type, to be filled by the caller; NULL with the error set when it is too long.
 */
extern char *so_expression_evaluate_text(SoExpressionState *state, const SoExpressionNode *node,
										 SoDataType type, size_t size, SoValue *result);

/* Convert with place and caret in the error. */
extern bool
so_expression_evaluate_convert(SoExpressionState *state, const SoExpressionNode *node,
							   const SoValue *value, const SoTypeSpecification *specification,
							   SoValue *result) SO_WARN_UNUSED;

/* Report a problem at a node.  Returns false. */
#define so_expression_evaluate_problem(state, node, code, ...)                                     \
	so_expression_problem((state)->source, (node)->offset, (state)->error, code, __VA_ARGS__)

#endif /* ENGINE_EXPRESSION_EVALUATE_H */
