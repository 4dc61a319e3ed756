/*
 * engine/model/value_decimal_text.h
 *
 * Decimals from texts and doubles, and back.
 *
 * Process: runner, client, loader; pure functions.
 */
#ifndef ENGINE_MODEL_VALUE_DECIMAL_TEXT_H
#define ENGINE_MODEL_VALUE_DECIMAL_TEXT_H

#include "engine/model/value_decimal.h"

#define SO_DECIMAL_TEXT_SIZE 48 /* sign, 38 digits, point, leading zero, end */

/*
 * The whole text as a number: sign, digits, point, exponent.  Digits after the
 * 38th fractional one are cut.  Returns 1 when read, 0 when not a number, -1
 * when it has too many digits.
 */
extern int so_decimal_parse(const char *text, size_t length, SoDecimal *result);

/* "-12.50"; as many fractional digits as the scale says.  Returns buffer. */
extern char *so_decimal_format(const SoDecimal *decimal, char buffer[SO_DECIMAL_TEXT_SIZE]);

/* The shortest decimal that reads back as value; false when it has too many digits or is not finite. */
extern bool so_decimal_from_real(double value, SoDecimal *result) SO_WARN_UNUSED;

/* The nearest double. */
extern double so_decimal_to_real(const SoDecimal *decimal);

#endif /* ENGINE_MODEL_VALUE_DECIMAL_TEXT_H */
