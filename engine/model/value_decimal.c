/*
 * engine/model/value_decimal.c
 *
 * Decimal arithmetic on 128-bit integers, with 256-bit intermediate results for
 * products and quotients.
 *
 * Process: runner, client, loader.  Pure functions on the caller's values;
 * nothing is shared and nothing is left behind by a crash.
 */
#include "engine/model/value_decimal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef unsigned __int128 Wide;

/* 256 bits, least significant word first. */
typedef struct Wider
{
	uint64_t word[4];
} Wider;

/* The largest power of ten in 64 bits. */
#define WORD_DIGITS 19

unsigned __int128
so_decimal_power(int exponent)
{
	Wide power = 1;

	while (exponent-- > 0)
		power *= 10;
	return power;
}

static int
count_digits(Wide value)
{
	int count = 1;

	while (value >= 10)
	{
		value /= 10;
		count++;
	}
	return count;
}

int
so_decimal_precision(const SoDecimal *decimal)
{
	return count_digits(decimal->digits);
}

/* ---- 256-bit integers -------------------------------------------------- */

static Wider
wider_multiply(Wide left, Wide right)
{
	uint64_t l[2] = {(uint64_t) left, (uint64_t) (left >> 64)};
	uint64_t r[2] = {(uint64_t) right, (uint64_t) (right >> 64)};
	Wider product = {{0, 0, 0, 0}};

	for (int i = 0; i < 2; i++)
	{
		uint64_t carry = 0;

		for (int j = 0; j < 2; j++)
		{
			Wide sum = (Wide) l[i] * r[j] + product.word[i + j] + carry;

			product.word[i + j] = (uint64_t) sum;
			carry = (uint64_t) (sum >> 64);
		}
		product.word[i + 2] = carry;
	}
	return product;
}

/* Multiply by a small number; the caller knows that the result fits. */
static void
wider_multiply_word(Wider *value, uint64_t factor)
{
	uint64_t carry = 0;

	for (int i = 0; i < 4; i++)
	{
		Wide sum = (Wide) value->word[i] * factor + carry;

		value->word[i] = (uint64_t) sum;
		carry = (uint64_t) (sum >> 64);
	}
}

/* Divide by a small number and return the remainder. */
static uint64_t
wider_divide_word(Wider *value, uint64_t divisor)
{
	Wide remainder = 0;

	for (int i = 3; i >= 0; i--)
	{
		remainder = (remainder << 64) | value->word[i];
		value->word[i] = (uint64_t) (remainder / divisor);
		remainder %= divisor;
	}
	return (uint64_t) remainder;
}

static bool
wider_fits(const Wider *value)
{
	Wide low = ((Wide) value->word[1] << 64) | value->word[0];

	return value->word[3] == 0 && value->word[2] == 0 && low < so_decimal_power(SO_DECIMAL_DIGITS);
}

static Wide
wider_low(const Wider *value)
{
	return ((Wide) value->word[1] << 64) | value->word[0];
}

/* Schoolbook division bit by bit; the divisor has less than 127 bits. */
static Wider
wider_divide(const Wider *dividend, Wide divisor, Wide *remainder)
{
	Wider quotient = {{0, 0, 0, 0}};
	Wide rest = 0;

	for (int bit = 255; bit >= 0; bit--)
	{
		rest = (rest << 1) | ((dividend->word[bit / 64] >> (bit % 64)) & 1);
		if (rest >= divisor)
		{
			rest -= divisor;
			quotient.word[bit / 64] |= (uint64_t) 1 << (bit % 64);
		}
	}
	*remainder = rest;
	return quotient;
}

/*
 * Bring a 256-bit number of the given scale into a decimal, dropping as few
 * fractional digits as possible.  Adding half of the last dropped digit to the
 * number truncated before it rounds correctly whatever was cut earlier.
 */
static bool
wider_to_decimal(Wider value, int scale, bool negative, SoDecimal *result)
{
	Wider full = value;
	int drop = 0;

	while (!wider_fits(&value) || scale - drop > SO_DECIMAL_DIGITS)
	{
		if (drop == scale)
			return false;
		wider_divide_word(&value, 10);
		drop++;
	}
	while (drop > 0)
	{
		int left = drop - 1;
		uint64_t digit;

		value = full;
		while (left > 0)
		{
			int step = left > WORD_DIGITS ? WORD_DIGITS : left;

			wider_divide_word(&value, (uint64_t) so_decimal_power(step));
			left -= step;
		}
		digit = wider_divide_word(&value, 10);
		if (digit >= 5)
		{
			Wide rounded = wider_low(&value) + 1;

			value.word[0] = (uint64_t) rounded;
			value.word[1] = (uint64_t) (rounded >> 64);
		}
		if (wider_fits(&value))
			break;
		/* 999..9 became 1000..0: one digit more has to go. */
		if (drop == scale)
			return false;
		drop++;
	}
	result->digits = wider_low(&value);
	result->scale = (uint8_t) (scale - drop);
	result->negative = negative && result->digits != 0;
	return true;
}

/* ---- conversions ------------------------------------------------------- */

SoDecimal
so_decimal_from_integer(int64_t value)
{
	SoDecimal decimal = {0, 0, value < 0};

	decimal.digits = value < 0 ? -(Wide) value : (Wide) value;
	return decimal;
}

SoDecimal
so_decimal_from_unsigned(uint64_t value)
{
	SoDecimal decimal = {value, 0, false};

	return decimal;
}

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
			result->digits = result->digits * 10 + (Wide) (c - '0');
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
	Wide digits = decimal->digits;
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

bool
so_decimal_to_integer(const SoDecimal *decimal, int64_t *result)
{
	Wide whole = decimal->digits / so_decimal_power(decimal->scale);

	if (whole > (Wide) INT64_MAX + (decimal->negative ? 1 : 0))
		return false;
	*result = decimal->negative ? (int64_t) (-(uint64_t) whole) : (int64_t) whole;
	return true;
}

bool
so_decimal_to_unsigned(const SoDecimal *decimal, uint64_t *result)
{
	Wide whole = decimal->digits / so_decimal_power(decimal->scale);

	if (whole > UINT64_MAX || (decimal->negative && whole != 0))
		return false;
	*result = (uint64_t) whole;
	return true;
}

/* ---- arithmetic -------------------------------------------------------- */

/* The digits of both operands at the larger scale, as 256-bit numbers. */
static int
align(const SoDecimal *left, const SoDecimal *right, Wider *l, Wider *r)
{
	int scale = left->scale > right->scale ? left->scale : right->scale;

	*l = wider_multiply(left->digits, so_decimal_power(scale - left->scale));
	*r = wider_multiply(right->digits, so_decimal_power(scale - right->scale));
	return scale;
}

static int
wider_compare(const Wider *left, const Wider *right)
{
	for (int i = 3; i >= 0; i--)
	{
		if (left->word[i] != right->word[i])
			return left->word[i] < right->word[i] ? -1 : 1;
	}
	return 0;
}

static Wider
wider_add(const Wider *left, const Wider *right)
{
	Wider sum;
	Wide carry = 0;

	for (int i = 0; i < 4; i++)
	{
		carry += (Wide) left->word[i] + right->word[i];
		sum.word[i] = (uint64_t) carry;
		carry >>= 64;
	}
	return sum;
}

/* left - right, where left is not smaller. */
static Wider
wider_subtract(const Wider *left, const Wider *right)
{
	Wider difference;
	uint64_t borrow = 0;

	for (int i = 0; i < 4; i++)
	{
		Wide from = (Wide) left->word[i];
		Wide take = (Wide) right->word[i] + borrow;

		borrow = from < take;
		difference.word[i] = (uint64_t) (from - take);
	}
	return difference;
}

bool
so_decimal_add(const SoDecimal *left, const SoDecimal *right, SoDecimal *result)
{
	Wider l;
	Wider r;
	int scale = align(left, right, &l, &r);

	if (left->negative == right->negative)
		return wider_to_decimal(wider_add(&l, &r), scale, left->negative, result);
	if (wider_compare(&l, &r) >= 0)
		return wider_to_decimal(wider_subtract(&l, &r), scale, left->negative, result);
	return wider_to_decimal(wider_subtract(&r, &l), scale, right->negative, result);
}

bool
so_decimal_subtract(const SoDecimal *left, const SoDecimal *right, SoDecimal *result)
{
	SoDecimal negated = *right;

	negated.negative = !negated.negative;
	return so_decimal_add(left, &negated, result);
}

bool
so_decimal_multiply(const SoDecimal *left, const SoDecimal *right, SoDecimal *result)
{
	return wider_to_decimal(wider_multiply(left->digits, right->digits), left->scale + right->scale,
							left->negative != right->negative, result);
}

bool
so_decimal_divide(const SoDecimal *left, const SoDecimal *right, SoDecimal *result)
{
	int least = left->scale > right->scale ? left->scale : right->scale;
	int scale = least > 16 ? least : 16;
	int shift = scale + right->scale - left->scale;
	int room = 2 * SO_DECIMAL_DIGITS - so_decimal_precision(left);
	Wider dividend = {{(uint64_t) left->digits, (uint64_t) (left->digits >> 64), 0, 0}};
	Wider quotient;
	Wide remainder;

	/* The dividend must stay below 10^76 to fit into 256 bits. */
	if (shift > room)
	{
		scale -= shift - room;
		shift = room;
	}
	while (shift > 0)
	{
		int step = shift > WORD_DIGITS ? WORD_DIGITS : shift;

		wider_multiply_word(&dividend, (uint64_t) so_decimal_power(step));
		shift -= step;
	}
	quotient = wider_divide(&dividend, right->digits, &remainder);
	if (wider_fits(&quotient) && remainder >= right->digits - remainder)
	{
		Wider one = {{1, 0, 0, 0}};

		quotient = wider_add(&quotient, &one);
	}
	if (!wider_to_decimal(quotient, scale, left->negative != right->negative, result))
		return false;
	while (result->scale > least && result->digits % 10 == 0)
	{
		result->digits /= 10;
		result->scale--;
	}
	return true;
}

int
so_decimal_compare(const SoDecimal *left, const SoDecimal *right)
{
	Wider l;
	Wider r;
	int order;

	align(left, right, &l, &r);
	if (left->negative != right->negative)
	{
		if (left->digits == 0 && right->digits == 0)
			return 0;
		return left->negative ? -1 : 1;
	}
	order = wider_compare(&l, &r);
	return left->negative ? -order : order;
}

bool
so_decimal_rescale(SoDecimal *decimal, int scale, SoDecimalRounding rounding)
{
	Wide unit;
	Wide rest;
	bool up = false;

	if (scale >= decimal->scale)
	{
		Wider wide = wider_multiply(decimal->digits, so_decimal_power(scale - decimal->scale));

		if (!wider_fits(&wide))
			return false;
		decimal->digits = wider_low(&wide);
		decimal->scale = (uint8_t) scale;
		return true;
	}
	unit = so_decimal_power(decimal->scale - scale);
	rest = decimal->digits % unit;
	decimal->digits /= unit;
	decimal->scale = (uint8_t) scale;
	switch (rounding)
	{
		case SO_DECIMAL_TRUNCATE:
			break;
		case SO_DECIMAL_HALF_AWAY:
			up = rest >= unit - rest;
			break;
		case SO_DECIMAL_FLOOR:
			up = decimal->negative && rest > 0;
			break;
		case SO_DECIMAL_CEILING:
			up = !decimal->negative && rest > 0;
			break;
	}
	/* The digits lost at least one place, so one more still fits. */
	if (up)
		decimal->digits++;
	if (decimal->digits == 0)
		decimal->negative = false;
	return true;
}
