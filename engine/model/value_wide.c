/*
 * engine/model/value_wide.c
 *
 * Arithmetic on 256-bit integers; division is the schoolbook's, bit by bit.
 *
 * Process: runner, client, loader.  Pure functions; nothing is shared and nothing
 * is left behind by a crash.
 */
#include "engine/model/value_wide.h"

SoWide
so_wide_multiply(SoDigits left, SoDigits right)
{
	uint64_t l[2] = {(uint64_t) left, (uint64_t) (left >> 64)};
	uint64_t r[2] = {(uint64_t) right, (uint64_t) (right >> 64)};
	SoWide product = {{0, 0, 0, 0}};

	for (int i = 0; i < 2; i++)
	{
		uint64_t carry = 0;

		for (int j = 0; j < 2; j++)
		{
			SoDigits sum = (SoDigits) l[i] * r[j] + product.word[i + j] + carry;

			product.word[i + j] = (uint64_t) sum;
			carry = (uint64_t) (sum >> 64);
		}
		product.word[i + 2] = carry;
	}
	return product;
}

void
so_wide_multiply_word(SoWide *value, uint64_t factor)
{
	uint64_t carry = 0;

	for (int i = 0; i < 4; i++)
	{
		SoDigits sum = (SoDigits) value->word[i] * factor + carry;

		value->word[i] = (uint64_t) sum;
		carry = (uint64_t) (sum >> 64);
	}
}

uint64_t
so_wide_divide_word(SoWide *value, uint64_t divisor)
{
	SoDigits remainder = 0;

	for (int i = 3; i >= 0; i--)
	{
		remainder = (remainder << 64) | value->word[i];
		value->word[i] = (uint64_t) (remainder / divisor);
		remainder %= divisor;
	}
	return (uint64_t) remainder;
}

SoDigits
so_wide_low(const SoWide *value)
{
	return ((SoDigits) value->word[1] << 64) | value->word[0];
}

SoWide
so_wide_divide(const SoWide *dividend, SoDigits divisor, SoDigits *remainder)
{
	SoWide quotient = {{0, 0, 0, 0}};
	SoDigits rest = 0;

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

int
so_wide_compare(const SoWide *left, const SoWide *right)
{
	for (int i = 3; i >= 0; i--)
	{
		if (left->word[i] != right->word[i])
			return left->word[i] < right->word[i] ? -1 : 1;
	}
	return 0;
}

SoWide
so_wide_add(const SoWide *left, const SoWide *right)
{
	SoWide sum;
	SoDigits carry = 0;

	for (int i = 0; i < 4; i++)
	{
		carry += (SoDigits) left->word[i] + right->word[i];
		sum.word[i] = (uint64_t) carry;
		carry >>= 64;
	}
	return sum;
}

SoWide
so_wide_subtract(const SoWide *left, const SoWide *right)
{
	SoWide difference;
	uint64_t borrow = 0;

	for (int i = 0; i < 4; i++)
	{
		SoDigits from = (SoDigits) left->word[i];
		SoDigits take = (SoDigits) right->word[i] + borrow;

		borrow = from < take;
		difference.word[i] = (uint64_t) (from - take);
	}
	return difference;
}
