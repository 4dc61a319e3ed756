/*
 * engine/model/node.c
 *
 * The document tree; node_yaml.c and node_json.c build it.
 *
 * Process: runner, client, loader.  One owner per tree, no sharing.
 */
#include "engine/model/node.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

SoNode *
so_node_new(TALLOC_CTX *context, SoNodeKind kind, int line, int column)
{
	SoNode *node = talloc_zero(context, SoNode);

	node->kind = kind;
	node->line = line;
	node->column = column;
	return node;
}

void
so_node_append(SoNode *parent, SoNode *key, SoNode *item)
{
	size_t count = (size_t) parent->count;

	/* room grows in powers of two */
	if (count == 0 || (count >= 4 && (count & (count - 1)) == 0))
	{
		size_t room = count == 0 ? 4 : 2 * count;

		parent->items = talloc_realloc(parent, parent->items, SoNode *, room);
		if (parent->kind == SO_NODE_MAPPING)
			parent->keys = talloc_realloc(parent, parent->keys, SoNode *, room);
	}
	parent->items[count] = item;
	item->parent = parent;
	item->index = parent->count;
	if (parent->kind == SO_NODE_MAPPING)
	{
		parent->keys[count] = key;
		key->parent = parent;
		key->index = parent->count;
	}
	parent->count++;
}

static bool
is_one_of(const char *text, const char *const *words)
{
	for (; *words != NULL; words++)
	{
		if (strcmp(text, *words) == 0)
			return true;
	}
	return false;
}

static bool
all_digits(const char *text, const char *digits)
{
	return *text != '\0' && text[strspn(text, digits)] == '\0';
}

/* [-+]?[0-9]+ | 0o[0-7]+ | 0x[0-9a-fA-F]+ */
static bool
resolve_integer(SoNode *node)
{
	const char *text = node->text;
	const char *digits = text;
	int base = 10;

	if (text[0] == '0' && (text[1] == 'o' || text[1] == 'x'))
	{
		base = text[1] == 'o' ? 8 : 16;
		digits = text + 2;
		if (!all_digits(digits, base == 8 ? "01234567" : "0123456789abcdefABCDEF"))
			return false;
		text = digits;
	}
	else
	{
		if (*digits == '-' || *digits == '+')
			digits++;
		if (!all_digits(digits, "0123456789"))
			return false;
	}
	errno = 0;
	node->integer = strtoll(text, NULL, base);
	if (errno == ERANGE)
	{
		node->kind = SO_NODE_REAL;
		node->real = strtod(node->text, NULL);
	}
	else
		node->kind = SO_NODE_INTEGER;
	return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool
resolve_real(SoNode *node)
{
	const char *at = node->text;
	size_t before;
	size_t after = 0;

	if (*at == '-' || *at == '+')
		at++;
	before = strspn(at, "0123456789");
	at += before;
	if (*at == '.')
	{
		at++;
		after = strspn(at, "0123456789");
		at += after;
	}
	if (before == 0 && after == 0)
		return false;
	if (*at == 'e' || *at == 'E')
	{
		at++;
		if (*at == '-' || *at == '+')
			at++;
		if (!all_digits(at, "0123456789"))
			return false;
		at += strlen(at);
	}
	if (*at != '\0')
		return false;
	node->real = strtod(node->text, NULL);
	if (!isfinite(node->real))
		return false; /* stays a text; JSON could not say it either */
	node->kind = SO_NODE_REAL;
	return true;
}

void
so_node_resolve(SoNode *node)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};

	node->is_plain = true;
	node->kind = SO_NODE_STRING;
	if (is_one_of(node->text, nulls))
		node->kind = SO_NODE_NULL;
	else if (is_one_of(node->text, trues) || is_one_of(node->text, falses))
	{
		node->kind = SO_NODE_BOOLEAN;
		node->boolean = node->text[0] == 't' || node->text[0] == 'T';
	}
	else if (strchr("+-.0123456789", node->text[0]) != NULL && !resolve_integer(node))
		resolve_real(node);
}

json_t *
so_node_to_json(const SoNode *node)
{
	json_t *json;

	switch (node->kind)
	{
		case SO_NODE_NULL:
			return json_null();
		case SO_NODE_BOOLEAN:
			return json_boolean(node->boolean);
		case SO_NODE_INTEGER:
			return json_integer(node->integer);
		case SO_NODE_REAL:
			return json_real(node->real);
		case SO_NODE_STRING:
			return json_stringn(node->text, node->length);
		case SO_NODE_SEQUENCE:
			json = json_array();
			for (int i = 0; i < node->count; i++)
				json_array_append_new(json, so_node_to_json(node->items[i]));
			return json;
		case SO_NODE_MAPPING:
			json = json_object();
			for (int i = 0; i < node->count; i++)
				json_object_set_new(json, node->keys[i]->text, so_node_to_json(node->items[i]));
			return json;
	}
	return NULL;
}

SoNode *
so_node_member(const SoNode *node, const char *key)
{
	if (node == NULL || node->kind != SO_NODE_MAPPING)
		return NULL;
	for (int i = 0; i < node->count; i++)
	{
		if (strcmp(node->keys[i]->text, key) == 0)
			return node->items[i];
	}
	return NULL;
}

/* RFC 6901: ~ is ~0, / is ~1 */
static char *
append_step(char *pointer, const char *step)
{
	pointer = talloc_strdup_append_buffer(pointer, "/");
	for (; *step != '\0'; step++)
	{
		if (*step == '~')
			pointer = talloc_strdup_append_buffer(pointer, "~0");
		else if (*step == '/')
			pointer = talloc_strdup_append_buffer(pointer, "~1");
		else
			pointer = talloc_strndup_append_buffer(pointer, step, 1);
	}
	return pointer;
}

char *
so_node_pointer(TALLOC_CTX *context, const SoNode *node)
{
	char *pointer;

	if (node == NULL || node->parent == NULL)
		return talloc_strdup(context, "");
	pointer = so_node_pointer(context, node->parent);
	if (node->parent->kind == SO_NODE_MAPPING)
		return append_step(pointer, node->parent->keys[node->index]->text);
	return talloc_asprintf_append_buffer(pointer, "/%d", node->index);
}

const char *
so_node_kind_text(const SoNode *node)
{
	switch (node->kind)
	{
		case SO_NODE_NULL:
			return "nothing";
		case SO_NODE_BOOLEAN:
			return "true or false";
		case SO_NODE_INTEGER:
			return "a whole number";
		case SO_NODE_REAL:
			return "a number";
		case SO_NODE_STRING:
			return "a text";
		case SO_NODE_SEQUENCE:
			return "a list";
		case SO_NODE_MAPPING:
			return "an object";
	}
	return "something";
}
