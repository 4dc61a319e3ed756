/*
 * client/read_text.h
 *
 * Whole text files in and out, for the commands that work on documents.
 */
#ifndef CLIENT_READ_TEXT_H
#define CLIENT_READ_TEXT_H

#include <stddef.h>
#include <talloc.h>

#include "common/error.h"

/* The whole file, zero-terminated, owned by context; "-" is stdin.  NULL with *error. */
extern char *so_read_text(TALLOC_CTX *context, const char *path, size_t *length, SoError *error);

/*
 * Replace the file by text as a whole: written beside it, then renamed, so that
 * a crash leaves the old or the new one.  false with *error.
 */
extern bool so_write_text(const char *path, const char *text, SoError *error) SO_WARN_UNUSED;

#endif /* CLIENT_READ_TEXT_H */
