/*
 * engine/expression/token_literal.h
 *
 * Numbers and quoted texts.
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_EXPRESSION_TOKEN_LITERAL_H
#define ENGINE_EXPRESSION_TOKEN_LITERAL_H

#include "engine/expression/token.h"

/*
 * Read the literal that starts at the tokenizer's position (a digit, a point
 * before a digit, or a double quote).  false with *error.
 * Source: SSIS "Numeric, String, and Boolean Literals".
 */
extern bool so_expression_token_literal(SoExpressionTokenizer *tokenizer,
										SoExpressionToken *token) SO_WARN_UNUSED;

#endif /* ENGINE_EXPRESSION_TOKEN_LITERAL_H */
