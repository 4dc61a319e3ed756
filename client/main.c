/*
 * client/main.c
 *
 * scaleout: the client program; one subcommand a file.
 *
 * Process: client, short-lived, one thread (exec excepted).
 */
#include <stdio.h>
#include <string.h>

#include "client/cert.h"
#include "client/command.h"
#include "client/deploy.h"
#include "client/doctor.h"
#include "client/errors.h"
#include "client/exec.h"
#include "client/format.h"
#include "client/list.h"
#include "client/logs.h"
#include "client/new.h"
#include "client/options.h"
#include "client/run.h"
#include "client/schema.h"
#include "client/stop.h"
#include "client/validate.h"
#include "client/watch.h"
#include "client/workers.h"
#include "common/protocol.h"

static const SoCommand commands[] = {
	{"exec", so_client_exec, "run a package here, without any server"},
	{"new", so_client_new, "write a commented starter package"},
	{"validate", so_client_validate, "check package documents and show every finding"},
	{"format", so_client_format, "write a package document in its normal form"},
	{"schema", so_client_schema, "print the JSON Schema of package documents"},
	{"deploy", so_client_deploy, "check documents and put them into the catalog"},
	{"run", so_client_run, "start an execution of a deployed package"},
	{"watch", so_client_watch, "follow an execution to its end"},
	{"logs", so_client_logs, "print the messages of an execution and the log of its task"},
	{"stop", so_client_stop, "stop an execution"},
	{"list", so_client_list, "list executions, packages, projects, folders"},
	{"errors", so_client_errors, "explain error codes"},
	{"workers", so_client_workers, "list, trust, enable, disable, remove worker agents"},
	{"doctor", so_client_doctor, "find out what keeps this machine's worker from its work"},
	{"cert", so_client_cert, "make, request, show and check certificates"},
};

static const SoCommandSet command_set = {
	.prefix = "scaleout",
	.about =
		"scaleout " SO_VERSION ": Scale Out, package catalog and package runner for PostgreSQL",
	.commands = commands,
	.count = sizeof(commands) / sizeof(commands[0]),
	.ending = "Exit codes: 0 success, 1 failed, 3 canceled, 4 not found, 5 not loadable, 6 usage "
			  "or internal error.\n",
};

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
	{
		puts("scaleout " SO_VERSION);
		return SO_EXIT_SUCCESS;
	}
	return so_command_run(&command_set, argc, argv);
}
