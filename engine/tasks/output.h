/*
 * engine/tasks/output.h
 *
 * Output of a program: into events line by line, into a text for a variable,
 * and the last lines kept for the error message.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_OUTPUT_H
#define ENGINE_TASKS_OUTPUT_H

#include "common/byte_buffer.h"
#include "engine/tasks/process.h"
#include "engine/tasks/task.h"

#define SO_OUTPUT_LAST 900

typedef struct SoOutput
{
	SoTaskRun *run;
	const char *label;  /* "standard output" */
	const char *stream; /* "stdout", "stderr": the subcomponent of its events */
	bool silent;        /* no events: somebody else reads the lines */
	bool keep;          /* collect all of it */
	size_t limit;       /* of what is kept, in bytes */
	bool overflow;      /* the limit was reached */
	SoByteBuffer kept;
	SoByteBuffer line; /* the line that is not complete yet */
	int lines_shown;
	int64_t lines_dropped;
	char last[SO_OUTPUT_LAST + 1]; /* the end of what was written */
	size_t last_length;
	/* Instead of an event: called with a complete line, NUL-terminated; may be NULL. */
	bool (*on_line)(void *context, const char *line);
	void *context;
} SoOutput;

extern void so_output_init(SoOutput *output, SoTaskRun *run, SoProcessStream stream);
extern void so_output_free(SoOutput *output);

/* Take bytes; false when the program shall be stopped (overflow, or on_line said so). */
extern bool so_output_take(SoOutput *output, const char *bytes, size_t length);
/* The last line may lack its newline; also says how many lines were not shown. */
extern bool so_output_finish(SoOutput *output);
/* The last lines, for the detail of an error; "" when there were none. */
extern const char *so_output_last(SoOutput *output);

#endif /* ENGINE_TASKS_OUTPUT_H */
