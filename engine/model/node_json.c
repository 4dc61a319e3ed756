/*
 * engine/model/node_json.c
 *
 * The document tree of a JSON value, for documents that come from the catalog.
 *
 * Process: runner, client, loader.  One owner per tree, no sharing.
 */
#include "engine/model/node.h"

#include <inttypes.h>
#include <string.h>

#include "engine/model/diagnostics.h"

typedef struct Builder
{
	TALLOC_CTX *context;
	const char *file;
	SoDiagnostics *findings;
	int nodes;
} Builder;

static SoNode *build(Builder *builder, const json_t *json, int depth);

static SoNode *
text_node(Builder *builder, SoNodeKind kind, const char *text, size_t length)
{
	SoNode *node = so_node_new(builder->context, kind, 0, 0);

	node->text = talloc_strndup(node, text, length);
	node->length = length;
	return node;
}

static SoNode *
build_number(Builder *builder, const json_t *json)
{
	char text[64];
	SoNode *node;

	if (json_is_integer(json))
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(json));
	else
		snprintf(text, sizeof(text), "%.17g", json_real_value(json));
	node = text_node(builder, json_is_integer(json) ? SO_NODE_INTEGER : SO_NODE_REAL, text,
					 strlen(text));
	node->is_plain = true;
	node->integer = json_integer_value(json);
	node->real = json_number_value(json);
	return node;
}

static SoNode *
build_array(Builder *builder, const json_t *json, int depth)
{
	SoNode *node = so_node_new(builder->context, SO_NODE_SEQUENCE, 0, 0);

	for (size_t i = 0; i < json_array_size(json); i++)
	{
		SoNode *item = build(builder, json_array_get(json, i), depth + 1);

		if (item == NULL)
			return NULL;
		so_node_append(node, NULL, item);
	}
	return node;
}

static SoNode *
build_object(Builder *builder, const json_t *json, int depth)
{
	SoNode *node = so_node_new(builder->context, SO_NODE_MAPPING, 0, 0);
	json_t *members = json_incref((json_t *) (uintptr_t) json); /* iteration wants non-const */
	const char *key;
	json_t *value;

	json_object_foreach(members, key, value)
	{
		SoNode *item = build(builder, value, depth + 1);

		if (item == NULL)
		{
			json_decref(members);
			return NULL;
		}
		so_node_append(node, text_node(builder, SO_NODE_STRING, key, strlen(key)), item);
	}
	json_decref(members);
	return node;
}

static SoNode *
build(Builder *builder, const json_t *json, int depth)
{
	SoNode *node;

	if (++builder->nodes > SO_DOCUMENT_MAX_NODES || depth > SO_DOCUMENT_MAX_DEPTH)
	{
		so_diagnostics_add(builder->findings, builder->context,
						   &(SoFinding){
							   .code = SO_ERR_DOCUMENT_TOO_LARGE,
							   .file = builder->file,
						   },
						   "the document has more than %d values or is nested deeper than %d",
						   SO_DOCUMENT_MAX_NODES, SO_DOCUMENT_MAX_DEPTH);
		return NULL;
	}
	switch (json_typeof(json))
	{
		case JSON_OBJECT:
			return build_object(builder, json, depth);
		case JSON_ARRAY:
			return build_array(builder, json, depth);
		case JSON_STRING:
			return text_node(builder, SO_NODE_STRING, json_string_value(json),
							 json_string_length(json));
		case JSON_INTEGER:
		case JSON_REAL:
			return build_number(builder, json);
		case JSON_TRUE:
		case JSON_FALSE:
			node = text_node(builder, SO_NODE_BOOLEAN, json_is_true(json) ? "true" : "false",
							 json_is_true(json) ? 4 : 5);
			node->boolean = json_is_true(json);
			node->is_plain = true;
			return node;
		case JSON_NULL:
			return text_node(builder, SO_NODE_NULL, "null", 4);
	}
	return NULL;
}

SoNode *
so_node_from_json(TALLOC_CTX *context, const json_t *json, const char *file,
				  SoDiagnostics *findings)
{
	Builder builder = {context, file, findings, 0};

	return build(&builder, json, 0);
}
