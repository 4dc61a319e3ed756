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

#include "engine/model/value_wide.h"

/* The largest power of ten in 64 bits. */
#define WORD_DIGITS 19

unsigned __int128
so_decimal_power(int exponent)
{
	SoDigits power = 1;

	while (exponent-- > 0)
		power *= 10;
	return power;
}

static int
count_digits(SoDigits value)
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

/* ---- 256-bit results ---------------------------------------------------- */

static bool
fits(const SoWide *value)
{
	return value->word[3] == 0 && value->word[2] == 0 &&
		   so_wide_low(value) < so_decimal_power(SO_DECIMAL_DIGITS);
}

/*
 * Bring a 256-bit number of the given scale into a decimal, dropping as few
 * fractional digits as possible.  Adding half of the last dropped digit to the
 * number truncated before it rounds correctly whatever was cut earlier.
 */
static bool
to_decimal(SoWide value, int scale, bool negative, SoDecimal *result)
{
	SoWide full = value;
	int drop = 0;

	while (!fits(&value) || scale - drop > SO_DECIMAL_DIGITS)
	{
		if (drop == scale)
			return false;
		so_wide_divide_word(&value, 10);
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

			so_wide_divide_word(&value, (uint64_t) so_decimal_power(step));
			left -= step;
		}
		digit = so_wide_divide_word(&value, 10);
		if (digit >= 5)
		{
			SoDigits rounded = so_wide_low(&value) + 1;

			value.word[0] = (uint64_t) rounded;
			value.word[1] = (uint64_t) (rounded >> 64);
		}
		if (fits(&value))
			break;
		/* 999..9 became 1000..0: one digit more has to go. */
		if (drop == scale)
			return false;
		drop++;
	}
	result->digits = so_wide_low(&value);
	result->scale = (uint8_t) (scale - drop);
	result->negative = negative && result->digits != 0;
	return true;
}

/* ---- conversions ------------------------------------------------------- */

SoDecimal
so_decimal_from_integer(int64_t value)
{
	SoDecimal decimal = {0, 0, value < 0};

	decimal.digits = value < 0 ? -(SoDigits) value : (SoDigits) value;
	return decimal;
}

SoDecimal
so_decimal_from_unsigned(uint64_t value)
{
	SoDecimal decimal = {value, 0, false};

	return decimal;
}

bool
so_decimal_to_integer(const SoDecimal *decimal, int64_t *result)
{
	SoDigits whole = decimal->digits / so_decimal_power(decimal->scale);

	if (whole > (SoDigits) INT64_MAX + (decimal->negative ? 1 : 0))
		return false;
	*result = decimal->negative ? (int64_t) (-(uint64_t) whole) : (int64_t) whole;
	return true;
}

bool
so_decimal_to_unsigned(const SoDecimal *decimal, uint64_t *result)
{
	SoDigits whole = decimal->digits / so_decimal_power(decimal->scale);

	if (whole > UINT64_MAX || (decimal->negative && whole != 0))
		return false;
	*result = (uint64_t) whole;
	return true;
}

/* ---- arithmetic -------------------------------------------------------- */

/* The digits of both operands at the larger scale, as 256-bit numbers. */
static int
align(const SoDecimal *left, const SoDecimal *right, SoWide *l, SoWide *r)
{
	int scale = left->scale > right->scale ? left->scale : right->scale;

	*l = so_wide_multiply(left->digits, so_decimal_power(scale - left->scale));
	*r = so_wide_multiply(right->digits, so_decimal_power(scale - right->scale));
	return scale;
}

bool
so_decimal_add(const SoDecimal *left, const SoDecimal *right, SoDecimal *result)
{
	SoWide l;
	SoWide r;
	int scale = align(left, right, &l, &r);

	if (left->negative == right->negative)
		return to_decimal(so_wide_add(&l, &r), scale, left->negative, result);
	if (so_wide_compare(&l, &r) >= 0)
		return to_decimal(so_wide_subtract(&l, &r), scale, left->negative, result);
	return to_decimal(so_wide_subtract(&r, &l), scale, right->negative, result);
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
	return to_decimal(so_wide_multiply(left->digits, right->digits), left->scale + right->scale,
					  left->negative != right->negative, result);
}

bool
so_decimal_divide(const SoDecimal *left, const SoDecimal *right, SoDecimal *result)
{
	int least = left->scale > right->scale ? left->scale : right->scale;
	int scale = least > 16 ? least : 16;
	int shift = scale + right->scale - left->scale;
	int room = 2 * SO_DECIMAL_DIGITS - so_decimal_precision(left);
	SoWide dividend = {{(uint64_t) left->digits, (uint64_t) (left->digits >> 64), 0, 0}};
	SoWide quotient;
	SoDigits remainder;

	/* The dividend must stay below 10^76 to fit into 256 bits. */
	if (shift > room)
	{
		scale -= shift - room;
		shift = room;
	}
	while (shift > 0)
	{
		int step = shift > WORD_DIGITS ? WORD_DIGITS : shift;

		so_wide_multiply_word(&dividend, (uint64_t) so_decimal_power(step));
		shift -= step;
	}
	quotient = so_wide_divide(&dividend, right->digits, &remainder);
	if (fits(&quotient) && remainder >= right->digits - remainder)
	{
		SoWide one = {{1, 0, 0, 0}};

		quotient = so_wide_add(&quotient, &one);
	}
	if (!to_decimal(quotient, scale, left->negative != right->negative, result))
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
	SoWide l;
	SoWide r;
	int order;

	align(left, right, &l, &r);
	if (left->negative != right->negative)
	{
		if (left->digits == 0 && right->digits == 0)
			return 0;
		return left->negative ? -1 : 1;
	}
	order = so_wide_compare(&l, &r);
	return left->negative ? -order : order;
}

bool
so_decimal_rescale(SoDecimal *decimal, int scale, SoDecimalRounding rounding)
{
	SoDigits unit;
	SoDigits rest;
	bool up = false;

	if (scale >= decimal->scale)
	{
		SoWide wide = so_wide_multiply(decimal->digits, so_decimal_power(scale - decimal->scale));

		if (!fits(&wide))
			return false;
		decimal->digits = so_wide_low(&wide);
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
