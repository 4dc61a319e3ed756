/*
 * engine/checkpoint/checkpoint.h
 *
 * The door between the control flow and whatever keeps checkpoints (a file at
 * the desk, the catalog for an execution).  The control flow asks the store
 * once for every unit that is about to start, and tells it once about every
 * unit that has finished; it does so in exactly two places
 * (engine/control_flow/unit.c), so a store sees everything.
 *
 * Process: runner and client; called by the control thread only.
 */
#ifndef ENGINE_CHECKPOINT_CHECKPOINT_H
#define ENGINE_CHECKPOINT_CHECKPOINT_H

#include "engine/control_flow/run.h"

/* One activation of an executable, as a store may see it. */
typedef struct SoCheckpointUnit
{
	const SoExecutable *executable;
	const char *execution_path; /* with iteration numbers and packages; unique in an execution */
	bool		restartable;	/* a smallest unit: not inside a loop or a transacted container */
	SoExecutionResult result;	/* of a finished unit */
	const SoValue *execution_value; /* NULL when none */
} SoCheckpointUnit;

typedef struct SoCheckpointStoreType
{
	/*
	 * Has this unit finished with success in an earlier attempt?  Then it is
	 * not run again and its successors go on.
	 */
	bool		(*is_done) (SoCheckpointStore *store, const SoCheckpointUnit *unit);
	/*
	 * A unit has finished.  Returns true when its successors may start at
	 * once, false when they must wait until the record is durable; the store
	 * then makes wait_fd readable and settle says which paths are durable.
	 */
	bool		(*finished) (SoCheckpointStore *store, const SoCheckpointUnit *unit);
} SoCheckpointStoreType;

/* Every store begins with this. */
struct SoCheckpointStore
{
	const SoCheckpointStoreType *type;
};

#endif							/* ENGINE_CHECKPOINT_CHECKPOINT_H */
