/*
 * client/exec_checkpoint.h
 *
 * What scaleout exec does with checkpoints: the options of dtexec
 * (/CheckPointing, /CheckFile, /Restart), the store of files, the restart plan.
 */
#ifndef CLIENT_EXEC_CHECKPOINT_H
#define CLIENT_EXEC_CHECKPOINT_H

#include "client/exec_options.h"

/* Turn the checkpoint options into overrides of the package's properties; false with *error. */
extern bool so_exec_checkpoint_options(TALLOC_CTX *context, SoExecOptions *options,
									   SoError *error) SO_WARN_UNUSED;

/* The store for run_options; NULL with *error when the key file cannot be used. */
extern SoCheckpointStore *
so_exec_checkpoint_store(TALLOC_CTX *context, const SoExecOptions *options, SoError *error);

/* Print the restart plan; the exit code, or -1 with *error. */
extern int
so_exec_checkpoint_plan(TALLOC_CTX *context, const SoExecOptions *options, const SoProject *project,
						const char *package_name, const SoRunOptions *run_options, SoError *error);

#endif /* CLIENT_EXEC_CHECKPOINT_H */
