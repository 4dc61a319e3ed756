/*
 * worker_agent/command_line.h
 *
 * The command lines of scaleout-worker: one table of commands (main.c) and one of
 * options, from which the help of the program and of each command, the manual
 * pages and the completion are made.
 *
 * Process: agent, or a short-lived command.
 */
#ifndef WORKER_AGENT_COMMAND_LINE_H
#define WORKER_AGENT_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "worker_agent/init.h"

#define SO_EXIT_USAGE 2

/* What was given; unset strings are NULL. */
typedef struct SoCommandLine
{
	const char *directory; /* never NULL */
	const char *config;
	bool sample;
	bool json;
	char *argument; /* of join, as it stands in argv */
	SoInitOptions init;
} SoCommandLine;

typedef struct SoWorkerCommand
{
	const char *name;
	const char
		*arguments; /* behind the options in the usage, " TOKEN"; a command without takes none */
	const char *options;             /* letters of the table of options */
	int (*run)(SoCommandLine *line); /* returns the exit status */
	const char *summary;             /* lines */
	const char *examples;            /* lines as somebody would type them */
} SoWorkerCommand;

/*
 * Run the command that argv[1] names, or print help or version.  Returns the exit
 * status, SO_EXIT_USAGE after having complained about the line.
 */
extern int
so_command_line_run(const SoWorkerCommand *commands, size_t count, int argc, char **argv);

/* Refuse the line on stderr (SO411) with a format of one %s; returns SO_EXIT_USAGE. */
extern int so_command_line_refuse(const char *format, const char *argument);

#endif /* WORKER_AGENT_COMMAND_LINE_H */
