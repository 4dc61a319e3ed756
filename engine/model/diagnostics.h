/*
 * engine/model/diagnostics.h
 *
 * Collects findings: all of them at once, each with its place and the nearest
 * valid name when it looks like a typo.
 *
 * Process: runner, client, loader.  One owner per list, no sharing.
 */
#ifndef ENGINE_MODEL_DIAGNOSTICS_H
#define ENGINE_MODEL_DIAGNOSTICS_H

#include "engine/model/package.h"

/* More findings than this are counted, not kept; SO623 says so. */
#define SO_MAX_FINDINGS 500

/* Where and what, without the text; unset members are 0 or NULL. */
typedef struct SoFinding
{
	bool is_warning;
	SoErrorCode code;
	const char *file;
	int line;
	int column;
	const char *pointer;
	const char *hint; /* NULL: the table's */
} SoFinding;

/* Append; texts are copied into context. */
extern void so_diagnostics_add(SoDiagnostics *findings, TALLOC_CTX *context,
							   const SoFinding *finding, const char *format, ...) SO_PRINTF(4, 5);

/* Append copies of all of other. */
extern void
so_diagnostics_append(SoDiagnostics *findings, TALLOC_CTX *context, const SoDiagnostics *other);

/* Copy list and texts into context, before the context that they are in is freed. */
extern void so_diagnostics_adopt(SoDiagnostics *findings, TALLOC_CTX *context);

/* In the order of the text: by file, line and column; what has no line keeps its place. */
extern void so_diagnostics_sort(SoDiagnostics *findings);

#endif /* ENGINE_MODEL_DIAGNOSTICS_H */
