/*
 * gateway/json_clean.h
 *
 * Makes a JSON text harmless for the parser and for PostgreSQL before it is
 * parsed: what cannot be stored as text is replaced, what is too deep or has
 * too many values is refused.
 *
 * Process: gateway; pure functions.
 */
#ifndef GATEWAY_JSON_CLEAN_H
#define GATEWAY_JSON_CLEAN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/byte_buffer.h"
#include "common/error.h"

/* Arrays and objects inside each other. */
#define SO_JSON_MAX_DEPTH 32
/* Values of all kinds in one text: the parser needs about 100 bytes for each. */
#define SO_JSON_MAX_VALUES 400000

/*
 * Check size bytes of JSON text.  NUL bytes, \u0000, bytes that are not UTF-8 and
 * halves of surrogate pairs become U+FFFD.  *clean and *clean_size get the text to
 * parse: the input itself when nothing had to be replaced, otherwise a copy in
 * *copy.  Whether it is JSON is for the parser to find out.  false with SO334
 * (too deep) or SO335 (too many values), SO002 without memory.
 */
extern bool so_json_clean(const char *text, size_t size, SoByteBuffer *copy, const char **clean,
						  size_t *clean_size, SoError *error) SO_WARN_UNUSED;

#endif /* GATEWAY_JSON_CLEAN_H */
