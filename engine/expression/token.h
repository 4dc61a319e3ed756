/*
 * engine/expression/token.h
 *
 * The words of the expression language.
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_EXPRESSION_TOKEN_H
#define ENGINE_EXPRESSION_TOKEN_H

#include "engine/expression/problem.h"
#include "engine/model/value.h"

typedef enum SoExpressionTokenKind
{
	SO_TOKEN_END,
	SO_TOKEN_LITERAL,   /* number or text: value */
	SO_TOKEN_NAME,      /* name: function, type, True, False, column */
	SO_TOKEN_BRACKETED, /* [name] */
	SO_TOKEN_VARIABLE,  /* @name, @[namespace::name] */
	SO_TOKEN_LINEAGE,   /* #123 */
	SO_TOKEN_OPEN,
	SO_TOKEN_CLOSE,
	SO_TOKEN_COMMA,
	SO_TOKEN_QUESTION,
	SO_TOKEN_COLON,
	SO_TOKEN_DOT,
	SO_TOKEN_ASSIGN,
	SO_TOKEN_NOT,
	SO_TOKEN_COMPLEMENT,
	SO_TOKEN_MULTIPLY,
	SO_TOKEN_DIVIDE,
	SO_TOKEN_MODULO,
	SO_TOKEN_ADD,
	SO_TOKEN_SUBTRACT,
	SO_TOKEN_LESS,
	SO_TOKEN_GREATER,
	SO_TOKEN_LESS_EQUAL,
	SO_TOKEN_GREATER_EQUAL,
	SO_TOKEN_EQUAL,
	SO_TOKEN_UNEQUAL,
	SO_TOKEN_BITWISE_AND,
	SO_TOKEN_BITWISE_XOR,
	SO_TOKEN_BITWISE_OR,
	SO_TOKEN_AND,
	SO_TOKEN_OR
} SoExpressionTokenKind;

typedef struct SoExpressionToken
{
	SoExpressionTokenKind kind;
	size_t offset; /* bytes from the start of the text */
	size_t length;
	char *name;              /* NAME, BRACKETED, VARIABLE, LINEAGE */
	SoValue value;           /* LITERAL */
	bool overflowed;         /* the literal is 2^31 or 2^63: valid after a minus only */
	SoDataType negated_type; /* overflowed: I4 or I8 */
} SoExpressionToken;

/* Reads words from a text; names and values belong to context. */
typedef struct SoExpressionTokenizer
{
	TALLOC_CTX *context;
	const SoExpressionSource *source;
	size_t at;
	SoError *error;
} SoExpressionTokenizer;

/* The next word; END at the end.  false with *error. */
extern bool
so_expression_token_next(SoExpressionTokenizer *tokenizer, SoExpressionToken *token) SO_WARN_UNUSED;

#endif /* ENGINE_EXPRESSION_TOKEN_H */
