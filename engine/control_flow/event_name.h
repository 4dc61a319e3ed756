/*
 * engine/control_flow/event_name.h
 *
 * The names and numbers of events, and errors as their texts.
 *
 * Process: runner and client; no state.
 */
#ifndef ENGINE_CONTROL_FLOW_EVENT_NAME_H
#define ENGINE_CONTROL_FLOW_EVENT_NAME_H

#include <talloc.h>

#include "common/error.h"
#include "engine/control_flow/run.h"

/* "OnError"; the name under which handlers of this type are declared ("on_error"), NULL when none. */
extern const char *so_event_name(SoMessageType type);
extern const char *so_event_handler_name(SoMessageType type);

/* The DTS code that SSIS uses for what code says, as int32; 0 when there is none. */
extern int so_event_message_code(SoErrorCode code);

/* "message. Detail. Hint" of an error for people; owned by context. */
extern char *so_event_error_text(TALLOC_CTX *context, const SoError *error);

#endif /* ENGINE_CONTROL_FLOW_EVENT_NAME_H */
