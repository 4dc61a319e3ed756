/*
 * engine/model/value_wide.h
 *
 * Integers of 256 bits without sign, for what decimals need of them.
 *
 * Process: runner, client, loader; pure functions.
 */
#ifndef ENGINE_MODEL_VALUE_WIDE_H
#define ENGINE_MODEL_VALUE_WIDE_H

#include <stdint.h>

typedef unsigned __int128 SoDigits;

/* 256 bits, least significant word first. */
typedef struct SoWide
{
	uint64_t word[4];
} SoWide;

extern SoWide so_wide_multiply(SoDigits left, SoDigits right);

/* Multiply in place by a small number; the caller knows that the result fits. */
extern void so_wide_multiply_word(SoWide *value, uint64_t factor);

/* Divide in place by a small number, not 0; returns the remainder. */
extern uint64_t so_wide_divide_word(SoWide *value, uint64_t divisor);

/* The quotient; the divisor is not 0 and has less than 128 bits. */
extern SoWide so_wide_divide(const SoWide *dividend, SoDigits divisor, SoDigits *remainder);

/* The sum; the caller knows that it fits. */
extern SoWide so_wide_add(const SoWide *left, const SoWide *right);

/* left - right, where left is not smaller. */
extern SoWide so_wide_subtract(const SoWide *left, const SoWide *right);

/* Less than, equal to, greater than zero. */
extern int so_wide_compare(const SoWide *left, const SoWide *right);

/* The lower 128 bits. */
extern SoDigits so_wide_low(const SoWide *value);

#endif /* ENGINE_MODEL_VALUE_WIDE_H */
