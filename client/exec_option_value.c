/*
 * client/exec_option_value.c
 *
 * Reads the values of the options of scaleout exec.
 *
 * Process: client, before anything else happens.
 */
#include "client/exec_option_value.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool
so_exec_option_usage(SoError *error, const char *what, const char *word)
{
	so_error_set(error, SO_ERR_CLIENT_USAGE, word, "%s: %s", what, word);
	return so_error_hint(error, "Run scaleout exec --help.");
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
		return so_exec_option_usage(error, "name;value is expected", text);
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
				return so_exec_option_usage(error, "not a reporting level", text);
		}
	}
	return true;
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
			return so_exec_option_usage(error, "expected ;I;source or ;E;source behind the columns",
										value);
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
			return so_exec_option_usage(error, "expected major;minor;build", value);
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
		return so_exec_option_usage(error, "maxconcurrent must be -1 or at least 1", value);
	*count = (int) number;
	return true;
}

static void
add_configuration(TALLOC_CTX *context, const char *file, SoExecOptions *options)
{
	options->configurations = talloc_realloc(context, options->configurations, const char *,
											 options->configuration_count + 1);
	options->configurations[options->configuration_count++] = file;
}

/* The options that have no value. */
static void
apply_flag(SoExecOption option, SoExecOptions *options)
{
	switch (option)
	{
		case SO_EXEC_VALIDATE:
			options->validate = true;
			break;
		case SO_EXEC_WARN_AS_ERROR:
			options->warn_as_error = true;
			break;
		case SO_EXEC_PLAIN:
			options->plain = true;
			break;
		case SO_EXEC_HELP:
			options->help = true;
			break;
		default: /* what dtexec has and means nothing here */
			break;
	}
}

/* Where the options go whose value is kept as it is; NULL for the others. */
static const char **
text_of(SoExecOption option, SoExecOptions *options)
{
	switch (option)
	{
		case SO_EXEC_FILE:
			return &options->path;
		case SO_EXEC_PACKAGE:
			return &options->package_name;
		case SO_EXEC_CHECK_FILE:
			return &options->check_file;
		case SO_EXEC_CHECKPOINT_KEY_FILE:
			return &options->checkpoint_key_file;
		case SO_EXEC_VERIFY_PACKAGE_ID:
			return &options->verify_package_id;
		case SO_EXEC_VERIFY_VERSION_ID:
			return &options->verify_version_id;
		default:
			return NULL;
	}
}

/* The options whose value may be left out; one that is there fits. */
static bool
apply_choice(SoExecOption option, const char *value, SoExecOptions *options, SoError *error)
{
	switch (option)
	{
		case SO_EXEC_CHECKPOINTING:
			options->checkpointing = value == NULL || strcasecmp(value, "on") == 0;
			options->checkpointing_off = !options->checkpointing;
			return true;
		case SO_EXEC_GRAPH:
			options->graph =
				value != NULL && strcasecmp(value, "text") == 0 ? SO_GRAPH_TEXT : SO_GRAPH_DOT;
			return true;
		case SO_EXEC_RESTART:
			options->restart = value != NULL ? value : "force";
			return true;
		case SO_EXEC_RESTART_PLAN:
			options->restart_plan = true;
			options->restart_plan_json = value != NULL && strcasecmp(value, "json") == 0;
			return true;
		default:
			return read_console_log(value, options, error);
	}
}

/* The options that need a value. */
static bool
apply_value(TALLOC_CTX *context, SoExecOption option, const char *value, SoExecOptions *options,
			SoError *error)
{
	const char **text = text_of(option, options);

	if (text != NULL)
	{
		*text = value;
		return true;
	}
	switch (option)
	{
		case SO_EXEC_SET:
			return assign(context, value, options, error);
		case SO_EXEC_PARAMETER:
			return assign_parameter(context, value, options, error);
		case SO_EXEC_CONNECTION:
			return split(context, value, &options->connections, &options->connection_count, "",
						 error);
		case SO_EXEC_CONFIG:
			add_configuration(context, value, options);
			return true;
		case SO_EXEC_REPORTING:
			options->reporting_exceptions = strchr(value, ';');
			return read_reporting(value, &options->reporting, error);
		case SO_EXEC_MAX_CONCURRENT:
			return read_concurrency(value, &options->max_concurrent, error);
		case SO_EXEC_VERIFY_BUILD:
			return read_build(value, options->verify_build, error);
		default: /* a comment */
			return true;
	}
}

bool
so_exec_option_apply(TALLOC_CTX *context, const SoExecOptionRow *row, const char *value,
					 SoExecOptions *options, SoError *error)
{
	switch (row->argument)
	{
		case SO_EXEC_ARGUMENT_NONE:
			apply_flag(row->option, options);
			return true;
		case SO_EXEC_ARGUMENT_OPTIONAL:
			return apply_choice(row->option, value, options, error);
		default:
			return apply_value(context, row->option, value, options, error);
	}
}
