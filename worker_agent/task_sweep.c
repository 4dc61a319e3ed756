/*
 * worker_agent/task_sweep.c
 *
 * Removes old task folders; see task_sweep.h.
 *
 * Process: agent, a detached thread.  Shared with the event loop: one atomic
 * flag that says whether a sweep is running.
 */
#include "worker_agent/task_sweep.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/log.h"

#define OPEN_FOLDERS 16

typedef struct Sweep
{
	char folder[4096];
	int64_t retention_ms;
	SoUuid *keep;
	int keep_count;
} Sweep;

static atomic_bool sweep_running;

static int
remove_entry(const char *path, const struct stat *facts, int type, struct FTW *where)
{
	(void) facts;
	(void) type;
	(void) where;
	if (remove(path) != 0 && errno != ENOENT)
		so_log(SO_LOG_WARNING, "%s cannot be removed: %s", path, strerror(errno));
	return 0;
}

static bool
is_kept(const SoUuid *task, const SoUuid *keep, int keep_count)
{
	for (int i = 0; i < keep_count; i++)
	{
		if (so_uuid_equal(task, &keep[i]))
			return true;
	}
	return false;
}

/* The newest change of the folder itself and of its work folder, in seconds. */
static time_t
last_change(const char *path)
{
	char work[4500];
	struct stat facts;
	time_t newest = 0;

	if (stat(path, &facts) == 0)
		newest = facts.st_mtime;
	snprintf(work, sizeof(work), "%s/work", path);
	if (stat(work, &facts) == 0 && facts.st_mtime > newest)
		newest = facts.st_mtime;
	return newest;
}

int
so_task_sweep(const char *folder, int64_t retention_ms, const SoUuid *keep, int keep_count)
{
	DIR *tasks = opendir(folder);
	time_t before = time(NULL) - (time_t) (retention_ms / 1000);
	struct dirent *entry;
	int removed = 0;

	if (tasks == NULL)
		return 0;
	while ((entry = readdir(tasks)) != NULL)
	{
		char path[4400];
		SoUuid task;

		/* Only what is named like a task is ours. */
		if (!so_uuid_parse(entry->d_name, &task) || is_kept(&task, keep, keep_count))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (last_change(path) >= before)
			continue;
		nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
		removed++;
	}
	closedir(tasks);
	return removed;
}

static void *
sweep_main(void *argument)
{
	Sweep *sweep = argument;
	int removed = so_task_sweep(sweep->folder, sweep->retention_ms, sweep->keep, sweep->keep_count);

	if (removed > 0)
		so_log(SO_LOG_INFORMATION, "%d old task folders were removed", removed);
	free(sweep->keep);
	free(sweep);
	atomic_store(&sweep_running, false);
	return NULL;
}

void
so_task_sweep_start(const char *folder, int64_t retention_ms, SoHeld *held)
{
	Sweep *sweep;
	SoAttempt *attempt;
	pthread_t thread;
	pthread_attr_t attributes;

	if (retention_ms <= 0 || atomic_exchange(&sweep_running, true))
		return;
	sweep = calloc(1, sizeof(*sweep));
	if (sweep != NULL)
		sweep->keep = calloc((size_t) so_held_count(held) + 1, sizeof(SoUuid));
	if (sweep == NULL || sweep->keep == NULL)
	{
		free(sweep);
		atomic_store(&sweep_running, false);
		return;
	}
	snprintf(sweep->folder, sizeof(sweep->folder), "%s", folder);
	sweep->retention_ms = retention_ms;
	TAILQ_FOREACH(attempt, so_held_list(held), link)
	sweep->keep[sweep->keep_count++] = attempt->task;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attributes, sweep_main, sweep) != 0)
	{
		so_log(SO_LOG_WARNING, "no thread to remove old task folders: %s", strerror(errno));
		free(sweep->keep);
		free(sweep);
		atomic_store(&sweep_running, false);
	}
	pthread_attr_destroy(&attributes);
}
