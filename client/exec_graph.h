/*
 * client/exec_graph.h
 *
 * scaleout exec --graph: the control flow of a package, drawn.
 */
#ifndef CLIENT_EXEC_GRAPH_H
#define CLIENT_EXEC_GRAPH_H

#include <stdio.h>

#include "engine/model/package.h"

/* Graphviz: containers are clusters, constraints are edges (dot -Tsvg). */
extern void so_exec_graph_dot(FILE *out, const SoPackage *package);

/* An indented tree; every executable says what it waits for. */
extern void so_exec_graph_text(FILE *out, const SoPackage *package);

#endif /* CLIENT_EXEC_GRAPH_H */
