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
	bool console_log;
	const char *console_columns;
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

extern void so_exec_options_help(void);

#endif /* CLIENT_EXEC_OPTIONS_H */
