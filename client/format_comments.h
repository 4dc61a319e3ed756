/*
 * client/format_comments.h
 *
 * The comments of a YAML text and the places that they belong to.  libyaml
 * drops comments; they are found as what begins with # outside of every scalar.
 */
#ifndef CLIENT_FORMAT_COMMENTS_H
#define CLIENT_FORMAT_COMMENTS_H

#include "engine/model/node.h"

/* One member of a mapping (node is the key) or of a list (node is the item). */
typedef struct SoFormatEntry
{
	const SoNode *node;
	const SoNode *value; /* of a key; the item itself */
	char *before;        /* lines of comments above it, each ends with a newline; NULL = none */
	char *behind;        /* comment at the end of its line; NULL = none */
	bool blank_before;   /* an empty line stands above it (and its comments) */
	bool is_flow;        /* value begins with { or [ */
} SoFormatEntry;

typedef struct SoFormatComments
{
	SoFormatEntry *entries; /* in the order of the document */
	int count;
	SoFormatEntry **by_node; /* sorted by the address of the node, to find them */
	char *header;            /* above everything; NULL = none */
	char *footer;            /* below everything; NULL = none */
	int comment_count;
} SoFormatComments;

/*
 * Find the comments of text (length bytes, zero-terminated) that root was
 * parsed from.  Everything belongs to context.  false when libyaml cannot scan it.
 */
extern bool so_format_comments_find(TALLOC_CTX *context, const char *text, size_t length,
									const SoNode *root, SoFormatComments *comments) SO_WARN_UNUSED;

/* The entry of a key or an item; never NULL for nodes of root. */
extern const SoFormatEntry *so_format_entry(const SoFormatComments *comments, const SoNode *node);

/* Does anything below node have a comment? */
extern bool so_format_has_comments(const SoFormatComments *comments, const SoNode *node);

#endif /* CLIENT_FORMAT_COMMENTS_H */
