/*
 * engine/model/node_yaml.c
 *
 * The document tree of a YAML or JSON text, by libyaml's events and marks.
 * Anchors, aliases, tags and several documents in one file are refused: what
 * stands in a package shall be what one reads there, and a document of a
 * kilobyte shall not expand to a gigabyte.
 *
 * Process: runner, client, loader.  One owner per tree, no sharing; sizes are
 * limited before anything is allocated for them.
 */
#include "engine/model/node.h"

#include <string.h>
#include <yaml.h>

#include "engine/model/diagnostics.h"

typedef struct Reader
{
	TALLOC_CTX *context;
	const char *file;
	SoDiagnostics *findings;
	yaml_parser_t parser;
	int nodes;
	bool failed;
} Reader;

static void SO_PRINTF(6, 7) report(Reader *reader, SoErrorCode code, size_t line, size_t column,
								   const char *pointer, const char *format, ...)
{
	SoFinding finding = {.code = code,
						 .file = reader->file,
						 .line = (int) line,
						 .column = (int) column,
						 .pointer = pointer};
	va_list arguments;
	char *message;

	va_start(arguments, format);
	message = talloc_vasprintf(reader->context, format, arguments);
	va_end(arguments);
	so_diagnostics_add(reader->findings, reader->context, &finding, "%s", message);
	talloc_free(message);
}

static void
report_parser(Reader *reader)
{
	yaml_parser_t *parser = &reader->parser;
	bool has_mark = parser->error != YAML_READER_ERROR && parser->error != YAML_MEMORY_ERROR;
	const char *problem = parser->problem != NULL ? parser->problem : "no memory";

	reader->failed = true;
	if (!has_mark)
		report(reader, SO_ERR_DOCUMENT_SYNTAX, 0, 0, NULL, "%s at byte %zu", problem,
			   parser->problem_offset);
	else if (parser->context != NULL)
		report(reader, SO_ERR_DOCUMENT_SYNTAX, parser->problem_mark.line + 1,
			   parser->problem_mark.column + 1, NULL, "%s, %s that begins at line %zu", problem,
			   parser->context, parser->context_mark.line + 1);
	else
		report(reader, SO_ERR_DOCUMENT_SYNTAX, parser->problem_mark.line + 1,
			   parser->problem_mark.column + 1, NULL, "%s", problem);
}

/* The next event; false after an error.  The caller deletes it. */
static bool
next_event(Reader *reader, yaml_event_t *event)
{
	if (reader->failed)
		return false;
	if (!yaml_parser_parse(&reader->parser, event))
	{
		report_parser(reader);
		return false;
	}
	return true;
}

static void
refuse_feature(Reader *reader, const yaml_event_t *event, const char *what)
{
	report(reader, SO_ERR_DOCUMENT_YAML_FEATURE, event->start_mark.line + 1,
		   event->start_mark.column + 1, NULL, "%s", what);
}

/* "!" alone says "a text", which quotes say as well. */
static void
check_decoration(Reader *reader, const yaml_event_t *event, const yaml_char_t *anchor,
				 const yaml_char_t *tag)
{
	if (anchor != NULL)
		refuse_feature(reader, event, "anchors (&name) are not supported");
	if (tag != NULL)
		refuse_feature(reader, event, "tags (!name) are not supported");
}

static SoNode *
scalar_node(Reader *reader, const yaml_event_t *event)
{
	SoNode *node = so_node_new(reader->context, SO_NODE_STRING, (int) event->start_mark.line + 1,
							   (int) event->start_mark.column + 1);

	check_decoration(reader, event, event->data.scalar.anchor, event->data.scalar.tag);
	node->text =
		talloc_strndup(node, (const char *) event->data.scalar.value, event->data.scalar.length);
	node->length = event->data.scalar.length;
	if (strlen(node->text) != node->length)
	{
		report(reader, SO_ERR_DOCUMENT_SYNTAX, (size_t) node->line, (size_t) node->column, NULL,
			   "a text contains the character NUL");
		node->length = strlen(node->text);
	}
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		so_node_resolve(node);
	return node;
}

static SoNode *read_node(Reader *reader, yaml_event_t *event, int depth);

static SoNode *
read_sequence(Reader *reader, const yaml_event_t *start, int depth)
{
	SoNode *node = so_node_new(reader->context, SO_NODE_SEQUENCE, (int) start->start_mark.line + 1,
							   (int) start->start_mark.column + 1);
	yaml_event_t event;

	check_decoration(reader, start, start->data.sequence_start.anchor,
					 start->data.sequence_start.tag);
	while (next_event(reader, &event))
	{
		SoNode *item;

		if (event.type == YAML_SEQUENCE_END_EVENT)
		{
			yaml_event_delete(&event);
			return node;
		}
		item = read_node(reader, &event, depth + 1);
		if (item != NULL)
			so_node_append(node, NULL, item);
	}
	return node;
}

static int
compare_keys(const void *left, const void *right)
{
	const SoNode *a = *(const SoNode *const *) left;
	const SoNode *b = *(const SoNode *const *) right;
	int order = strcmp(a->text, b->text);

	return order != 0 ? order : a->index - b->index;
}

static void
check_duplicate_keys(Reader *reader, const SoNode *node)
{
	size_t count = (size_t) node->count;
	SoNode **sorted;

	if (count < 2)
		return;
	sorted = talloc_memdup(reader->context, node->keys, count * sizeof(SoNode *));
	qsort(sorted, count, sizeof(SoNode *), compare_keys);
	for (size_t i = 1; i < count; i++)
	{
		if (strcmp(sorted[i]->text, sorted[i - 1]->text) == 0)
		{
			char *pointer = so_node_pointer(reader->context, node->items[sorted[i]->index]);

			report(reader, SO_ERR_DOCUMENT_DUPLICATE_KEY, (size_t) sorted[i]->line,
				   (size_t) sorted[i]->column, pointer, "key \"%s\" stands at line %d already",
				   sorted[i]->text, sorted[i - 1]->line);
			talloc_free(pointer);
		}
	}
	talloc_free(sorted);
}

static SoNode *
read_mapping(Reader *reader, const yaml_event_t *start, int depth)
{
	SoNode *node = so_node_new(reader->context, SO_NODE_MAPPING, (int) start->start_mark.line + 1,
							   (int) start->start_mark.column + 1);
	yaml_event_t event;

	check_decoration(reader, start, start->data.mapping_start.anchor,
					 start->data.mapping_start.tag);
	while (next_event(reader, &event))
	{
		SoNode *key;
		SoNode *item;

		if (event.type == YAML_MAPPING_END_EVENT)
		{
			yaml_event_delete(&event);
			break;
		}
		key = read_node(reader, &event, depth + 1);
		if (!next_event(reader, &event))
			break;
		item = read_node(reader, &event, depth + 1);
		if (key == NULL || item == NULL)
			continue;
		if (key->kind == SO_NODE_SEQUENCE || key->kind == SO_NODE_MAPPING)
		{
			report(reader, SO_ERR_DOCUMENT_YAML_FEATURE, (size_t) key->line, (size_t) key->column,
				   NULL, "a key must be a text, not %s", so_node_kind_text(key));
			continue;
		}
		if (key->is_plain && strcmp(key->text, "<<") == 0)
		{
			report(reader, SO_ERR_DOCUMENT_YAML_FEATURE, (size_t) key->line, (size_t) key->column,
				   NULL, "merge keys (<<) are not supported");
			continue;
		}
		/* on:, 1:, null: are keys like any other */
		key->kind = SO_NODE_STRING;
		so_node_append(node, key, item);
	}
	return node;
}

/* Takes over and deletes the event.  NULL when nothing can stand for it. */
static SoNode *
read_node(Reader *reader, yaml_event_t *event, int depth)
{
	SoNode *node = NULL;

	if (++reader->nodes > SO_DOCUMENT_MAX_NODES || depth > SO_DOCUMENT_MAX_DEPTH)
	{
		report(reader, SO_ERR_DOCUMENT_TOO_LARGE, event->start_mark.line + 1,
			   event->start_mark.column + 1, NULL,
			   "the document has more than %d values or is nested deeper than %d",
			   SO_DOCUMENT_MAX_NODES, SO_DOCUMENT_MAX_DEPTH);
		reader->failed = true;
	}
	else if (event->type == YAML_SCALAR_EVENT)
		node = scalar_node(reader, event);
	else if (event->type == YAML_SEQUENCE_START_EVENT)
		node = read_sequence(reader, event, depth);
	else if (event->type == YAML_MAPPING_START_EVENT)
		node = read_mapping(reader, event, depth);
	else
		refuse_feature(reader, event, "aliases (*name) are not supported");
	yaml_event_delete(event);
	return node;
}

/* Duplicate keys are looked for when all parents are known, so that pointers are whole. */
static void
check_tree(Reader *reader, const SoNode *node)
{
	if (node->kind == SO_NODE_MAPPING)
		check_duplicate_keys(reader, node);
	for (int i = 0; i < node->count; i++)
		check_tree(reader, node->items[i]);
}

static SoNode *
read_stream(Reader *reader)
{
	yaml_event_t event;
	SoNode *root = NULL;
	int documents = 0;

	while (next_event(reader, &event))
	{
		yaml_event_type_t type = event.type;

		if (type == YAML_STREAM_END_EVENT)
		{
			yaml_event_delete(&event);
			break;
		}
		if (type == YAML_DOCUMENT_START_EVENT && ++documents == 2)
			refuse_feature(reader, &event, "there is more than one document in the file");
		if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT ||
			type == YAML_DOCUMENT_END_EVENT)
			yaml_event_delete(&event);
		else if (documents == 1)
			root = read_node(reader, &event, 0);
		else
			read_node(reader, &event, 0);
	}
	return root;
}

SoNode *
so_node_from_yaml(TALLOC_CTX *context, const char *text, size_t length, const char *file,
				  SoDiagnostics *findings)
{
	Reader reader = {.context = context, .file = file, .findings = findings};
	SoNode *root;

	if (length > SO_DOCUMENT_MAX_BYTES)
	{
		report(&reader, SO_ERR_DOCUMENT_TOO_LARGE, 0, 0, NULL,
			   "the document has %zu bytes; at most %d are read", length, SO_DOCUMENT_MAX_BYTES);
		return NULL;
	}
	if (!yaml_parser_initialize(&reader.parser))
	{
		report(&reader, SO_ERR_OUT_OF_MEMORY, 0, 0, NULL, "no memory for the parser");
		return NULL;
	}
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *) text, length);
	root = read_stream(&reader);
	yaml_parser_delete(&reader.parser);
	if (reader.failed)
		return NULL;
	if (root == NULL)
	{
		if (findings->error_count == 0)
			report(&reader, SO_ERR_DOCUMENT_SYNTAX, 1, 1, NULL, "the document is empty");
		return NULL;
	}
	check_tree(&reader, root);
	return root;
}
