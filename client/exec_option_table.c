/*
 * client/exec_option_table.c
 *
 * Lists the options of scaleout exec, and finds them.
 *
 * Process: client; constant data, nothing to lose.
 */
#include "client/exec_option_table.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/nearest.h"

/* The columns of --consolelog, by letter. */
#define COLUMNS "NCOSGXMTnosgxmtc"

static const SoExecOptionRow rows[] = {
	{"set", 3, SO_EXEC_SET, SO_EXEC_ARGUMENT_NEEDED, "PATH;VALUE",
	 "replace a property or variable: \\Package\\load.Properties[sql];..., User::x=5"},
	{"connection", 4, SO_EXEC_CONNECTION, SO_EXEC_ARGUMENT_NEEDED, "NAME;STRING",
	 "replace a connection string"},
	{"parameter", 3, SO_EXEC_PARAMETER, SO_EXEC_ARGUMENT_NEEDED, "NAME;VALUE",
	 "value of a parameter ($Package:: is the default, $Project::)"},
	{"configfile", 4, SO_EXEC_CONFIG, SO_EXEC_ARGUMENT_NEEDED, "FILE",
	 "YAML or JSON map of such paths to values"},
	{"commandfile", 3, SO_EXEC_COMMAND_FILE, SO_EXEC_ARGUMENT_NEEDED, "FILE",
	 "more options are in this file"},
	{"package", 4, SO_EXEC_PACKAGE, SO_EXEC_ARGUMENT_NEEDED, "NAME",
	 "which package of a project folder"},
	{"file", 1, SO_EXEC_FILE, SO_EXEC_ARGUMENT_NEEDED, "PATH",
	 "the package file (or give it without option)"},
	{"validate", 2, SO_EXEC_VALIDATE, SO_EXEC_ARGUMENT_NONE, NULL,
	 "validate only, execute nothing"},
	{"warnaserror", 1, SO_EXEC_WARN_AS_ERROR, SO_EXEC_ARGUMENT_NONE, NULL,
	 "warnings of validation fail the package"},
	{"reporting", 3, SO_EXEC_REPORTING, SO_EXEC_ARGUMENT_NEEDED, "LEVELS",
	 "N, or any of E W I C D P V, then ;event to leave events out; default EWP"},
	{"maxconcurrent", 1, SO_EXEC_MAX_CONCURRENT, SO_EXEC_ARGUMENT_NEEDED, "N",
	 "executables at the same time; -1 is processors + 2"},
	{"checkpointing", 6, SO_EXEC_CHECKPOINTING, SO_EXEC_ARGUMENT_OPTIONAL, "on|off",
	 "restart from a checkpoint"},
	{"checkpointkeyfile", 11, SO_EXEC_CHECKPOINT_KEY_FILE, SO_EXEC_ARGUMENT_NEEDED, "FILE",
	 "encrypt the checkpoint with the key in this file"},
	{"checkfile", 6, SO_EXEC_CHECK_FILE, SO_EXEC_ARGUMENT_NEEDED, "FILE", "the checkpoint file"},
	{"restart", 3, SO_EXEC_RESTART, SO_EXEC_ARGUMENT_OPTIONAL, "deny|force|ifPossible",
	 "how to use a checkpoint"},
	{"restartplan", 8, SO_EXEC_RESTART_PLAN, SO_EXEC_ARGUMENT_OPTIONAL, "text|json",
	 "say what a restart would skip, run again and run; execute nothing"},
	{"consolelog", 4, SO_EXEC_CONSOLE_LOG, SO_EXEC_ARGUMENT_OPTIONAL, "COLUMNS",
	 "log events: Name Computer Operator Source source-Guid Message Time; then ;I;source or "
	 ";E;source"},
	{"graph", 5, SO_EXEC_GRAPH, SO_EXEC_ARGUMENT_OPTIONAL, "dot|text",
	 "print the control flow for Graphviz, or as text"},
	{"verifybuild", 7, SO_EXEC_VERIFY_BUILD, SO_EXEC_ARGUMENT_NEEDED, "MAJOR;MINOR;BUILD",
	 "run only this version (minor and build may be left out)"},
	{"verifypackageid", 7, SO_EXEC_VERIFY_PACKAGE_ID, SO_EXEC_ARGUMENT_NEEDED, "UUID",
	 "run only a package of this id"},
	{"verifyversionid", 7, SO_EXEC_VERIFY_VERSION_ID, SO_EXEC_ARGUMENT_NEEDED, "UUID",
	 "run only a package of this version_guid"},
	{"sum", 2, SO_EXEC_SUM, SO_EXEC_ARGUMENT_NONE, NULL, "accepted; row counts are shown anyway"},
	{"plain", 5, SO_EXEC_PLAIN, SO_EXEC_ARGUMENT_NONE, NULL, "lines in place of the live tree"},
	{"rem", 3, SO_EXEC_REM, SO_EXEC_ARGUMENT_NEEDED, "TEXT", "a comment"},
	{"help", 1, SO_EXEC_HELP, SO_EXEC_ARGUMENT_NONE, NULL, "show this help"},
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

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

const SoExecOptionRow *
so_exec_option_find(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < ROW_COUNT; i++)
	{
		/* A name longer than ours differs from it within its length. */
		if (length >= rows[i].shortest && strncasecmp(rows[i].name, name, length) == 0)
			return &rows[i];
	}
	return NULL;
}

/* Is word one of the choices "one|other"? */
static bool
is_choice(const char *choices, const char *word)
{
	size_t length = strlen(word);

	while (length > 0)
	{
		size_t part = strcspn(choices, "|");

		if (part == length && strncasecmp(choices, word, length) == 0)
			return true;
		if (choices[part] == '\0')
			return false;
		choices += part + 1;
	}
	return false;
}

bool
so_exec_option_fits(const SoExecOptionRow *row, const char *word)
{
	if (row->option != SO_EXEC_CONSOLE_LOG)
		return is_choice(row->value, word);
	/* Letters, then perhaps a filter behind a semicolon. */
	return word[0] != '\0' && strspn(word, COLUMNS) == strcspn(word, ";");
}

bool
so_exec_option_unknown(const char *name, const char *word, SoError *error)
{
	size_t length = strlen(name);
	SoNearest nearest;

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
	so_nearest_begin(&nearest, name);
	for (size_t i = 0; i < ROW_COUNT; i++)
		so_nearest_offer(&nearest, rows[i].name);
	so_error_set(error, SO_ERR_CLIENT_USAGE, word, "unknown option: %s", word);
	if (nearest.name != NULL)
		return so_error_hint(error, "Did you mean --%s? Run scaleout exec --help.", nearest.name);
	return so_error_hint(error, "Run scaleout exec --help.");
}

void
so_exec_option_list(void)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
	{
		char left[64];

		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name, rows[i].value != NULL ? " " : "",
				 rows[i].value != NULL ? rows[i].value : "");
		printf("  %-38s %s\n", left, rows[i].help);
	}
}
