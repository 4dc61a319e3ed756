/*
 * engine/control_flow/event_sink.h
 *
 * Events on their way to the sink of the run (run.h), which logs and traces them.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_EVENT_SINK_H
#define ENGINE_CONTROL_FLOW_EVENT_SINK_H

#include "engine/control_flow/event.h"

/* Write an event of source to the sink, unless logging_level or logging_mode says no. */
extern void so_event_write(SoUnit *source, const SoEventData *data);

/* Announce the package to the sink, once. */
extern void so_event_announce(SoRun *run, const SoPackage *package);

#endif /* ENGINE_CONTROL_FLOW_EVENT_SINK_H */
