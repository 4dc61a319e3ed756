/*
 * engine/expression/token.c
 *
 * Splits the text of an expression into words.  Source: SSIS "Literals",
 * "Identifiers", "Operators".  Numbers and quoted texts are read in
 * token_literal.c.
 *
 * Process: runner, client, loader.  Works on the caller's tokenizer only;
 * nothing is shared and nothing is left behind by a crash.
 */
#include "engine/expression/token.h"

#include <string.h>

#include "engine/expression/token_literal.h"

/* Longest first, so that "<=" is not "<". */
static const struct
{
	const char *text;
	SoExpressionTokenKind kind;
} symbols[] = {
	{"<=", SO_TOKEN_LESS_EQUAL}, {">=", SO_TOKEN_GREATER_EQUAL},
	{"==", SO_TOKEN_EQUAL},      {"!=", SO_TOKEN_UNEQUAL},
	{"&&", SO_TOKEN_AND},        {"||", SO_TOKEN_OR},
	{"(", SO_TOKEN_OPEN},        {")", SO_TOKEN_CLOSE},
	{",", SO_TOKEN_COMMA},       {"?", SO_TOKEN_QUESTION},
	{":", SO_TOKEN_COLON},       {".", SO_TOKEN_DOT},
	{"=", SO_TOKEN_ASSIGN},      {"!", SO_TOKEN_NOT},
	{"~", SO_TOKEN_COMPLEMENT},  {"*", SO_TOKEN_MULTIPLY},
	{"/", SO_TOKEN_DIVIDE},      {"%", SO_TOKEN_MODULO},
	{"+", SO_TOKEN_ADD},         {"-", SO_TOKEN_SUBTRACT},
	{"<", SO_TOKEN_LESS},        {">", SO_TOKEN_GREATER},
	{"&", SO_TOKEN_BITWISE_AND}, {"^", SO_TOKEN_BITWISE_XOR},
	{"|", SO_TOKEN_BITWISE_OR},
};

static bool
starts_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		   (unsigned char) c >= 0x80;
}

static bool
continues_name(char c)
{
	return starts_name(c) || (c >= '0' && c <= '9') || c == '@' || c == '$' || c == '#';
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool
problem(SoExpressionTokenizer *tokenizer, size_t offset, const char *message)
{
	return so_expression_problem(tokenizer->source, offset, tokenizer->error,
								 SO_ERR_EXPRESSION_SYNTAX, "%s", message);
}

/* [any text]; blanks at both ends do not count. */
static bool
read_brackets(SoExpressionTokenizer *tokenizer, SoExpressionToken *token)
{
	const char *text = tokenizer->source->text;
	size_t start = tokenizer->at + 1;
	const char *close = memchr(text + start, ']', tokenizer->source->length - start);
	size_t end;

	if (close == NULL)
		return problem(tokenizer, tokenizer->at, "the bracket is not closed; expected \"]\"");
	end = (size_t) (close - text);
	tokenizer->at = end + 1;
	while (start < end && is_blank(text[start]))
		start++;
	while (end > start && is_blank(text[end - 1]))
		end--;
	if (start == end)
		return problem(tokenizer, token->offset, "expected a name in the brackets");
	token->name = talloc_strndup(tokenizer->context, text + start, end - start);
	return true;
}

static void
read_name(SoExpressionTokenizer *tokenizer, SoExpressionToken *token)
{
	const char *text = tokenizer->source->text;
	size_t start = tokenizer->at;

	while (tokenizer->at < tokenizer->source->length && continues_name(text[tokenizer->at]))
		tokenizer->at++;
	token->name = talloc_strndup(tokenizer->context, text + start, tokenizer->at - start);
}

static bool
read_variable(SoExpressionTokenizer *tokenizer, SoExpressionToken *token)
{
	const char *text = tokenizer->source->text;

	token->kind = SO_TOKEN_VARIABLE;
	tokenizer->at++;
	if (text[tokenizer->at] == '[')
		return read_brackets(tokenizer, token);
	if (!starts_name(text[tokenizer->at]))
	{
		problem(tokenizer, tokenizer->at, "expected a variable name after \"@\"");
		return so_error_hint(tokenizer->error, "Write @Name, or @[Namespace::Name].");
	}
	read_name(tokenizer, token);
	if (text[tokenizer->at] == ':' && text[tokenizer->at + 1] == ':')
	{
		problem(tokenizer, token->offset,
				"a variable name with a namespace must stand in brackets");
		return so_error_hint(tokenizer->error, "Write @[%s::...].", token->name);
	}
	return true;
}

/* #123 or #{name}: a column of a data flow; the parser refuses it with its name. */
static void
read_lineage(SoExpressionTokenizer *tokenizer, SoExpressionToken *token)
{
	const char *text = tokenizer->source->text;
	size_t start = tokenizer->at++;

	while (continues_name(text[tokenizer->at]))
		tokenizer->at++;
	token->kind = SO_TOKEN_LINEAGE;
	token->name = talloc_strndup(tokenizer->context, text + start, tokenizer->at - start);
}

static bool
read_symbol(SoExpressionTokenizer *tokenizer, SoExpressionToken *token)
{
	const char *text = tokenizer->source->text + tokenizer->at;

	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++)
	{
		size_t length = strlen(symbols[i].text);

		if (strncmp(text, symbols[i].text, length) == 0)
		{
			token->kind = symbols[i].kind;
			tokenizer->at += length;
			return true;
		}
	}
	so_expression_problem(tokenizer->source, tokenizer->at, tokenizer->error,
						  SO_ERR_EXPRESSION_SYNTAX, "unexpected character \"%c\"",
						  (unsigned char) *text < 0x20 ? '?' : *text);
	if (*text == '\'')
		so_error_hint(tokenizer->error, "Texts stand in double quotes.");
	return false;
}

bool
so_expression_token_next(SoExpressionTokenizer *tokenizer, SoExpressionToken *token)
{
	const char *text = tokenizer->source->text;
	char c;
	bool read = true;

	while (is_blank(text[tokenizer->at]))
		tokenizer->at++;
	memset(token, 0, sizeof(*token));
	token->offset = tokenizer->at;
	c = text[tokenizer->at];
	if (tokenizer->at >= tokenizer->source->length)
		token->kind = SO_TOKEN_END;
	else if (c == '"' || (c >= '0' && c <= '9') ||
			 (c == '.' && text[tokenizer->at + 1] >= '0' && text[tokenizer->at + 1] <= '9'))
		read = so_expression_token_literal(tokenizer, token);
	else if (c == '@')
		read = read_variable(tokenizer, token);
	else if (c == '#')
		read_lineage(tokenizer, token);
	else if (c == '[')
	{
		token->kind = SO_TOKEN_BRACKETED;
		read = read_brackets(tokenizer, token);
	}
	else if (starts_name(c))
	{
		token->kind = SO_TOKEN_NAME;
		read_name(tokenizer, token);
	}
	else
		read = read_symbol(tokenizer, token);
	token->length = tokenizer->at - token->offset;
	return read;
}
