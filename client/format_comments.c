/*
 * client/format_comments.c
 *
 * Finds the comments of a YAML text; see format_comments.h.
 *
 * Process: client.  One owner, no sharing.
 */
#include "client/format_comments.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

/* Which bytes of the text lie inside scalars, and where its lines begin. */
typedef struct Source
{
	TALLOC_CTX *context;
	const char *text;
	size_t length;
	bool *inside;       /* per byte */
	size_t *characters; /* byte offset of each character, as marks count */
	size_t character_count;
	size_t *lines; /* byte offset of each line */
	size_t line_count;
} Source;

static void
index_source(Source *source)
{
	size_t start = source->length >= 3 && memcmp(source->text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	source->inside = talloc_zero_array(source->context, bool, source->length + 1);
	source->characters = talloc_zero_array(source->context, size_t, source->length + 2);
	source->lines = talloc_zero_array(source->context, size_t, source->length + 2);
	source->lines[source->line_count++] = start;
	for (size_t i = start; i < source->length; i++)
	{
		if (((unsigned char) source->text[i] & 0xc0) != 0x80)
			source->characters[source->character_count++] = i;
		if (source->text[i] == '\n')
			source->lines[source->line_count++] = i + 1;
	}
	source->characters[source->character_count] = source->length;
}

static size_t
byte_of(const Source *source, size_t character)
{
	return source
		->characters[character < source->character_count ? character : source->character_count];
}

static void
mark_scalar(Source *source, const yaml_token_t *token)
{
	size_t from = byte_of(source, token->start_mark.index);
	size_t to = byte_of(source, token->end_mark.index);

	/* the line of | or > may end with a comment */
	if (token->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
		token->data.scalar.style == YAML_FOLDED_SCALAR_STYLE)
	{
		while (from < to && source->text[from] != '\n')
			from++;
	}
	for (size_t i = from; i < to; i++)
		source->inside[i] = true;
}

static bool
mark_scalars(Source *source)
{
	yaml_parser_t parser;
	yaml_token_t token;
	bool done = false;
	bool good = true;

	if (!yaml_parser_initialize(&parser))
		return false;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *) source->text, source->length);
	while (!done)
	{
		good = yaml_parser_scan(&parser, &token) != 0;
		if (!good)
			break;
		done = token.type == YAML_STREAM_END_TOKEN;
		if (token.type == YAML_SCALAR_TOKEN)
			mark_scalar(source, &token);
		yaml_token_delete(&token);
	}
	yaml_parser_delete(&parser);
	return good;
}

/* ---- entries ---- */

static bool
begins_flow(const Source *source, const SoNode *node)
{
	size_t character = 0;
	size_t at;

	if (node->line < 1 || (size_t) node->line > source->line_count)
		return false;
	at = source->lines[node->line - 1];
	for (; character + 1 < (size_t) node->column && at < source->length; character++)
	{
		at++;
		while (at < source->length && ((unsigned char) source->text[at] & 0xc0) == 0x80)
			at++;
	}
	return at < source->length && (source->text[at] == '{' || source->text[at] == '[');
}

static int
count_entries(const SoNode *node)
{
	int count = node->count;

	for (int i = 0; i < node->count; i++)
		count += count_entries(node->items[i]);
	return count;
}

static void
add_entries(const Source *source, SoFormatComments *comments, const SoNode *node)
{
	for (int i = 0; i < node->count; i++)
	{
		SoFormatEntry *entry = &comments->entries[comments->count++];

		entry->node = node->kind == SO_NODE_MAPPING ? node->keys[i] : node->items[i];
		entry->value = node->items[i];
		entry->is_flow = begins_flow(source, entry->value);
		add_entries(source, comments, node->items[i]);
	}
}

static int
last_line(const SoNode *node)
{
	int line = node->line;

	if (node->text != NULL && strchr(node->text, '\n') != NULL)
		return line + 1;
	for (int i = 0; i < node->count; i++)
	{
		int inner = last_line(node->items[i]);

		line = inner > line ? inner : line;
	}
	return line;
}

/* The first entry that begins below line; NULL when there is none. */
static SoFormatEntry *
entry_below(const SoFormatComments *comments, int line)
{
	for (int i = 0; i < comments->count; i++)
	{
		if (comments->entries[i].node->line > line)
			return &comments->entries[i];
	}
	return NULL;
}

/* The outermost entry that is wholly on the line, else the last that begins there. */
static SoFormatEntry *
entry_on(const SoFormatComments *comments, int line)
{
	SoFormatEntry *found = NULL;

	for (int i = 0; i < comments->count && comments->entries[i].node->line <= line; i++)
	{
		if (comments->entries[i].node->line != line)
			continue;
		found = &comments->entries[i];
		if (last_line(found->value) == line)
			return found;
	}
	return found;
}

static void
append_line(TALLOC_CTX *context, char **lines, const char *text)
{
	if (*lines == NULL)
		*lines = talloc_strdup(context, "");
	*lines = talloc_asprintf_append_buffer(*lines, "%s\n", text);
}

static bool
is_blank_line(const Source *source, size_t line)
{
	size_t at = source->lines[line];

	while (at < source->length &&
		   (source->text[at] == ' ' || source->text[at] == '\t' || source->text[at] == '\r'))
		at++;
	return at < source->length && source->text[at] == '\n' && !source->inside[at];
}

/* A comment at byte at of line (from 1). */
static void
attach(Source *source, SoFormatComments *comments, size_t at, int line)
{
	size_t start = source->lines[line - 1];
	size_t end = at;
	bool alone = true;
	char *text;
	SoFormatEntry *entry;

	while (end < source->length && source->text[end] != '\n')
		end++;
	while (end > at && (source->text[end - 1] == ' ' || source->text[end - 1] == '\r' ||
						source->text[end - 1] == '\t'))
		end--;
	text = talloc_strndup(source->context, source->text + at, end - at);
	for (size_t i = start; i < at; i++)
		alone = alone && (source->text[i] == ' ' || source->text[i] == '\t');
	comments->comment_count++;
	entry = alone ? NULL : entry_on(comments, line);
	if (entry != NULL && entry->behind == NULL)
	{
		entry->behind = text;
		return;
	}
	entry = entry_below(comments, line);
	if (entry == NULL)
		append_line(source->context, &comments->footer, text);
	else if (entry == comments->entries)
		append_line(source->context, &comments->header, text);
	else
		append_line(source->context, &entry->before, text);
}

static void
find_comments(Source *source, SoFormatComments *comments)
{
	for (size_t line = 1; line <= source->line_count; line++)
	{
		size_t end = line < source->line_count ? source->lines[line] : source->length;

		for (size_t at = source->lines[line - 1]; at < end; at++)
		{
			bool separated =
				at == source->lines[line - 1] || strchr(" \t", source->text[at - 1]) != NULL;

			if (source->text[at] == '#' && separated && !source->inside[at])
			{
				attach(source, comments, at, (int) line);
				break;
			}
		}
	}
}

/* An empty line above the entry and the comments that stand directly above it. */
static void
find_blank_lines(const Source *source, SoFormatComments *comments)
{
	for (int i = 1; i < comments->count; i++)
	{
		SoFormatEntry *entry = &comments->entries[i];
		size_t line = (size_t) entry->node->line - 1; /* from 0 */

		if (comments->entries[i - 1].node->line == entry->node->line &&
			comments->entries[i - 1].node->column <= entry->node->column)
			continue; /* the outer entry of the line has it */
		while (line > 0)
		{
			size_t at = source->lines[line - 1];

			while (at < source->length && source->text[at] == ' ')
				at++;
			if (at >= source->length || source->text[at] != '#' || source->inside[at])
				break;
			line--;
		}
		entry->blank_before = line > 0 && is_blank_line(source, line - 1);
	}
}

static int
compare_nodes(const void *left, const void *right)
{
	const SoNode *a = (*(SoFormatEntry *const *) left)->node;
	const SoNode *b = (*(SoFormatEntry *const *) right)->node;

	return a < b ? -1 : a > b;
}

bool
so_format_comments_find(TALLOC_CTX *context, const char *text, size_t length, const SoNode *root,
						SoFormatComments *comments)
{
	Source source = {.context = context, .text = text, .length = length};

	memset(comments, 0, sizeof(*comments));
	index_source(&source);
	if (!mark_scalars(&source))
		return false;
	comments->entries = talloc_zero_array(context, SoFormatEntry, count_entries(root) + 1);
	add_entries(&source, comments, root);
	comments->by_node = talloc_zero_array(context, SoFormatEntry *, comments->count + 1);
	for (int i = 0; i < comments->count; i++)
		comments->by_node[i] = &comments->entries[i];
	qsort(comments->by_node, (size_t) comments->count, sizeof(SoFormatEntry *), compare_nodes);
	find_comments(&source, comments);
	find_blank_lines(&source, comments);
	return true;
}

const SoFormatEntry *
so_format_entry(const SoFormatComments *comments, const SoNode *node)
{
	SoFormatEntry wanted = {.node = node};
	SoFormatEntry *key = &wanted;
	SoFormatEntry **found = bsearch(&key, comments->by_node, (size_t) comments->count,
									sizeof(SoFormatEntry *), compare_nodes);

	return found != NULL ? *found : NULL;
}

bool
so_format_has_comments(const SoFormatComments *comments, const SoNode *node)
{
	for (int i = 0; i < node->count; i++)
	{
		const SoNode *own = node->kind == SO_NODE_MAPPING ? node->keys[i] : node->items[i];
		const SoFormatEntry *entry = so_format_entry(comments, own);

		if (entry->before != NULL || entry->behind != NULL ||
			so_format_has_comments(comments, node->items[i]))
			return true;
	}
	return false;
}
