/*
 * client/exec_options.c
 *
 * Reads dtexec's command line, in its own spelling and in ours.
 *
 * Process: client, before anything else happens.
 */
#include "client/exec_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Command files inside command files. */
#define COMMAND_FILE_DEPTH 8

typedef enum Which
{
	OPTION_CHECK_FILE,
	OPTION_CHECKPOINTING,
	OPTION_CHECKPOINT_KEY_FILE,
	OPTION_COMMAND_FILE,
	OPTION_CONFIG,
	OPTION_CONNECTION,
	OPTION_CONSOLE_LOG,
	OPTION_FILE,
	OPTION_GRAPH,
	OPTION_HELP,
	OPTION_MAX_CONCURRENT,
	OPTION_PACKAGE,
	OPTION_PARAMETER,
	OPTION_PLAIN,
	OPTION_REM,
	OPTION_REPORTING,
	OPTION_RESTART,
	OPTION_RESTART_PLAN,
	OPTION_SET,
	OPTION_SUM,
	OPTION_VALIDATE,
	OPTION_VERIFY_BUILD,
	OPTION_VERIFY_PACKAGE_ID,
	OPTION_VERIFY_VERSION_ID,
	OPTION_WARN_AS_ERROR
} Which;

typedef enum Argument
{
	ARGUMENT_NONE,
	ARGUMENT_NEEDED,
	ARGUMENT_OPTIONAL /* the next word when it is no option and fits */
} Argument;

/* Names without dashes; shortest is what dtexec accepts as abbreviation. */
static const struct
{
	const char *name;
	size_t shortest;
	Which which;
	Argument argument;
	const char *value;
	const char *help;
} known_options[] = {
	{"set", 3, OPTION_SET, ARGUMENT_NEEDED, "PATH;VALUE",
	 "replace a property or variable: \\Package\\load.Properties[sql];..., User::x=5"},
	{"connection", 4, OPTION_CONNECTION, ARGUMENT_NEEDED, "NAME;STRING",
	 "replace a connection string"},
	{"parameter", 3, OPTION_PARAMETER, ARGUMENT_NEEDED, "NAME;VALUE",
	 "value of a parameter ($Package:: is the default, $Project::)"},
	{"configfile", 4, OPTION_CONFIG, ARGUMENT_NEEDED, "FILE",
	 "YAML or JSON map of such paths to values"},
	{"commandfile", 3, OPTION_COMMAND_FILE, ARGUMENT_NEEDED, "FILE",
	 "more options are in this file"},
	{"package", 4, OPTION_PACKAGE, ARGUMENT_NEEDED, "NAME", "which package of a project folder"},
	{"file", 1, OPTION_FILE, ARGUMENT_NEEDED, "PATH",
	 "the package file (or give it without option)"},
	{"validate", 2, OPTION_VALIDATE, ARGUMENT_NONE, NULL, "validate only, execute nothing"},
	{"warnaserror", 1, OPTION_WARN_AS_ERROR, ARGUMENT_NONE, NULL,
	 "warnings of validation fail the package"},
	{"reporting", 3, OPTION_REPORTING, ARGUMENT_NEEDED, "LEVELS",
	 "N, or any of E W I C D P V, then ;event to leave events out; default EWP"},
	{"maxconcurrent", 1, OPTION_MAX_CONCURRENT, ARGUMENT_NEEDED, "N",
	 "executables at the same time; -1 is processors + 2"},
	{"checkpointing", 6, OPTION_CHECKPOINTING, ARGUMENT_OPTIONAL, "on|off",
	 "restart from a checkpoint"},
	{"checkpointkeyfile", 11, OPTION_CHECKPOINT_KEY_FILE, ARGUMENT_NEEDED, "FILE",
	 "encrypt the checkpoint with the key in this file"},
	{"checkfile", 6, OPTION_CHECK_FILE, ARGUMENT_NEEDED, "FILE", "the checkpoint file"},
	{"restart", 3, OPTION_RESTART, ARGUMENT_OPTIONAL, "deny|force|ifPossible",
	 "how to use a checkpoint"},
	{"restartplan", 8, OPTION_RESTART_PLAN, ARGUMENT_OPTIONAL, "text|json",
	 "say what a restart would skip, run again and run; execute nothing"},
	{"consolelog", 4, OPTION_CONSOLE_LOG, ARGUMENT_OPTIONAL, "COLUMNS",
	 "log events: Name Computer Operator Source source-Guid Message Time; then ;I;source or "
	 ";E;source"},
	{"graph", 5, OPTION_GRAPH, ARGUMENT_OPTIONAL, "dot|text",
	 "print the control flow for Graphviz, or as text"},
	{"verifybuild", 7, OPTION_VERIFY_BUILD, ARGUMENT_NEEDED, "MAJOR;MINOR;BUILD",
	 "run only this version (minor and build may be left out)"},
	{"verifypackageid", 7, OPTION_VERIFY_PACKAGE_ID, ARGUMENT_NEEDED, "UUID",
	 "run only a package of this id"},
	{"verifyversionid", 7, OPTION_VERIFY_VERSION_ID, ARGUMENT_NEEDED, "UUID",
	 "run only a package of this version_guid"},
	{"sum", 2, OPTION_SUM, ARGUMENT_NONE, NULL, "accepted; row counts are shown anyway"},
	{"plain", 5, OPTION_PLAIN, ARGUMENT_NONE, NULL, "lines in place of the live tree"},
	{"rem", 3, OPTION_REM, ARGUMENT_NEEDED, "TEXT", "a comment"},
	{"help", 1, OPTION_HELP, ARGUMENT_NONE, NULL, "show this help"},
};

#define OPTION_COUNT (sizeof(known_options) / sizeof(known_options[0]))

void
so_exec_options_help(void)
{
	puts("Usage: scaleout exec [OPTION]... PACKAGE.yaml|PROJECT_FOLDER\n\n"
		 "Run a package here, without any server. Options may be written as --set, -set or "
		 "/Set.\n\nOptions:");
	for (size_t i = 0; i < OPTION_COUNT; i++)
	{
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", known_options[i].name,
				 known_options[i].value != NULL ? " " : "",
				 known_options[i].value != NULL ? known_options[i].value : "");
		printf("  %-38s %s\n", left, known_options[i].help);
	}
	puts("\nExamples:\n"
		 "  scaleout exec load_sales.yaml\n"
		 "  scaleout exec --set '\\Package.Variables[User::day].Value;2026-01-31' load_sales.yaml\n"
		 "  scaleout exec --package load --parameter 'since;2026-01-31' nightly/\n"
		 "\nExit codes: 0 success, 1 package failed, 3 canceled, 4 package not found, 5 not "
		 "loadable, "
		 "6 usage or internal error.");
}

static bool
usage(SoError *error, const char *what, const char *word)
{
	so_error_set(error, SO_ERR_CLIENT_USAGE, word, "%s: %s", what, word);
	return so_error_hint(error, "Run scaleout exec --help.");
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

/* What dtexec has and we do not, and what to do in its place. */
static const struct
{
	const char *name;
	size_t shortest;
	const char *hint;
} foreign_options[] = {
	{"isserver", 3, "Run packages of the catalog with scaleout run."},
	{"server", 3, "Run packages of the catalog with scaleout run."},
	{"envreference", 3, "Run packages of the catalog with scaleout run."},
	{"sql", 2, "Give the package's file, or run packages of the catalog with scaleout run."},
	{"dts", 1, "Give the package's file, or run packages of the catalog with scaleout run."},
	{"user", 1, "Logins belong into connection managers; the catalog is asked by scaleout run."},
	{"password", 1,
	 "Logins belong into connection managers; the catalog is asked by scaleout run."},
	{"project", 4, "Give the project's folder, and the package with --package."},
	{"decrypt", 2, "Packages hold no secrets here: take them from sensitive parameters."},
	{"dump", 4, "There are no debug dumps; --reporting V shows every event."},
	{"dumponerror", 5, "There are no debug dumps; --reporting V shows every event."},
	{"logger", 1, "There are no log providers; --consolelog prints what they would get."},
	{"vlog", 2, "Redirect the output of --consolelog into a file."},
	{"verifysigned", 7,
	 "Packages are not signed; --verifypackageid and --verifyversionid check them."},
	{"callerinfo", 2, "Leave it out."},
	{"x86", 1, "Leave it out."},
};

static bool
unknown_option(const char *name, const char *word, SoError *error)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < sizeof(foreign_options) / sizeof(foreign_options[0]); i++)
	{
		if (length >= foreign_options[i].shortest &&
			strncasecmp(foreign_options[i].name, name, length) == 0)
		{
			so_error_set(error, SO_ERR_CLIENT_USAGE, word, "%s of dtexec does not exist here",
						 word);
			return so_error_hint(error, "%s", foreign_options[i].hint);
		}
	}
	return usage(error, "unknown option", word);
}

static int
find_option(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < OPTION_COUNT; i++)
	{
		if (length >= known_options[i].shortest &&
			strncasecmp(known_options[i].name, name, length) == 0 &&
			length <= strlen(known_options[i].name))
			return (int) i;
	}
	return -1;
}

/* "name;value" or "name=value", whichever separator comes first. */
static bool
split(TALLOC_CTX *context, const char *text, SoAssignment **list, int *count, const char *prefix,
	  SoError *error)
{
	size_t length = strcspn(text, ";=");
	char *name;
	char *value;
	size_t size;

	if (length == 0 || text[length] == '\0')
		return usage(error, "name;value is expected", text);
	name = talloc_asprintf(context, "%s%.*s", prefix, (int) length, text);
	value = talloc_strdup(context, text + length + 1);
	size = strlen(value);
	/* dtexec's own quoting of values that contain a semicolon or blanks */
	if (size >= 2 && value[0] == '"' && value[size - 1] == '"')
		value = talloc_strndup(context, value + 1, size - 2);
	*list = talloc_realloc(context, *list, SoAssignment, *count + 1);
	(*list)[*count].name = name;
	(*list)[*count].text = value;
	(*count)++;
	return true;
}

/* Where an assignment by name goes: a parameter, or a property path. */
static bool
assign(TALLOC_CTX *context, const char *text, SoExecOptions *options, SoError *error)
{
	SoAssignment *last;

	if (strncasecmp(text, "$Sensitive::", strlen("$Sensitive::")) == 0)
		text += strlen("$Sensitive::");
	if (text[0] == '$')
		return split(context, text, &options->parameters, &options->parameter_count, "", error);
	if (!split(context, text, &options->overrides, &options->override_count, "", error))
		return false;
	last = &options->overrides[options->override_count - 1];
	if (last->name[0] != '\\')
		last->name = talloc_asprintf(context, "\\Package.Variables[%s].Value", last->name);
	return true;
}

/* "$Package::x(Int32)": the type is dtexec's and says nothing that the package does not know. */
static bool
assign_parameter(TALLOC_CTX *context, const char *text, SoExecOptions *options, SoError *error)
{
	SoAssignment *last;
	char *bracket;
	char *name;

	if (!split(context, text, &options->parameters, &options->parameter_count,
			   text[0] == '$' ? "" : "$Package::", error))
		return false;
	last = &options->parameters[options->parameter_count - 1];
	name = talloc_strdup(context, last->name);
	bracket = strchr(name, '(');
	if (bracket != NULL)
		*bracket = '\0';
	last->name = name;
	return true;
}

static bool
read_reporting(const char *text, unsigned *reporting, SoError *error)
{
	*reporting = 0;
	for (const char *letter = text; *letter != '\0' && *letter != ';'; letter++)
	{
		switch (*letter | 0x20)
		{
			case 'n':
				*reporting = 0;
				break;
			case 'e':
				*reporting |= SO_REPORT_ERRORS;
				break;
			case 'w':
				*reporting |= SO_REPORT_WARNINGS;
				break;
			case 'i':
				*reporting |= SO_REPORT_INFORMATION;
				break;
			case 'c':
				*reporting |= SO_REPORT_CUSTOM;
				break;
			case 'd':
				*reporting |= SO_REPORT_DATA_FLOW;
				break;
			case 'p':
				*reporting |= SO_REPORT_PROGRESS;
				break;
			case 'v':
				*reporting |= SO_REPORT_VERBOSE;
				break;
			default:
				return usage(error, "not a reporting level", text);
		}
	}
	return true;
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

/* The columns, then pairs of I or E and the name or id of a source. */
static bool
read_console_log(const char *value, SoExecOptions *options, SoError *error)
{
	const char *filter = value != NULL ? strchr(value, ';') : NULL;

	options->console_log = true;
	options->console_columns = value != NULL && value[0] != ';' ? value : NULL;
	if (filter == NULL)
		return true;
	options->console_filter = filter + 1;
	for (const char *pair = filter; pair != NULL; pair = strchr(pair + 3, ';'))
	{
		if (strncasecmp(pair, ";I;", 3) != 0 && strncasecmp(pair, ";E;", 3) != 0)
			return usage(error, "expected ;I;source or ;E;source behind the columns", value);
	}
	return true;
}

/* "major[;minor[;build]]" */
static bool
read_build(const char *value, int *build, SoError *error)
{
	char *end = NULL;

	for (int i = 0; i < 3; i++)
		build[i] = -1;
	for (int i = 0; i < 3; i++)
	{
		long number = strtol(value, &end, 10);

		if (end == value || number < 0 || number > 1000000000 ||
			(*end != '\0' && (*end != ';' || i == 2)))
			return usage(error, "expected major;minor;build", value);
		build[i] = (int) number;
		if (*end == '\0')
			return true;
		value = end + 1;
	}
	return true;
}

static bool
read_concurrency(const char *value, int *count, SoError *error)
{
	char *end = NULL;
	long number = strtol(value, &end, 10);

	if (end == value || *end != '\0' || number == 0 || number < -1 || number > 100000)
		return usage(error, "maxconcurrent must be -1 or at least 1", value);
	*count = (int) number;
	return true;
}

static bool
apply(TALLOC_CTX *context, Which which, const char *value, SoExecOptions *options, SoError *error)
{
	switch (which)
	{
		case OPTION_SET:
			return assign(context, value, options, error);
		case OPTION_PARAMETER:
			return assign_parameter(context, value, options, error);
		case OPTION_CONNECTION:
			return split(context, value, &options->connections, &options->connection_count, "",
						 error);
		case OPTION_CONFIG:
			options->configurations = talloc_realloc(context, options->configurations, const char *,
													 options->configuration_count + 1);
			options->configurations[options->configuration_count++] = value;
			return true;
		case OPTION_REPORTING:
			options->reporting_exceptions = strchr(value, ';');
			return read_reporting(value, &options->reporting, error);
		case OPTION_MAX_CONCURRENT:
			return read_concurrency(value, &options->max_concurrent, error);
		case OPTION_CHECKPOINTING:
			if (value != NULL && strcasecmp(value, "on") != 0 && strcasecmp(value, "off") != 0)
				return usage(error, "checkpointing is on or off", value);
			options->checkpointing = value == NULL || strcasecmp(value, "on") == 0;
			options->checkpointing_off = !options->checkpointing;
			return true;
		case OPTION_CHECKPOINT_KEY_FILE:
			options->checkpoint_key_file = value;
			return true;
		case OPTION_GRAPH:
			if (value != NULL && strcasecmp(value, "dot") != 0 && strcasecmp(value, "text") != 0)
				return usage(error, "graph is dot or text", value);
			options->graph =
				value != NULL && strcasecmp(value, "text") == 0 ? SO_GRAPH_TEXT : SO_GRAPH_DOT;
			return true;
		case OPTION_CONSOLE_LOG:
			return read_console_log(value, options, error);
		case OPTION_VERIFY_BUILD:
			return read_build(value, options->verify_build, error);
		case OPTION_VERIFY_PACKAGE_ID:
			options->verify_package_id = value;
			return true;
		case OPTION_VERIFY_VERSION_ID:
			options->verify_version_id = value;
			return true;
		case OPTION_CHECK_FILE:
			options->check_file = value;
			return true;
		case OPTION_RESTART:
			options->restart = value != NULL ? value : "force";
			return true;
		case OPTION_RESTART_PLAN:
			options->restart_plan = true;
			options->restart_plan_json = value != NULL && strcasecmp(value, "json") == 0;
			return true;
		case OPTION_FILE:
			options->path = value;
			return true;
		case OPTION_PACKAGE:
			options->package_name = value;
			return true;
		case OPTION_VALIDATE:
			options->validate = true;
			return true;
		case OPTION_WARN_AS_ERROR:
			options->warn_as_error = true;
			return true;
		case OPTION_PLAIN:
			options->plain = true;
			return true;
		case OPTION_HELP:
			options->help = true;
			return true;
		case OPTION_COMMAND_FILE: /* read by the caller */
		case OPTION_REM:
		case OPTION_SUM:
			return true;
	}
	return true;
}

/* May word be the optional argument of this option? */
static bool
fits(Which which, const char *word)
{
	switch (which)
	{
		case OPTION_CHECKPOINTING:
			return strcasecmp(word, "on") == 0 || strcasecmp(word, "off") == 0;
		case OPTION_GRAPH:
			return strcasecmp(word, "dot") == 0 || strcasecmp(word, "text") == 0;
		case OPTION_RESTART_PLAN:
			return strcasecmp(word, "text") == 0 || strcasecmp(word, "json") == 0;
		case OPTION_RESTART:
			return strcasecmp(word, "deny") == 0 || strcasecmp(word, "force") == 0 ||
				   strcasecmp(word, "ifpossible") == 0;
		case OPTION_CONSOLE_LOG:
			return word[0] != '\0' && strspn(word, "NCOSGXMTnosgxmtc") == strcspn(word, ";") &&
				   (strchr(word, ';') != NULL || word[strspn(word, "NCOSGXMTnosgxmtc")] == '\0');
		default:
			return false;
	}
}

static bool parse_words(TALLOC_CTX *context, int argc, char **argv, int depth,
						SoExecOptions *options, SoError *error);

/* One option or the package of argv[*i]; moves *i to the last word that belongs to it. */
static bool
parse_option(TALLOC_CTX *context, int argc, char **argv, int *i, int depth, SoExecOptions *options,
			 SoError *error)
{
	char *name = option_name(context, argv[*i]);
	const char *word = argv[*i];
	const char *equals = strchr(word, '=');
	const char *value = NULL;
	int found;

	if (name == NULL)
	{
		if (options->path != NULL)
			return usage(error, "more than one package", word);
		options->path = word;
		return true;
	}
	found = find_option(name);
	if (found < 0)
		return unknown_option(name, word, error);
	if (equals != NULL)
	{
		value = equals + 1;
		if (known_options[found].argument == ARGUMENT_NONE)
			return usage(error, "the option takes no value", word);
		if (known_options[found].argument == ARGUMENT_OPTIONAL &&
			!fits(known_options[found].which, value))
			return usage(error, "the value is not valid", word);
	}
	else if (known_options[found].argument == ARGUMENT_NEEDED)
	{
		if (*i + 1 >= argc)
			return usage(error, "a value is missing", word);
		value = argv[++*i];
	}
	else if (known_options[found].argument == ARGUMENT_OPTIONAL && *i + 1 < argc &&
			 fits(known_options[found].which, argv[*i + 1]))
		value = argv[++*i];
	if (known_options[found].which == OPTION_COMMAND_FILE)
	{
		int count;
		char **words;

		if (depth >= COMMAND_FILE_DEPTH)
			return usage(error, "command files name each other without end", value);
		return so_exec_command_file(context, value, &count, &words, error) &&
			   parse_words(context, count, words, depth + 1, options, error);
	}
	return apply(context, known_options[found].which, value, options, error);
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
		return usage(error, "a package file or project folder is missing", "exec");
	return true;
}
