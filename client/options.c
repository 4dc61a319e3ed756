/*
 * client/options.c
 *
 * Parses the command lines of the client and prints their help.
 *
 * Process: client, before anything else happens.
 */
#include "client/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/nearest.h"

#define MAX_OPTIONS 48
/* Values of long options without a letter start behind every character. */
#define FIRST_LONG_ONLY    1000
#define CONNECTION_OPTIONS 4

/* What getopt_long needs, and which of our options each value means. */
typedef struct Parser
{
	SoOption all[MAX_OPTIONS];
	int count;
	struct option longs[MAX_OPTIONS + 2];
	char letters[2 * MAX_OPTIONS + 4];
} Parser;

static void
add_option(Parser *parser, const SoOption *option)
{
	struct option *entry = &parser->longs[parser->count];
	size_t used = strlen(parser->letters);

	if (parser->count == MAX_OPTIONS)
		abort(); /* a table of ours is too long */
	parser->all[parser->count] = *option;
	entry->name = option->name;
	entry->has_arg = option->kind == SO_OPTION_FLAG ? no_argument : required_argument;
	entry->val = option->letter ? option->letter : FIRST_LONG_ONLY + parser->count;
	if (option->letter)
	{
		parser->letters[used++] = option->letter;
		if (option->kind != SO_OPTION_FLAG)
			parser->letters[used++] = ':';
	}
	parser->count++;
}

static void
build_parser(Parser *parser, const SoCommandLine *line)
{
	memset(parser, 0, sizeof(*parser));
	for (const SoOption *option = line->options; option != NULL && option->name != NULL; option++)
		add_option(parser, option);
	if (line->connection != NULL)
	{
		const SoOption connection[CONNECTION_OPTIONS] = {
			{"host", 'h', SO_OPTION_STRING, &line->connection->host, "HOST",
			 "server or socket directory"},
			{"port", 'p', SO_OPTION_STRING, &line->connection->port, "PORT", "server port"},
			{"username", 'U', SO_OPTION_STRING, &line->connection->username, "NAME",
			 "database user"},
			{"dbname", 'd', SO_OPTION_STRING, &line->connection->dbname, "NAME",
			 "database, conninfo string or URI"},
		};

		for (int i = 0; i < CONNECTION_OPTIONS; i++)
			add_option(parser, &connection[i]);
	}
	parser->longs[parser->count].name = "help";
	parser->longs[parser->count].val = '?' + 256;
}

static void
print_examples(const char *examples)
{
	puts("\nExamples:");
	while (*examples != '\0')
	{
		size_t length = strcspn(examples, "\n");

		printf("  %.*s\n", (int) length, examples);
		examples += length + (examples[length] == '\n');
	}
}

static void
print_help(const Parser *parser, const SoCommandLine *line)
{
	printf("Usage: %s\n\n%s\n\nOptions:\n", line->usage, line->description);
	for (int i = 0; i < parser->count; i++)
	{
		const SoOption *option = &parser->all[i];
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", option->letter ? '-' : ' ',
				 option->letter ? option->letter : ' ', option->letter ? ", " : "  ", option->name,
				 option->argument ? "=" : "", option->argument ? option->argument : "");
		printf("  %-30s %s\n", left, option->help);
	}
	printf("  %-30s %s\n", "    --help", "show this help");
	if (line->examples != NULL)
		print_examples(line->examples);
}

static bool
store_value(const SoOption *option, const char *value)
{
	switch (option->kind)
	{
		case SO_OPTION_FLAG:
			*(bool *) option->target = true;
			return true;
		case SO_OPTION_STRING:
			*(const char **) option->target = value;
			return true;
		case SO_OPTION_INTEGER:
		{
			char *end;
			long number = strtol(value, &end, 10);

			if (*value == '\0' || *end != '\0' || number < 0 || number > 2000000000L)
				return false;
			*(int *) option->target = (int) number;
			return true;
		}
		case SO_OPTION_STRING_LIST:
		{
			SoStringList *list = option->target;

			if (list->count == SO_STRING_LIST_MAX)
				return false;
			list->items[list->count++] = value;
			return true;
		}
	}
	return false;
}

/* nearest: the option that was probably meant, may be NULL. */
static int
usage_error(const SoCommandLine *line, int *status, const char *what, const char *value,
			const char *nearest)
{
	fprintf(stderr, "scaleout: %s: %s%s%s\nUsage: %s\n", so_error_state(SO_ERR_CLIENT_USAGE), what,
			value ? ": " : "", value ? value : "", line->usage);
	if (nearest != NULL)
		fprintf(stderr, "HINT:  Did you mean --%s? --help shows all options.\n", nearest);
	else
		fputs("HINT:  --help shows the options and an example.\n", stderr);
	*status = SO_EXIT_USAGE;
	return -1;
}

/* A word that is no option of ours, or lacks its value. */
static int
unknown_option(const Parser *parser, const SoCommandLine *line, int *status, const char *word)
{
	SoNearest nearest = {0};
	char name[64];

	if (word != NULL && strncmp(word, "--", 2) == 0)
	{
		snprintf(name, sizeof(name), "%.*s", (int) strcspn(word + 2, "="), word + 2);
		so_nearest_begin(&nearest, name);
		for (int i = 0; i < parser->count; i++)
			so_nearest_offer(&nearest, parser->all[i].name);
	}
	return usage_error(line, status, "unknown or incomplete option", word, nearest.name);
}

int
so_options_parse(int argc, char **argv, const SoCommandLine *line, int *status)
{
	Parser parser;
	int value;

	build_parser(&parser, line);
	optind = 0;
	opterr = 0;
	while ((value = getopt_long(argc, argv, parser.letters, parser.longs, NULL)) != -1)
	{
		int found = -1;

		if (value == '?' + 256)
		{
			print_help(&parser, line);
			*status = SO_EXIT_SUCCESS;
			return -1;
		}
		for (int i = 0; i < parser.count && found < 0; i++)
		{
			if (parser.longs[i].val == value)
				found = i;
		}
		if (found < 0)
			return unknown_option(&parser, line, status,
								  optind > 0 && optind <= argc ? argv[optind - 1] : NULL);
		if (!store_value(&parser.all[found], optarg))
			return usage_error(line, status, parser.all[found].name, "the value is not valid",
							   NULL);
	}
	if (argc - optind < line->min_arguments)
		return usage_error(line, status, "an argument is missing", NULL, NULL);
	if (line->max_arguments >= 0 && argc - optind > line->max_arguments)
		return usage_error(line, status, "too many arguments", argv[optind + line->max_arguments],
						   NULL);
	return optind;
}
