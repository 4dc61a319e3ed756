/*
 * client/format_document.h
 *
 * The normal form of a YAML document: order of keys, indentation, quotes.  What
 * it says stays the same, and so do comments and empty lines.
 */
#ifndef CLIENT_FORMAT_DOCUMENT_H
#define CLIENT_FORMAT_DOCUMENT_H

#include <stddef.h>
#include <talloc.h>

#include "common/error.h"

/*
 * The document in its normal form, owned by context; NULL with *error when the
 * text is no YAML, or when a comment would be lost and lose_comments is false.
 */
extern char *so_format_document(TALLOC_CTX *context, const char *text, size_t length,
								bool lose_comments, SoError *error);

#endif /* CLIENT_FORMAT_DOCUMENT_H */
