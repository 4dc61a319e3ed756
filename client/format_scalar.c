/*
 * client/format_scalar.c
 *
 * Writes scalars of YAML: plain where every reader understands the same, in
 * quotes otherwise.
 *
 * Process: client.  No state.
 */
#include "client/format_scalar.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Words that YAML 1.1 readers take for Booleans or null, and anything that looks like a number or date. */
static bool
looks_typed(const char *text)
{
	static const char *const words[] = {"y",    "n",     "yes",  "no", "on", "off",
										"true", "false", "null", "~",  NULL};
	SoNode probe;

	for (int i = 0; words[i] != NULL; i++)
	{
		if (strcasecmp(words[i], text) == 0)
			return true;
	}
	memset(&probe, 0, sizeof(probe));
	probe.text = text;
	so_node_resolve(&probe);
	/* 2026-01-31, 12:30, 1_000, .inf */
	return probe.kind != SO_NODE_STRING ||
		   (strchr("+-.0123456789", text[0]) != NULL &&
			text[strspn(text, "0123456789+-.:_ eETZxo")] == '\0') ||
		   strcasecmp(text, ".inf") == 0 || strcasecmp(text, "-.inf") == 0 ||
		   strcasecmp(text, ".nan") == 0;
}

static bool
can_be_plain(const char *text, bool in_flow)
{
	size_t length = strlen(text);

	if (length == 0 || looks_typed(text) || strchr(" \t", text[0]) != NULL ||
		text[length - 1] == ' ')
		return false;
	if (strchr(",[]{}#&*!|>'\"%@`=<?:", text[0]) != NULL)
		return false;
	if (text[0] == '-' && !isalnum((unsigned char) text[1]))
		return false;
	if (strncmp(text, "---", 3) == 0 || strncmp(text, "...", 3) == 0)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		unsigned char c = (unsigned char) text[i];

		if (c < 0x20 || c == 0x7f || (c == '#' && i > 0 && text[i - 1] == ' '))
			return false;
		if (c == ':' && (in_flow || text[i + 1] == ' ' || text[i + 1] == '\0'))
			return false;
		if (in_flow && strchr(",[]{}", c) != NULL)
			return false;
		/* U+0080 to U+009F, U+2028 and U+FEFF are not what they seem */
		if ((c == 0xc2 && (unsigned char) text[i + 1] < 0xa0) || c == 0xe2 || c == 0xef)
			return false;
	}
	return true;
}

static char *
double_quoted(TALLOC_CTX *context, const char *text)
{
	char *out = talloc_strdup(context, "\"");

	for (; *text != '\0'; text++)
	{
		unsigned char c = (unsigned char) *text;

		if (c == '"' || c == '\\')
			out = talloc_asprintf_append_buffer(out, "\\%c", c);
		else if (c == '\n')
			out = talloc_strdup_append_buffer(out, "\\n");
		else if (c == '\t')
			out = talloc_strdup_append_buffer(out, "\\t");
		else if (c < 0x20 || c == 0x7f)
			out = talloc_asprintf_append_buffer(out, "\\x%02x", c);
		else if (c == 0xc2 && (unsigned char) text[1] < 0xa0)
			out = talloc_asprintf_append_buffer(out, "\\x%02x", (unsigned char) *++text);
		else if (c == 0xe2 && (unsigned char) text[1] == 0x80 &&
				 ((unsigned char) text[2] & 0xfe) == 0xa8)
		{
			out = talloc_asprintf_append_buffer(out, "\\u20%02x", (unsigned char) text[2] - 0x80);
			text += 2;
		}
		else if (c == 0xef && (unsigned char) text[1] == 0xbb && (unsigned char) text[2] == 0xbf)
		{
			out = talloc_strdup_append_buffer(out, "\\ufeff");
			text += 2;
		}
		else
			out = talloc_strndup_append_buffer(out, text, 1);
	}
	return talloc_strdup_append_buffer(out, "\"");
}

/* Does the character at text need an escape, line breaks and tabs apart? */
static bool
is_special(const char *text)
{
	unsigned char c = (unsigned char) text[0];

	if (c < 0x20)
		return c != '\n' && c != '\t';
	return c == 0x7f || (c == 0xc2 && (unsigned char) text[1] < 0xa0) ||
		   (c == 0xe2 && (unsigned char) text[1] == 0x80 &&
			((unsigned char) text[2] & 0xfe) == 0xa8) ||
		   (c == 0xef && (unsigned char) text[1] == 0xbb && (unsigned char) text[2] == 0xbf);
}

static bool
has_special(const char *text)
{
	for (; *text != '\0'; text++)
	{
		if (is_special(text))
			return true;
	}
	return false;
}

char *
so_format_text(TALLOC_CTX *context, const char *text, bool in_flow)
{
	if (can_be_plain(text, in_flow))
		return talloc_strdup(context, text);
	if (strpbrk(text, "\"\\") != NULL && strpbrk(text, "'\n\t") == NULL && !has_special(text))
		return talloc_asprintf(context, "'%s'", text);
	return double_quoted(context, text);
}

char *
so_format_key(TALLOC_CTX *context, const char *text, bool in_flow)
{
	/* keys are always texts here; "on" needs no quotes */
	if (text[0] != '\0' && text[strspn(text, "abcdefghijklmnopqrstuvwxyz_")] == '\0')
		return talloc_strdup(context, text);
	return so_format_text(context, text, in_flow);
}

char *
so_format_scalar(TALLOC_CTX *context, const SoNode *node, bool in_flow)
{
	if (node->kind == SO_NODE_STRING)
		return so_format_text(context, node->text, in_flow);
	if (node->kind == SO_NODE_NULL)
		return talloc_strdup(context, "null");
	if (node->kind == SO_NODE_BOOLEAN)
		return talloc_strdup(context, node->boolean ? "true" : "false");
	return talloc_strdup(context, node->text);
}

bool
so_format_is_literal(const SoNode *node)
{
	return node->kind == SO_NODE_STRING && strchr(node->text, '\n') != NULL &&
		   node->text[strspn(node->text, "\n ")] != '\0' && !has_special(node->text);
}
