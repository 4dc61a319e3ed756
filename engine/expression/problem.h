/*
 * engine/expression/problem.h
 *
 * Errors that point into the text of an expression, and guesses at what a
 * misspelt name was meant to be.
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_EXPRESSION_PROBLEM_H
#define ENGINE_EXPRESSION_PROBLEM_H

#include <stdarg.h>

#include "common/error.h"

/* The text that errors point into. */
typedef struct SoExpressionSource
{
	const char *text;
	size_t length;
	const char *place; /* "/executables/2/expressions/sql", may be NULL */
} SoExpressionSource;

/*
 * Fill *error: place is "place:column" ("place:line:column" when the text has
 * several lines), detail is the line and a caret under the byte at offset.
 * Always returns false.
 */
extern bool so_expression_problem(const SoExpressionSource *source, size_t offset, SoError *error,
								  SoErrorCode code, const char *format, ...) SO_PRINTF(5, 6);

/* Give an error that was raised elsewhere its place and caret.  Always returns false. */
extern bool
so_expression_problem_locate(const SoExpressionSource *source, size_t offset, SoError *error);

#endif /* ENGINE_EXPRESSION_PROBLEM_H */
