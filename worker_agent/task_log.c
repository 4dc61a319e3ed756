/*
 * worker_agent/task_log.c
 *
 * Writes what runners log and print; see task_log.h.
 *
 * Process: agent, event loop thread.  Lines are written at the end of each turn
 * of the loop; a crash loses nothing that was received before it.
 */
#include "worker_agent/task_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"

/* A log that could not be written is tried again after this time. */
#define RETRY_MS 5000
/* How often it is looked whether somebody has removed the file. */
#define CHECK_MS 1000
#define MEGABYTE (1024 * 1024)

/* ---- folders ---------------------------------------------------------------------- */

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

/* ---- the file ----------------------------------------------------------------------- */

static void
close_file(SoTaskLog *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
}

static bool
open_file(SoTaskLog *log, const SoSettings *settings, const SoLogSubject *subject, SoError *error)
{
	char path[4096];

	if (!make_task_folder(settings, subject->task, error))
		return false;
	if (log->segment == 1)
		snprintf(path, sizeof(path), "%s/%s/attempt-%u.log", settings->tasks_root_folder,
				 subject->task, subject->attempt);
	else
		snprintf(path, sizeof(path), "%s/%s/attempt-%u.%d.log", settings->tasks_root_folder,
				 subject->task, subject->attempt, log->segment);
	/* The package may write in this folder, too: a pipe must not stop us, nor a link lead away. */
	log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (log->fd < 0)
	{
		so_error_set(error, SO_ERR_AGENT_TASK_LOG, path, "the log of a task cannot be opened");
		return so_error_detail(error, "%s.", strerror(errno));
	}
	if (log->opened_ms == 0)
		log->opened_ms = so_clock_monotonic_ms();
	return true;
}

/* Has somebody removed the file, or its folder, while it is being written? */
static bool
was_removed(SoTaskLog *log, int64_t now_ms)
{
	struct stat facts;

	if (log->fd < 0 || now_ms - log->checked_ms < CHECK_MS)
		return false;
	log->checked_ms = now_ms;
	return fstat(log->fd, &facts) == 0 && facts.st_nlink == 0;
}

static void
note_failure(SoTaskLog *log, const SoLogSubject *subject, const SoError *error)
{
	if (!log->failed)
		so_log_error_about(subject, SO_LOG_ERROR, error);
	log->failed = true;
	log->failed_ms = so_clock_monotonic_ms();
	close_file(log);
}

/* A line of the agent at once; false with *error. */
static bool
write_notice(SoTaskLog *log, const char *text, SoError *error)
{
	char line[512];
	size_t length = so_log_build(line, sizeof(line) - 1, NULL, SO_LOG_WARNING, "scaleout-worker",
								 (int) getpid(), text, strlen(text), NULL);

	line[length] = '\n';
	errno = ENOSPC;
	if (write(log->fd, line, length + 1) == (ssize_t) length + 1)
		return true;
	so_error_set(error, SO_ERR_AGENT_TASK_LOG, NULL, "the log of a task cannot be written");
	return so_error_detail(error, "%s.", strerror(errno));
}

static bool
write_lines(SoTaskLog *log, SoError *error)
{
	const uint8_t *bytes = log->lines.data + log->lines.start;
	size_t size = so_byte_buffer_length(&log->lines);

	while (size > 0)
	{
		ssize_t wrote = write(log->fd, bytes, size);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
		{
			so_error_set(error, SO_ERR_AGENT_TASK_LOG, NULL, "the log of a task cannot be written");
			return so_error_detail(error, "%s.", wrote < 0 ? strerror(errno) : "Nothing written");
		}
		bytes += wrote;
		size -= (size_t) wrote;
	}
	return true;
}

/* The file as it should be now: of this segment, in its folder, with a word about what it lacks. */
static bool
prepare_file(SoTaskLog *log, const SoSettings *settings, const SoLogSubject *subject,
			 SoError *error)
{
	int64_t now_ms = so_clock_monotonic_ms();
	bool removed = was_removed(log, now_ms);
	char text[200];

	if (log->opened_ms != 0 && settings->task_log_segment > 0 &&
		now_ms - log->opened_ms >= settings->task_log_segment)
	{
		close_file(log);
		log->segment++;
		log->opened_ms = 0;
	}
	if (removed)
		close_file(log);
	if (log->fd < 0 && !open_file(log, settings, subject, error))
		return false;
	if (removed && !write_notice(log, "the log was removed under way; it goes on here", error))
		return false;
	if (log->failed && log->lost_lines > 0)
	{
		snprintf(text, sizeof(text), "%" PRIu64 " lines before this one could not be written",
				 log->lost_lines);
		if (!write_notice(log, text, error))
			return false;
		log->lost_lines = 0;
	}
	if (log->failed)
		so_log_about(subject, SO_LOG_INFORMATION, "the log of task %s can be written again",
					 subject->task);
	log->failed = false;
	return true;
}

void
so_task_log_flush(SoTaskLog *log, const SoSettings *settings, const SoLogSubject *subject)
{
	SoError error;
	bool wait = log->failed && so_clock_monotonic_ms() - log->failed_ms < RETRY_MS;

	if (so_byte_buffer_length(&log->lines) == 0)
		return;
	if (wait)
		log->lost_lines += log->line_count;
	else if (!prepare_file(log, settings, subject, &error) || !write_lines(log, &error))
	{
		if (error.place[0] == '\0')
			snprintf(error.place, sizeof(error.place), "%s/%s/attempt-%u",
					 settings->tasks_root_folder, subject->task, subject->attempt);
		log->lost_lines += log->line_count;
		note_failure(log, subject, &error);
	}
	so_byte_buffer_clear(&log->lines);
	log->line_count = 0;
}

/* ---- lines ------------------------------------------------------------------------------ */

void
so_task_log_init(SoTaskLog *log)
{
	memset(log, 0, sizeof(*log));
	log->fd = -1;
	log->segment = 1;
	so_byte_buffer_init(&log->lines);
}

int
so_task_log_mask(const SoSettings *settings)
{
	return settings->task_log_enabled ? (int) settings->task_log_level : 0;
}

static void
add_line(SoTaskLog *log, const char *line, size_t size)
{
	so_put_bytes(&log->lines, line, size);
	so_put_bytes(&log->lines, "\n", 1);
	log->line_count++;
	log->bytes += (int64_t) size + 1;
}

/* The last line that fits says that nothing follows. */
static void
say_full(SoTaskLog *log, const SoSettings *settings)
{
	SoError error;
	char text[1000];
	char line[1200];
	size_t length;

	so_error_set(&error, SO_ERR_AGENT_TASK_LOG_FULL, NULL,
				 "the log of this attempt has reached TaskLogMaxSize (%" PRId64 " MB)",
				 settings->task_log_max_size);
	so_error_format(&error, text, sizeof(text));
	length = so_log_build(line, sizeof(line), NULL, SO_LOG_WARNING, "scaleout-worker",
						  (int) getpid(), text, strlen(text), NULL);
	add_line(log, line, length);
	log->full = true;
}

void
so_task_log_line(SoTaskLog *log, const SoSettings *settings, SoLogLevel level, const char *line,
				 size_t size)
{
	int64_t limit = settings->task_log_max_size * MEGABYTE;

	if ((so_task_log_mask(settings) & (int) level) == 0)
		return;
	if (!log->full && limit > 0 && log->bytes + (int64_t) size >= limit)
		say_full(log, settings);
	if (log->full)
		log->lost_lines++;
	else
		add_line(log, line, size);
}

void
so_task_log_say(SoTaskLog *log, const SoSettings *settings, SoLogLevel level, const char *format,
				...)
{
	char text[4096];
	char line[SO_LOG_LINE_SIZE];
	va_list args;
	size_t length;

	if ((so_task_log_mask(settings) & (int) level) == 0)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	length = so_log_build(line, sizeof(line), NULL, level, "scaleout-worker", (int) getpid(), text,
						  strlen(text), NULL);
	so_task_log_line(log, settings, level, line, length);
}

/* ---- output -------------------------------------------------------------------------------- */

static void
emit_partial(SoTaskLog *log, const SoSettings *settings, pid_t pid)
{
	static const char label[] = "output: ";
	char text[sizeof(label) + SO_TASK_LOG_PIECE];
	char line[SO_LOG_LINE_SIZE];
	size_t length;

	if (log->partial_size == 0)
		return;
	memcpy(text, label, sizeof(label) - 1);
	memcpy(text + sizeof(label) - 1, log->partial, log->partial_size);
	length = so_log_build(line, sizeof(line), NULL, SO_LOG_WARNING, "scaleout-runner", (int) pid,
						  text, sizeof(label) - 1 + log->partial_size, NULL);
	so_task_log_line(log, settings, SO_LOG_WARNING, line, length);
	log->partial_size = 0;
}

void
so_task_log_output(SoTaskLog *log, const SoSettings *settings, pid_t pid, const char *bytes,
				   size_t size)
{
	if ((so_task_log_mask(settings) & SO_LOG_WARNING) == 0)
		return;
	for (size_t i = 0; i < size; i++)
	{
		if (bytes[i] == '\n')
			emit_partial(log, settings, pid);
		else
			log->partial[log->partial_size++] = bytes[i];
		if (log->partial_size == sizeof(log->partial))
			emit_partial(log, settings, pid);
	}
}

void
so_task_log_finish(SoTaskLog *log, const SoSettings *settings, const SoLogSubject *subject,
				   pid_t pid)
{
	SoError error;
	char text[200];

	emit_partial(log, settings, pid);
	/* The last chance is not worth waiting for. */
	log->failed_ms -= RETRY_MS;
	so_task_log_flush(log, settings, subject);
	if (log->full && log->lost_lines > 0 && log->fd >= 0)
	{
		snprintf(text, sizeof(text), "the attempt has ended; %" PRIu64 " lines were not written",
				 log->lost_lines);
		if (!write_notice(log, text, &error))
			note_failure(log, subject, &error);
	}
	so_byte_buffer_free(&log->lines);
	close_file(log);
}
