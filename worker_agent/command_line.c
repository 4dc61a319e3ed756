/*
 * worker_agent/command_line.c
 *
 * Parses the command lines of scaleout-worker and prints its help.
 *
 * Process: agent or a short-lived command, before anything else happens.
 */
#include "worker_agent/command_line.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/nearest.h"
#include "common/protocol.h"

#define DEFAULT_DIRECTORY "/var/lib/scaleout"

static const struct
{
	char letter;
	const char *name;
	const char *value; /* NULL: a flag */
	const char *help;
} known_options[] = {
	{'d', "directory", "DIR", "folder of the worker; default " DEFAULT_DIRECTORY},
	{'c', "config", "FILE", "its settings; default DIR/worker.conf"},
	{'m', "master", "URL", "https://HOST:PORT of the master"},
	{'t', "thumbprint", "HEX", "SHA-256 thumbprint of the master's certificate"},
	{'n', "display-name", "NAME", "name in catalog.worker_agents"},
	{'x', "description", "TEXT", "free text in catalog.worker_agents"},
	{'C', "certificate", "FILE", "use this certificate, for example one of a private authority"},
	{'K', "key", "FILE", "and its private key"},
	{'j', "json", NULL, "results as JSON"},
	{'s', "settings-sample", NULL, "print a settings file with everything that can be set"},
};

#define OPTION_COUNT (sizeof(known_options) / sizeof(known_options[0]))

/* ---- help ------------------------------------------------------------------------- */

/* Lines, each behind so many blanks; the first one stands behind something already. */
static void
print_lines(FILE *stream, const char *lines, int indent)
{
	for (bool first = true; *lines != '\0'; first = false)
	{
		size_t length = strcspn(lines, "\n");

		fprintf(stream, "%*s%.*s\n", first ? 0 : indent, "", (int) length, lines);
		lines += length + (lines[length] == '\n');
	}
}

static void
print_option(FILE *stream, size_t option, const char *commands)
{
	char left[64];

	snprintf(left, sizeof(left), "--%s%s%s", known_options[option].name,
			 known_options[option].value != NULL ? " " : "",
			 known_options[option].value != NULL ? known_options[option].value : "");
	fprintf(stream, "  %-20s %s%s\n", left, known_options[option].help, commands);
}

static void
print_help(FILE *stream, const SoWorkerCommand *commands, size_t count)
{
	fputs("Usage: scaleout-worker COMMAND [OPTION]...\n"
		  "Run the tasks of a scaleout master on this machine.\n\nCommands:\n",
		  stream);
	for (size_t i = 0; i < count; i++)
	{
		fprintf(stream, "  %-11s ", commands[i].name);
		print_lines(stream, commands[i].summary, 14);
	}
	fputs("\nOptions:\n", stream);
	for (size_t option = 0; option < OPTION_COUNT; option++)
	{
		char takers[100] = " (";
		size_t used = 2;

		for (size_t i = 0; i < count; i++)
		{
			if (strchr(commands[i].options, known_options[option].letter) != NULL)
				used += (size_t) snprintf(takers + used, sizeof(takers) - used, "%s%s",
										  used > 2 ? ", " : "", commands[i].name);
		}
		snprintf(takers + used, sizeof(takers) - used, ")");
		print_option(stream, option, known_options[option].letter == 'd' ? "" : takers);
	}
	fputs("  --help               show this help; behind a command, that of the command\n"
		  "  --version            show the version\n"
		  "\n"
		  "Exit status: 0 done, 1 failed, 2 the command line is wrong, 78 the settings are "
		  "refused.\n",
		  stream);
}

static void
print_command_help(const SoWorkerCommand *command)
{
	printf("Usage: scaleout-worker %s [OPTION]...%s\n\n%c", command->name,
		   command->arguments != NULL ? command->arguments : "",
		   /* A sentence of its own here. */
		   command->summary[0] - 'a' + 'A');
	print_lines(stdout, command->summary + 1, 0);
	puts("\nOptions:");
	for (size_t option = 0; option < OPTION_COUNT; option++)
	{
		if (strchr(command->options, known_options[option].letter) != NULL)
			print_option(stdout, option, "");
	}
	puts("  --help               show this help\n\nExamples:");
	fputs("  ", stdout);
	print_lines(stdout, command->examples, 2);
}

/* ---- parsing ---------------------------------------------------------------------- */

static int
refuse(const SoError *error)
{
	char text[4000];

	fprintf(stderr, "scaleout-worker: %s\n", so_error_format(error, text, sizeof(text)));
	return SO_EXIT_USAGE;
}

int
so_command_line_refuse(const char *format, const char *argument)
{
	SoError error;

	so_error_set(&error, SO_ERR_AGENT_USAGE, NULL, format, argument);
	return refuse(&error);
}

static void
store(SoCommandLine *line, int letter, const char *value)
{
	switch (letter)
	{
		case 'd':
			line->directory = value;
			break;
		case 'c':
			line->config = value;
			break;
		case 'm':
			line->init.master = value;
			break;
		case 't':
			line->init.thumbprint = value;
			break;
		case 'n':
			line->init.display_name = value;
			break;
		case 'x':
			line->init.description = value;
			break;
		case 'C':
			line->init.certificate = value;
			break;
		case 'K':
			line->init.key = value;
			break;
		case 's':
			line->sample = true;
			break;
		case 'j':
			line->json = true;
			break;
	}
}

static int
refuse_option(const SoWorkerCommand *command, bool incomplete, const char *word)
{
	SoNearest nearest = {0};
	SoError error;
	char name[64];

	if (incomplete)
		return so_command_line_refuse("%s needs a value", word);
	so_error_set(&error, SO_ERR_AGENT_USAGE, NULL, "scaleout-worker %s has no option %s",
				 command->name, word);
	if (strncmp(word, "--", 2) == 0)
	{
		snprintf(name, sizeof(name), "%.*s", (int) strcspn(word + 2, "="), word + 2);
		so_nearest_begin(&nearest, name);
		for (size_t i = 0; i < OPTION_COUNT; i++)
		{
			if (strchr(command->options, known_options[i].letter) != NULL)
				so_nearest_offer(&nearest, known_options[i].name);
		}
	}
	if (nearest.name != NULL)
		so_error_hint(&error, "Did you mean --%s? scaleout-worker %s --help shows its options.",
					  nearest.name, command->name);
	else
		so_error_hint(&error, "scaleout-worker %s --help shows its options.", command->name);
	return refuse(&error);
}

/* The exit status, or -1 to go on with *line. */
static int
parse(const SoWorkerCommand *command, int argc, char **argv, SoCommandLine *line)
{
	struct option table[OPTION_COUNT + 2] = {{0}};
	size_t count = 0;
	int letter;

	for (size_t i = 0; i < OPTION_COUNT; i++)
	{
		if (strchr(command->options, known_options[i].letter) != NULL)
			table[count++] = (struct option){
				.name = known_options[i].name,
				.has_arg = known_options[i].value != NULL ? required_argument : no_argument,
				.val = known_options[i].letter};
	}
	table[count] = (struct option){.name = "help", .val = 'h'};
	*line = (SoCommandLine){.directory = DEFAULT_DIRECTORY};
	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":h", table, NULL)) != -1)
	{
		if (letter == '?' || letter == ':')
			return refuse_option(command, letter == ':', argv[optind - 1]);
		if (letter == 'h')
		{
			print_command_help(command);
			return 0;
		}
		store(line, letter, optarg);
	}
	/* Arguments that are options of init were taken above. */
	if (optind < argc && command->arguments != NULL && command->arguments[1] != '-')
		line->argument = argv[optind++];
	if (optind < argc)
		return so_command_line_refuse("unexpected argument %s", argv[optind]);
	return -1;
}

static int
unknown_command(const SoWorkerCommand *commands, size_t count, const char *word)
{
	SoNearest nearest;
	SoError error;

	so_error_set(&error, SO_ERR_AGENT_USAGE, NULL, "there is no command \"scaleout-worker %s\"",
				 word);
	so_nearest_begin(&nearest, word);
	for (size_t i = 0; i < count; i++)
		so_nearest_offer(&nearest, commands[i].name);
	if (nearest.name != NULL)
		so_error_hint(&error, "Did you mean scaleout-worker %s? scaleout-worker --help lists all.",
					  nearest.name);
	return refuse(&error);
}

int
so_command_line_run(const SoWorkerCommand *commands, size_t count, int argc, char **argv)
{
	bool help = argc > 1 && strcmp(argv[1], "help") == 0;
	const char *word = help ? argv[2] : argv[1];
	SoCommandLine line;
	int status;

	if (argc < 2)
	{
		print_help(stderr, commands, count);
		return SO_EXIT_USAGE;
	}
	/* help2man and people ask for the help of "help", too. */
	if (word == NULL || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
	{
		print_help(stdout, commands, count);
		return 0;
	}
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
	{
		puts("scaleout-worker " SO_VERSION);
		return 0;
	}
	for (size_t i = 0; i < count; i++)
	{
		if (strcmp(commands[i].name, word) != 0)
			continue;
		if (help)
		{
			print_command_help(&commands[i]);
			return 0;
		}
		status = parse(&commands[i], argc - 1, argv + 1, &line);
		return status >= 0 ? status : commands[i].run(&line);
	}
	return unknown_command(commands, count, word);
}
