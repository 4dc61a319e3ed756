/*
 * worker_agent/nursery_output.h
 *
 * What the nursery writes to its standard output and error becomes lines of the
 * agent's log, wherever that goes.
 *
 * Process: agent, event loop thread.
 */
#ifndef WORKER_AGENT_NURSERY_OUTPUT_H
#define WORKER_AGENT_NURSERY_OUTPUT_H

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct SoNurseryOutput
{
	int fd; /* -1: not open */
	struct event *readable;
	char line[2000]; /* without its end yet */
	size_t size;
} SoNurseryOutput;

/* Nothing is open. */
extern void so_nursery_output_init(SoNurseryOutput *output);

/*
 * Make the pipe and begin to read it.  Returns the descriptor for the nursery,
 * to be closed here when it has been started; -1 with errno.
 */
extern int so_nursery_output_open(SoNurseryOutput *output, struct event_base *base);

/* Take what is left and close. */
extern void so_nursery_output_close(SoNurseryOutput *output);

#endif /* WORKER_AGENT_NURSERY_OUTPUT_H */
