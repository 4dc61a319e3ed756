/*
 * client/options.h
 *
 * Command lines of the client: a table of options per command, parsed by
 * getopt_long, and the connection options that psql has too.
 */
#ifndef CLIENT_OPTIONS_H
#define CLIENT_OPTIONS_H

#include <stdbool.h>

/* dtexec's exit codes, used by every command. */
#define SO_EXIT_SUCCESS      0
#define SO_EXIT_FAILED       1
#define SO_EXIT_CANCELED     3
#define SO_EXIT_NOT_FOUND    4
#define SO_EXIT_NOT_LOADABLE 5
#define SO_EXIT_USAGE        6

typedef enum SoOptionKind
{
	SO_OPTION_FLAG,       /* target: bool */
	SO_OPTION_STRING,     /* target: const char * */
	SO_OPTION_INTEGER,    /* target: int, not negative */
	SO_OPTION_STRING_LIST /* target: SoStringList */
} SoOptionKind;

#define SO_STRING_LIST_MAX 256

typedef struct SoStringList
{
	const char *items[SO_STRING_LIST_MAX];
	int count;
} SoStringList;

typedef struct SoOption
{
	const char *name; /* long name; NULL ends the table */
	char letter;      /* 0 when it has none */
	SoOptionKind kind;
	void *target;
	const char *argument; /* for the help: "NAME", NULL for flags */
	const char *help;
} SoOption;

/* Where the catalog is; NULL means libpq's environment and defaults. */
typedef struct SoConnectionOptions
{
	const char *host;
	const char *port;
	const char *username;
	const char *dbname; /* name, conninfo string or URI */
} SoConnectionOptions;

typedef struct SoCommandLine
{
	const char *usage; /* "scaleout run [OPTION]... FOLDER/PROJECT/PACKAGE" */
	const char *description;
	const char *examples;            /* lines as somebody would type them, for the help */
	const SoOption *options;         /* the command's own, may be NULL */
	SoConnectionOptions *connection; /* NULL when the command has no database */
	int min_arguments;
	int max_arguments; /* -1 = any number */
} SoCommandLine;

/*
 * Parse argv (argv[0] is the command's name).  Returns the index of the first
 * argument that is no option, or -1 when the command is done: help was printed
 * (*status SO_EXIT_SUCCESS) or the line is wrong (said on stderr, SO_EXIT_USAGE).
 */
extern int so_options_parse(int argc, char **argv, const SoCommandLine *line, int *status);

#endif /* CLIENT_OPTIONS_H */
