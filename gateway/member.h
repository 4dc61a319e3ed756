/*
 * gateway/member.h
 *
 * Reading the members of a JSON object with their types and ranges.
 *
 * Process: gateway; pure functions.  All errors are SO334 with a JSON pointer as
 * place: the pointer of the object, which the caller gives, and the name.
 */
#ifndef GATEWAY_MEMBER_H
#define GATEWAY_MEMBER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/uuid.h"

/* Is value an object? */
extern bool
so_member_object(const json_t *value, const char *pointer, SoError *error) SO_WARN_UNUSED;

/* An integer from low to high. */
extern bool
so_member_integer(const json_t *object, const char *pointer, const char *name, int64_t low,
				  int64_t high, int64_t *value, SoError *error) SO_WARN_UNUSED;

/* A UUID as text. */
extern bool so_member_uuid(const json_t *object, const char *pointer, const char *name,
						   SoUuid *value, SoError *error) SO_WARN_UNUSED;

/* A text of at most limit bytes; *value belongs to the object. */
extern bool so_member_text(const json_t *object, const char *pointer, const char *name,
						   size_t limit, const char **value, SoError *error) SO_WARN_UNUSED;

/* An array of at most limit elements (SO335 beyond); *value belongs to the object. */
extern bool so_member_array(const json_t *object, const char *pointer, const char *name,
							size_t limit, json_t **value, SoError *error) SO_WARN_UNUSED;

#endif /* GATEWAY_MEMBER_H */
