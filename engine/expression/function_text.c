/*
 * engine/expression/function_text.c
 *
 * Text functions.  Source: SSIS "Functions (SSIS Expression)", string
 * functions.  Positions and lengths count characters (Unicode code points).
 *
 * Process: runner, client, loader.  Works on the caller's evaluation only;
 * nothing is shared and nothing is left behind by a crash.
 */
#include "engine/expression/function_text.h"

#include <stdlib.h>
#include <string.h>

#include "engine/expression/character.h"
#include "engine/expression/function.h"

/* A part of an argument as the result, without copying it. */
static bool
part_of(const SoValue *text, size_t from, size_t to, SoExpressionState *state,
		const SoExpressionNode *node, SoValue *result)
{
	char *out;

	if (from == 0 && to == text->as.text.length)
	{
		*result = *text;
		result->type = SO_TYPE_WSTR;
		return true;
	}
	out = so_expression_evaluate_text(state, node, SO_TYPE_WSTR, to - from, result);
	if (out == NULL)
		return false;
	memcpy(out, text->as.text.bytes + from, to - from);
	return true;
}

static bool
refuse_count(SoExpressionState *state, const SoExpressionNode *node, int argument, const char *what,
			 int64_t found)
{
	return so_expression_evaluate_problem(state, node->children[argument],
										  SO_ERR_EXPRESSION_ARGUMENT,
										  "argument %d of %s must be %s, not %lld", argument + 1,
										  node->function->name, what, (long long) found);
}

static size_t
offset_of(const SoValue *text, int64_t character)
{
	return so_expression_character_offset(text->as.text.bytes, text->as.text.length,
										  (size_t) character);
}

bool
so_expression_function_text_len(SoExpressionState *state, const SoExpressionNode *node,
								const SoValue *arguments, SoValue *result)
{
	(void) state;
	(void) node;
	*result =
		so_value_integer(SO_TYPE_I4, (int64_t) so_expression_character_count(
										 arguments[0].as.text.bytes, arguments[0].as.text.length));
	return true;
}

/* UTF-16 as in SSIS: of a character above U+FFFF the first surrogate is returned. */
bool
so_expression_function_text_codepoint(SoExpressionState *state, const SoExpressionNode *node,
									  const SoValue *arguments, SoValue *result)
{
	uint32_t character;

	(void) state;
	(void) node;
	if (arguments[0].as.text.length == 0)
	{
		*result = so_value_null(SO_TYPE_UI2);
		return true;
	}
	character =
		so_expression_character_decode(arguments[0].as.text.bytes, arguments[0].as.text.length);
	if (character > 0xFFFF)
		character = 0xD800 + ((character - 0x10000) >> 10);
	*result = so_value_unsigned(SO_TYPE_UI2, character);
	return true;
}

/* ---- parts -------------------------------------------------------------- */

bool
so_expression_function_text_left(SoExpressionState *state, const SoExpressionNode *node,
								 const SoValue *arguments, SoValue *result)
{
	if (arguments[1].as.integer < 0)
		return refuse_count(state, node, 1, "zero or greater", arguments[1].as.integer);
	return part_of(&arguments[0], 0, offset_of(&arguments[0], arguments[1].as.integer), state, node,
				   result);
}

bool
so_expression_function_text_right(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result)
{
	const SoValue *text = &arguments[0];
	int64_t count =
		(int64_t) so_expression_character_count(text->as.text.bytes, text->as.text.length);
	int64_t wanted = arguments[1].as.integer;

	if (wanted < 0)
		return refuse_count(state, node, 1, "zero or greater", wanted);
	return part_of(text, wanted >= count ? 0 : offset_of(text, count - wanted),
				   text->as.text.length, state, node, result);
}

bool
so_expression_function_text_substring(SoExpressionState *state, const SoExpressionNode *node,
									  const SoValue *arguments, SoValue *result)
{
	const SoValue *text = &arguments[0];
	size_t from;
	size_t size;

	if (arguments[1].as.integer < 1)
		return refuse_count(state, node, 1, "1 or greater", arguments[1].as.integer);
	if (arguments[2].as.integer < 0)
		return refuse_count(state, node, 2, "zero or greater", arguments[2].as.integer);
	from = offset_of(text, arguments[1].as.integer - 1);
	size = so_expression_character_offset(text->as.text.bytes + from, text->as.text.length - from,
										  (size_t) arguments[2].as.integer);
	return part_of(text, from, from + size, state, node, result);
}

static bool
trim(SoExpressionState *state, const SoExpressionNode *node, const SoValue *text, bool left,
	 bool right, SoValue *result)
{
	size_t from = 0;
	size_t to = text->as.text.length;

	while (left && from < to && text->as.text.bytes[from] == ' ')
		from++;
	while (right && to > from && text->as.text.bytes[to - 1] == ' ')
		to--;
	return part_of(text, from, to, state, node, result);
}

bool
so_expression_function_text_ltrim(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result)
{
	return trim(state, node, &arguments[0], true, false, result);
}

bool
so_expression_function_text_rtrim(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result)
{
	return trim(state, node, &arguments[0], false, true, result);
}

bool
so_expression_function_text_trim(SoExpressionState *state, const SoExpressionNode *node,
								 const SoValue *arguments, SoValue *result)
{
	return trim(state, node, &arguments[0], true, true, result);
}

/* ---- changed texts ------------------------------------------------------- */

/* Case mapping may change the number of bytes, but not above 4 per character. */
static bool
map_case(SoExpressionState *state, const SoExpressionNode *node, const SoValue *text,
		 uint32_t (*map)(uint32_t), SoValue *result)
{
	const char *bytes = text->as.text.bytes;
	size_t length = text->as.text.length;
	size_t size = 0;
	char *out;
	char encoded[4];

	for (size_t at = 0; at < length; at += so_expression_character_size(bytes + at, length - at))
		size += so_expression_character_encode(
			map(so_expression_character_decode(bytes + at, length - at)), encoded);
	out = so_expression_evaluate_text(state, node, SO_TYPE_WSTR, size, result);
	if (out == NULL)
		return false;
	for (size_t at = 0; at < length; at += so_expression_character_size(bytes + at, length - at))
		out += so_expression_character_encode(
			map(so_expression_character_decode(bytes + at, length - at)), out);
	return true;
}

bool
so_expression_function_text_upper(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result)
{
	return map_case(state, node, &arguments[0], so_expression_character_upper, result);
}

bool
so_expression_function_text_lower(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result)
{
	return map_case(state, node, &arguments[0], so_expression_character_lower, result);
}

bool
so_expression_function_text_reverse(SoExpressionState *state, const SoExpressionNode *node,
									const SoValue *arguments, SoValue *result)
{
	const char *bytes = arguments[0].as.text.bytes;
	size_t length = arguments[0].as.text.length;
	char *out = so_expression_evaluate_text(state, node, SO_TYPE_WSTR, length, result);

	if (out == NULL)
		return false;
	for (size_t at = 0; at < length;)
	{
		size_t size = so_expression_character_size(bytes + at, length - at);

		memcpy(out + length - at - size, bytes + at, size);
		at += size;
	}
	return true;
}

bool
so_expression_function_text_replicate(SoExpressionState *state, const SoExpressionNode *node,
									  const SoValue *arguments, SoValue *result)
{
	size_t length = arguments[0].as.text.length;
	int64_t count = arguments[1].as.integer;
	size_t size;
	char *out;

	if (count < 0)
		return refuse_count(state, node, 1, "zero or greater", count);
	if (length == 0)
		count = 0;
	if (__builtin_mul_overflow(length, (size_t) count, &size))
		size = SIZE_MAX;
	out = so_expression_evaluate_text(state, node, SO_TYPE_WSTR, size, result);
	if (out == NULL)
		return false;
	for (int64_t i = 0; i < count; i++)
		memcpy(out + (size_t) i * length, arguments[0].as.text.bytes, length);
	return true;
}

/* The next occurrence of what at or after from; NULL when there is none. */
static const char *
find(const SoValue *text, size_t from, const SoValue *what)
{
	return memmem(text->as.text.bytes + from, text->as.text.length - from, what->as.text.bytes,
				  what->as.text.length);
}

bool
so_expression_function_text_replace(SoExpressionState *state, const SoExpressionNode *node,
									const SoValue *arguments, SoValue *result)
{
	const SoValue *text = &arguments[0];
	const SoValue *search = &arguments[1];
	const SoValue *replacement = &arguments[2];
	size_t count = 0;
	size_t at = 0;
	const char *found;
	char *out;

	if (search->as.text.length == 0)
		return part_of(text, 0, text->as.text.length, state, node, result);
	while ((found = find(text, at, search)) != NULL)
	{
		count++;
		at = (size_t) (found - text->as.text.bytes) + search->as.text.length;
	}
	/* At most 16 MB of matches times 16 MB of replacement: no overflow in 64 bits. */
	out = so_expression_evaluate_text(state, node, SO_TYPE_WSTR,
									  text->as.text.length - count * search->as.text.length +
										  count * replacement->as.text.length,
									  result);
	if (out == NULL)
		return false;
	at = 0;
	while ((found = find(text, at, search)) != NULL)
	{
		size_t before = (size_t) (found - text->as.text.bytes) - at;

		memcpy(out, text->as.text.bytes + at, before);
		memcpy(out + before, replacement->as.text.bytes, replacement->as.text.length);
		out += before + replacement->as.text.length;
		at += before + search->as.text.length;
	}
	memcpy(out, text->as.text.bytes + at, text->as.text.length - at);
	return true;
}

/*
 * Where the wanted occurrence starts, -1 when there are fewer.  Knuth, Morris,
 * Pratt: a long search text costs no more than a short one however often it
 * occurs.  Bytes will do, because no UTF-8 character is part of another.
 */
static bool
find_occurrence(SoExpressionState *state, const SoExpressionNode *node, const SoValue *text,
				const SoValue *search, int64_t wanted, int64_t *start)
{
	const char *bytes = text->as.text.bytes;
	const char *pattern = search->as.text.bytes;
	size_t length = search->as.text.length;
	SoValue unused;
	uint32_t *border = (uint32_t *) (void *) so_expression_evaluate_text(
		state, node, SO_TYPE_BYTES, length * sizeof(uint32_t), &unused);
	uint32_t matched = 0;

	if (border == NULL)
		return false;
	border[0] = 0;
	for (size_t i = 1; i < length; i++)
	{
		while (matched > 0 && pattern[i] != pattern[matched])
			matched = border[matched - 1];
		if (pattern[i] == pattern[matched])
			matched++;
		border[i] = matched;
	}
	matched = 0;
	*start = -1;
	for (size_t i = 0; i < text->as.text.length; i++)
	{
		while (matched > 0 && bytes[i] != pattern[matched])
			matched = border[matched - 1];
		if (bytes[i] == pattern[matched])
			matched++;
		if (matched < length)
			continue;
		if (--wanted == 0)
		{
			*start = (int64_t) (i + 1 - length);
			return true;
		}
		matched = border[matched - 1];
	}
	return true;
}

/* Occurrences may overlap. */
bool
so_expression_function_text_findstring(SoExpressionState *state, const SoExpressionNode *node,
									   const SoValue *arguments, SoValue *result)
{
	const SoValue *text = &arguments[0];
	int64_t start = -1;

	if (arguments[2].as.integer < 1)
		return refuse_count(state, node, 2, "1 or greater", arguments[2].as.integer);
	*result = so_value_integer(SO_TYPE_I4, 0);
	if (arguments[1].as.text.length == 0 || arguments[1].as.text.length > text->as.text.length)
		return true;
	if (!find_occurrence(state, node, text, &arguments[1], arguments[2].as.integer, &start))
		return false;
	if (start >= 0)
		result->as.integer =
			1 + (int64_t) so_expression_character_count(text->as.text.bytes, (size_t) start);
	return true;
}

/* ---- tokens ------------------------------------------------------------- */

/* A set of delimiters: ASCII as flags, the others sorted. */
typedef struct Delimiters
{
	bool ascii[128];
	uint32_t *others;
	size_t other_count;
} Delimiters;

static int
compare_characters(const void *left, const void *right)
{
	uint32_t l = *(const uint32_t *) left;
	uint32_t r = *(const uint32_t *) right;

	return l < r ? -1 : l > r;
}

static bool
read_delimiters(SoExpressionState *state, const SoValue *text, Delimiters *delimiters)
{
	const char *bytes = text->as.text.bytes;
	size_t length = text->as.text.length;

	memset(delimiters, 0, sizeof(*delimiters));
	for (size_t at = 0; at < length; at += so_expression_character_size(bytes + at, length - at))
	{
		if ((unsigned char) bytes[at] < 0x80)
			delimiters->ascii[(unsigned char) bytes[at]] = true;
		else
			delimiters->other_count++;
	}
	if (delimiters->other_count == 0)
		return true;
	delimiters->others = talloc_array(state->scratch, uint32_t, (unsigned) delimiters->other_count);
	if (delimiters->others == NULL)
		return so_error_set(state->error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	delimiters->other_count = 0;
	for (size_t at = 0; at < length; at += so_expression_character_size(bytes + at, length - at))
	{
		if ((unsigned char) bytes[at] >= 0x80)
			delimiters->others[delimiters->other_count++] =
				so_expression_character_decode(bytes + at, length - at);
	}
	qsort(delimiters->others, delimiters->other_count, sizeof(uint32_t), compare_characters);
	return true;
}

static bool
is_delimiter(const Delimiters *delimiters, const char *text, size_t length)
{
	uint32_t character;

	if ((unsigned char) text[0] < 0x80)
		return delimiters->ascii[(unsigned char) text[0]];
	if (delimiters->other_count == 0)
		return false;
	character = so_expression_character_decode(text, length);
	return bsearch(&character, delimiters->others, delimiters->other_count, sizeof(uint32_t),
				   compare_characters) != NULL;
}

/* The next token at or after *at: delimiters in a row are one; false at the end. */
static bool
next_token(const SoValue *text, const Delimiters *delimiters, size_t *at, size_t *start,
		   size_t *end)
{
	const char *bytes = text->as.text.bytes;
	size_t length = text->as.text.length;

	while (*at < length && is_delimiter(delimiters, bytes + *at, length - *at))
		*at += so_expression_character_size(bytes + *at, length - *at);
	*start = *at;
	while (*at < length && !is_delimiter(delimiters, bytes + *at, length - *at))
		*at += so_expression_character_size(bytes + *at, length - *at);
	*end = *at;
	return *end > *start;
}

bool
so_expression_function_text_token(SoExpressionState *state, const SoExpressionNode *node,
								  const SoValue *arguments, SoValue *result)
{
	Delimiters delimiters;
	int64_t left = arguments[2].as.integer;
	size_t at = 0;
	size_t start = 0;
	size_t end = 0;

	if (left < 1)
		return refuse_count(state, node, 2, "1 or greater", left);
	if (!read_delimiters(state, &arguments[1], &delimiters))
		return false;
	while (left-- > 0)
	{
		/* No such token: an empty text, which a variable can hold, and not NULL. */
		if (!next_token(&arguments[0], &delimiters, &at, &start, &end))
		{
			start = end = 0;
			break;
		}
	}
	return part_of(&arguments[0], start, end, state, node, result);
}

bool
so_expression_function_text_tokencount(SoExpressionState *state, const SoExpressionNode *node,
									   const SoValue *arguments, SoValue *result)
{
	Delimiters delimiters;
	size_t at = 0;
	size_t start;
	size_t end;

	(void) node;
	*result = so_value_integer(SO_TYPE_I4, 0);
	if (arguments[0].is_null || arguments[1].is_null)
		return true;
	if (!read_delimiters(state, &arguments[1], &delimiters))
		return false;
	while (next_token(&arguments[0], &delimiters, &at, &start, &end))
		result->as.integer++;
	return true;
}
