/*
 * engine/expression/function.h
 *
 * The table of functions: name, arguments, result, and the C function that
 * computes it.  NULL(type) is not in it: the parser makes a literal of it.
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_EXPRESSION_FUNCTION_H
#define ENGINE_EXPRESSION_FUNCTION_H

#include "engine/expression/evaluate.h"

/* What an argument may be, and what it is converted to before the call. */
typedef enum SoExpressionArgument
{
	SO_ARGUMENT_ANY,
	SO_ARGUMENT_NUMBER,   /* as it is */
	SO_ARGUMENT_INTEGER,  /* as it is */
	SO_ARGUMENT_COUNT,    /* any integer, becomes I8 */
	SO_ARGUMENT_REAL,     /* any number, becomes R8 */
	SO_ARGUMENT_TEXT,     /* STR, WSTR, TEXT, NTEXT */
	SO_ARGUMENT_DATE,     /* any date or time type */
	SO_ARGUMENT_DATE_PART /* a literal; read at compile time and not passed on */
} SoExpressionArgument;

/* A function computes its result from arguments that are not NULL (unless takes_null). */
typedef bool (*SoExpressionCall)(SoExpressionState *state, const SoExpressionNode *node,
								 const SoValue *arguments, SoValue *result);

typedef struct SoExpressionFunction
{
	const char *name; /* upper case */
	const char *form; /* "LEFT(text, length)", for messages and documents */
	int count;
	SoExpressionArgument arguments[3];
	SoDataType result; /* NONE: the type of the first argument */
	bool takes_null;   /* is called with NULLs; otherwise the result is NULL */
	bool is_volatile;  /* not folded to a constant */
	SoExpressionCall call;
} SoExpressionFunction;

/* By name in any case; NULL when there is none. */
extern const SoExpressionFunction *so_expression_function_find(const char *name);

/* The name that was probably meant, or NULL. */
extern const char *so_expression_function_nearest(const char *name);

/* The i-th function in the order of the table, NULL after the last. */
extern const SoExpressionFunction *so_expression_function_at(size_t i);

/* Does a value of this type pass as such an argument?  NONE (not known yet) does. */
extern bool so_expression_function_accepts(SoExpressionArgument argument, SoDataType type);

/* Check the argument types of a call; false with *error at the argument. */
extern bool
so_expression_function_check(const SoExpressionSource *source, const SoExpressionNode *node,
							 const SoDataType *types, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_EXPRESSION_FUNCTION_H */
