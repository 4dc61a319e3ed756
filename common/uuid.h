/*
 * common/uuid.h
 *
 * UUIDs (RFC 4122) as 16 bytes in memory and frames, 36 lower-case characters
 * in texts.  Task, agent and instance ids are UUIDs.
 *
 * Process: all of them; no state.
 */
#ifndef COMMON_UUID_H
#define COMMON_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"
#include "common/protocol.h"

/* 36 characters and the terminator */
#define SO_UUID_TEXT_SIZE 37

typedef struct SoUuid
{
	uint8_t bytes[SO_UUID_SIZE];
} SoUuid;

/* A random (version 4) UUID from the kernel; false with *error when there is no randomness. */
extern bool so_uuid_generate(SoUuid *uuid, SoError *error) SO_WARN_UNUSED;

/*
 * Parse 8-4-4-4-12 hex digits of either case, with or without braces.
 * Returns false when text is none; *uuid is then undefined.
 */
extern bool so_uuid_parse(const char *text, SoUuid *uuid) SO_WARN_UNUSED;

/* Into buffer, SO_UUID_TEXT_SIZE bytes. Returns buffer. */
extern char *so_uuid_format(const SoUuid *uuid, char *buffer);

extern bool so_uuid_equal(const SoUuid *a, const SoUuid *b);

#endif /* COMMON_UUID_H */
