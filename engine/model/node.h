/*
 * engine/model/node.h
 *
 * A document as a tree: what stands where, before anything is known about
 * packages.  Scalars are typed by the YAML 1.2 core schema: yes, no, on, off and
 * dates are texts, 0o17 and 0x1f are numbers.
 *
 * Process: runner, client, loader.  A tree belongs to the talloc context that
 * it was made in and is not changed afterwards.
 */
#ifndef ENGINE_MODEL_NODE_H
#define ENGINE_MODEL_NODE_H

#include <jansson.h>

#include "engine/model/package.h"

/* Limits of a document; what goes beyond is refused with SO614. */
#define SO_DOCUMENT_MAX_BYTES (16 * 1024 * 1024)
#define SO_DOCUMENT_MAX_NODES 1000000
#define SO_DOCUMENT_MAX_DEPTH 128

typedef enum SoNodeKind
{
	SO_NODE_NULL,
	SO_NODE_BOOLEAN,
	SO_NODE_INTEGER,
	SO_NODE_REAL, /* integers that do not fit 64 bits too */
	SO_NODE_STRING,
	SO_NODE_SEQUENCE,
	SO_NODE_MAPPING
} SoNodeKind;

typedef struct SoNode
{
	SoNodeKind kind;
	bool is_plain; /* written without quotes */
	int line;      /* 1-based; 0 unknown */
	int column;
	struct SoNode *parent;
	int index;        /* position in the parent */
	const char *text; /* scalars: as written; NULL for containers */
	size_t length;
	bool boolean;
	int64_t integer;
	double real;
	struct SoNode **items; /* members of SEQUENCE, values of MAPPING */
	struct SoNode **keys;  /* MAPPING: STRING nodes */
	int count;
} SoNode;

/*
 * Parse YAML (or JSON, which is a part of it).  NULL after a syntax error or a
 * limit; findings are reported in all cases and duplicate keys among them.
 */
extern SoNode *so_node_from_yaml(TALLOC_CTX *context, const char *text, size_t length,
								 const char *file, SoDiagnostics *findings);

/* The tree of a JSON value; positions are 0.  NULL beyond the limits. */
extern SoNode *so_node_from_json(TALLOC_CTX *context, const json_t *json, const char *file,
								 SoDiagnostics *findings);

/* Building blocks of the two. */
extern SoNode *so_node_new(TALLOC_CTX *context, SoNodeKind kind, int line, int column);
extern void so_node_append(SoNode *parent, SoNode *key, SoNode *item);
/* Type a plain scalar by the core schema. */
extern void so_node_resolve(SoNode *node);

/* A new reference to the same data as JSON; keys in document order. */
extern json_t *so_node_to_json(const SoNode *node);

/* Member of a mapping; NULL when it has none of that name. */
extern SoNode *so_node_member(const SoNode *node, const char *key);

/* JSON pointer of the node, owned by context. */
extern char *so_node_pointer(TALLOC_CTX *context, const SoNode *node);

/* "a list", "true or false" ...: what stands there, for messages. */
extern const char *so_node_kind_text(const SoNode *node);

#endif /* ENGINE_MODEL_NODE_H */
