/*
 * gateway/json_clean.c
 *
 * One pass over a JSON text before it is parsed.  It follows only what it needs:
 * whether a byte is inside a string, how deep it is, how many values there were.
 * A text that is not JSON is passed on for the parser to refuse.
 *
 * Process: gateway; one thread, no state.
 */
#include "gateway/json_clean.h"

#include <stdint.h>
#include <string.h>

#include "common/utf8.h"

#define REPLACEMENT_ESCAPE "\\ufffd"

typedef struct Cleaner
{
	const uint8_t *text;
	size_t size;
	size_t position;
	size_t copied; /* bytes before it are in the copy, or need none */
	SoByteBuffer *copy;
	bool changed;
	int depth;
	size_t values;
	bool in_string;
} Cleaner;

/* Put a replacement in place of the next length bytes and go past them. */
static void
replace(Cleaner *cleaner, size_t length, const char *replacement)
{
	so_put_bytes(cleaner->copy, cleaner->text + cleaner->copied,
				 cleaner->position - cleaner->copied);
	so_put_bytes(cleaner->copy, replacement, strlen(replacement));
	cleaner->position += length;
	cleaner->copied = cleaner->position;
	cleaner->changed = true;
}

/* The value of the escape \uXXXX at the offset from the position, or -1 when there is none. */
static int
escape_value(const Cleaner *cleaner, size_t offset)
{
	const uint8_t *bytes = cleaner->text + cleaner->position + offset;
	int value = 0;

	if (cleaner->size - cleaner->position < offset + 6 || bytes[0] != '\\' || bytes[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++)
	{
		int digit;

		if (bytes[i] >= '0' && bytes[i] <= '9')
			digit = bytes[i] - '0';
		else if ((bytes[i] | 0x20) >= 'a' && (bytes[i] | 0x20) <= 'f')
			digit = (bytes[i] | 0x20) - 'a' + 10;
		else
			return -1;
		value = value << 4 | digit;
	}
	return value;
}

/* At a backslash inside a string. */
static void
take_escape(Cleaner *cleaner)
{
	int value = escape_value(cleaner, 0);
	int next;

	if (value < 0)
	{
		size_t left = cleaner->size - cleaner->position;

		/*
		 * A short escape, or none at all.  The byte after the backslash is passed
		 * over when it is one of ASCII; others are looked at by themselves.
		 */
		cleaner->position += left > 1 && cleaner->text[cleaner->position + 1] < 0x80 &&
									 cleaner->text[cleaner->position + 1] != 0
								 ? 2
								 : 1;
		return;
	}
	if (value >= 0xD800 && value <= 0xDBFF)
	{
		next = escape_value(cleaner, 6);
		if (next >= 0xDC00 && next <= 0xDFFF)
		{
			cleaner->position += 12;
			return;
		}
	}
	if (value == 0 || (value >= 0xD800 && value <= 0xDFFF))
		replace(cleaner, 6, REPLACEMENT_ESCAPE);
	else
		cleaner->position += 6;
}

/* Count what stands between strings; false when a limit is passed. */
static bool
take_structure(Cleaner *cleaner, uint8_t byte, SoError *error)
{
	if (byte == '{' || byte == '[')
	{
		cleaner->values++;
		if (++cleaner->depth > SO_JSON_MAX_DEPTH)
			return so_error_set(error, SO_ERR_REQUEST_MALFORMED, NULL,
								"the JSON text is more than %d levels deep", SO_JSON_MAX_DEPTH);
	}
	else if (byte == '}' || byte == ']')
		cleaner->depth--;
	else if (byte == ',' || byte == ':')
		cleaner->values++;
	if (cleaner->values > SO_JSON_MAX_VALUES)
		return so_error_set(error, SO_ERR_REQUEST_TOO_LARGE, NULL,
							"the JSON text has more than %d values", SO_JSON_MAX_VALUES);
	return true;
}

bool
so_json_clean(const char *text, size_t size, SoByteBuffer *copy, const char **clean,
			  size_t *clean_size, SoError *error)
{
	Cleaner cleaner = {.text = (const uint8_t *) text, .size = size, .copy = copy};

	while (cleaner.position < size)
	{
		uint8_t byte = cleaner.text[cleaner.position];
		size_t length = 1;

		if (byte >= 0x80)
			length = so_utf8_length(cleaner.text + cleaner.position, size - cleaner.position);
		if (byte == 0 || length == 0)
			replace(&cleaner, 1, SO_UTF8_REPLACEMENT);
		else if (cleaner.in_string && byte == '\\')
			take_escape(&cleaner);
		else
		{
			if (byte == '"')
				cleaner.in_string = !cleaner.in_string;
			else if (!cleaner.in_string && !take_structure(&cleaner, byte, error))
				return false;
			cleaner.position += length;
		}
	}
	*clean = text;
	*clean_size = size;
	if (!cleaner.changed)
		return true;
	so_put_bytes(copy, cleaner.text + cleaner.copied, size - cleaner.copied);
	if (copy->failed)
		return so_error_set(error, SO_ERR_OUT_OF_MEMORY, NULL, "out of memory");
	*clean = (const char *) copy->data + copy->start;
	*clean_size = so_byte_buffer_length(copy);
	return true;
}
