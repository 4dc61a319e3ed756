/*
 * engine/control_flow/run_cancel.h
 *
 * Stops a run: running tasks are told, nothing more is started.  Handlers of
 * OnQueryCancel may still run, for a few seconds.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_RUN_CANCEL_H
#define ENGINE_CONTROL_FLOW_RUN_CANCEL_H

#include "engine/control_flow/unit.h"

/* Cancel the run; a second call has no effect. */
extern void so_run_cancel(SoRun *run);

/* The OnQueryCancel handlers have had their time: cancel them as well. */
extern void so_run_cancel_hard(SoRun *run);

#endif /* ENGINE_CONTROL_FLOW_RUN_CANCEL_H */
