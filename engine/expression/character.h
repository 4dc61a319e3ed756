/*
 * engine/expression/character.h
 *
 * UTF-8 texts seen as characters (code points), which is what LEN, SUBSTRING
 * and the other text functions count.
 *
 * Process: runner, client, loader.
 */
#ifndef ENGINE_EXPRESSION_CHARACTER_H
#define ENGINE_EXPRESSION_CHARACTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes are UTF-8 without overlong forms and surrogates; *bad is where they are not. */
extern bool so_expression_character_valid(const char *text, size_t length, size_t *bad);

/* Number of characters; a byte that is not UTF-8 counts as one. */
extern size_t so_expression_character_count(const char *text, size_t length);

/* Byte offset of the character with the given number from 0, at most length. */
extern size_t so_expression_character_offset(const char *text, size_t length, size_t character);

/* Bytes of the character at text (length > 0): 1 to 4. */
extern size_t so_expression_character_size(const char *text, size_t length);

/* The code point at text; the byte itself when it is not UTF-8. */
extern uint32_t so_expression_character_decode(const char *text, size_t length);

/* Write a code point and return the number of bytes (1 to 4). */
extern size_t so_expression_character_encode(uint32_t character, char *out);

/* Upper and lower case of a code point, whatever the process's locale. */
extern uint32_t so_expression_character_upper(uint32_t character);
extern uint32_t so_expression_character_lower(uint32_t character);

#endif /* ENGINE_EXPRESSION_CHARACTER_H */
