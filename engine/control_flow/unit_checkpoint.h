/*
 * engine/control_flow/unit_checkpoint.h
 *
 * The rules of checkpoint restart (SSIS "Restart Packages by Using
 * Checkpoints"; docs/checkpoints.md says it for people):
 *
 *   A smallest unit is a task, a Foreach or For loop, a container with a
 *   transaction of its own, a Sequence with checkpoint: as_one, and a container
 *   with checkpoint: always_rerun.  What is inside one is not recorded.  With
 *   checkpoint_granularity: iteration every iteration of a Foreach loop is
 *   recorded, too.
 *
 *   A unit that ended with success or completion is skipped by a restart, and
 *   its result counts for its successors as it did then.  So does what the
 *   expressions of its constraints gave: variables may have changed since.
 *
 *   A variable is saved when the unit that changed it is recorded, together
 *   with that record.  What a unit changed that must run again is not saved, so
 *   the unit finds the values that it found the first time.
 *
 * Process: runner and client; private to engine/control_flow, control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_UNIT_CHECKPOINT_H
#define ENGINE_CONTROL_FLOW_UNIT_CHECKPOINT_H

#include "engine/control_flow/unit.h"

/* The open checkpoint of one package run. */
struct SoCheckpointSession
{
	SoRun *run;
	SoPackageRun *package_run;
	SoCheckpoint *checkpoint;
	const SoCheckpointStoreType *type;
	SoCheckpointState *state; /* what this attempt goes on from; NULL = from the beginning */
	const char *name;
	const char *content_hash;
	bool save;          /* false: the checkpoint is only read */
	bool wait;          /* checkpoint_durability: sync */
	bool begun;         /* the store has begun this attempt */
	bool unflushed;     /* something was appended since the last flush */
	int64_t flush_at;   /* async: monotonic ms, when it is flushed at the latest */
	bool lost;          /* the store has failed: nothing more is recorded */
	bool restart_point; /* a unit with fail_package_on_failure has failed */
	char *failed_path;  /* the first unit that has failed without it */
	int attempt;
	SoVariableState **dirty; /* variables to be written */
	int dirty_count;
	char **notices; /* warnings to raise when the package begins */
	int notice_count;
	SoCheckpointSession *next; /* in run->sessions */
};

/* ---- checkpoint_session.c ---- */

/*
 * Open the checkpoint of a package that is set up, when its properties ask
 * for one, and decide whether this is a restart; root->package_run->checkpoint
 * is NULL when it has none.  false with *error: the package fails.
 */
extern bool so_checkpoint_session_open(SoUnit *root, SoError *error) SO_WARN_UNUSED;

/* Keep a warning until the package begins; text is taken over. */
extern void so_checkpoint_session_notice(SoCheckpointSession *session, char *text);

/* The package is valid and begins: tell the store.  false after raising an error at root. */
extern bool so_checkpoint_session_begin(SoUnit *root);

/* The package has ended: remove, keep or discard; then next, when that is durable. */
extern void so_checkpoint_session_end(SoUnit *root, SoUnitStep next);

/* ---- checkpoint_restore.c ---- */

/* For the first package: its options with configuration as the checkpoint has it; NULL: as given. */
extern const SoRunOptions *so_checkpoint_restore_options(SoPackageRun *package_run);

/* Parameters, variables and System::StartTime from the checkpoint; false with *error. */
extern bool so_checkpoint_restore_state(SoPackageRun *package_run, SoError *error) SO_WARN_UNUSED;

/* Is this property path about checkpoints?  How they are used is said anew at every start. */
extern bool so_checkpoint_restore_is_own(const char *path);

/* ---- unit_checkpoint.c ---- */

/* Was this unit done by an earlier attempt?  Then it has its result. */
extern bool so_unit_checkpoint_skip(SoUnit *unit);

/* The unit has its result: record it; next when its successors may start. */
extern void so_unit_checkpoint_finished(SoUnit *unit, SoUnitStep next);

/* An iteration of a loop that records them has ended well: the same for it. */
extern void so_unit_checkpoint_item_finished(SoUnit *loop, SoUnitStep next);
extern bool so_unit_checkpoint_item_done(const SoUnit *loop);
/* Does this loop record its iterations in this run? */
extern bool so_unit_checkpoint_by_item(const SoUnit *loop);

/* unit has assigned variable. */
extern void so_unit_checkpoint_changed(const SoUnit *unit, SoVariableState *variable);

/* What the expression of constraint i gave in an earlier attempt: 1, 0, or -1 when unknown. */
extern int so_unit_checkpoint_decision(const SoUnit *container, int i);
extern void so_unit_checkpoint_decided(const SoUnit *container, int i, bool holds);

/* unit has failed; flagged: it has fail_package_on_failure. */
extern void so_unit_checkpoint_failed(SoUnit *unit, bool flagged);

/*
 * May this unit not start because its package has failed?  Smallest units that
 * are running go on to their end, but no other starts.
 */
extern bool so_unit_checkpoint_is_stopped(const SoUnit *unit);

/* May a child package of this Execute Package task have a checkpoint of its own? */
extern bool so_unit_checkpoint_child_allowed(const SoUnit *caller);

/* Warn of checkpoint properties of unit that have no effect where they stand. */
extern void so_unit_checkpoint_validate(SoUnit *unit);

/* Is unit a smallest unit by itself, whatever is around it? */
extern bool so_unit_checkpoint_is_atomic(const SoUnit *unit);

/* The enumerator values of the loops around unit, outermost first ("" outside of loops). */
/* The executable's path below the calls of its package; without iteration numbers. */
extern char *so_unit_checkpoint_marker_path(TALLOC_CTX *context, const SoUnit *unit);
extern char *so_unit_checkpoint_items(TALLOC_CTX *context, const SoUnit *unit);

/* ---- checkpoint_barrier.c ---- */

/* next as soon as ticket is durable; at once when the session does not wait. */
extern void so_unit_checkpoint_wait(SoUnit *unit, SoCheckpointSession *session, uint64_t ticket,
									SoUnitStep next);

/* Milliseconds until a flush is due that nobody waits for; -1 = none. */
extern int so_unit_checkpoint_due(const SoRun *run);

/* Nothing else to do: write what is buffered.  True when units can go on. */
extern bool so_unit_checkpoint_flush(SoRun *run);
/* Let units go on whose record is durable, or for which nothing waits any more. */
extern bool so_unit_checkpoint_release(SoRun *run);
/* The store's wait_fd is readable. */
extern void so_unit_checkpoint_receive(SoRun *run);
/* The store has failed: the package fails, what waits goes on to its end. */
extern void so_unit_checkpoint_lost(SoCheckpointSession *session, const SoError *error);

#endif /* ENGINE_CONTROL_FLOW_UNIT_CHECKPOINT_H */
