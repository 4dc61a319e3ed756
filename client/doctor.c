/*
 * client/doctor.c
 *
 * scaleout doctor is scaleout-worker doctor: the worker's program knows its
 * settings and how it talks to the master.
 *
 * Process: client, which becomes scaleout-worker.
 */
#include "client/doctor.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/database.h"
#include "client/options.h"

/* Only for the help: the worker's program parses its options itself. */
static int
help(int argc, char **argv)
{
	const char *text = NULL;
	bool flag = false;
	const SoOption options[] = {
		{"directory", 0, SO_OPTION_STRING, &text, "DIR", "folder of the worker"},
		{"config", 0, SO_OPTION_STRING, &text, "FILE", "its settings; default DIR/worker.conf"},
		{"json", 0, SO_OPTION_FLAG, &flag, NULL, "results as JSON"},
		{NULL, 0, SO_OPTION_FLAG, NULL, NULL, NULL},
	};
	const SoCommandLine line = {
		.usage = "scaleout doctor [OPTION]...",
		.description = "Find out what keeps the worker of this machine from its work, and what "
					   "to do about it.\n"
					   "Exit status 1 when a check has failed. Run it as the worker's account.",
		.examples = "runuser -u scaleout -- scaleout doctor\n"
					"scaleout doctor --config /var/lib/scaleout/worker.conf --json",
		.options = options,
	};
	int status;

	so_options_parse(argc, argv, &line, &status);
	return status;
}

int
so_client_doctor(int argc, char **argv)
{
	static char worker[] = "scaleout-worker";
	static char command[] = "doctor";
	char **arguments = calloc((size_t) argc + 2, sizeof(*arguments));
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - sizeof("-worker"));
	SoError error;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
	{
		free(arguments);
		return help(argc, argv);
	}
	if (arguments == NULL)
		return SO_EXIT_USAGE;
	/* The program is installed next to this one. */
	snprintf(program + (length > 0 ? length : 0), sizeof("-worker"), "-worker");
	arguments[0] = worker;
	arguments[1] = command;
	for (int i = 1; i < argc; i++)
		arguments[i + 1] = argv[i];
	if (length > 0)
		execv(program, arguments);
	so_error_set(&error, SO_ERR_SYSTEM_CALL, program, "scaleout-worker cannot be started");
	so_error_detail(&error, "%s.", strerror(errno));
	so_error_hint(&error, "Install scaleout-worker of the same version next to scaleout.");
	so_database_print_error(&error);
	free(arguments);
	return SO_EXIT_USAGE;
}
