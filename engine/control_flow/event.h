/*
 * engine/control_flow/event.h
 *
 * Events: raised by units, written to the sink, and offered to event handlers
 * from the raising unit outwards.  An error counts at every unit that it
 * reaches, so a handler with System::Propagate = False keeps it away from the
 * containers outside.
 *
 * Process: runner and client; control thread only.
 */
#ifndef ENGINE_CONTROL_FLOW_EVENT_H
#define ENGINE_CONTROL_FLOW_EVENT_H

#include "engine/control_flow/unit.h"

/* What is raised. */
typedef struct SoEventData
{
	SoMessageType type;
	const char *message;
	SoErrorCode code;         /* ERROR, WARNING */
	int message_code;         /* 0 = the DTS code that belongs to code, if any */
	const char *entry;        /* CUSTOM, DIAGNOSTIC_EX: name of the entry */
	const char *subcomponent; /* a constant: the stream of a program; NULL: none */
	int percent;
	int64_t low;
	int64_t high;
	const SoVariable *variable; /* VARIABLE_VALUE_CHANGED */
	bool status;                /* STATUS_CHANGE: executing */
	bool without_handlers;      /* for the log only */
	int64_t time_us;            /* 0 = now */
	int thread_id;              /* 0 = this thread */
} SoEventData;

/* An event on its way from its source outwards, stopping at handlers. */
struct SoEventRecord
{
	SoEventRecord *next;
	SoUnit *source;
	SoUnit *queue;      /* in whose list it is */
	SoUnit *level;      /* where it is now */
	SoUnit *handler;    /* that is running, NULL when none is */
	bool of_validation; /* Propagate has no effect */
	SoEventData data;
	char *message;
	char *entry;
};

extern void so_event_raise(SoUnit *source, const SoEventData *data);
extern void so_event_error(SoUnit *source, const SoError *error);
extern void
so_event_warning(SoUnit *source, SoErrorCode code, const char *format, ...) SO_PRINTF(3, 4);
extern void
so_event_message(SoUnit *source, SoMessageType type, const char *format, ...) SO_PRINTF(3, 4);

/* Begin with the handlers of events that were raised during validation. */
extern void so_event_resume(SoUnit *queue);

/*
 * Count one error at every unit from level outwards without raising anything:
 * for a failure that no event told about (force_execution_result).
 */
extern void so_event_count_error(SoUnit *level);

#endif /* ENGINE_CONTROL_FLOW_EVENT_H */
