/*
 * client/format_document.c
 *
 * Writes a YAML document in its normal form.  The result is parsed again and
 * compared with the original before anybody sees it.
 *
 * Process: client.  One owner, no sharing.
 */
#include "client/format_document.h"

#include <string.h>

#include "client/format_comments.h"
#include "client/format_order.h"
#include "client/format_scalar.h"
#include "engine/model/diagnostics.h"

#define LINE_WIDTH 120

typedef struct Writer
{
	TALLOC_CTX *context;
	const SoFormatComments *comments;
	char *out;
	int comments_written;
} Writer;

static void write_block(Writer *writer, const SoNode *node, const SoFormatShape *shape, int indent,
						bool continues_line);

static void
put(Writer *writer, const char *text)
{
	writer->out = talloc_strdup_append_buffer(writer->out, text);
}

static void
put_indent(Writer *writer, int indent)
{
	writer->out = talloc_asprintf_append_buffer(writer->out, "%*s", indent, "");
}

/* The lines of a block of comments. */
static void
put_comments(Writer *writer, const char *lines, int indent)
{
	while (lines != NULL && *lines != '\0')
	{
		const char *end = strchr(lines, '\n');

		put_indent(writer, indent);
		writer->out = talloc_strndup_append_buffer(writer->out, lines, (size_t) (end - lines + 1));
		lines = end + 1;
		writer->comments_written++;
	}
}

/* A node on one line; NULL when something in it needs lines of its own. */
static char *
flow_text(Writer *writer, const SoNode *node, const SoFormatShape *shape)
{
	bool is_map = node->kind == SO_NODE_MAPPING;
	char *out;
	int *order;

	if (node->text != NULL)
		return so_format_scalar(writer->context, node, true);
	out = talloc_strdup(writer->context, is_map ? "{" : "[");
	order = is_map ? so_format_order(writer->context, shape, node) : NULL;
	for (int i = 0; i < node->count; i++)
	{
		int at = is_map ? order[i] : i;
		SoFormatShape inner =
			is_map ? so_format_member_shape(shape, node, node->keys[at]->text) : *shape;

		out = talloc_asprintf_append_buffer(
			out, "%s%s%s%s", i > 0 ? ", " : "",
			is_map ? so_format_key(writer->context, node->keys[at]->text, true) : "",
			is_map ? ": " : "", flow_text(writer, node->items[at], &inner));
	}
	return talloc_strdup_append_buffer(out, is_map ? "}" : "]");
}

static bool
has_long_text(const SoNode *node)
{
	if (node->text != NULL)
		return strchr(node->text, '\n') != NULL;
	for (int i = 0; i < node->count; i++)
	{
		if (has_long_text(node->items[i]))
			return true;
	}
	return false;
}

/* | and the lines, as deep as indent. */
static void
put_literal(Writer *writer, const SoNode *node, int indent, const char *behind)
{
	size_t length = strlen(node->text);
	const char *text = node->text;
	size_t breaks = 0;

	while (breaks < length && text[length - 1 - breaks] == '\n')
		breaks++;
	put(writer, " |");
	/* the first line decides about the indentation unless it is said */
	if (text[0] == ' ' || text[0] == '\n' || text[0] == '\t')
		put(writer, "2");
	put(writer, breaks == 0 ? "-" : breaks == 1 ? "" : "+");
	if (behind != NULL)
	{
		writer->out = talloc_asprintf_append_buffer(writer->out, "   %s", behind);
		writer->comments_written++;
	}
	put(writer, "\n");
	while (*text != '\0')
	{
		size_t line = strcspn(text, "\n");

		if (line > 0)
			put_indent(writer, indent);
		writer->out = talloc_strndup_append_buffer(writer->out, text, line);
		put(writer, "\n");
		text += line + (text[line] == '\n');
	}
}

/*
 * What stands behind "key:" or "-" at indent, with its comment and line end.
 * lead is the number of columns already used on the line.
 */
static void
write_value(Writer *writer, const SoFormatEntry *entry, const SoFormatShape *shape, int indent,
			int lead)
{
	const SoNode *value = entry->value;
	bool is_item = entry->node == value;
	char *flow;

	if (value->text != NULL && so_format_is_literal(value))
	{
		put_literal(writer, value, indent + 2, entry->behind);
		return;
	}
	flow = value->text != NULL ? so_format_scalar(writer->context, value, false)
		   : value->count == 0 || (entry->is_flow && !has_long_text(value) &&
								   !so_format_has_comments(writer->comments, value))
			   ? flow_text(writer, value, shape)
			   : NULL;
	if (flow != NULL &&
		(value->text != NULL || value->count == 0 || lead + 1 + (int) strlen(flow) <= LINE_WIDTH))
	{
		put(writer, " ");
		put(writer, flow);
		if (entry->behind != NULL)
		{
			writer->out = talloc_asprintf_append_buffer(writer->out, "   %s", entry->behind);
			writer->comments_written++;
		}
		put(writer, "\n");
		return;
	}
	if (entry->behind != NULL && !is_item)
	{
		writer->out = talloc_asprintf_append_buffer(writer->out, "   %s", entry->behind);
		writer->comments_written++;
	}
	if (is_item && value->kind == SO_NODE_MAPPING)
	{
		put(writer, " ");
		write_block(writer, value, shape, indent + 2, true);
		return;
	}
	put(writer, "\n");
	write_block(writer, value, shape, indent + 2, false);
}

/* Between "- " and the first key of an item there is no room: its comments stand above the item. */
static void
put_first_key_comments(Writer *writer, const SoFormatEntry *item, const SoFormatShape *shape,
					   int indent)
{
	const SoNode *value = item->value;
	int *order;

	if (value->kind != SO_NODE_MAPPING || value->count == 0)
		return;
	order = so_format_order(writer->context, shape, value);
	put_comments(writer, so_format_entry(writer->comments, value->keys[order[0]])->before, indent);
}

/* A mapping or list in lines; continues_line: the first line has begun ("- "). */
static void
write_block(Writer *writer, const SoNode *node, const SoFormatShape *shape, int indent,
			bool continues_line)
{
	bool is_map = node->kind == SO_NODE_MAPPING;
	int *order = is_map ? so_format_order(writer->context, shape, node) : NULL;

	for (int i = 0; i < node->count; i++)
	{
		int at = is_map ? order[i] : i;
		const SoFormatEntry *entry =
			so_format_entry(writer->comments, is_map ? node->keys[at] : node->items[at]);
		SoFormatShape inner =
			is_map ? so_format_member_shape(shape, node, node->keys[at]->text) : *shape;
		int lead = indent + 1;

		if (i > 0 || !continues_line)
		{
			if (entry->blank_before && (i > 0 || !is_map))
				put(writer, "\n");
			put_comments(writer, entry->before, indent);
			if (!is_map)
				put_first_key_comments(writer, entry, &inner, indent);
			/* the comment beside a list item of several lines stands above it */
			if (!is_map && entry->behind != NULL && node->items[at]->text == NULL &&
				(!entry->is_flow || so_format_has_comments(writer->comments, node->items[at])))
			{
				put_indent(writer, indent);
				writer->out = talloc_asprintf_append_buffer(writer->out, "%s\n", entry->behind);
				writer->comments_written++;
			}
			put_indent(writer, indent);
		}
		if (is_map)
		{
			char *key = so_format_key(writer->context, node->keys[at]->text, false);

			writer->out = talloc_asprintf_append_buffer(writer->out, "%s:", key);
			lead = indent + (int) strlen(key) + 1;
		}
		else
			put(writer, "-");
		write_value(writer, entry, &inner, indent, lead);
	}
}

/* Says the new text the same as the old one? */
static bool
same_meaning(TALLOC_CTX *context, const SoNode *old, const char *text)
{
	SoDiagnostics findings = {NULL, 0, 0};
	SoNode *fresh = so_node_from_yaml(context, text, strlen(text), NULL, &findings);
	json_t *left;
	json_t *right;
	bool same;

	if (fresh == NULL || findings.error_count > 0)
		return false;
	left = so_node_to_json(old);
	right = so_node_to_json(fresh);
	same = json_equal(left, right) != 0;
	json_decref(left);
	json_decref(right);
	return same;
}

char *
so_format_document(TALLOC_CTX *context, const char *text, size_t length, bool lose_comments,
				   SoError *error)
{
	SoDiagnostics findings = {NULL, 0, 0};
	SoNode *root = so_node_from_yaml(context, text, length, NULL, &findings);
	SoFormatComments comments;
	SoFormatShape shape;
	Writer writer = {context, &comments, talloc_strdup(context, ""), 0};

	if (root == NULL || findings.error_count > 0 || root->kind != SO_NODE_MAPPING ||
		root->count == 0 || !so_format_comments_find(context, text, length, root, &comments))
	{
		so_error_set(error, SO_ERR_DOCUMENT_SYNTAX, NULL, "%s",
					 findings.count > 0 ? findings.items[0].message : "there is nothing to format");
		return NULL;
	}
	shape = so_format_root_shape(root);
	if (comments.header != NULL)
		put_comments(&writer, comments.header, 0);
	write_block(&writer, root, &shape, 0, false);
	if (comments.footer != NULL)
		put_comments(&writer, comments.footer, 0);
	if (!same_meaning(context, root, writer.out))
	{
		so_error_set(error, SO_ERR_INTERNAL, NULL, "the formatted text would not say the same");
		return NULL;
	}
	if (writer.comments_written != comments.comment_count && !lose_comments)
	{
		so_error_set(error, SO_ERR_DOCUMENT_COMMENTS, NULL,
					 "%d of %d comments have no place in the normal form",
					 comments.comment_count - writer.comments_written, comments.comment_count);
		return NULL;
	}
	return writer.out;
}
