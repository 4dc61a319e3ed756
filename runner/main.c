/*
 * runner/main.c
 *
 * scaleout-runner: runs one execution for the agent over descriptor 3, or is
 * the nursery that forks such runners (--nursery).
 *
 * Process: runner or nursery, a child of the agent.  Its first act is to ask
 * for its parent's death signal.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/protocol.h"
#include "runner/nursery.h"
#include "runner/serve.h"

int
main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--version") == 0)
	{
		puts("scaleout-runner " SO_VERSION);
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "--nursery") == 0)
		return so_nursery_main(argc, argv);
	if (argc > 1)
	{
		fputs("scaleout-runner is started by scaleout-worker; it takes no arguments.\n", stderr);
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* The parent may have died before the request; then init or a subreaper is the parent. */
	if (getppid() == 1)
		return 1;
	setsid();
	return so_runner_serve(SO_RUNNER_FD);
}
