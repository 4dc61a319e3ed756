/*
 * engine/control_flow/graph.h
 *
 * The precedence constraints of a container, indexed by child for the
 * scheduler; made once per package run, used by every iteration.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_GRAPH_H
#define ENGINE_CONTROL_FLOW_GRAPH_H

#include "engine/control_flow/unit.h"

/* The graph of container's children, made on first use; owned by the package run. */
extern const SoGraph *so_graph_of(SoUnit *container);

/*
 * Does constraint i of container hold, now that its predecessor has ended with
 * result (SO_RESULT_NONE: was skipped)?  A failing expression raises an error at
 * the container and does not hold.
 */
extern bool so_graph_constraint_holds(SoUnit *container, int i, SoExecutionResult result);

#endif /* ENGINE_CONTROL_FLOW_GRAPH_H */
