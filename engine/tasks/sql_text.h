/*
 * engine/tasks/sql_text.h
 *
 * Takes SQL text apart: statements at semicolons, and parameter markers,
 * outside quotations, dollar quotations and comments.
 *
 * Process: runner and client, in a task's thread.  Pure functions.
 */
#ifndef ENGINE_TASKS_SQL_TEXT_H
#define ENGINE_TASKS_SQL_TEXT_H

#include <stdbool.h>
#include <talloc.h>

#include "common/error.h"

/*
 * Which markers mean parameters.  names has one entry a binding: its name
 * (matched by :name and @name, case sensitive), or NULL for one that has a
 * position only.
 */
typedef struct SoSqlMarkers
{
	const char *const *names;
	int count;
	bool dollar;               /* $1 is a marker */
	bool question_mark;        /* ? is a marker */
	bool write_question_marks; /* output: ? for ODBC instead of $n */
} SoSqlMarkers;

typedef struct SoSqlText
{
	char *text;         /* the statement, markers rewritten */
	char *display;      /* the whole text up to the statement's end, for error messages */
	int display_offset; /* characters of display before text */
	int *bindings;      /* binding index of each parameter, in marker order */
	int binding_count;
} SoSqlText;

/*
 * Split sql into statements; empty ones are dropped.  A statement is kept
 * whole through parentheses and BEGIN ATOMIC bodies.  false with *error:
 * SO827 for an open quotation or comment, SO809 for a marker without binding.
 */
extern bool so_sql_text_split(TALLOC_CTX *context, const char *sql, const SoSqlMarkers *markers,
							  SoSqlText **statements, int *count, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_TASKS_SQL_TEXT_H */
