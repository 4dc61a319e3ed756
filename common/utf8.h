/*
 * common/utf8.h
 *
 * Makes bytes of unknown origin text that JSON and PostgreSQL accept.
 *
 * Process: all of them; pure functions.
 */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "common/byte_buffer.h"

/* U+FFFD, which takes the place of what is no character. */
#define SO_UTF8_REPLACEMENT "\xEF\xBF\xBD"

/*
 * Length of the character of several bytes (the first is 0x80 or above) that
 * begins here, 2 to 4, or 0 when it is not valid UTF-8 (too long forms,
 * surrogates and values beyond U+10FFFF are not) or cut off by size.
 */
extern size_t so_utf8_length(const uint8_t *bytes, size_t size);

/* Append size bytes to out; zero bytes and what is not UTF-8 become U+FFFD. */
extern void so_utf8_put_clean(SoByteBuffer *out, const uint8_t *bytes, size_t size);

/* How many of size bytes to take so that no character is cut off at the end: 0 to 3 less than size. */
extern size_t so_utf8_whole(const uint8_t *bytes, size_t size);

#endif /* COMMON_UTF8_H */
