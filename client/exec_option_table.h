/*
 * client/exec_option_table.h
 *
 * The options of scaleout exec: those of dtexec in its spelling and abbreviations,
 * and ours.
 *
 * Process: client; constant data.
 */
#ifndef CLIENT_EXEC_OPTION_TABLE_H
#define CLIENT_EXEC_OPTION_TABLE_H

#include <stddef.h>

#include "common/error.h"

typedef enum SoExecOption
{
	SO_EXEC_CHECK_FILE,
	SO_EXEC_CHECKPOINTING,
	SO_EXEC_CHECKPOINT_KEY_FILE,
	SO_EXEC_COMMAND_FILE,
	SO_EXEC_CONFIG,
	SO_EXEC_CONNECTION,
	SO_EXEC_CONSOLE_LOG,
	SO_EXEC_FILE,
	SO_EXEC_GRAPH,
	SO_EXEC_HELP,
	SO_EXEC_MAX_CONCURRENT,
	SO_EXEC_PACKAGE,
	SO_EXEC_PARAMETER,
	SO_EXEC_PLAIN,
	SO_EXEC_REM,
	SO_EXEC_REPORTING,
	SO_EXEC_RESTART,
	SO_EXEC_RESTART_PLAN,
	SO_EXEC_SET,
	SO_EXEC_SUM,
	SO_EXEC_VALIDATE,
	SO_EXEC_VERIFY_BUILD,
	SO_EXEC_VERIFY_PACKAGE_ID,
	SO_EXEC_VERIFY_VERSION_ID,
	SO_EXEC_WARN_AS_ERROR
} SoExecOption;

typedef enum SoExecArgument
{
	SO_EXEC_ARGUMENT_NONE,
	SO_EXEC_ARGUMENT_NEEDED,
	SO_EXEC_ARGUMENT_OPTIONAL /* the next word when it is no option and fits */
} SoExecArgument;

typedef struct SoExecOptionRow
{
	const char *name; /* without dashes, inner ones neither */
	size_t shortest;  /* what dtexec accepts as abbreviation */
	SoExecOption option;
	SoExecArgument argument;
	const char *value; /* for the help; of an optional argument "one|other": all that fit */
	const char *help;
} SoExecOptionRow;

/* The option of a name without dashes, in any case and abbreviated; NULL when there is none. */
extern const SoExecOptionRow *so_exec_option_find(const char *name);

/* May word be the optional argument of this option? */
extern bool so_exec_option_fits(const SoExecOptionRow *row, const char *word);

/* Why name (written as word) is no option, SO901, with what to write in its place; false. */
extern bool so_exec_option_unknown(const char *name, const char *word, SoError *error);

/* Print a line for each option on standard output. */
extern void so_exec_option_list(void);

#endif /* CLIENT_EXEC_OPTION_TABLE_H */
