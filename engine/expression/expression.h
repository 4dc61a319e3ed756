/*
 * engine/expression/expression.h
 *
 * The SSIS expression language: compiled once, evaluated many times.
 *
 * Process: runner, client, loader.  A compiled expression is immutable and may
 * be evaluated by several threads at once; each evaluation allocates only in
 * the context that it is given.
 */
#ifndef ENGINE_EXPRESSION_EXPRESSION_H
#define ENGINE_EXPRESSION_EXPRESSION_H

#include "engine/model/value.h"

typedef struct SoExpression SoExpression;

/*
 * How an expression reaches what its names mean.
 *
 * declare (compile time, may be NULL): the type of a variable ("User::x",
 * "System::PackageName", "$Package::since", or without namespace as written)
 * or SO_TYPE_NONE when there is no such variable, which is an error with the
 * nearest name taken from suggest.
 * lookup (evaluation): the value; owned by the resolver, valid until the
 * evaluation ends.
 * assign: for "@x = expr" in For loops and Expression tasks; NULL refuses.
 */
typedef struct SoExpressionResolver
{
	void *context;
	SoDataType (*declare)(void *context, const char *name);
	const char *(*suggest)(void *context, const char *name);
	const SoValue *(*lookup)(void *context, const char *name);
	bool (*assign)(void *context, const char *name, const SoValue *value, SoError *error);
	/* GETDATE and GETUTCDATE; NULL means the real clock.  Microseconds since 1970 UTC. */
	int64_t (*now)(void *context);
} SoExpressionResolver;

/*
 * Compile text.  allow_assignment accepts "@x = expression" at the top.
 * place names the expression in errors ("/executables/2/expressions/sql").
 * Returns NULL with *error (SO7xx; detail has the text and a caret under the
 * offending column, place is place:column).  The result belongs to context.
 */
extern SoExpression *
so_expression_compile(TALLOC_CTX *context, const char *text, bool allow_assignment,
					  const char *place, const SoExpressionResolver *resolver, SoError *error);

/*
 * Is there something to warn of?  True with *error when a cast cuts off a part of
 * a constant (SO717); that is no error when it is evaluated.
 */
extern bool so_expression_warning(const SoExpression *expression, SoError *error);

/* The static type of the result; SO_TYPE_NONE when it depends on the variables. */
extern SoDataType so_expression_type(const SoExpression *expression);

/* The text that it was compiled from. */
extern const char *so_expression_text(const SoExpression *expression);

/* Call visit for every variable name that occurs. */
extern void so_expression_variables(const SoExpression *expression,
									void (*visit)(void *context, const char *name), void *context);

/* Evaluate into *result (owned by context); false with *error. */
extern bool so_expression_evaluate(const SoExpression *expression, TALLOC_CTX *context,
								   const SoExpressionResolver *resolver, SoValue *result,
								   SoError *error) SO_WARN_UNUSED;

/* Evaluate and demand a Boolean that is not NULL. */
extern bool so_expression_evaluate_boolean(const SoExpression *expression, TALLOC_CTX *context,
										   const SoExpressionResolver *resolver, bool *result,
										   SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_EXPRESSION_EXPRESSION_H */
