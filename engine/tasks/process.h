/*
 * engine/tasks/process.h
 *
 * Runs a program for a task: own process group, no shell, no inherited
 * descriptors, killed as a whole on cancel and time-out.
 *
 * Process: runner and client, in a task's thread.
 */
#ifndef ENGINE_TASKS_PROCESS_H
#define ENGINE_TASKS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <talloc.h>

#include "common/error.h"

typedef enum SoProcessStream
{
	SO_PROCESS_OUTPUT,
	SO_PROCESS_ERROR,
	SO_PROCESS_COMMANDS /* descriptor 3 of the program, when asked for */
} SoProcessStream;

#define SO_PROCESS_STREAMS 3

/* Called with bytes as they come; false stops the program. */
typedef bool (*SoProcessReader)(void *context, SoProcessStream stream, const char *bytes,
								size_t length);

typedef struct SoProcess
{
	const char *executable;        /* a path; see so_process_find */
	char **arguments;              /* NULL-terminated, the first is the name */
	char **environment;            /* NULL-terminated NAME=value; NULL = this process's */
	const char *working_directory; /* NULL = this process's */
	const char *input;             /* bytes for standard input; NULL = none */
	size_t input_length;
	const char *input_file;  /* instead of input */
	const char *output_file; /* replaced; NULL = to reader */
	const char *error_file;
	bool commands; /* give it descriptor 3 for SO_PROCESS_COMMANDS */
	SoProcessReader reader;
	void *context;
	int cancel_fd;           /* readable = stop it; -1 = none */
	int64_t time_out_ms;     /* 0 = none */
	bool end_after_time_out; /* false: only note that the time is over */
} SoProcess;

typedef struct SoProcessOutcome
{
	bool signalled;
	int code; /* exit code, or the signal */
	bool timed_out;
	bool cancelled;
	bool stopped; /* by the reader */
} SoProcessOutcome;

/*
 * Run it to its end; the calling thread waits.  false with *error when it
 * could not be started.  What is left of its process group afterwards is
 * killed as well.
 */
extern bool
so_process_run(const SoProcess *process, SoProcessOutcome *outcome, SoError *error) SO_WARN_UNUSED;

/*
 * The path to start for name.  With full_name_required name must be a file
 * that exists as it stands (relative to working_directory); otherwise a name
 * without slash is looked up in PATH.  NULL with *error.  Owned by context.
 */
extern char *so_process_find(TALLOC_CTX *context, const char *name, const char *working_directory,
							 bool full_name_required, SoError *error);

/*
 * Split one string of arguments as SSIS (and Windows programs) do: blanks
 * separate, double quotes hold together, \" is a quote, \\ before a quote a
 * backslash.  NULL-terminated array owned by context; *count without the NULL.
 */
extern char **so_process_split_arguments(TALLOC_CTX *context, const char *text, int *count);

#endif /* ENGINE_TASKS_PROCESS_H */
