/*
 * engine/expression/problem.c
 *
 * Errors with place and caret.
 *
 * Process: runner, client, loader.  Works on the caller's error value only;
 * nothing is shared and nothing is left behind by a crash.
 */
#include "engine/expression/problem.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "engine/expression/character.h"

/* Characters shown before and after the caret. */
#define SHOWN_BEFORE 60
#define SHOWN_AFTER  40

/* The line that offset lies in, cut to a window that fits a terminal. */
static void
show_line(const SoExpressionSource *source, size_t start, size_t end, size_t offset, SoError *error)
{
	const char *text = source->text;
	size_t from = offset;
	size_t to = offset;
	char line[(SHOWN_BEFORE + SHOWN_AFTER) * 4 + 8];
	char caret[(SHOWN_BEFORE + 8) * 4];
	size_t at = 0;

	for (int i = 0; i < SHOWN_BEFORE && from > start; i++)
	{
		from--;
		while (from > start && ((unsigned char) text[from] & 0xC0) == 0x80)
			from--;
	}
	for (int i = 0; i < SHOWN_AFTER && to < end; i++)
		to += so_expression_character_size(text + to, end - to);
	snprintf(line, sizeof(line), "%s%.*s%s", from > start ? "..." : "", (int) (to - from),
			 text + from, to < end ? "..." : "");
	if (from > start)
		at += (size_t) snprintf(caret, sizeof(caret), "   ");
	/* Tabs stay tabs, so that the caret stands right however wide they are. */
	for (size_t i = from; i < offset && at < sizeof(caret) - 2;)
	{
		caret[at++] = text[i] == '\t' ? '\t' : ' ';
		i += so_expression_character_size(text + i, end - i);
	}
	caret[at++] = '^';
	caret[at] = '\0';
	so_error_detail(error, "In this expression:\n%s\n%s", line, caret);
}

bool
so_expression_problem_locate(const SoExpressionSource *source, size_t offset, SoError *error)
{
	size_t start = 0;
	size_t end;
	int line = 1;
	size_t column;

	if (error == NULL)
		return false;
	if (offset > source->length)
		offset = source->length;
	for (size_t i = 0; i < offset; i++)
	{
		if (source->text[i] == '\n')
		{
			start = i + 1;
			line++;
		}
	}
	end = offset;
	while (end < source->length && source->text[end] != '\n' && source->text[end] != '\r')
		end++;
	column = so_expression_character_count(source->text + start, offset - start) + 1;
	if (memchr(source->text, '\n', source->length) != NULL)
		snprintf(error->place, sizeof(error->place), "%s:%d:%zu",
				 source->place ? source->place : "expression", line, column);
	else
		snprintf(error->place, sizeof(error->place), "%s:%zu",
				 source->place ? source->place : "expression", column);
	show_line(source, start, end, offset, error);
	return false;
}

bool
so_expression_problem(const SoExpressionSource *source, size_t offset, SoError *error,
					  SoErrorCode code, const char *format, ...)
{
	char message[sizeof(error->message)];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	so_error_set(error, code, NULL, "%s", message);
	return so_expression_problem_locate(source, offset, error);
}
