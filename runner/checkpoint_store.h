/*
 * runner/checkpoint_store.h
 *
 * Checkpoints of an execution, kept in the catalog: every call becomes a
 * report item "checkpoint" (docs/protocol.md), and what is durable is what the
 * catalog has acknowledged.  A ticket is the sequence of an item.
 *
 * Process: runner, control thread.
 */
#ifndef RUNNER_CHECKPOINT_STORE_H
#define RUNNER_CHECKPOINT_STORE_H

#include "engine/checkpoint/checkpoint.h"
#include "runner/channel.h"

/* Owned by context; channel must outlive it. */
extern SoCheckpointStore *so_runner_checkpoint_store(TALLOC_CTX *context, SoChannel *channel);

#endif /* RUNNER_CHECKPOINT_STORE_H */
