/*
 * engine/model/loader.c
 *
 * Reports what the loader finds, with file, line, column and JSON pointer.
 *
 * Process: runner, client, loader.  One loader per load, one owner.
 */
#include "engine/model/loader.h"

#include <stdarg.h>
#include <string.h>

static void
report(SoLoader *loader, bool is_warning, const SoNode *node, SoErrorCode code, const char *hint,
	   const char *format, va_list arguments)
{
	TALLOC_CTX *scratch = talloc_new(NULL);
	SoFinding finding = {
		.is_warning = is_warning, .code = code, .file = loader->file, .hint = hint};

	if (node != NULL)
	{
		finding.line = node->line;
		finding.column = node->column;
		finding.pointer = so_node_pointer(scratch, node);
	}
	so_diagnostics_add(loader->findings, loader->findings_context, &finding, "%s",
					   talloc_vasprintf(scratch, format, arguments));
	talloc_free(scratch);
}

void
so_loader_error(SoLoader *loader, const SoNode *node, SoErrorCode code, const char *hint,
				const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report(loader, false, node, code, hint, format, arguments);
	va_end(arguments);
}

void
so_loader_warning(SoLoader *loader, const SoNode *node, SoErrorCode code, const char *hint,
				  const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report(loader, true, node, code, hint, format, arguments);
	va_end(arguments);
}

static void
report_at(SoLoader *loader, bool is_warning, const SoObject *object, const SoField *field,
		  SoErrorCode code, const char *hint, const char *format, va_list arguments)
{
	TALLOC_CTX *scratch = talloc_new(NULL);
	SoFinding finding = {.is_warning = is_warning,
						 .code = code,
						 .file = loader->file,
						 .line = object->line,
						 .column = object->column,
						 .pointer = object->pointer,
						 .hint = hint};

	if (field != NULL)
	{
		finding.pointer = talloc_asprintf(scratch, "%s/%s", object->pointer, field->property->name);
		if (field->line > 0)
		{
			finding.line = field->line;
			finding.column = field->column;
		}
	}
	so_diagnostics_add(loader->findings, loader->findings_context, &finding, "%s",
					   talloc_vasprintf(scratch, format, arguments));
	talloc_free(scratch);
}

void
so_loader_error_at(SoLoader *loader, const SoObject *object, const SoField *field, SoErrorCode code,
				   const char *hint, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report_at(loader, false, object, field, code, hint, format, arguments);
	va_end(arguments);
}

void
so_loader_warning_at(SoLoader *loader, const SoObject *object, const SoField *field,
					 SoErrorCode code, const char *hint, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	report_at(loader, true, object, field, code, hint, format, arguments);
	va_end(arguments);
}

char *
so_loader_hint(SoLoader *loader, const char *expected, const char *nearest)
{
	if (nearest != NULL)
		return talloc_asprintf(loader->findings_context, "Did you mean \"%s\"?", nearest);
	if (expected != NULL)
		return talloc_strdup(loader->findings_context, expected);
	return NULL;
}

bool
so_loader_may_suggest(const SoLoader *loader)
{
	return loader->findings->count < 100;
}

bool
so_loader_expect(SoLoader *loader, const SoNode *node, SoNodeKind kind, const char *what)
{
	if (node->kind == kind)
		return true;
	so_loader_error(loader, node, SO_ERR_DOCUMENT_WRONG_TYPE, NULL, "%s: expected %s, found %s",
					what, kind == SO_NODE_SEQUENCE ? "a list" : "an object",
					so_node_kind_text(node));
	return false;
}

bool
so_loader_too_long(SoLoader *loader, const SoNode *list, int limit, const char *what)
{
	if (list->count <= limit)
		return false;
	so_loader_error(loader, list, SO_ERR_DOCUMENT_TOO_LARGE, NULL,
					"%s: at most %d are possible, found %d", what, limit, list->count);
	return true;
}

void *
so_loader_append(TALLOC_CTX *owner, void *array, int *count, const void *item)
{
	size_t n = (size_t) *count;
	const void **pointers = array;

	if (n == 0 || (n >= 4 && (n & (n - 1)) == 0))
		pointers = talloc_realloc(owner, pointers, const void *, n == 0 ? 4 : 2 * n);
	pointers[n] = item;
	(*count)++;
	return pointers;
}
