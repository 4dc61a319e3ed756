/*
 * engine/model/diagnostics.c
 *
 * The list of findings and its two forms of output.
 *
 * Process: runner, client, loader.  One owner per list, no sharing.
 */
#include "engine/model/diagnostics.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "engine/model/load.h"

static SoDiagnostic *
append(SoDiagnostics *findings, TALLOC_CTX *context)
{
	int count = findings->count;

	if (count == 0 || (count >= 8 && (count & (count - 1)) == 0))
		findings->items =
			talloc_realloc(context, findings->items, SoDiagnostic, count == 0 ? 8 : 2 * count);
	findings->count++;
	memset(&findings->items[count], 0, sizeof(SoDiagnostic));
	return &findings->items[count];
}

/* The one behind the last that is kept. */
static void
append_too_many(SoDiagnostics *findings, TALLOC_CTX *context, bool is_warning)
{
	SoDiagnostic *item = append(findings, context);

	item->code = SO_ERR_DOCUMENT_TOO_MANY_FINDINGS;
	item->is_warning = is_warning;
	item->message = talloc_asprintf(
		context, "there are more than %d findings; the others are left out", SO_MAX_FINDINGS);
	item->pointer = talloc_strdup(context, "");
	item->hint = talloc_strdup(context, so_error_default_hint(item->code));
}

void
so_diagnostics_add(SoDiagnostics *findings, TALLOC_CTX *context, const SoFinding *finding,
				   const char *format, ...)
{
	SoDiagnostic *item;
	va_list arguments;

	if (findings->count >= SO_MAX_FINDINGS)
	{
		if (findings->count == SO_MAX_FINDINGS)
			append_too_many(findings, context, finding->is_warning);
		findings->error_count += !finding->is_warning;
		return;
	}
	item = append(findings, context);
	item->is_warning = finding->is_warning;
	item->code = finding->code;
	item->file = finding->file != NULL ? talloc_strdup(context, finding->file) : NULL;
	item->line = finding->line;
	item->column = finding->column;
	item->pointer = talloc_strdup(context, finding->pointer != NULL ? finding->pointer : "");
	va_start(arguments, format);
	item->message = talloc_vasprintf(context, format, arguments);
	va_end(arguments);
	item->hint = talloc_strdup(
		context, finding->hint != NULL ? finding->hint : so_error_default_hint(finding->code));
	findings->error_count += !finding->is_warning;
}

void
so_diagnostics_append(SoDiagnostics *findings, TALLOC_CTX *context, const SoDiagnostics *other)
{
	for (int i = 0; i < other->count && findings->count <= SO_MAX_FINDINGS; i++)
	{
		SoDiagnostic *item;

		if (findings->count == SO_MAX_FINDINGS)
		{
			append_too_many(findings, context, other->items[i].is_warning);
			break;
		}
		item = append(findings, context);
		*item = other->items[i];
		item->file = talloc_strdup(context, item->file);
		item->pointer = talloc_strdup(context, item->pointer);
		item->message = talloc_strdup(context, item->message);
		item->hint = talloc_strdup(context, item->hint);
	}
	findings->error_count += other->error_count;
}

void
so_diagnostics_adopt(SoDiagnostics *findings, TALLOC_CTX *context)
{
	SoDiagnostics moved = {NULL, 0, 0};

	so_diagnostics_append(&moved, context, findings);
	*findings = moved;
}

/* Findings of one file only stand next to each other as they were made, so files need no order. */
static bool
is_behind(const SoDiagnostic *left, const SoDiagnostic *right)
{
	bool same_file = left->file == right->file || (left->file != NULL && right->file != NULL &&
												   strcmp(left->file, right->file) == 0);

	if (!same_file || left->line == 0 || right->line == 0)
		return false;
	return left->line > right->line || (left->line == right->line && left->column > right->column);
}

void
so_diagnostics_sort(SoDiagnostics *findings)
{
	/* stable, and there are at most SO_MAX_FINDINGS */
	for (int i = 1; i < findings->count; i++)
	{
		SoDiagnostic item = findings->items[i];
		int j = i;

		for (; j > 0 && is_behind(&findings->items[j - 1], &item); j--)
			findings->items[j] = findings->items[j - 1];
		findings->items[j] = item;
	}
}

/* ---- output ---- */

/* Lines after the first (the quoted expression) stand below it, indented. */
static char *
append_indented(char *text, const char *message)
{
	const char *end;

	while ((end = strchr(message, '\n')) != NULL)
	{
		text = talloc_strndup_append_buffer(text, message, (size_t) (end - message));
		text = talloc_strdup_append_buffer(text, "\n    ");
		message = end + 1;
	}
	return talloc_asprintf_append_buffer(text, "%s\n", message);
}

char *
so_diagnostics_to_text(TALLOC_CTX *context, const SoDiagnostics *findings)
{
	char *text = talloc_strdup(context, "");

	for (int i = 0; i < findings->count; i++)
	{
		const SoDiagnostic *item = &findings->items[i];

		if (item->file != NULL)
			text = talloc_asprintf_append_buffer(text, "%s:", item->file);
		if (item->line > 0)
			text = talloc_asprintf_append_buffer(text, "%d:%d:", item->line, item->column);
		text = talloc_asprintf_append_buffer(
			text, "%s%s %s: ", item->file != NULL || item->line > 0 ? " " : "",
			item->is_warning ? "warning" : "error", so_error_state(item->code));
		text = append_indented(text, item->message);
		if (item->pointer[0] != '\0')
			text = talloc_asprintf_append_buffer(text, "    at %s\n", item->pointer);
		if (item->hint[0] != '\0')
			text = talloc_asprintf_append_buffer(text, "    hint: %s\n", item->hint);
	}
	return text;
}

json_t *
so_diagnostics_to_json(const SoDiagnostics *findings)
{
	json_t *list = json_array();

	for (int i = 0; i < findings->count; i++)
	{
		const SoDiagnostic *item = &findings->items[i];
		json_t *json = json_object();

		json_object_set_new(json, "severity", json_string(item->is_warning ? "warning" : "error"));
		json_object_set_new(json, "code", json_string(so_error_state(item->code)));
		if (item->file != NULL)
			json_object_set_new(json, "file", json_string(item->file));
		if (item->line > 0)
		{
			json_object_set_new(json, "line", json_integer(item->line));
			json_object_set_new(json, "column", json_integer(item->column));
		}
		json_object_set_new(json, "pointer", json_string(item->pointer));
		json_object_set_new(json, "message", json_string(item->message));
		json_object_set_new(json, "hint", json_string(item->hint));
		json_array_append_new(list, json);
	}
	return list;
}
