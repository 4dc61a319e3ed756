/*
 * engine/checkpoint/exactly_once.h
 *
 * exactly_once: a task that writes to PostgreSQL inserts a marker row in the
 * transaction of its data.  When the task comes again in another attempt of
 * the same execution - because the process died after the commit and before
 * the checkpoint was written - the marker is there, and the task gives its
 * outputs without doing its work again.
 *
 * The marker's key is chain, executable path, enumerator values and statement
 * (an ordinal).  The chain has a row of its own with the highest attempt that
 * was seen; a transaction holds a share lock on it, so that a later attempt
 * waits for one that is under way, and an earlier one that is still alive
 * somewhere (a zombie) is refused.
 *
 * Process: runner and client, in the thread of the task, which owns the session.
 */
#ifndef ENGINE_CHECKPOINT_EXACTLY_ONCE_H
#define ENGINE_CHECKPOINT_EXACTLY_ONCE_H

#include "engine/connections/sql.h"
#include "engine/tasks/task.h"

typedef struct SoExactlyOnce
{
	SoTaskRun *run;
	SoConnection *connection;
	const SoWait *wait;
	const char *text;     /* what is executed; kept as a hash, to tell when it has changed */
	const char *ordinal;  /* which statement of the task */
	bool own_transaction; /* begun here */
	bool done;            /* an earlier attempt has committed it: do nothing */
} SoExactlyOnce;

/*
 * Begin the transaction (unless the session is in one) and insert the marker.
 * once->done: it was there, the outputs are given, and there is nothing to do.
 * false with *error EXACTLY_ONCE_FENCED, _MARKER, or that of the server.
 */
extern bool so_exactly_once_begin(SoExactlyOnce *once, SoError *error) SO_WARN_UNUSED;

/* The work is done and the outputs are set: keep them with the marker, and commit. */
extern bool so_exactly_once_end(SoExactlyOnce *once, SoError *error) SO_WARN_UNUSED;

/* The work has failed: roll back what was begun here. */
extern void so_exactly_once_abort(SoExactlyOnce *once);

/* ---- exactly_once_check.c ---- */

/* Findings of a task with exactly_once: true; sql may be NULL when it is not known yet. */
extern void so_exactly_once_validate(SoTaskValidation *validation, const char *sql);

/* Can every statement run in a transaction?  false with *error EXACTLY_ONCE_STATEMENT. */
extern bool
so_exactly_once_check(TALLOC_CTX *context, const char *sql, SoError *error) SO_WARN_UNUSED;

#endif /* ENGINE_CHECKPOINT_EXACTLY_ONCE_H */
