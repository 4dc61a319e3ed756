/*
 * engine/model/value_decimal.h
 *
 * Exact decimal arithmetic with up to 38 digits for CY, DECIMAL and NUMERIC.
 *
 * Results that need more than 38 digits lose fractional digits (rounded half
 * away from zero); when the integer part alone does not fit the functions
 * return false.  Nothing allocates.
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_MODEL_VALUE_DECIMAL_H
#define ENGINE_MODEL_VALUE_DECIMAL_H

#include "engine/model/value.h"

#define SO_DECIMAL_DIGITS 38

typedef enum SoDecimalRounding
{
	SO_DECIMAL_TRUNCATE,
	SO_DECIMAL_HALF_AWAY,
	SO_DECIMAL_FLOOR,
	SO_DECIMAL_CEILING
} SoDecimalRounding;

/* 10 to the power of exponent (0-38). */
extern unsigned __int128 so_decimal_power(int exponent);

/* The number of decimal digits of digits, at least 1. */
extern int so_decimal_precision(const SoDecimal *decimal);

extern SoDecimal so_decimal_from_integer(int64_t value);
extern SoDecimal so_decimal_from_unsigned(uint64_t value);

extern bool
so_decimal_add(const SoDecimal *left, const SoDecimal *right, SoDecimal *result) SO_WARN_UNUSED;
extern bool so_decimal_subtract(const SoDecimal *left, const SoDecimal *right,
								SoDecimal *result) SO_WARN_UNUSED;
extern bool so_decimal_multiply(const SoDecimal *left, const SoDecimal *right,
								SoDecimal *result) SO_WARN_UNUSED;

/*
 * The divisor must not be zero.  At least 16 fractional digits are computed;
 * trailing zeros are dropped down to the larger scale of the operands.
 */
extern bool
so_decimal_divide(const SoDecimal *left, const SoDecimal *right, SoDecimal *result) SO_WARN_UNUSED;

/* Less than, equal to, greater than zero; scales do not matter. */
extern int so_decimal_compare(const SoDecimal *left, const SoDecimal *right);

/* Change the scale (0-38); false when the digits do not fit. */
extern bool
so_decimal_rescale(SoDecimal *decimal, int scale, SoDecimalRounding rounding) SO_WARN_UNUSED;

/* The integer part; false when it does not fit. */
extern bool so_decimal_to_integer(const SoDecimal *decimal, int64_t *result) SO_WARN_UNUSED;
extern bool so_decimal_to_unsigned(const SoDecimal *decimal, uint64_t *result) SO_WARN_UNUSED;

#endif /* ENGINE_MODEL_VALUE_DECIMAL_H */
