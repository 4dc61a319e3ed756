/*
 * test/unit/expression_table.h
 *
 * Runs tables of expressions and their expected results, in the form in which
 * docs/expressions.md shows its examples.
 *
 * Process: unit tests of engine/expression.
 */
#ifndef TEST_UNIT_EXPRESSION_TABLE_H
#define TEST_UNIT_EXPRESSION_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/expression/expression.h"

typedef struct SoTestRow
{
	const char *expression;

	/*
	 * "7", "7 (DT_I4)", "\"text\"" with the language's escapes, True, NULL,
	 * or "error SO704".
	 */
	const char *expected;
} SoTestRow;

/*
 * Compile and evaluate with the variables of docs/expressions.md; twice, the
 * second time without declared types, which must give the same.  Prints what
 * differs and returns false.
 */
extern bool so_test_expression(const char *expression, const char *expected);

/* All rows; fails the test after the last when one was wrong. */
extern void so_test_expression_rows(const SoTestRow *rows, size_t count);

#define SO_TEST_ROWS(rows) so_test_expression_rows(rows, sizeof(rows) / sizeof((rows)[0]))

/* The resolver with those variables; the clock stands at 2026-03-01 12:34:56.789 UTC, local time is UTC+1. */
extern const SoExpressionResolver *so_test_expression_resolver(void);

#endif /* TEST_UNIT_EXPRESSION_TABLE_H */
