/*
 * engine/expression/character.c
 *
 * UTF-8 decoding, counting and case mapping.
 *
 * Process: runner, client, loader.  The only shared datum is the C library's
 * C.UTF-8 locale, opened once under pthread_once and read-only afterwards; it
 * lives until the process ends.
 */
#include "engine/expression/character.h"

#include <locale.h>
#include <pthread.h>
#include <wctype.h>

static pthread_once_t locale_once = PTHREAD_ONCE_INIT;
static locale_t unicode_locale;

/* Length that the first byte promises; 0 when no character starts with it. */
static size_t
promised_size(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xC2 && first <= 0xDF)
		return 2;
	if (first >= 0xE0 && first <= 0xEF)
		return 3;
	if (first >= 0xF0 && first <= 0xF4)
		return 4;
	return 0;
}

/* Decode one character; 0 bytes when it is not UTF-8. */
static size_t
decode(const char *text, size_t length, uint32_t *character)
{
	const unsigned char *bytes = (const unsigned char *) text;
	size_t size = promised_size(bytes[0]);
	uint32_t value;

	if (size == 0 || size > length)
		return 0;
	if (size == 1)
	{
		*character = bytes[0];
		return 1;
	}
	value = bytes[0] & (0x7Fu >> size);
	for (size_t i = 1; i < size; i++)
	{
		if ((bytes[i] & 0xC0) != 0x80)
			return 0;
		value = value << 6 | (bytes[i] & 0x3Fu);
	}
	if ((size == 3 && value < 0x800) || (size == 4 && value < 0x10000) || value > 0x10FFFF ||
		(value >= 0xD800 && value <= 0xDFFF))
		return 0;
	*character = value;
	return size;
}

bool
so_expression_character_valid(const char *text, size_t length, size_t *bad)
{
	size_t at = 0;

	while (at < length)
	{
		uint32_t character;
		size_t size = decode(text + at, length - at, &character);

		if (size == 0)
		{
			*bad = at;
			return false;
		}
		at += size;
	}
	return true;
}

size_t
so_expression_character_size(const char *text, size_t length)
{
	uint32_t character;
	size_t size;

	if ((unsigned char) text[0] < 0x80)
		return 1;
	size = decode(text, length, &character);
	return size == 0 ? 1 : size;
}

size_t
so_expression_character_count(const char *text, size_t length)
{
	size_t count = 0;

	for (size_t at = 0; at < length; count++)
		at += so_expression_character_size(text + at, length - at);
	return count;
}

size_t
so_expression_character_offset(const char *text, size_t length, size_t character)
{
	size_t at = 0;

	while (at < length && character-- > 0)
		at += so_expression_character_size(text + at, length - at);
	return at;
}

uint32_t
so_expression_character_decode(const char *text, size_t length)
{
	uint32_t character;

	if (decode(text, length, &character) == 0)
		return (unsigned char) text[0];
	return character;
}

size_t
so_expression_character_encode(uint32_t character, char *out)
{
	if (character < 0x80)
	{
		out[0] = (char) character;
		return 1;
	}
	if (character < 0x800)
	{
		out[0] = (char) (0xC0 | character >> 6);
		out[1] = (char) (0x80 | (character & 0x3F));
		return 2;
	}
	if (character < 0x10000)
	{
		out[0] = (char) (0xE0 | character >> 12);
		out[1] = (char) (0x80 | (character >> 6 & 0x3F));
		out[2] = (char) (0x80 | (character & 0x3F));
		return 3;
	}
	out[0] = (char) (0xF0 | character >> 18);
	out[1] = (char) (0x80 | (character >> 12 & 0x3F));
	out[2] = (char) (0x80 | (character >> 6 & 0x3F));
	out[3] = (char) (0x80 | (character & 0x3F));
	return 4;
}

static void
open_locale(void)
{
	unicode_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t) 0);
}

/* Case mapping needs a Unicode locale; C.UTF-8 is built into the C library. */
static bool
has_locale(void)
{
	pthread_once(&locale_once, open_locale);
	return unicode_locale != (locale_t) 0;
}

uint32_t
so_expression_character_upper(uint32_t character)
{
	if (character < 0x80)
		return character >= 'a' && character <= 'z' ? character - 'a' + 'A' : character;
	return has_locale() ? (uint32_t) towupper_l((wint_t) character, unicode_locale) : character;
}

uint32_t
so_expression_character_lower(uint32_t character)
{
	if (character < 0x80)
		return character >= 'A' && character <= 'Z' ? character - 'A' + 'a' : character;
	return has_locale() ? (uint32_t) towlower_l((wint_t) character, unicode_locale) : character;
}
