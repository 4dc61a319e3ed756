/*
 * runner/event_log.h
 *
 * What the log of an attempt holds besides messages of the engine: who runs
 * what with which parameters, every event in the format of common/log.h, and the
 * end with result and duration.  Each kind of event has a level (docs/logs.md);
 * a level that TaskLogLevel leaves out is not even formatted.
 *
 * Process: runner, control thread.  Sensitive values are never written.
 */
#ifndef RUNNER_EVENT_LOG_H
#define RUNNER_EVENT_LOG_H

#include <jansson.h>

#include "common/log.h"
#include "engine/control_flow/run.h"

/* The first lines; task is the leased task. */
extern void so_event_log_begin(const json_t *task);

/* One event; the trace function of a sink. */
extern void so_event_log_event(void *context, const SoEvent *event);

/* The package has ended. */
extern void so_event_log_end(const SoRunOutcome *outcome);

/* The package could not be begun. */
extern void so_event_log_refusal(const SoError *error);

/* The level of a kind of event. */
extern SoLogLevel so_event_log_level(SoMessageType type);

#endif /* RUNNER_EVENT_LOG_H */
