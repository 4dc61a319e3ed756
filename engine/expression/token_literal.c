/*
 * engine/expression/token_literal.c
 *
 * Reads numbers and quoted texts.  Source: SSIS "Numeric, String, and Boolean
 * Literals".
 *
 * Process: runner, client, loader.  Works on the caller's tokenizer only;
 * nothing is shared and nothing is left behind by a crash.
 */
#include "engine/expression/token_literal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/expression/character.h"
#include "engine/model/value_decimal.h"
#include "engine/model/value_decimal_text.h"

static bool
bad_literal(SoExpressionTokenizer *tokenizer, size_t offset, const char *message)
{
	return so_expression_problem(tokenizer->source, offset, tokenizer->error,
								 SO_ERR_EXPRESSION_LITERAL, "%s", message);
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* ---- numbers ------------------------------------------------------------ */

/* The letters after a number; false when they are not a suffix. */
static bool
read_suffix(SoExpressionTokenizer *tokenizer, char suffix[3])
{
	const char *text = tokenizer->source->text;
	size_t start = tokenizer->at;
	int count = 0;

	memset(suffix, 0, 3);
	while (strchr("uUlLfF", text[tokenizer->at]) != NULL && text[tokenizer->at] != '\0' &&
		   count < 2)
		suffix[count++] = (char) (text[tokenizer->at++] & ~0x20);
	if (hex_digit(text[tokenizer->at]) >= 0 ||
		(text[tokenizer->at] >= 'A' && text[tokenizer->at] <= 'Z') ||
		(text[tokenizer->at] >= 'a' && text[tokenizer->at] <= 'z') || text[tokenizer->at] == '_')
		return bad_literal(tokenizer, start, "unexpected letters after a number");
	return true;
}

/* Give an integer its type by its suffix. */
static bool
finish_integer(SoExpressionTokenizer *tokenizer, SoExpressionToken *token, uint64_t number,
			   bool overflow, bool hexadecimal)
{
	char suffix[3];
	bool is_unsigned;
	bool is_long;
	uint64_t limit;

	if (!read_suffix(tokenizer, suffix))
		return false;
	is_unsigned = suffix[0] == 'U';
	is_long = strcmp(suffix, "L") == 0 || strcmp(suffix, "UL") == 0;
	if (strcmp(suffix, "") != 0 && strcmp(suffix, "U") != 0 && !is_long)
		return bad_literal(tokenizer, token->offset, "the suffix of an integer is U, L or UL");
	if (is_unsigned)
		limit = is_long ? UINT64_MAX : UINT32_MAX;
	else
		limit = is_long ? INT64_MAX : INT32_MAX;
	token->kind = SO_TOKEN_LITERAL;
	if (!overflow && number <= limit)
	{
		token->value = is_unsigned
						   ? so_value_unsigned(is_long ? SO_TYPE_UI8 : SO_TYPE_UI4, number)
						   : so_value_integer(is_long ? SO_TYPE_I8 : SO_TYPE_I4, (int64_t) number);
		return true;
	}
	if (!overflow && !is_unsigned && !hexadecimal && number == limit + 1)
	{
		token->overflowed = true;
		token->negated_type = is_long ? SO_TYPE_I8 : SO_TYPE_I4;
		token->value = so_value_null(token->negated_type);
		return true;
	}
	if (is_long)
		return bad_literal(tokenizer, token->offset, "the integer does not fit into 8 bytes");
	bad_literal(tokenizer, token->offset,
				is_unsigned
					? "the integer does not fit into DT_UI4"
					: "the integer does not fit into DT_I4, the type of integers without suffix");
	return so_error_hint(tokenizer->error, "Append %s for an integer of 8 bytes.",
						 is_unsigned ? "UL" : "L");
}

static bool
read_hexadecimal(SoExpressionTokenizer *tokenizer, SoExpressionToken *token)
{
	const char *text = tokenizer->source->text;
	size_t start = tokenizer->at += 2;
	uint64_t number = 0;
	bool overflow = false;

	while (hex_digit(text[tokenizer->at]) >= 0)
	{
		overflow = overflow || number >> 60 != 0;
		number = number << 4 | (uint64_t) hex_digit(text[tokenizer->at++]);
	}
	if (tokenizer->at == start)
		return bad_literal(tokenizer, token->offset, "expected hexadecimal digits after \"0x\"");
	return finish_integer(tokenizer, token, number, overflow, true);
}

/* digits[.digits][e[+-]digits][F|L] */
static bool
finish_real(SoExpressionTokenizer *tokenizer, SoExpressionToken *token, bool exponent, size_t end)
{
	const char *text = tokenizer->source->text + token->offset;
	char suffix[3];
	SoDecimal decimal;
	SoDataType type;
	double real;

	if (!read_suffix(tokenizer, suffix))
		return false;
	token->kind = SO_TOKEN_LITERAL;
	if (suffix[0] == '\0')
	{
		if (exponent)
		{
			bad_literal(tokenizer, token->offset,
						"a number with an exponent needs the suffix F or L");
			return so_error_hint(tokenizer->error, "Append F for DT_R4 or L for DT_R8.");
		}
		if (so_decimal_parse(text, end - token->offset, &decimal) != 1 ||
			!so_value_decimal(SO_TYPE_NUMERIC, &decimal, &token->value))
			return bad_literal(tokenizer, token->offset, "the number has more than 38 digits");
		return true;
	}
	if (strcmp(suffix, "F") != 0 && strcmp(suffix, "L") != 0)
		return bad_literal(tokenizer, token->offset,
						   "the suffix of a number with a fraction or exponent is F or L");
	type = suffix[0] == 'F' ? SO_TYPE_R4 : SO_TYPE_R8;
	real = strtod(text, NULL);
	if (!isfinite(real) || (type == SO_TYPE_R4 && !isfinite((float) real)))
		return bad_literal(tokenizer, token->offset,
						   type == SO_TYPE_R4 ? "the number does not fit into DT_R4"
											  : "the number does not fit into DT_R8");
	token->value = so_value_real(type, real);
	return true;
}

static bool
read_number(SoExpressionTokenizer *tokenizer, SoExpressionToken *token)
{
	const char *text = tokenizer->source->text;
	uint64_t number = 0;
	bool overflow = false;
	bool fraction = false;
	bool exponent = false;
	size_t end;

	if (text[tokenizer->at] == '0' &&
		(text[tokenizer->at + 1] == 'x' || text[tokenizer->at + 1] == 'X'))
		return read_hexadecimal(tokenizer, token);
	for (; is_digit(text[tokenizer->at]); tokenizer->at++)
		overflow =
			__builtin_mul_overflow(number, 10, &number) ||
			__builtin_add_overflow(number, (uint64_t) (text[tokenizer->at] - '0'), &number) ||
			overflow;
	if (text[tokenizer->at] == '.')
	{
		fraction = true;
		tokenizer->at++;
		while (is_digit(text[tokenizer->at]))
			tokenizer->at++;
	}
	if (text[tokenizer->at] == 'e' || text[tokenizer->at] == 'E')
	{
		exponent = true;
		tokenizer->at++;
		if (text[tokenizer->at] == '+' || text[tokenizer->at] == '-')
			tokenizer->at++;
		if (!is_digit(text[tokenizer->at]))
			return bad_literal(tokenizer, token->offset,
							   "expected digits after the exponent's \"e\"");
		while (is_digit(text[tokenizer->at]))
			tokenizer->at++;
	}
	end = tokenizer->at;
	if (fraction || exponent || text[end] == 'F' || text[end] == 'f')
		return finish_real(tokenizer, token, exponent, end);
	return finish_integer(tokenizer, token, number, overflow, false);
}

/* ---- texts -------------------------------------------------------------- */

/* Four hexadecimal digits at *at. */
static int
read_unit(const char *text)
{
	int unit = 0;

	for (int i = 0; i < 4; i++)
	{
		if (hex_digit(text[i]) < 0)
			return -1;
		unit = unit * 16 + hex_digit(text[i]);
	}
	return unit;
}

/* \xhhhh, or two of them that are a surrogate pair; the position is at the "x". */
static bool
read_code(SoExpressionTokenizer *tokenizer, char **out)
{
	const char *text = tokenizer->source->text;
	size_t start = tokenizer->at - 1;
	int unit = read_unit(text + tokenizer->at + 1);
	int low;

	if (unit < 0)
		return bad_literal(tokenizer, start, "expected four hexadecimal digits after \"\\x\"");
	if (unit == 0)
		return bad_literal(tokenizer, start, "a text cannot contain the character \\x0000");
	tokenizer->at += 5;
	if (unit >= 0xD800 && unit <= 0xDFFF)
	{
		low = unit <= 0xDBFF && text[tokenizer->at] == '\\' && text[tokenizer->at + 1] == 'x'
				  ? read_unit(text + tokenizer->at + 2)
				  : -1;
		if (low < 0xDC00 || low > 0xDFFF)
			return bad_literal(tokenizer, start,
							   "half of a surrogate pair; expected \\xD8hh\\xDChh");
		unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
		tokenizer->at += 6;
	}
	*out += so_expression_character_encode((uint32_t) unit, *out);
	return true;
}

/* The position is at the backslash. */
static bool
read_escape(SoExpressionTokenizer *tokenizer, char **out)
{
	static const char letters[] = "abfnrtv\"\\";
	static const char meanings[] = "\a\b\f\n\r\t\v\"\\";
	const char *text = tokenizer->source->text;
	const char *letter;

	tokenizer->at++;
	if (text[tokenizer->at] == 'x')
		return read_code(tokenizer, out);
	letter = text[tokenizer->at] == '\0' ? NULL : strchr(letters, text[tokenizer->at]);
	if (letter == NULL)
	{
		bad_literal(tokenizer, tokenizer->at - 1, "unknown escape sequence");
		return so_error_hint(tokenizer->error,
							 "Known are \\a \\b \\f \\n \\r \\t \\v \\\" \\\\ and \\xhhhh; "
							 "write \\\\ for a backslash, as in \"C:\\\\data\".");
	}
	*(*out)++ = meanings[letter - letters];
	tokenizer->at++;
	return true;
}

static bool
read_text(SoExpressionTokenizer *tokenizer, SoExpressionToken *token)
{
	const char *text = tokenizer->source->text;
	size_t end = tokenizer->at + 1;
	char *buffer;
	char *out;

	while (text[end] != '"' && text[end] != '\0')
		end += text[end] == '\\' && text[end + 1] != '\0' ? 2 : 1;
	if (text[end] == '\0')
		return so_expression_problem(tokenizer->source, tokenizer->at, tokenizer->error,
									 SO_ERR_EXPRESSION_SYNTAX,
									 "the text is not closed; expected \"");
	/* No escape is longer than what it stands for. */
	buffer = talloc_size(tokenizer->context, end - tokenizer->at);
	if (buffer == NULL)
		return so_error_set(tokenizer->error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	out = buffer;
	tokenizer->at++;
	while (tokenizer->at < end)
	{
		if (text[tokenizer->at] != '\\')
			*out++ = text[tokenizer->at++];
		else if (!read_escape(tokenizer, &out))
			return false;
	}
	tokenizer->at = end + 1;
	*out = '\0';
	token->kind = SO_TOKEN_LITERAL;
	token->value = so_value_null(SO_TYPE_WSTR);
	token->value.is_null = false;
	token->value.as.text.bytes = buffer;
	token->value.as.text.length = (size_t) (out - buffer);
	return true;
}

bool
so_expression_token_literal(SoExpressionTokenizer *tokenizer, SoExpressionToken *token)
{
	if (tokenizer->source->text[tokenizer->at] == '"')
		return read_text(tokenizer, token);
	return read_number(tokenizer, token);
}
