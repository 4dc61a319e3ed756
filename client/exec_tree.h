/*
 * client/exec_tree.h
 *
 * The state behind the live tree: one line per executable of every package
 * that takes part, with the state of its latest activation.
 *
 * Process: client; under the display's mutex.
 */
#ifndef CLIENT_EXEC_TREE_H
#define CLIENT_EXEC_TREE_H

#include <stdio.h>

#include "engine/control_flow/run.h"

typedef struct SoExecTree SoExecTree;

extern SoExecTree *so_exec_tree_new(void);
extern void so_exec_tree_free(SoExecTree *tree);
extern void so_exec_tree_package(SoExecTree *tree, const SoPackage *package);
extern void so_exec_tree_started(SoExecTree *tree, const SoExecutable *executable);
extern void so_exec_tree_ended(SoExecTree *tree, const SoStatistics *statistics);
/* Rows done so far of a running executable. */
extern void so_exec_tree_progress(SoExecTree *tree, const char *package_name,
								  const char *package_path, int64_t rows);

/*
 * Draw at most rows lines of at most columns characters; returns how many.
 * What does not fit is left out in this order: what has not begun, what has
 * succeeded; a last line counts it.
 */
extern int so_exec_tree_draw(const SoExecTree *tree, FILE *out, int rows, int columns, int frame);

#endif /* CLIENT_EXEC_TREE_H */
