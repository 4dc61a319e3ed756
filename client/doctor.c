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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/database.h"
#include "client/options.h"

int
so_client_doctor(int argc, char **argv)
{
	static char worker[] = "scaleout-worker";
	static char command[] = "doctor";
	char **arguments = calloc((size_t) argc + 2, sizeof(*arguments));
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - sizeof("-worker"));
	SoError error;

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
