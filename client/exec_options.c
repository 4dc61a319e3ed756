/*
 * client/exec_options.c
 *
 * Reads dtexec's command line, in its own spelling and in ours, word by word; the
 * options are in exec_option_table.c, what their values mean in exec_option_value.c.
 *
 * Process: client, before anything else happens.
 */
#include "client/exec_options.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "client/exec_option_table.h"
#include "client/exec_option_value.h"

/* Command files inside command files. */
#define COMMAND_FILE_DEPTH 8

void
so_exec_options_help(void)
{
	puts("Usage: scaleout exec [OPTION]... PACKAGE.yaml|PROJECT_FOLDER\n\n"
		 "Run a package here, without any server. Options may be written as --set, -set or "
		 "/Set.\n\nOptions:");
	so_exec_option_list();
	puts("\nExamples:\n"
		 "  scaleout exec load_sales.yaml\n"
		 "  scaleout exec --set '\\Package.Variables[User::day].Value;2026-01-31' load_sales.yaml\n"
		 "  scaleout exec --package load --parameter 'since;2026-01-31' nightly/\n"
		 "\nExit codes: 0 success, 1 package failed, 3 canceled, 4 package not found, 5 not "
		 "loadable, "
		 "6 usage or internal error.");
}

bool
so_exec_options_lists(const char *list, const char *name)
{
	size_t length = strlen(name);

	while (list != NULL && *list != '\0')
	{
		size_t part = strcspn(list, ";");

		if (part == length && strncasecmp(list, name, length) == 0)
			return true;
		list += part + (list[part] == ';' ? 1 : 0);
	}
	return false;
}

/* The name of an option without what introduces it and without inner dashes; NULL when word is none. */
static char *
option_name(TALLOC_CTX *context, const char *word)
{
	char *name;
	size_t used = 0;

	/* "/srv/x.yaml" is a path: dtexec's options have no second slash and no dot. */
	if (word[0] == '/' && strpbrk(word + 1, "/.") != NULL)
		return NULL;
	if ((word[0] != '-' && word[0] != '/') || word[1] == '\0')
		return NULL;
	word += strncmp(word, "--", 2) == 0 ? 2 : 1;
	name = talloc_zero_array(context, char, strlen(word) + 2);
	for (; *word != '\0' && *word != '='; word++)
	{
		if (*word != '-')
			name[used++] = *word;
	}
	return strcmp(name, "?") == 0 ? talloc_strdup(context, "help") : name;
}

static bool parse_words(TALLOC_CTX *context, int argc, char **argv, int depth,
						SoExecOptions *options, SoError *error);

static bool
parse_command_file(TALLOC_CTX *context, const char *file, int depth, SoExecOptions *options,
				   SoError *error)
{
	int count;
	char **words;

	if (depth >= COMMAND_FILE_DEPTH)
		return so_exec_option_usage(error, "command files name each other without end", file);
	return so_exec_command_file(context, file, &count, &words, error) &&
		   parse_words(context, count, words, depth + 1, options, error);
}

/* The value of the option in argv[*i], NULL for none; moves *i when it is the next word. */
static bool
take_value(const SoExecOptionRow *row, int argc, char **argv, int *i, const char **value,
		   SoError *error)
{
	const char *word = argv[*i];
	const char *equals = strchr(word, '=');
	const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;

	*value = NULL;
	if (equals != NULL)
	{
		*value = equals + 1;
		if (row->argument == SO_EXEC_ARGUMENT_NONE)
			return so_exec_option_usage(error, "the option takes no value", word);
		if (row->argument == SO_EXEC_ARGUMENT_OPTIONAL && !so_exec_option_fits(row, *value))
			return so_exec_option_usage(error, "the value is not valid", word);
		return true;
	}
	if (row->argument == SO_EXEC_ARGUMENT_NEEDED && next == NULL)
		return so_exec_option_usage(error, "a value is missing", word);
	if (row->argument == SO_EXEC_ARGUMENT_NEEDED ||
		(row->argument == SO_EXEC_ARGUMENT_OPTIONAL && next != NULL &&
		 so_exec_option_fits(row, next)))
	{
		*value = next;
		(*i)++;
	}
	return true;
}

/* One option or the package of argv[*i]; moves *i to the last word that belongs to it. */
static bool
parse_option(TALLOC_CTX *context, int argc, char **argv, int *i, int depth, SoExecOptions *options,
			 SoError *error)
{
	char *name = option_name(context, argv[*i]);
	const char *word = argv[*i];
	const SoExecOptionRow *row;
	const char *value;

	if (name == NULL)
	{
		if (options->path != NULL)
			return so_exec_option_usage(error, "more than one package", word);
		options->path = word;
		return true;
	}
	row = so_exec_option_find(name);
	if (row == NULL)
		return so_exec_option_unknown(name, word, error);
	if (!take_value(row, argc, argv, i, &value, error))
		return false;
	if (row->option == SO_EXEC_COMMAND_FILE)
		return parse_command_file(context, value, depth, options, error);
	return so_exec_option_apply(context, row, value, options, error);
}

static bool
parse_words(TALLOC_CTX *context, int argc, char **argv, int depth, SoExecOptions *options,
			SoError *error)
{
	for (int i = 0; i < argc; i++)
	{
		if (!parse_option(context, argc, argv, &i, depth, options, error))
			return false;
	}
	return true;
}

bool
so_exec_options_parse(TALLOC_CTX *context, int argc, char **argv, SoExecOptions *options,
					  SoError *error)
{
	memset(options, 0, sizeof(*options));
	for (int i = 0; i < 3; i++)
		options->verify_build[i] = -1;
	options->reporting = SO_REPORT_ERRORS | SO_REPORT_WARNINGS | SO_REPORT_PROGRESS;
	if (!parse_words(context, argc - 1, argv + 1, 0, options, error))
		return false;
	if (options->path == NULL && !options->help)
		return so_exec_option_usage(error, "a package file or project folder is missing", "exec");
	return true;
}
