/*
 * client/format_scalar.h
 *
 * Scalars of YAML in their normal form.
 */
#ifndef CLIENT_FORMAT_SCALAR_H
#define CLIENT_FORMAT_SCALAR_H

#include "engine/model/node.h"

/* A text on one line: plain, 'single' or "double" quoted; owned by context. */
extern char *so_format_text(TALLOC_CTX *context, const char *text, bool in_flow);

/* The same for a key. */
extern char *so_format_key(TALLOC_CTX *context, const char *text, bool in_flow);

/* A scalar node of whatever kind on one line. */
extern char *so_format_scalar(TALLOC_CTX *context, const SoNode *node, bool in_flow);

/* Is it a text of several lines that can stand behind | as it is? */
extern bool so_format_is_literal(const SoNode *node);

#endif /* CLIENT_FORMAT_SCALAR_H */
