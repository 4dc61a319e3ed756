/*
 * engine/control_flow/message_queue.h
 *
 * What task threads tell the control thread: events as they happen, and that
 * a task has ended.  A message is a talloc root of its own, so it changes
 * threads with everything that it holds.
 *
 * Process: runner and client.  A mutex protects the list; an eventfd wakes the
 * control thread.  Task threads wait when the queue is long, so that a chatty
 * task cannot fill the memory.
 */
#ifndef ENGINE_CONTROL_FLOW_MESSAGE_QUEUE_H
#define ENGINE_CONTROL_FLOW_MESSAGE_QUEUE_H

#include "engine/control_flow/run.h"

struct SoUnit;
typedef struct SoMessageQueue SoMessageQueue;

typedef struct SoMessage
{
	struct SoMessage *next;
	struct SoUnit *unit; /* the unit that it is about */
	bool task_ended;     /* otherwise an event */
	SoMessageType type;
	SoError *error; /* ERROR, WARNING; NULL otherwise */
	char *text;
	char *entry;              /* CUSTOM: name of the log entry */
	const char *subcomponent; /* a constant; NULL: none */
	int percent;
	int64_t low;
	int64_t high;
	int thread_id;
	int64_t time_us;
} SoMessage;

/* NULL with *error when the system refuses.  The queue is freed by so_message_queue_free. */
extern SoMessageQueue *so_message_queue_new(SoError *error);
extern void so_message_queue_free(SoMessageQueue *queue);

/* Readable when there is a message. */
extern int so_message_queue_fd(const SoMessageQueue *queue);

/* A new message about unit, stamped with time and thread. */
extern SoMessage *so_message_new(struct SoUnit *unit, SoMessageType type);

/*
 * Hand the message over; it belongs to the queue from here on.  may_wait: wait
 * while the queue is long (never in the control thread).
 */
extern void so_message_queue_put(SoMessageQueue *queue, SoMessage *message, bool may_wait);

/* The oldest message, or NULL; free it with talloc_free. */
extern SoMessage *so_message_queue_take(SoMessageQueue *queue);

#endif /* ENGINE_CONTROL_FLOW_MESSAGE_QUEUE_H */
