/*
 * client/exec_options.h
 *
 * The command line of scaleout exec.  Options may be written as in dtexec
 * (/Set path;value, -set, abbreviated, in any case) or as --set path=value.
 */
#ifndef CLIENT_EXEC_OPTIONS_H
#define CLIENT_EXEC_OPTIONS_H

#include <talloc.h>

#include "engine/control_flow/run.h"

/* What is reported, dtexec's letters. */
#define SO_REPORT_ERRORS      0x01 /* E */
#define SO_REPORT_WARNINGS    0x02 /* W */
#define SO_REPORT_INFORMATION 0x04 /* I */
#define SO_REPORT_CUSTOM      0x08 /* C */
#define SO_REPORT_DATA_FLOW   0x10 /* D */
#define SO_REPORT_PROGRESS    0x20 /* P */
#define SO_REPORT_VERBOSE     0x3F /* V */

typedef enum SoExecGraph
{
	SO_GRAPH_NONE,
	SO_GRAPH_DOT,
	SO_GRAPH_TEXT
} SoExecGraph;

typedef struct SoExecOptions
{
	const char *path; /* package file or project folder */
	const char *package_name;
	SoAssignment *overrides;
	int override_count;
	SoAssignment *connections;
	int connection_count;
	SoAssignment *parameters;
	int parameter_count;
	const char **configurations;
	int configuration_count;
	bool validate;
	bool warn_as_error;
	unsigned reporting;
	int max_concurrent;
	bool checkpointing;     /* --checkpointing on */
	bool checkpointing_off; /* --checkpointing off */
	const char *check_file;
	const char *restart;
	const char *checkpoint_key_file;
	bool restart_plan;
	bool restart_plan_json;
	bool plain;
	const char *reporting_exceptions; /* "name;name": events that are not reported, NULL = none */
	bool console_log;
	const char *console_columns;
	const char *console_filter; /* "I;source;E;source", NULL = everything */
	int verify_build[3];        /* major, minor, build; -1 = any */
	const char *verify_package_id;
	const char *verify_version_id;
	SoExecGraph graph;
	bool help;
} SoExecOptions;

/* Parse; everything belongs to context.  false with *error (SO901). */
extern bool so_exec_options_parse(TALLOC_CTX *context, int argc, char **argv,
								  SoExecOptions *options, SoError *error) SO_WARN_UNUSED;

/*
 * Add what a configuration file says (a YAML or JSON map of property paths,
 * variables and parameters to values); options given on the command line come
 * later and win.  false with *error.
 */
extern bool so_exec_options_configure(TALLOC_CTX *context, const char *path, SoExecOptions *options,
									  SoError *error) SO_WARN_UNUSED;

/*
 * The words of a command file, as on the command line, owned by context; quotes
 * are taken off.  false with *error (exec_command_file.c).
 */
extern bool so_exec_command_file(TALLOC_CTX *context, const char *path, int *argc, char ***argv,
								 SoError *error) SO_WARN_UNUSED;

/* Is name one of the names between the semicolons of list?  Case does not matter. */
extern bool so_exec_options_lists(const char *list, const char *name);

extern void so_exec_options_help(void);

#endif /* CLIENT_EXEC_OPTIONS_H */
