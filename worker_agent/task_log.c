/*
 * worker_agent/task_log.c
 *
 * Writes what runners log and print; see task_log.h.
 *
 * Process: agent, event loop thread.  Lines are written at once; a crash loses
 * nothing that was received.
 */
#include "worker_agent/task_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"

static bool
make_folder(const char *path, SoError *error)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	so_error_set(error, SO_ERR_AGENT_TASK_FOLDER, path, "the folder of a task cannot be made");
	return so_error_detail(error, "%s.", strerror(errno));
}

static bool
make_task_folder(const SoSettings *settings, const char *task, SoError *error)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", settings->tasks_root_folder, task);
	return make_folder(path, error);
}

bool
so_task_folder_make(const SoSettings *settings, const char *task, SoError *error)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s/work", settings->tasks_root_folder, task);
	return make_task_folder(settings, task, error) && make_folder(path, error);
}

void
so_task_folder_tidy(const SoSettings *settings, const char *task)
{
	char path[4096];

	/* rmdir refuses a folder that is not empty, which is what decides here. */
	snprintf(path, sizeof(path), "%s/%s/work", settings->tasks_root_folder, task);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/%s", settings->tasks_root_folder, task);
	rmdir(path);
}

void
so_task_log_init(SoTaskLog *log)
{
	memset(log, 0, sizeof(*log));
	log->fd = -1;
}

static bool
open_segment(SoTaskLog *log, const SoSettings *settings, const char *task, uint32_t attempt,
			 SoError *error)
{
	char path[4096];

	if (!make_task_folder(settings, task, error))
		return false;
	log->segment++;
	if (log->segment == 1)
		snprintf(path, sizeof(path), "%s/%s/attempt-%u.log", settings->tasks_root_folder, task,
				 attempt);
	else
		snprintf(path, sizeof(path), "%s/%s/attempt-%u.%d.log", settings->tasks_root_folder, task,
				 attempt, log->segment);
	log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log->fd < 0)
	{
		so_error_set(error, SO_ERR_FILE_UNWRITABLE, path, "a task log cannot be opened");
		return so_error_detail(error, "%s.", strerror(errno));
	}
	log->opened_ms = so_clock_monotonic_ms();
	return true;
}

void
so_task_log_write(SoTaskLog *log, const SoSettings *settings, const char *task, uint32_t attempt,
				  const void *bytes, size_t size)
{
	SoError error;

	if (log->fd >= 0 && settings->task_log_segment > 0 &&
		so_clock_monotonic_ms() - log->opened_ms >= settings->task_log_segment)
		so_task_log_close(log);
	if (log->fd < 0 && !log->broken && !open_segment(log, settings, task, attempt, &error))
	{
		log->broken = true;
		so_log_error(SO_LOG_ERROR, &error);
	}
	if (log->fd < 0)
		return;
	if (write(log->fd, bytes, size) != (ssize_t) size && !log->broken)
	{
		log->broken = true;
		so_log(SO_LOG_ERROR, "SO008 the log of task %s cannot be written: %s", task,
			   strerror(errno));
	}
}

void
so_task_log_close(SoTaskLog *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}
