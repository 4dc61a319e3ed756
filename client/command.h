/*
 * client/command.h
 *
 * Words that name a command: those of scaleout and those of a command that has
 * commands of its own (scaleout cert).  Help and refusals are made from the
 * table; so are the manual pages and the completion, which ask the programs.
 */
#ifndef CLIENT_COMMAND_H
#define CLIENT_COMMAND_H

#include <stddef.h>

typedef struct SoCommand
{
	const char *name;
	int (*function)(int argc, char **argv); /* argv[0] is the name */
	const char *summary;
} SoCommand;

typedef struct SoCommandSet
{
	const char *prefix; /* "scaleout", "scaleout cert" */
	const char *about;  /* the first lines of the help */
	const SoCommand *commands;
	size_t count;
	const char *ending; /* the last lines of the help */
} SoCommandSet;

/*
 * Run the command that argv[1] names.  --help and help print the list, help COMMAND
 * what COMMAND --help prints; an unknown word is refused with the nearest command.
 * Returns the exit code.
 */
extern int so_command_run(const SoCommandSet *set, int argc, char **argv);

/* Say on stderr that there is no such word, and which one is near it. Returns SO_EXIT_USAGE. */
extern int so_command_unknown(const char *prefix, const char *word, const char *nearest);

#endif /* CLIENT_COMMAND_H */
