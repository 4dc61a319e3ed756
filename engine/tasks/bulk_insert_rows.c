/*
 * engine/tasks/bulk_insert_rows.c
 *
 * Where a row of a CSV or text file ends, by the rules of PostgreSQL's COPY,
 * and which line an error message of COPY speaks of.
 *
 * Process: runner and client, in a task's thread.  The state is the caller's.
 */
#include "engine/tasks/bulk_insert.h"

#include <stdlib.h>
#include <string.h>

void
so_row_scanner_init(SoRowScanner *scanner, bool csv, char quote, char escape)
{
	memset(scanner, 0, sizeof(*scanner));
	scanner->csv = csv;
	scanner->quote = quote;
	scanner->escape = escape;
	scanner->line = 1;
}

/* Text: a backslash makes the next byte data, even a newline. */
static size_t
next_text_row(SoRowScanner *scanner, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (bytes[i] == '\n')
		{
			scanner->line++;
			if (!scanner->escaped)
				return i + 1;
		}
		scanner->escaped = bytes[i] == '\\' && !scanner->escaped;
	}
	return 0;
}

/* CSV: newlines inside quotes are data. */
static size_t
next_csv_row(SoRowScanner *scanner, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		char c = bytes[i];

		if (scanner->in_quotes && c == scanner->escape && scanner->escape != scanner->quote)
		{
			scanner->escaped = !scanner->escaped;
			continue;
		}
		if (c == scanner->quote && !scanner->escaped)
			scanner->in_quotes = !scanner->in_quotes;
		scanner->escaped = false;
		if (c == '\n')
		{
			scanner->line++;
			if (!scanner->in_quotes)
				return i + 1;
		}
	}
	return 0;
}

size_t
so_row_scanner_next(SoRowScanner *scanner, const char *bytes, size_t length)
{
	return scanner->csv ? next_csv_row(scanner, bytes, length)
						: next_text_row(scanner, bytes, length);
}

int64_t
so_bulk_insert_error_line(const char *context)
{
	static const char mark[] = ", line ";
	const char *found = NULL;
	int64_t line;

	if (context == NULL)
		return 0;
	/* The table's name comes first and might contain the words; values come after a colon. */
	for (const char *p = strstr(context, mark); p != NULL; p = strstr(p + 1, mark))
	{
		char *end;

		line = strtoll(p + sizeof(mark) - 1, &end, 10);
		if (line > 0 && (*end == '\0' || *end == ',' || *end == ':' || *end == '\n'))
		{
			found = p;
			break;
		}
	}
	return found != NULL ? strtoll(found + sizeof(mark) - 1, NULL, 10) : 0;
}
