/*
 * common/fault.c
 *
 * Fires the named fault points of test builds; see fault.h.
 *
 * Process: all of them, in builds with SO_FAULT_POINTS only.  The counters are
 * per process and guarded by a mutex because tasks run in threads.
 */
#include "common/fault.h"

#ifdef SO_FAULT_POINTS

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_POINTS 32

static pthread_mutex_t fault_mutex = PTHREAD_MUTEX_INITIALIZER;
static int passages[MAX_POINTS];

static void
fire(const char *name, const char *action)
{
	const char *log = getenv("SCALEOUT_FAULT_LOG");
	int only = getenv("SCALEOUT_FAULT_ONCE") != NULL ? O_EXCL : 0;

	if (log != NULL)
	{
		int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | only, 0666);

		if (fd < 0 && only != 0)
			return; /* another process was first */
		if (fd >= 0)
		{
			dprintf(fd, "%s\n", name);
			close(fd);
		}
	}
	if (strncmp(action, "kill", 4) == 0)
		kill(getpid(), SIGKILL);
	else if (strncmp(action, "stop", 4) == 0)
		kill(getpid(), SIGSTOP);
	else
		_exit(70);
}

void
so_fault_point(const char *name)
{
	const char *setting = getenv("SCALEOUT_FAULT");
	size_t length = strlen(name);
	const char *entry = setting;

	for (int i = 0; entry != NULL && i < MAX_POINTS; i++)
	{
		if (strncmp(entry, name, length) == 0 && entry[length] == '=')
		{
			const char *action = entry + length + 1;
			const char *comma = strchr(action, ',');
			const char *at = strchr(action, '@');
			int due = 1;
			int count;

			if (at != NULL && (comma == NULL || at < comma))
				due = atoi(at + 1);
			pthread_mutex_lock(&fault_mutex);
			count = ++passages[i];
			pthread_mutex_unlock(&fault_mutex);
			if (count == due)
				fire(name, action);
			return;
		}
		entry = strchr(entry, ',');
		if (entry != NULL)
			entry++;
	}
}

#else
/* ISO C wants a translation unit to declare something. */
extern int so_fault_points_are_disabled;
#endif
