/*
 * engine/model/value_decimal_text.c
 *
 * Reads and writes decimals.
 *
 * Process: runner, client, loader.  Pure functions on the caller's values; nothing
 * is shared and nothing is left behind by a crash.
 */
#include "engine/model/value_decimal_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/value_wide.h"

bool
so_decimal_from_real(double value, SoDecimal *result)
{
	char text[32];

	if (!isfinite(value))
		return false;
	for (int digits = 15; digits <= 17; digits++)
	{
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return so_decimal_parse(text, strlen(text), result) == 1;
}

double
so_decimal_to_real(const SoDecimal *decimal)
{
	char text[SO_DECIMAL_TEXT_SIZE];

	return strtod(so_decimal_format(decimal, text), NULL);
}

/* The exponent after an "e" at text[*at]; false when it is malformed. */
static bool
parse_exponent(const char *text, size_t length, size_t *at, int *exponent)
{
	bool negative = false;
	bool any = false;
	int value = 0;

	(*at)++;
	if (*at < length && (text[*at] == '+' || text[*at] == '-'))
		negative = text[(*at)++] == '-';
	for (; *at < length && text[*at] >= '0' && text[*at] <= '9'; (*at)++)
	{
		any = true;
		if (value < 10000)
			value = value * 10 + (text[*at] - '0');
	}
	*exponent = negative ? -value : value;
	return any;
}

/* Apply the point's position and the exponent to the digits that were read. */
static int
apply_scale(SoDecimal *result, int scale)
{
	if (result->digits == 0)
	{
		result->negative = false;
		result->scale = (uint8_t) (scale < 0                   ? 0
								   : scale > SO_DECIMAL_DIGITS ? SO_DECIMAL_DIGITS
															   : scale);
		return 1;
	}
	for (; scale < 0; scale++)
	{
		if (result->digits >= so_decimal_power(SO_DECIMAL_DIGITS - 1))
			return -1;
		result->digits *= 10;
	}
	for (; scale > SO_DECIMAL_DIGITS; scale--)
		result->digits /= 10;
	result->scale = (uint8_t) scale;
	if (result->digits == 0)
		result->negative = false;
	return 1;
}

int
so_decimal_parse(const char *text, size_t length, SoDecimal *result)
{
	size_t at = 0;
	int scale = 0;
	int exponent = 0;
	bool any = false;
	bool point = false;
	bool overflow = false;

	memset(result, 0, sizeof(*result));
	if (at < length && (text[at] == '+' || text[at] == '-'))
		result->negative = text[at++] == '-';
	for (; at < length; at++)
	{
		char c = text[at];

		if (c == '.' && !point)
			point = true;
		else if (c >= '0' && c <= '9')
		{
			any = true;
			if (result->digits >= so_decimal_power(SO_DECIMAL_DIGITS - 1))
			{
				/* A fraction that is too long is cut, an integer part is not. */
				overflow = overflow || !point;
				continue;
			}
			result->digits = result->digits * 10 + (SoDigits) (c - '0');
			if (point)
				scale++;
			if (scale > SO_DECIMAL_DIGITS)
			{
				result->digits /= 10;
				scale--;
			}
		}
		else
			break;
	}
	if (!any)
		return 0;
	if (at < length && (text[at] == 'e' || text[at] == 'E') &&
		!parse_exponent(text, length, &at, &exponent))
		return 0;
	if (at < length)
		return 0;
	if (overflow)
		return -1;
	return apply_scale(result, scale - exponent);
}

char *
so_decimal_format(const SoDecimal *decimal, char buffer[SO_DECIMAL_TEXT_SIZE])
{
	char reversed[SO_DECIMAL_TEXT_SIZE];
	SoDigits digits = decimal->digits;
	int count = 0;
	char *out = buffer;

	while (digits > 0 || count <= decimal->scale)
	{
		reversed[count++] = (char) ('0' + (int) (digits % 10));
		digits /= 10;
	}
	if (decimal->negative)
		*out++ = '-';
	while (count > 0)
	{
		if (count == decimal->scale)
			*out++ = '.';
		*out++ = reversed[--count];
	}
	*out = '\0';
	return buffer;
}
