/*
 * engine/control_flow/work_folder.c
 *
 * Makes and removes the temporary folder of an execution by hand.  With an
 * agent the folder is the agent's (TasksRootFolder) and stays.
 *
 * Process: runner and client, control thread only.  After a crash the folder
 * stays in TMPDIR, where the system's own cleaning finds it.
 */
#include "engine/control_flow/work_folder.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"

/* Descriptors that the removal may use at a time. */
#define WALK_DESCRIPTORS 16

bool
so_work_folder_open(SoRun *run, SoError *error)
{
	const char *temporary = getenv("TMPDIR");

	if (run->options->work_folder != NULL)
	{
		run->work_folder = talloc_strdup(run, run->options->work_folder);
		return true;
	}
	run->work_folder = talloc_asprintf(
		run, "%s/scaleout-XXXXXX", temporary != NULL && temporary[0] == '/' ? temporary : "/tmp");
	if (mkdtemp(run->work_folder) != NULL)
	{
		run->work_folder_is_ours = true;
		return true;
	}
	so_error_set(error, SO_ERR_RUN_WORK_FOLDER, run->work_folder, "no work folder \"%s\"",
				 run->work_folder);
	return so_error_detail(error, "mkdtemp: %s.", strerror(errno));
}

static int
remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void) status;
	(void) kind;
	(void) walk;
	if (remove(path) != 0)
		so_log(SO_LOG_WARNING, "temporary file \"%s\" cannot be removed: %s", path,
			   strerror(errno));
	return 0;
}

void
so_work_folder_close(SoRun *run)
{
	if (run->work_folder_is_ours)
		nftw(run->work_folder, remove_entry, WALK_DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}
