/*
 * client/command.c
 *
 * Finds the command that a word names and prints the list of commands.
 *
 * Process: client, before anything else happens.
 */
#include "client/command.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/options.h"
#include "common/error.h"
#include "common/nearest.h"

static void
print_help(const SoCommandSet *set, FILE *stream)
{
	fprintf(stream, "%s\n\nUsage: %s COMMAND [OPTION]... [ARGUMENT]...\n\nCommands:\n", set->about,
			set->prefix);
	for (size_t i = 0; i < set->count; i++)
		fprintf(stream, "  %-10s %s\n", set->commands[i].name, set->commands[i].summary);
	fprintf(stream, "\n%s COMMAND --help shows the options of a command and an example.\n%s",
			set->prefix, set->ending);
}

int
so_command_unknown(const char *prefix, const char *word, const char *nearest)
{
	fprintf(stderr, "scaleout: %s: there is no command \"%s %s\"\n",
			so_error_state(SO_ERR_CLIENT_USAGE), prefix, word);
	if (nearest != NULL)
		fprintf(stderr, "HINT:  Did you mean %s %s? %s --help lists all of them.\n", prefix,
				nearest, prefix);
	else
		fprintf(stderr, "HINT:  %s --help lists those that there are.\n", prefix);
	return SO_EXIT_USAGE;
}

static int
unknown(const SoCommandSet *set, const char *word)
{
	SoNearest nearest;

	so_nearest_begin(&nearest, word);
	for (size_t i = 0; i < set->count; i++)
		so_nearest_offer(&nearest, set->commands[i].name);
	return so_command_unknown(set->prefix, word, nearest.name);
}

static const SoCommand *
find(const SoCommandSet *set, const char *word)
{
	for (size_t i = 0; i < set->count; i++)
	{
		if (strcmp(word, set->commands[i].name) == 0)
			return &set->commands[i];
	}
	return NULL;
}

/* help COMMAND [WORD...] is COMMAND [WORD...] --help. */
static int
help_of(const SoCommandSet *set, int argc, char **argv)
{
	static char help[] = "--help";
	const SoCommand *command = find(set, argv[1]);
	char **words;
	int status;

	if (command == NULL)
		return unknown(set, argv[1]);
	words = calloc((size_t) argc + 1, sizeof(*words));
	if (words == NULL)
		return SO_EXIT_USAGE;
	memcpy(words, argv + 1, (size_t) (argc - 1) * sizeof(*words));
	words[argc - 1] = help;
	status = command->function(argc, words);
	free(words);
	return status;
}

int
so_command_run(const SoCommandSet *set, int argc, char **argv)
{
	const SoCommand *command;
	bool help;

	if (argc < 2)
	{
		print_help(set, stderr);
		return SO_EXIT_USAGE;
	}
	help = strcmp(argv[1], "help") == 0;
	/* "cert help --help" comes from "help cert help". */
	if ((help && (argc == 2 || argv[2][0] == '-')) || strcmp(argv[1], "--help") == 0)
	{
		print_help(set, stdout);
		return SO_EXIT_SUCCESS;
	}
	if (help)
		return help_of(set, argc - 1, argv + 1);
	command = find(set, argv[1]);
	return command != NULL ? command->function(argc - 1, argv + 1) : unknown(set, argv[1]);
}
